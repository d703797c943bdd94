"""For tests in the guest: a running BlueZRadio, and the program itself with a real client."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from aioesphomeapi import APIClient, BluetoothLERawAdvertisementsResponse, EntityState, SensorState
from world import HUB_ADDRESS

from renogybt.bluetooth.radio import BlueZRadio
from renogybt.bluetooth.scan_lock import parse_note
from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import Advertisement, parse_address
from renogybt.model.radio import ScanMode, ScannerState, ScannerStatus

ROOT = Path(__file__).parents[2]
LOCK = Path("/run/lab/scan.lock")
PORT = 6099
SECTIONS = f"""
[device]
mac_addr = {HUB_ADDRESS}
type = RNG_BATT
device_id = 48,49,50,51
renogy_read_interval = 2

[device:controller]
mac_addr = {HUB_ADDRESS}
type = RNG_CTRL
device_id = 96
"""
"""Of a configuration with all that the hub has to read."""
SCANNING, ALL_READ = "scanning (", "unit 96: reading"
"""What the program says. A client that comes when it knows all devices is not sent away to list them anew."""


class Ears:
    """Everything that a radio delivers, and every state it goes through; `options` are for BlueZRadio."""

    def __init__(self, source: AdvertisementSource, lock: Path = LOCK, **options: Any) -> None:
        self.radio = BlueZRadio(source=source, lock_path=lock, **options)
        self.heard: list[Advertisement] = []
        self.states: list[ScannerStatus] = []
        self._changed = asyncio.Event()
        self.radio.listen(self._on_batch)
        self.radio.watch(self._on_status)

    def _on_batch(self, batch: Sequence[Advertisement]) -> None:
        self.heard += batch
        self._changed.set()

    def _on_status(self, status: ScannerStatus) -> None:
        self.states.append(status)
        self._changed.set()

    async def until(self, condition: Callable[[], bool], timeout_s: float = 5.0) -> float:
        """Wait for it; the seconds that it took."""
        start = time.monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            raise AssertionError(f"not within {timeout_s} s; status {self.radio.status}") from error
        return time.monotonic() - start

    async def running(self, mode: ScanMode | None = None, timeout_s: float = 5.0) -> float:
        """Wait until it scans, in this mode."""
        return await self.until(
            lambda: (
                self.radio.status.state is ScannerState.RUNNING and mode in (None, self.radio.status.mode)
            ),
            timeout_s,
        )

    async def hears(self, sender: str, timeout_s: float = 5.0) -> float:
        """Wait for an advertisement of this sender that comes from now on."""
        start, address = len(self.heard), parse_address(sender)
        return await self.until(
            lambda: any(found.address == address for found in self.heard[start:]), timeout_s
        )

    def data_of(self, sender: str) -> set[bytes]:
        """All payloads of this sender so far."""
        address = parse_address(sender)
        return {found.data for found in self.heard if found.address == address}

    async def on_air(self) -> None:
        """For the conformance suite; the neighbourhood sends by itself."""


@contextlib.asynccontextmanager
async def listening(source: AdvertisementSource, lock: Path = LOCK) -> AsyncIterator[Ears]:
    """A radio whose `run` is a task until the end of the block."""
    ears = Ears(source, lock)
    task = asyncio.create_task(ears.radio.run())
    try:
        yield ears
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Program:
    """The program in a process of its own, with a client that is subscribed to everything.

    `log` are its lines so far. `lost` tells whether the client has lost its connection.
    """

    def __init__(self) -> None:
        self.raw: list[tuple[int, int, int, bytes]] = []
        self.log: list[str] = []
        self.lost = False
        self._rest_of_log: asyncio.Task[None]
        self.client = APIClient("127.0.0.1", PORT, None)
        self.process: asyncio.subprocess.Process

    def _on_raw(self, response: BluetoothLERawAdvertisementsResponse) -> None:
        self.raw += [
            (each.address, each.rssi, each.address_type, each.data) for each in response.advertisements
        ]

    async def start(self, source: str, folder: Path, sections: str = "", ready: str = SCANNING) -> None:
        """Returns when a client is subscribed; `sections` are added to its configuration.

        The client comes after the line with `ready`.
        """
        settings = {
            "advertisement_source": source,
            "native_api_port": PORT,
            "state_dir": folder,
            "scan_lock": folder / "scan.lock",
            "mdns": "false",
        }
        config = folder / "config.ini"
        lines = (f"{key} = {value}" for key, value in settings.items())
        config.write_text("\n".join(["[home_assistant_proxy]", *lines, sections, ""]))
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, str(ROOT / "unified_proxy.py"), str(config), stderr=asyncio.subprocess.PIPE
        )
        self._rest_of_log = asyncio.create_task(self._read_log())
        await self.says(ready, 30)
        async with asyncio.timeout(20):
            await self.client.connect(on_stop=self._on_stop, login=True)
        self.client.subscribe_bluetooth_le_raw_advertisements(self._on_raw)
        await self.client.device_info()  # answered after the subscription

    async def _on_stop(self, expected: bool) -> None:
        self.lost = self.lost or not expected

    async def says(self, text: str, timeout_s: float) -> None:
        """Wait for a line with this text, which may have come already."""
        try:
            async with asyncio.timeout(timeout_s):
                while not any(text in line for line in self.log):
                    assert not self._rest_of_log.done(), "it has ended"
                    await asyncio.sleep(0.02)
        except (TimeoutError, AssertionError) as error:
            raise AssertionError("\n".join([f"no line with {text!r}", *self.log])) from error

    async def _read_log(self) -> None:
        """All of it: a pipe that nobody reads stops the program one day."""
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            self.log.append(line.decode().rstrip())

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        await self.client.disconnect()
        self.process.terminate()
        async with asyncio.timeout(5):
            return await self.process.wait()

    async def close(self) -> None:
        """End whatever still runs."""
        try:
            if self.process.returncode is None:
                await self.stop()
        finally:
            if self.process.returncode is None:
                self.process.kill()
            await self._rest_of_log


@contextlib.asynccontextmanager
async def program(
    source: str, folder: Path, sections: str = "", ready: str = SCANNING
) -> AsyncIterator[Program]:
    """The running program; it is ended at the end of the block."""
    running = Program()
    try:
        await running.start(source, folder, sections, ready)
        yield running
    finally:
        await running.close()


async def first_voltage(running: Program, timeout_s: float) -> float:
    """Wait until a client is told a voltage; the seconds that it took."""
    start = time.monotonic()
    entities, _ = await running.client.list_entities_services()
    wanted = {(each.device_id, each.key) for each in entities if each.object_id.endswith("voltage")}
    assert wanted
    told = asyncio.Event()

    def look(state: EntityState) -> None:
        if (
            isinstance(state, SensorState)
            and (state.device_id, state.key) in wanted
            and not state.missing_state
        ):
            told.set()

    running.client.subscribe_states(look)
    async with asyncio.timeout(timeout_s):
        await told.wait()
    return time.monotonic() - start


def noted_monitor(lock: Path) -> int | None:
    """The handle of the monitor that the owner of the lock has registered."""
    note = parse_note(lock.read_bytes())
    return note.monitor if note is not None else None
