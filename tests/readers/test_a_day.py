"""Days in virtual time: a constant 20.25 W into each of two batteries, read every 30 s."""

import asyncio
import contextlib
import gc
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from proxy.virtual_time import VirtualLoop
from readers.fake_hub import ADDRESS, FakeHub, FakeRadio, battery, controller, key, section, words

from renogybt.config import EntityNaming
from renogybt.model.quantity import Value
from renogybt.model.reading import DeviceHealth, DeviceType, PowerDevice, Reading
from renogybt.proxy.entities import EntityStore
from renogybt.proxy.power import PowerEntities
from renogybt.proxy.vitals import ENTITIES
from renogybt.readers.reader import Reader
from renogybt.readers.settings import ReaderSettings

UNITS = (48, 49)
BANK = f"bank-{ADDRESS:012x}"
DAY_S, INTERVAL_S = 86_400, 30
A_ROUND_S = 2
SOME_ROUNDS = 200
A_FEW = 10
"""Timers that are cancelled stay in the loop until their time has come."""
KWH_PER_S = 20.25 / 3.6e6
"""13.5 V and 1.50 A, which the registers hold exactly."""


def small_battery() -> dict[int, int]:
    """A 12 V battery while it is charged a little."""
    cells = [34, 34, 34, 33]
    return battery() | words({5000: [len(cells), *cells, *[0] * 12], 5042: [150, 135], 5049: [148, 100]})


class Tally:
    """A sink that counts readings, and the time between those that are no further apart than is bridged."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.covered_s: defaultdict[str, float] = defaultdict(float)
        self.values: dict[str, Mapping[str, Value]] = {}
        self._last: dict[str, float] = {}

    def devices(self, devices: Sequence[PowerDevice]) -> None:
        """They are those of the sections."""

    def reading(self, reading: Reading) -> None:
        gap_s = reading.taken_at - self._last.get(reading.device, reading.taken_at)
        self.count[reading.device] += 1
        self.covered_s[reading.device] += gap_s if gap_s < 2 * INTERVAL_S else 0.0
        self.values[reading.device] = reading.values
        self._last[reading.device] = reading.taken_at

    def health(self, health: DeviceHealth) -> None:
        """It does not matter."""


class Cottage:
    """A hub with two batteries and a controller, and what has become of them."""

    def __init__(self, loop: VirtualLoop, folder: Path) -> None:
        self.hub = FakeHub({**{unit: small_battery() for unit in UNITS}, 96: controller()})
        self.radio = FakeRadio(self.hub)
        self.tally = Tally()
        self._loop = loop
        self._folder = folder

    @contextlib.contextmanager
    def being_read(self) -> Iterator[None]:
        """As the program does it, entities included."""
        sections = [section(DeviceType.BATTERY, *UNITS, alias="hut"), section(DeviceType.CONTROLLER, 96)]
        reader = Reader(self.radio, sections, ReaderSettings(), state_dir=self._folder, wall=self._loop.time)
        reader.add_sink(self.tally)
        reader.add_sink(PowerEntities(EntityStore(ENTITIES), naming=EntityNaming.MODERN))
        running = self._loop.create_task(reader.run())
        try:
            yield
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                self._loop.run_until_complete(running)

    def pass_time(self, seconds: float) -> None:
        self._loop.advance(seconds)
        self.hub.requests.clear()

    def switch_off(self) -> None:
        self.hub.present = False
        self._loop.call_soon(self.hub.drop)

    def switch_on(self) -> None:
        self.hub.present = True
        self._loop.call_soon(self.radio.hear, self.hub)

    def held(self) -> tuple[int, int, int]:
        """Memory blocks, tasks, and timers that are there just now."""
        gc.collect()
        timers = sum(isinstance(each, asyncio.TimerHandle) for each in gc.get_objects())
        return sys.getallocatedblocks(), len(asyncio.all_tasks(self._loop)), timers

    def must_have(self, kwh: float) -> None:
        """What is shown, to its last digit; and what is kept, to all digits of the time that was covered."""
        totals = json.loads((self._folder / "energy.json").read_text())["totals"]
        for unit in UNITS:
            total = totals[key(unit)]
            assert total["energy_in_kwh"] == pytest.approx(kwh, abs=KWH_PER_S * INTERVAL_S)
            assert total["energy_in_kwh"] == pytest.approx(
                KWH_PER_S * self.tally.covered_s[key(unit)], abs=1e-9
            )
            assert total["energy_out_kwh"] == 0.0
            assert self.tally.values[key(unit)]["energy_in_kwh"] == round(kwh, 3)
        assert self.tally.values[BANK]["combined_energy_in_kwh"] == round(len(UNITS) * kwh, 3)


@pytest.fixture
def cottage(virtual_loop: VirtualLoop, tmp_path: Path) -> Cottage:
    return Cottage(virtual_loop, tmp_path)


def test_a_day_at_20_watts_is_half_a_kilowatt_hour_and_nothing_is_left_behind(cottage: Cottage) -> None:
    with cottage.being_read():
        cottage.pass_time(SOME_ROUNDS * INTERVAL_S + A_ROUND_S)
        blocks, tasks, timers = cottage.held()
        cottage.pass_time(DAY_S - SOME_ROUNDS * INTERVAL_S)
        blocks_after, tasks_after, timers_after = cottage.held()
    assert set(cottage.tally.count.values()) == {DAY_S / INTERVAL_S + 1}
    cottage.must_have(0.486)
    assert tasks_after == tasks
    assert timers_after - timers < A_FEW
    assert blocks_after - blocks < (DAY_S / INTERVAL_S - SOME_ROUNDS) / 2


def test_a_day_without_the_hub_brings_nothing(cottage: Cottage) -> None:
    with cottage.being_read():
        cottage.pass_time(DAY_S / 4 + A_ROUND_S)
        cottage.switch_off()
        cottage.pass_time(DAY_S)
        cottage.switch_on()
        cottage.pass_time(DAY_S / 4 + A_ROUND_S)
    cottage.must_have(0.243)


def test_a_day_without_the_program_brings_nothing(cottage: Cottage) -> None:
    with cottage.being_read():
        cottage.pass_time(DAY_S / 4 + A_ROUND_S)
    cottage.pass_time(DAY_S)
    with cottage.being_read():
        cottage.pass_time(DAY_S / 4 + A_ROUND_S)
    cottage.must_have(0.243)
