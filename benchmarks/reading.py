"""Reading the demo's batteries: how long a round takes, what it asks of the loop, and of memory."""

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from aioesphomeapi import APIClient

from benchmarks.processes import Program, log_to_stderr, rss_mb
from benchmarks.rigs import free_port
from benchmarks.table import Row, percentile
from benchmarks.targets import READING_MB, ROUND_S, STEP_MS
from renogybt.model.reading import DeviceHealth, PowerDevice, Reading
from renogybt.readers.reader import Reader
from renogybt.readers.settings import ReaderSettings
from renogybt.simulator.radio import DemoRadio
from renogybt.simulator.renogy import demo_devices
from renogybt.simulator.renogy_bus import BATTERY_UNITS

_INTERVAL_S = 2.0
_CALM_S = 1.0
_FIRST_ROUND_S = 5.0
"""It also reads names and limits, and keeps what it has found out."""
_WITHOUT = ("--set", "home_assistant_proxy.with_renogy_client=false")


class _Ends:
    """A sink that notes when the last battery of each round was read, in seconds from its beginning."""

    def __init__(self, began: float) -> None:
        self.took_s: list[float] = []
        self._began = began

    def devices(self, devices: Sequence[PowerDevice]) -> None:
        """They are known."""

    def reading(self, reading: Reading) -> None:
        """One battery after the other."""
        if reading.device.endswith(f"-{BATTERY_UNITS[-1]}"):
            self.took_s.append((reading.taken_at - self._began) % _INTERVAL_S)

    def health(self, health: DeviceHealth) -> None:
        """It does not matter."""


async def _rounds(number: int) -> list[float]:
    radio = DemoRadio()
    batteries = demo_devices(_INTERVAL_S)[:1]
    reader = Reader(radio, batteries, ReaderSettings())
    async with asyncio.TaskGroup() as tasks:
        scanning = tasks.create_task(radio.run())
        await asyncio.sleep(0)
        ends = _Ends(asyncio.get_running_loop().time())
        reader.add_sink(ends)
        reading = tasks.create_task(reader.run())
        await asyncio.sleep(_FIRST_ROUND_S + number * _INTERVAL_S)
        reading.cancel()
        await asyncio.wait([reading])
        scanning.cancel()
    return ends.took_s[-number:]


@dataclass(frozen=True, slots=True)
class _Run:
    """What one run of the program has shown: milliseconds of the steps of its loop, and MB."""

    entities: int
    beginning_ms: Sequence[float]
    listing_ms: Sequence[float]
    steady_ms: Sequence[float]
    steady_by_the_clock_ms: Sequence[float]
    started_mb: float
    ended_mb: float


async def _use(port: int, window_s: float) -> tuple[int, list[int]]:
    """Be Home Assistant for so long: how many entities there are, and where the windows meet."""
    client = APIClient("127.0.0.1", port, None, timezone="UTC")
    await client.connect(login=True)
    try:
        marks = [time.monotonic_ns()]
        _, entities, _ = await client.device_info_and_list_entities()
        client.subscribe_states(lambda _state: None)
        client.subscribe_bluetooth_le_raw_advertisements(lambda _batch: None)
        await asyncio.sleep(_CALM_S)
        marks.append(time.monotonic_ns())
        await asyncio.sleep(window_s)
        return len(entities), [*marks, time.monotonic_ns()]
    finally:
        await client.disconnect()


def _arguments(folder: str, port: int) -> list[str]:
    values = {
        "native_api_host": "127.0.0.1",
        "native_api_port": port,
        "mdns": "false",
        "encryption": "off",
        "state_dir": Path(folder) / "state",
        "renogy_read_interval": _INTERVAL_S,
    }
    return [
        each for key, value in values.items() for each in ("--set", f"home_assistant_proxy.{key}={value}")
    ]


def _run(window_s: float, extra: Sequence[str] = ()) -> _Run:
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Program(["-m", "benchmarks.watched", "--demo", *_arguments(folder, port), *extra]) as program,
    ):
        ready_ns = program.logged_ns("ready:")
        time.sleep(_CALM_S)
        started_mb = rss_mb(program.pid)
        time.sleep(_FIRST_ROUND_S)
        entities, marks = asyncio.run(_use(port, window_s))
        ended_mb = rss_mb(program.pid)
        program.process.terminate()
        if program.process.stdout is None:
            raise RuntimeError("a process without pipes")
        steps = json.loads(program.process.stdout.readline())
    windows = [
        [(spent / 1e6, took / 1e6) for began, spent, took in steps if begin <= began < end]
        for begin, end in pairwise((ready_ns, *marks))
    ]
    beginning, listing, steady = ([spent for spent, _ in window] for window in windows)
    by_the_clock = [took for _, took in windows[-1]]
    return _Run(entities, beginning, listing, steady, by_the_clock, started_mb, ended_mb)


def _rows(what: str, run: _Run) -> list[Row]:
    return [
        Row(f"{what}: longest step of the loop", [max(run.steady_ms)], "ms", STEP_MS),
        Row(f"{what}: by the clock", [max(run.steady_by_the_clock_ms)], "ms"),
        Row(f"{what}: 99 % of the steps", [percentile(sorted(run.steady_ms), 99)], "ms", digits=2),
        Row(f"{what}: longest step of the first seconds", [max(run.beginning_ms)], "ms", STEP_MS),
        Row(f"{what}: {run.entities} entities are listed", [max(run.listing_ms)], "ms", STEP_MS),
        Row(f"{what}: processor", [sum(run.steady_ms)], "ms"),
        Row(f"{what}: memory after the start", [run.started_mb], "MB"),
        Row(f"{what}: memory at the end", [run.ended_mb], "MB", READING_MB),
    ]


def measure(*, quick: bool) -> list[Row]:
    """All of it; `quick`: fewer rounds."""
    rounds = 3 if quick else 15
    with log_to_stderr("rounds over four batteries"):
        took_s = asyncio.run(_rounds(rounds))
    window_s = rounds * _INTERVAL_S
    with log_to_stderr("the program while it reads"):
        reading = _run(window_s)
    with log_to_stderr("the program while it does not"):
        idle = _run(window_s, _WITHOUT)
    return [
        Row("round over four batteries, 12 reads at 80 ms", took_s, "s", ROUND_S, digits=2),
        *_rows("reading", reading),
        *_rows("not reading", idle),
    ]
