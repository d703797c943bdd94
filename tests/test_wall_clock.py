"""The time of the day is for people to read. Nothing waits for it: a clock that is set is no event."""

import ast
import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from itertools import cycle, pairwise
from pathlib import Path

import pytest
from bluetooth.ailing_radio import BUSY, Patient
from proxy.virtual_time import VirtualLoop
from readers.fake_hub import FakeHub, FakeRadio, Notes, battery, section

import renogybt
from renogybt.model.reading import DeviceType
from renogybt.model.recovery import Rung
from renogybt.readers.reader import Reader
from renogybt.readers.settings import ReaderSettings

ROOT = Path(renogybt.__file__).parent
DAY_S = 86_400.0
STAMPS = {
    "service/reset_limit.py": "when the next reset is allowed, in words",
    "doctor/machine.py": "the clock itself is looked at, and files are held against it",
    "proxy/care_entities.py": "the stamp of the last recovery",
    "proxy/requests.py": "a client asks what time it is",
    "readers/reader.py": "the stamp of the last reading",
}
_WORDS = {
    "time": {"time", "time_ns", "CLOCK_REALTIME"},
    "datetime": {"now", "today", "utcnow"},
    "date": {"today"},
}


def reads_the_clock(tree: ast.AST) -> bool:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=base), attr=word) if word in _WORDS.get(base, ()):
                return True
            case ast.ImportFrom(module="time", names=names) if {each.name for each in names} & _WORDS["time"]:
                return True
    return False


def test_the_time_of_the_day_is_read_only_where_people_are_told_it() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if reads_the_clock(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set(STAMPS)


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """A clock that goes a day ahead and a day back each time it is read."""
    real, jumps = time.time, cycle((DAY_S, 0.0, -DAY_S))

    def clock() -> float:
        return real() + next(jumps)

    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture
def virtual_loop() -> Iterator[VirtualLoop]:
    with contextlib.closing(VirtualLoop()) as loop:
        yield loop


def test_a_clock_that_jumps_moves_no_reading(virtual_loop: VirtualLoop, jumping: Callable[[], float]) -> None:
    notes = Notes()
    reader = Reader(
        FakeRadio(FakeHub({48: battery()})),
        [section(DeviceType.BATTERY, 48)],
        ReaderSettings(),
        wall=jumping,
    )
    reader.add_sink(notes)
    task = virtual_loop.create_task(reader.run())
    virtual_loop.advance(600.0)
    times = notes.times(48)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        virtual_loop.run_until_complete(task)
    assert len(times) == 20
    assert all(abs(after - before - 30.0) < 0.5 for before, after in pairwise(times[1:]))
    assert all(each.fresh for _, each in notes.healths if each.device.endswith("-48") and each.last_good)


@pytest.mark.usefixtures("jumping")
def test_a_clock_that_jumps_is_no_fault_of_the_radio_and_hides_none() -> None:
    with Patient(BUSY) as patient:
        patient.advance(3600.0)
        assert patient.taken == []
        patient.fall_silent(Rung.RESTART_SCAN)
        patient.advance(16.0)
        assert patient.rungs == [Rung.RESTART_SCAN]
