"""What a run does not load is memory that a small computer keeps."""

import asyncio
import sys

HEAVY = {"aioesphomeapi", "aiohttp", "bleak", "cryptography", "hypothesis", "psutil", "rich"}
SCRIPT = "import sys, renogybt.cli, renogybt.app, renogybt.{room}.radio; print(*sys.modules)"


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
