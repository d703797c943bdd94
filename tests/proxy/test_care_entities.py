"""What Home Assistant is shown of a radio and its care, in virtual time."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from proxy.radio import SpokenRadio
from proxy.virtual_time import VirtualLoop

from renogybt.model.radio import ScanMode, ScannerState
from renogybt.model.recovery import CareState, RadioEvent, Result, Rung
from renogybt.protocols.esphome.messages import Message, api
from renogybt.proxy.care_entities import (
    ENTITIES,
    LAST,
    LEFT,
    LOOK_S,
    PROBLEM,
    PROBLEM_AFTER_S,
    RESETS,
    RUNGS,
    SCANNER,
    STATE,
    CareEntities,
)
from renogybt.proxy.entities import EntityStore
from renogybt.proxy.entity_kinds import TEXT_LIMIT, fnv1a

FAILED, STARTING, RUNNING = ScannerState.FAILED, ScannerState.STARTING, ScannerState.RUNNING
CYCLE = RadioEvent(Rung.POWER_CYCLE, "nothing was heard for 12 s", Result.HELPED, 3.21)


class Bench:
    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.radio = SpokenRadio()
        self.care = self.radio.care
        self.store = EntityStore(ENTITIES)
        self.wall = 1_795_000_000.0
        self.shown = CareEntities(self.radio, self.store, lambda: self.wall)
        self.told: list[Message] = []
        self.store.subscribe(self.told.extend)

    def state(self, object_id: str) -> Any:
        message: Any = self.store.state(fnv1a(object_id))
        return None if message.missing_state else message.state


@pytest.fixture
def bench(virtual_loop: VirtualLoop) -> Iterator[Bench]:
    bench = Bench(virtual_loop)
    running = virtual_loop.create_task(bench.shown.run())
    virtual_loop.advance(0.0)
    yield bench
    assert not running.done()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        virtual_loop.run_until_complete(running)


@pytest.fixture
def in_kolkata(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A place half an hour off the others."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        yield
    time.tzset()


def test_all_is_known_at_once(bench: Bench) -> None:
    states: list[Any] = list(bench.store.states())

    assert not any(message.missing_state for message in states)
    assert bench.state(PROBLEM) is False
    assert (bench.state(SCANNER), bench.state(STATE)) == ("scanning (active)", "ok")
    assert (bench.state(LAST), bench.state(RUNGS), bench.state(RESETS), bench.state(LEFT)) == (
        "none",
        0,
        0,
        10,
    )


# what the scanner does


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"mode": ScanMode.PASSIVE}, "scanning (passive)"),
        ({"state": STARTING}, "not scanning: starting"),
        ({"state": ScannerState.STOPPED}, "not scanning: stopped"),
        ({"state": FAILED, "reason": "there is no adapter"}, "not scanning: there is no adapter"),
    ],
)
def test_what_the_scanner_does_is_told_at_once(bench: Bench, changes: dict[str, Any], text: str) -> None:
    bench.radio.become(**changes)

    assert bench.told == [api.TextSensorStateResponse(key=fnv1a(SCANNER), state=text)]


def test_a_long_reason_is_cut_so_that_home_assistant_shows_it(bench: Bench) -> None:
    bench.radio.become(state=FAILED, reason="x" * 1_000)

    assert len(bench.state(SCANNER)) == TEXT_LIMIT


# whether there is a problem


def test_a_failure_is_a_problem_when_it_lasts(bench: Bench) -> None:
    bench.radio.become(state=FAILED, reason="no adapter")
    bench.loop.advance(PROBLEM_AFTER_S - 0.1)
    assert bench.state(PROBLEM) is False

    bench.loop.advance(0.2)
    assert bench.state(PROBLEM) is True

    bench.radio.become(state=RUNNING, reason="")
    bench.loop.advance(0.0)
    assert bench.state(PROBLEM) is False


def test_a_failure_that_does_not_last_is_none(bench: Bench) -> None:
    for _ in range(5):
        bench.radio.become(state=FAILED, reason="no adapter")
        bench.loop.advance(0.6 * PROBLEM_AFTER_S)
        bench.radio.become(state=RUNNING, reason="")
        bench.radio.become(state=FAILED, reason="no adapter")  # in the same moment
        bench.loop.advance(0.6 * PROBLEM_AFTER_S)
        bench.radio.become(state=RUNNING, reason="")
        bench.loop.advance(0.1)

    assert api.BinarySensorStateResponse(key=fnv1a(PROBLEM), state=True) not in bench.told


def test_attempts_between_failures_are_no_success(bench: Bench) -> None:
    for _ in range(4):
        bench.radio.become(state=FAILED, reason="BlueZ does not answer")
        bench.loop.advance(0.2 * PROBLEM_AFTER_S)
        bench.radio.become(state=STARTING, reason="")
        bench.loop.advance(0.1 * PROBLEM_AFTER_S)

    assert bench.state(PROBLEM) is True


def test_a_failure_from_before_the_start_counts(virtual_loop: VirtualLoop) -> None:
    radio = SpokenRadio()
    radio.become(state=FAILED, reason="no adapter")
    store = EntityStore(ENTITIES)
    running = virtual_loop.create_task(CareEntities(radio, store).run())

    virtual_loop.advance(PROBLEM_AFTER_S + 0.1)

    assert store.state(fnv1a(PROBLEM)) == api.BinarySensorStateResponse(key=fnv1a(PROBLEM), state=True)
    running.cancel()
    virtual_loop.run_until_complete(asyncio.wait([running]))


def test_a_radio_that_was_stopped_has_no_problem(bench: Bench) -> None:
    bench.radio.become(state=FAILED, reason="no adapter")
    bench.radio.become(state=ScannerState.STOPPED, reason="")
    bench.loop.advance(2 * PROBLEM_AFTER_S)

    assert bench.state(PROBLEM) is False


@pytest.mark.parametrize("state", list(CareState))
def test_where_nothing_more_can_be_done_there_is_a_problem(bench: Bench, state: CareState) -> None:
    bench.care.become(state=state)

    assert bench.state(STATE) == state.value
    assert bench.state(PROBLEM) is (state in (CareState.EXHAUSTED, CareState.HELPLESS))


def test_a_problem_goes_when_both_its_causes_have_gone(bench: Bench) -> None:
    bench.care.become(state=CareState.EXHAUSTED)
    bench.radio.become(state=FAILED, reason="no adapter")
    bench.loop.advance(PROBLEM_AFTER_S + 1)

    bench.radio.become(state=RUNNING, reason="")
    bench.loop.advance(0.0)
    assert bench.state(PROBLEM) is True
    bench.care.become(state=CareState.WELL)
    assert bench.state(PROBLEM) is False


# what was done


def test_a_recovery_is_told_at_once_and_in_one_piece(bench: Bench, in_kolkata: None) -> None:
    bench.care.become(rungs=2, resets=1, resets_left=9, last=CYCLE)

    assert bench.state(LAST) == (
        "2026-11-18T16:36:40+05:30: power-cycled the adapter, because nothing was heard for 12 s:"
        " helped after 3.2 s"
    )
    assert (bench.state(RUNGS), bench.state(RESETS), bench.state(LEFT)) == (2, 1, 9)
    assert len(bench.told) == 4


def test_the_stamp_is_that_of_the_event(bench: Bench) -> None:
    bench.care.become(rungs=1, last=CYCLE)
    first = bench.state(LAST)
    bench.wall += 3_600
    bench.care.become(resets_left=8)
    assert bench.state(LAST) == first

    again = RadioEvent(CYCLE.rung, CYCLE.cause, CYCLE.result, CYCLE.took_s)
    bench.care.become(rungs=2, last=again)
    stamps = [
        datetime.fromisoformat(text.split(" ", 1)[0].removesuffix(":")) for text in (first, bench.state(LAST))
    ]
    assert (stamps[1] - stamps[0]).total_seconds() == 3_600


def test_a_long_text_keeps_its_stamp(bench: Bench) -> None:
    bench.care.become(last=RadioEvent(Rung.POKE, "x" * 300, Result.IN_VAIN, 5.0))

    assert bench.state(LAST).startswith("2026-11-18T")
    assert len(bench.state(LAST)) == TEXT_LIMIT


def test_what_passes_without_a_word_is_seen_within_a_minute(bench: Bench) -> None:
    bench.care.pass_to(resets_left=7)
    bench.loop.advance(LOOK_S + 0.1)

    assert bench.state(LEFT) == 7
    assert len(bench.told) == 1
