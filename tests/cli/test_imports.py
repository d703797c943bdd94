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
