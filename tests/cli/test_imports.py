"""What a run does not load is memory that a small computer keeps."""

import asyncio
import sys
from pathlib import Path

from cli.program import free_port, settings, started
from clients.serving import KEY, connected
from fakes.bluez import FakeBlueZ
from fakes.private_bus import PrivateBus

HEAVY = {"aioesphomeapi", "aiohttp", "bleak", "cryptography", "hypothesis", "psutil", "rich"}
SCRIPT = "import sys, renogybt.cli, renogybt.app, renogybt.{room}.radio; print(*sys.modules)"

RUN = """
import sys
before = set(sys.modules)
from renogybt import cli
from renogybt.service import footprint
load_first = footprint.load_without_openssl

def load():
    load_first()
    from functools import partial
    from renogybt import app
    app.Announcer = partial(app.Announcer, interfaces=["127.0.0.1"])  # so that the network hears nothing

footprint.load_without_openssl = load
code = cli.main(sys.argv[1:])
# what has no spec was never imported: somebody has put it there for himself
new = {name: module for name, module in sys.modules.items() if name not in before}
print(*(name for name, module in new.items() if getattr(module, "__spec__", None)))
print(*sorted({line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}))
sys.exit(code)
"""
NEEDED = {"_cffi_backend", "_sodium", "dbus_fast", "google", "ifaddr", "nacl", "noise", "zeroconf"}
"""Packages of others that a run with Noise and mDNS consists of."""
MOST_OF_OTHERS, MOST = 135, 475
"""Modules of those packages, and in all: 130, and 453 in Python 3.11."""
OPENSSL = ("libcrypto", "libssl", "_ssl.", "_hashlib.")


async def loaded(room: str) -> set[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT.format(room=room), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return {name.partition(".")[0] for name in out.decode().split()}


async def test_a_run_on_bluez_loads_nothing_heavy() -> None:
    assert (await loaded("bluetooth")) & (HEAVY | {"zeroconf", "ifaddr"}) == set()


async def test_a_demo_loads_no_d_bus() -> None:
    assert (await loaded("simulator")) & (HEAVY | {"zeroconf", "dbus_fast"}) == set()


async def test_a_run_with_all_that_it_ever_does_for_a_client_stays_within_its_modules(
    private_bus: PrivateBus, bluez: FakeBlueZ, tmp_path: Path
) -> None:
    """Not only what is imported at the begin: an encrypted client comes, and the announcement stands."""
    port = free_port()
    more = {"advertisement_source": "dbus", "encryption_key": KEY, "mdns": "true", "mdns_ip": "192.0.2.7"}
    (tmp_path / "config.ini").touch()
    command = (sys.executable, "-c", RUN)
    bus = {"DBUS_SYSTEM_BUS_ADDRESS": private_bus.address}
    async with started(
        *settings(tmp_path, port, **more), cwd=tmp_path, command=command, environment=bus
    ) as program:
        await program.line("scanning ")
        await program.line("announced by mDNS")
        async with connected(port, KEY) as client:
            await client.round_trip()
        ended = await program.stop()

    modules, libraries = ended.out.splitlines()
    names = modules.split()
    others = [name for name in names if name.partition(".")[0] not in {"renogybt", *sys.stdlib_module_names}]
    assert ended.code == 0
    assert {name.partition(".")[0] for name in others} <= NEEDED
    assert 100 < len(others) <= MOST_OF_OTHERS
    assert len(names) <= MOST
    assert "_sodium." in libraries
    assert not any(each in libraries for each in OPENSSL)
    assert not {"renogybt.readers.reader", "renogybt.proxy.power"} & set(names)


async def test_decoding_a_frame_loads_no_room_that_it_does_not_need() -> None:
    script = (
        "import sys; from renogybt.cli import main;"
        "main(['decode', '--type', 'RNG_BATT', '--response', '30030c014601f80000c2840000c34d96d6']);"
        "print(*sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    lines = out.decode().splitlines()
    names = set(lines[-1].split())

    assert len(lines) > 3
    assert {name.partition(".")[0] for name in names} & (
        HEAVY | {"asyncio", "zeroconf", "dbus_fast"}
    ) == set()
    rooms = {name.split(".")[1] for name in names if name.startswith("renogybt.")}
    assert rooms <= {"cli", "arguments", "terminal", "service", "protocols", "model"}
