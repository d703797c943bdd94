"""How many resets are allowed, over restarts of the program as well."""

import json
import logging
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.bluetooth.budget import Budget, Limits, boot_id, seconds_since_boot
from renogybt.service.reset_limit import WINDOW_S, Window


class Clock:
    """Seconds since boot, as one says."""

    def __init__(self, now: float = 50_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def budget(path: Path | None, clock: Clock, boot: str = "one", limits: Limits | None = None) -> Budget:
    return Budget(path, limits, clock=clock, boot=lambda: boot)


@given(st.lists(st.floats(0.0, 2000.0), max_size=80), st.integers(0, 10))
def test_whoever_asks_first_never_spends_more_than_allowed_in_any_hour(gaps: list[float], most: int) -> None:
    window, now, spent = Window(most), 0.0, list[float]()
    for gap in gaps:
        now += gap
        if window.left(now):
            window.spend(now)
            spent.append(now)
    assert all(sum(start <= at < start + WINDOW_S for at in spent) <= most for start in spent)


@given(st.lists(st.floats(0.0, 900.0), min_size=1, max_size=40), st.integers(1, 10))
def test_the_next_one_is_allowed_when_it_says(gaps: list[float], most: int) -> None:
    window, now = Window(most), 0.0
    for gap in gaps:
        now += gap
        if window.left(now):
            window.spend(now)
    free_at = window.free_at(now)
    assert free_at == now or not window.left(free_at - 0.001)
    assert window.left(free_at + 0.001)


def test_where_none_is_allowed_none_ever_is() -> None:
    assert Window(0).free_at(5.0) == float("inf")


def test_the_next_process_finds_what_was_spent(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "recovery.json"
    first = budget(path, clock)
    first.resets.spend(first.now)
    first.restarts.spend(first.now)
    first.save()
    clock.now += 100.0
    second = budget(path, clock)
    assert (second.resets.left(clock.now), second.restarts.left(clock.now)) == (9, 0)


def test_what_another_process_spends_meanwhile_counts(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "recovery.json"
    daemon, command = budget(path, clock), budget(path, clock)
    command.resets.spend(clock.now)
    command.save()
    daemon.refresh()
    assert daemon.resets.left(clock.now) == 9


def test_after_a_boot_all_is_allowed_again(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "recovery.json"
    before = budget(path, clock)
    for _ in range(10):
        before.resets.spend(clock.now)
    before.lively = True
    before.save()
    after = budget(path, Clock(30.0), boot="two")
    assert after.resets.left(30.0) == 10
    assert after.lively  # the place is the same


def test_where_no_boot_can_be_told_from_another_nothing_is_taken_over(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "recovery.json"
    before = budget(path, clock, boot="")
    before.resets.spend(clock.now)
    before.save()
    assert budget(path, clock, boot="").resets.left(clock.now) == 10


def test_a_time_of_the_future_counts_as_now(tmp_path: Path) -> None:
    path = tmp_path / "recovery.json"
    path.write_text(json.dumps({"boot": "one", "resets": [1e12]}))
    clock = Clock()
    taken = budget(path, clock)
    assert taken.resets.left(clock.now) == 9
    assert taken.resets.left(clock.now + WINDOW_S + 10.0) == 10


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"boot": "one", "resets": 3}', '{"boot": "one", "resets": ["x"]}']
)
def test_a_damaged_file_is_put_aside_and_said(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "recovery.json"
    path.write_text(text)
    with caplog.at_level(logging.WARNING):
        assert budget(path, Clock()).resets.left(50_000.0) == 10
    assert "damaged" in caplog.text
    assert path.with_name("recovery.json.damaged").read_text() == text


def test_a_folder_that_cannot_be_written_keeps_nobody_from_counting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    clock = Clock()
    here = budget(tmp_path / "file" / "recovery.json", clock)
    for _ in range(3):
        here.resets.spend(clock.now)
        here.save()
    assert here.resets.left(clock.now) == 7
    assert len([record for record in caplog.records if "cannot be" in record.message]) == 1


def test_limits_are_those_that_are_given() -> None:
    clock = Clock()
    few = budget(None, clock, limits=Limits(resets=2))
    assert few.resets.left(clock.now) == 2


def test_the_clock_of_this_machine_runs_and_its_boot_has_a_name() -> None:
    times = [seconds_since_boot() for _ in range(3)]
    assert all(before <= after for before, after in pairwise(times))
    assert len(boot_id()) == 36
