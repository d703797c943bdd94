"""What counts as silence in a place, by what was heard there before."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.bluetooth.rhythm import SLOT_S, UNSTEADY_S, Rhythm
from renogybt.model.advertisement import AddressType, Advertisement

LONG_S = 1800.0


def heard(count: int, advertisers: int = 1, first: int = 0) -> list[Advertisement]:
    return [
        Advertisement(first + number % advertisers, -60, AddressType.PUBLIC, b"\x02\x01\x06")
        for number in range(count)
    ]


def place(gap_s: float, advertisers: int = 1, *, seconds: float = LONG_S, regular: bool = False) -> Rhythm:
    """Listened to for so long; devices speak at random, or like a clock."""
    rhythm, random, now, number = Rhythm(0.0), Random(7), 0.0, 0
    while now < seconds:
        now += gap_s if regular else random.expovariate(1 / gap_s)
        rhythm.hear(now, heard(1, first=number % advertisers))
        number += 1
    return rhythm


@pytest.mark.parametrize(
    ("gap_s", "monitored", "limit_s"),
    [(0.02, True, 10.0), (0.5, True, 10.0), (0.02, False, 25.0), (1.0, False, 25.0)],
)
def test_in_a_busy_place_the_floor_is_the_limit(gap_s: float, monitored: bool, limit_s: float) -> None:
    assert place(gap_s).limit_s(monitored=monitored) == limit_s


def test_twenty_mean_gaps_are_the_limit_where_that_is_more() -> None:
    assert place(2.0, regular=True).limit_s(monitored=True) == pytest.approx(40.0, rel=0.1)


def test_a_steady_device_that_speaks_seldom_is_waited_for_no_longer_than_the_ceiling() -> None:
    rhythm = place(10.0, regular=True)
    assert rhythm.steady
    assert rhythm.limit_s(monitored=True) == 60.0
    assert rhythm.limit_s(monitored=True, ceiling_s=150.0) == 150.0


@pytest.mark.parametrize("gap_s", [20.0, 60.0, 300.0])
def test_where_advertisements_come_by_chance_silence_is_waited_out(gap_s: float) -> None:
    rhythm = place(gap_s, seconds=20_000.0)
    assert not rhythm.steady
    assert rhythm.limit_s(monitored=True) >= max(UNSTEADY_S, 10 * gap_s)


def test_bursts_of_scan_runs_are_steady_though_each_device_comes_once_in_a_run() -> None:
    rhythm = Rhythm(0.0)
    for run in range(100):
        for _ in range(10):
            rhythm.hear(run * 10.7 + 0.2, heard(1))
    assert rhythm.steady
    assert rhythm.limit_s(monitored=False) == 25.0


def test_who_passes_by_leaves_no_rhythm() -> None:
    rhythm = place(300.0, seconds=3600.0)
    for number in range(200):
        rhythm.hear(4000.0 + number * 0.1, heard(1))
    assert not rhythm.steady


def test_one_minute_is_enough_to_know_a_steady_place_and_less_is_not() -> None:
    assert not place(0.5, 4, seconds=3 * SLOT_S - 1).steady
    assert place(0.5, 4, seconds=4 * SLOT_S + 1).steady


@pytest.mark.parametrize(("advertisers", "lively"), [(1, False), (2, False), (3, True), (40, True)])
def test_a_place_is_lively_with_three_devices(advertisers: int, lively: bool) -> None:
    assert place(0.3, advertisers).lively is lively


def test_time_in_which_nobody_listened_says_nothing() -> None:
    rhythm = place(0.2)
    rhythm.begin(LONG_S + 7200.0)
    rhythm.hear(LONG_S + 7200.5, heard(1))
    assert rhythm.steady
    assert rhythm.limit_s(monitored=True) == 10.0


def test_a_place_that_falls_quiet_for_long_while_it_is_listened_to_is_no_steady_one_any_more() -> None:
    rhythm = place(0.5)
    rhythm.hear(LONG_S + 600.0, heard(1))
    assert not rhythm.steady


@given(st.lists(st.tuples(st.floats(0.0, 4000.0), st.integers(0, 500), st.booleans()), max_size=60))
def test_whatever_is_heard_the_limit_is_a_time_and_the_rate_a_number(
    steps: list[tuple[float, int, bool]],
) -> None:
    rhythm, now = Rhythm(0.0), 0.0
    for pause_s, count, anew in steps:
        now += pause_s
        rhythm.begin(now) if anew else rhythm.hear(now, heard(count, 5))
        assert 10.0 <= rhythm.limit_s(monitored=True) <= 3600.0
        assert 0.0 <= rhythm.rate < math.inf
