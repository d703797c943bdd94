"""The way of a press, in virtual time, to a care that takes its time."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest
from proxy.care import RESET_S, SpokenCare
from proxy.virtual_time import VirtualLoop

from renogybt.model.recovery import LONGEST_RESET_S, ResetFailedError, ResetRefusedError, RestartNeededError
from renogybt.proxy.care_entities import ENTITIES, RESET
from renogybt.proxy.entities import EntityStore
from renogybt.proxy.entity_kinds import Button, fnv1a
from renogybt.proxy.reset_button import CAUSE, MOST_LINES, ResetButton

OTHER = Button("another_button", "Another button")


class Bench:
    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.care = SpokenCare()
        self.store = EntityStore([*ENTITIES, OTHER])
        self.button = ResetButton(self.care, self.store, loop.time)

    def press(self, object_id: str = RESET) -> None:
        assert self.store.press(fnv1a(object_id))
        self.loop.advance(0.0)


@pytest.fixture
def bench(virtual_loop: VirtualLoop) -> Iterator[Bench]:
    bench = Bench(virtual_loop)
    running = virtual_loop.create_task(bench.button.run())
    yield bench
    assert not running.done()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        virtual_loop.run_until_complete(running)
    assert bench.care.under_way == 0


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_a_press_resets_the_adapter_and_has_nothing_to_say(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.press()
    assert (bench.care.asked, bench.care.under_way) == ([CAUSE], 1)
    bench.loop.advance(RESET_S + 1)

    assert bench.care.asked == [CAUSE]
    assert caplog.records == []


def test_a_press_while_a_reset_is_under_way_is_refused_and_not_kept(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.press()
    bench.press()
    bench.loop.advance(10 * RESET_S)

    assert bench.care.asked == [CAUSE]
    assert warnings(caplog) == ["the adapter is not reset: a reset is under way already"]


def test_after_a_reset_the_next_press_counts(bench: Bench) -> None:
    for _ in range(3):
        bench.press()
        bench.loop.advance(RESET_S + 1)

    assert bench.care.asked == [CAUSE] * 3


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ResetRefusedError("too soon"), "the adapter is not reset: too soon"),
        (ResetFailedError("no power"), "the adapter was to be reset, in vain: no power"),
    ],
)
def test_what_stands_in_the_way_is_logged_and_the_next_press_counts(
    bench: Bench,
    error: ResetRefusedError | ResetFailedError,
    line: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench.care.error = error
    for _ in range(2):
        bench.press()
        bench.loop.advance(RESET_S + 1)

    assert bench.care.asked == [CAUSE] * 2
    assert warnings(caplog) == [line] * 2


def test_a_reset_without_end_is_ended(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.care.reset_s = 10 * LONGEST_RESET_S

    bench.press()
    bench.loop.advance(LONGEST_RESET_S + 1)

    assert bench.care.under_way == 0
    assert warnings(caplog) == ["the adapter was to be reset, in vain: it was not over within 90 s"]


def test_a_thousand_presses_are_one_reset_and_a_few_lines(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(1_000):
        bench.press()
    bench.loop.advance(10 * RESET_S)

    assert bench.care.asked == [CAUSE]
    assert len(warnings(caplog)) == MOST_LINES


def test_other_buttons_reset_nothing(bench: Bench) -> None:
    bench.press(OTHER.object_id)

    assert bench.care.asked == []


def test_the_end_of_the_program_ends_a_reset_that_is_under_way(bench: Bench) -> None:
    bench.press()

    assert bench.care.under_way == 1


def test_a_press_that_broke_something_is_not_repeated_when_all_is_started_again(
    virtual_loop: VirtualLoop,
) -> None:
    bench = Bench(virtual_loop)
    bench.care.error = RestartNeededError("nobody expects this here")
    first = virtual_loop.create_task(bench.button.run())
    bench.press()
    with pytest.raises(RestartNeededError):
        virtual_loop.run_until_complete(first)

    second = virtual_loop.create_task(bench.button.run())
    virtual_loop.advance(RESET_S)
    assert bench.care.asked == [CAUSE]
    bench.press()
    assert bench.care.asked == [CAUSE] * 2
    second.cancel()
    virtual_loop.run_until_complete(asyncio.wait([second]))
