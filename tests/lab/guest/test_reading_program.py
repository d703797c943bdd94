"""The whole program with a hub to read, on the real BlueZ: its first reading, and its end."""

import asyncio
import itertools
import json
import signal
import sys
import time
from pathlib import Path

import pytest
from bluez import ADAPTER, DEVICE, Bluez
from ears import ROOT, SECTIONS, Program, first_voltage, program
from readings import ALL, asked
from world import HUB_ADDRESS, until, world

HUB_PATH = f"/org/bluez/hci0/dev_{HUB_ADDRESS.replace(':', '_')}"
SOURCES = ("mgmt", "dbus")
BOTH = pytest.mark.parametrize("source", SOURCES)


def moments(*pauses_s: float, brief: list[tuple[str, float]]) -> pytest.MarkDecorator:
    """SIGTERM after so many seconds, by each source; what is not in `brief` is long."""
    return pytest.mark.parametrize(
        ("source", "pause_s"),
        [
            pytest.param(*moment, marks=() if moment in brief else pytest.mark.long)
            for moment in itertools.product(SOURCES, pauses_s)
        ],
    )


async def terminated(running: Program) -> float:
    """SIGTERM in the middle of everything; the seconds until the program has ended well."""
    start = time.monotonic()
    running.process.terminate()
    async with asyncio.timeout(8):
        assert await running.process.wait() == 0
    return time.monotonic() - start


async def is_linked(bluez: Bluez) -> bool:
    return HUB_ADDRESS in await bluez.devices() and await bluez.get(HUB_PATH, DEVICE, "Connected")


async def is_not_linked(bluez: Bluez) -> bool:
    return not await is_linked(bluez)


async def nothing_is_left(bluez: Bluez) -> None:
    """A link that BlueZ is ending takes it 2 s and more where the guest is slow."""
    await until(lambda: is_not_linked(bluez), 1.0)
    assert await bluez.get("/org/bluez/hci0", ADAPTER, "Discovering") is False


@moments(0.0, 0.4, 0.9, 1.3, brief=[("mgmt", 0.4), ("dbus", 0.9)])
async def test_sigterm_while_reading_leaves_no_link(
    source: str, pause_s: float, tmp_path: Path, bluez: Bluez
) -> None:
    async with program(source, tmp_path, SECTIONS) as running:
        await asked()
        await asyncio.sleep(pause_s)
        took_s = await terminated(running)
        linked = await is_linked(bluez)

    print(f"{source}, {pause_s} s: ended in {took_s:.2f} s{', still linked' if linked else ''}")
    assert took_s < 3
    await nothing_is_left(bluez)


@moments(0.0, 0.1, 0.3, 0.6, brief=[("mgmt", 0.1), ("dbus", 0.3)])
async def test_sigterm_while_connecting_leaves_no_link(
    source: str, pause_s: float, tmp_path: Path, bluez: Bluez
) -> None:
    async with program(source, tmp_path, SECTIONS) as running:
        await asyncio.sleep(pause_s)
        took_s = await terminated(running)

    print(f"{source}, {pause_s} s: ended in {took_s:.2f} s")
    assert took_s < 3
    await nothing_is_left(bluez)
    await asyncio.sleep(1)  # nor does one come about afterwards
    assert not await is_linked(bluez)


@pytest.mark.parametrize("source", ["mgmt", pytest.param("dbus", marks=pytest.mark.long)])
async def test_sigterm_while_a_hub_refuses_leaves_no_attempt(
    source: str, tmp_path: Path, bluez: Bluez
) -> None:
    await world("hub busy")
    async with program(source, tmp_path, SECTIONS) as running:
        await asyncio.sleep(3)
        took_s = await terminated(running)

    print(f"{source}: ended in {took_s:.2f} s")
    assert took_s < 3
    await nothing_is_left(bluez)
    await world("hub on")
    await asyncio.sleep(2)
    assert not await is_linked(bluez)


@BOTH
async def test_a_link_that_a_dead_process_left_is_no_obstacle(
    source: str, tmp_path: Path, bluez: Bluez
) -> None:
    async with program(source, tmp_path, SECTIONS) as running:
        await first_voltage(running, 15)
        running.process.send_signal(signal.SIGKILL)
        await running.process.wait()
        await running.client.disconnect(force=True)
    assert await is_linked(bluez)

    start = time.monotonic()
    async with program(source, tmp_path, SECTIONS) as running:
        await first_voltage(running, 15)
        took_s = time.monotonic() - start
        print(f"{source}: first reading {took_s:.1f} s after the start")
        assert took_s < 15


async def run_read(config: Path, *options: str) -> tuple[int, str, str]:
    """The `read` command: exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "renogybt",
        "read",
        str(config),
        *options,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


@BOTH
async def test_the_command_reads_all_five_once(source: str, tmp_path: Path, bluez: Bluez) -> None:
    config = tmp_path / "config.ini"
    config.write_text(
        f"[home_assistant_proxy]\nadvertisement_source = {source}\nscan_lock = {tmp_path}/lock\n{SECTIONS}"
    )
    start = time.monotonic()
    code, out, errors = await run_read(config, "--json")

    print(f"{source}: {time.monotonic() - start:.1f} s")
    assert code == 0, errors
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["device_id"] for line in lines] == list(ALL)
    assert all(40 < line.get("voltage", line.get("battery_voltage")) < 60 for line in lines)
    await nothing_is_left(bluez)
