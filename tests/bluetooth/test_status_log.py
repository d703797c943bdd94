"""What of the scanner's life is worth a line."""

import logging
from collections.abc import Callable

import pytest
from fakes.radio_world import World, both

from renogybt.bluetooth.status_log import StatusLog
from renogybt.config import AdvertisementSource
from renogybt.model.radio import ScanMode, ScannerState, ScannerStatus
from renogybt.service.repetition import EVERY_S, Repetition

RUNNING = ScannerStatus(ScannerState.RUNNING, ScanMode.ACTIVE)
STARTING = ScannerStatus(ScannerState.STARTING, ScanMode.ACTIVE)
STOPPED = ScannerStatus(ScannerState.STOPPED, ScanMode.ACTIVE)


def failed(reason: str = "hci0 is powered off") -> ScannerStatus:
    return ScannerStatus(ScannerState.FAILED, ScanMode.ACTIVE, reason=reason)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Timers:
    """The loop's `call_later`, for a time that only passes by hand."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def call_later(self, _delay_s: float, action: Callable[[], None]) -> "Timers":
        self.waiting.append(action)
        return self

    def cancel(self) -> None:
        self.waiting.clear()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    made = Timers()
    monkeypatch.setattr("asyncio.get_running_loop", lambda: made)
    return made


@pytest.fixture
def log(clock: Clock, timers: Timers, caplog: pytest.LogCaptureFixture) -> StatusLog:
    caplog.set_level("DEBUG")
    return StatusLog(Repetition(clock))


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]


def test_a_fault_and_its_end_are_a_line_each(log: StatusLog, caplog: pytest.LogCaptureFixture) -> None:
    for status in (STARTING, RUNNING, failed("no power"), failed("no power"), STARTING, RUNNING, RUNNING):
        log.tell(status)
    assert lines(caplog) == ["scanning (active)", "not scanning: no power", "scanning (active)"]


def test_a_thousand_flaps_are_few_lines_and_all_of_them_at_debug(
    log: StatusLog, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(1000):
        clock.now += 6
        log.tell(failed())
        log.tell(RUNNING)
    hours = 6000 / 3600
    assert len(lines(caplog)) <= 2 * (3 + hours * 6)
    assert len(caplog.messages) == 2000
    assert "not scanning: hci0 is powered off (and 99 more before)" in caplog.text
    ends = [text.startswith("scanning") for text in lines(caplog)]
    assert ends == [False, True] * (len(ends) // 2)  # whoever reads a fault reads its end


def test_a_held_back_fault_that_stays_is_told_after_all(
    log: StatusLog, clock: Clock, timers: Timers, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        log.tell(RUNNING)
        log.tell(failed())
    log.tell(STARTING)
    count = len(lines(caplog))
    clock.now += EVERY_S
    for action in timers.waiting:
        action()
    assert lines(caplog)[count:] == ["not scanning: hci0 is powered off (and 2 more before)"]
    log.tell(RUNNING)
    assert lines(caplog)[-1] == "scanning (active)"


@pytest.mark.parametrize("end", [RUNNING, STOPPED], ids=["over", "stopped"])
def test_one_that_is_over_is_not(log: StatusLog, timers: Timers, end: ScannerStatus) -> None:
    for _ in range(5):
        log.tell(RUNNING)
        log.tell(failed())
    assert timers.waiting
    log.tell(end)
    assert not timers.waiting


def test_another_reason_is_another_matter(log: StatusLog, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(8):
        log.tell(failed(f"reason {number % 2}"))
    assert len(lines(caplog)) == 6


@both
async def test_an_adapter_that_flaps_does_not_fill_the_journal(
    world: World, source: AdvertisementSource, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with world.scanning(world.radio(source)) as heard:
        for _ in range(8):
            world.bluez.power("hci0", False)
            await heard.failed()
            world.bluez.power("hci0", True)
            await heard.running()
    told = [text for text in caplog.messages if "scanning" in text]
    assert len(told) == 1 + 2 * 3
