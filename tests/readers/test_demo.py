"""The reader on the demo's hub, with all that can go wrong there."""

import asyncio
import contextlib
import random
from collections.abc import Iterator

import pytest
from proxy.virtual_time import VirtualLoop
from readers.fake_hub import (
    Answers,
    FakeHub,
    FakeRadio,
    Notes,
    battery,
    damaged,
    later,
    nothing,
    section,
    straight,
)

from renogybt.model.reading import DeviceType
from renogybt.readers.reader import Reader
from renogybt.readers.settings import ReaderSettings
from renogybt.simulator.hub_faults import Fault
from renogybt.simulator.radio import DemoRadio
from renogybt.simulator.renogy import READ_INTERVAL_S, demo_devices, demo_layout
from renogybt.simulator.renogy_bus import BATTERY_UNITS, CONTROLLER_UNIT

UNITS = (*BATTERY_UNITS, CONTROLLER_UNIT)
BANK = "bank-6cb2fd86824d"


class Demo:
    """The demo's radio and a reader at work on it, in virtual time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.radio = DemoRadio(clock=loop.time)
        self.notes = Notes()
        self.reader = Reader(self.radio, demo_devices(), ReaderSettings(), wall=loop.time)
        self.reader.seed(demo_layout())
        self.reader.add_sink(self.notes)
        self.tasks = [loop.create_task(self.radio.run()), loop.create_task(self.reader.run())]

    def run(self, seconds: float) -> None:
        self.loop.advance(seconds)
        for task in self.tasks:
            assert not task.done()

    def stop(self) -> None:
        for task in reversed(self.tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                self.loop.run_until_complete(task)


@pytest.fixture
def demo(virtual_loop: VirtualLoop) -> Iterator[Demo]:
    made = Demo(virtual_loop)
    yield made
    made.stop()


def test_all_devices_are_read_each_interval(demo: Demo) -> None:
    demo.run(65)
    for unit in (*UNITS, BANK):
        assert len(demo.notes.times(unit)) == 7
        assert demo.notes.state(unit).fresh
        assert demo.notes.state(unit).failed == 0
    rounds = [at % READ_INTERVAL_S for at in demo.notes.times(CONTROLLER_UNIT)[1:]]
    assert max(rounds) < 1.5


def test_the_layout_of_the_demo_is_complete(demo: Demo) -> None:
    demo.run(65)
    assert {each.key: each.quantities for each in demo.notes.layouts[0]} == {
        each.key: each.quantities for each in demo.notes.layouts[-1]
    }


@pytest.mark.parametrize("fault", Fault)
def test_after_each_fault_of_a_unit_it_is_read_again(demo: Demo, fault: Fault) -> None:
    demo.run(25)
    argument = {Fault.SPLIT: 1, Fault.LATE: 2.5, Fault.EXCEPTION: 4}.get(fault, 0.0)
    demo.radio.hub.bus.faults.add(fault, argument, unit=49, times=3)
    demo.run(60)
    assert all(demo.notes.state(unit).fresh for unit in (*UNITS, BANK))
    assert max(demo.notes.state(unit).failed for unit in UNITS if unit != 49) <= (fault is Fault.DROP)


def test_a_hub_that_was_switched_off_is_read_within_seconds_of_its_return(demo: Demo) -> None:
    demo.run(25)
    demo.loop.call_soon(demo.radio.hub.vanish)
    demo.run(200)
    assert not any(demo.notes.state(unit).fresh for unit in (*UNITS, BANK))
    demo.loop.call_soon(demo.radio.hub.reappear)
    demo.run(6)
    assert all(demo.notes.state(unit).fresh for unit in (*UNITS, BANK))


CURRENTS = {48: 100, 49: 200, 50: -300, 51: -400}


@pytest.mark.parametrize("seed", range(5))
def test_whatever_goes_wrong_no_value_of_another_device_is_told(virtual_loop: VirtualLoop, seed: int) -> None:
    rng = random.Random(seed)
    hub = FakeHub({unit: battery(current=current) for unit, current in CURRENTS.items()})

    def bend(request: bytes, reply: bytes) -> Answers:
        chance = rng.random()
        if chance < 0.02:
            virtual_loop.call_later(rng.random(), hub.drop)
        elif chance < 0.10:
            return rng.choice([nothing, damaged, later(rng.uniform(0.5, 6.0))])(request, reply)
        elif chance < 0.15:
            return [(0.01, rng.randbytes(rng.randrange(1, 40))), *straight(request, reply)]
        elif chance < 0.20:
            return [*straight(request, reply), *later(0.02)(request, reply)]
        return straight(request, reply)

    hub.bend = bend
    notes = Notes()
    reader = Reader(FakeRadio(hub), [section(DeviceType.BATTERY, *CURRENTS)], ReaderSettings())
    reader.add_sink(notes)

    async def work() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3 * 3600):
                await reader.run()

    virtual_loop.run_until_complete(work())
    for unit, current in CURRENTS.items():
        told = [reading.values for _, reading in notes.readings if reading.device.endswith(f"-{unit}")]
        assert len(told) > 250
        assert {values["current"] for values in told} == {current / 100}
        assert {values["voltage"] for values in told} == {52.8}
        assert {values["model"] for values in told[5:]} == {"RBT50LFP48S"}
