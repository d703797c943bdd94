import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.readers.energy import BRIDGED_INTERVALS, EnergyMeter, EnergyTotals

INTERVAL_S = 30.0
POWERS = st.floats(-5000, 5000)


def metered(samples: list[tuple[float | None, float]], interval_s: float = INTERVAL_S) -> EnergyTotals:
    meter = EnergyMeter(interval_s)
    for power, now in samples:
        meter.add(power, now)
    return meter.totals


def test_a_small_load_counts_all_day() -> None:
    day = [(-20.25, number * INTERVAL_S) for number in range(2881)]
    totals = metered(day)
    assert totals.out_kwh == pytest.approx(0.486, abs=1e-12)
    assert totals.in_kwh == 0.0


def test_a_day_without_a_sample_counts_nothing() -> None:
    assert metered([(1000.0, 0.0), (1000.0, 86400.0)]) == EnergyTotals()


def test_after_an_outage_it_goes_on_from_the_next_sample() -> None:
    meter = EnergyMeter(INTERVAL_S)
    for now in (0.0, 30.0, 86430.0, 86460.0):
        meter.add(3600.0, now)
    assert meter.energy_in_kwh == pytest.approx(0.06)


def test_two_missed_rounds_are_bridged_and_three_are_not() -> None:
    longest_s = BRIDGED_INTERVALS * INTERVAL_S
    assert metered([(120.0, 0.0), (120.0, longest_s)]).in_kwh == pytest.approx(120 * longest_s / 3.6e6)
    assert metered([(120.0, 0.0), (120.0, longest_s + 0.01)]) == EnergyTotals()


def test_rounds_without_a_value_are_a_gap() -> None:
    samples: list[tuple[float | None, float]] = [(120.0, 0.0), (None, 30.0), (math.nan, 60.0), (120.0, 90.0)]
    assert metered(samples).in_kwh == pytest.approx(0.003)
    assert metered([*samples[:3], (None, 90.0), (120.0, 120.0)]) == EnergyTotals()


def test_between_two_samples_power_is_a_straight_line() -> None:
    assert metered([(0.0, 0.0), (120.0, 30.0)]).in_kwh == pytest.approx(60 * 30 / 3.6e6)


def test_where_it_crosses_zero_each_side_counts_for_itself() -> None:
    totals = metered([(300.0, 0.0), (-100.0, 40.0)])
    assert totals.in_kwh == pytest.approx(300 * 30 / 2 / 3.6e6)
    assert totals.out_kwh == pytest.approx(100 * 10 / 2 / 3.6e6)
    assert metered([(-100.0, 0.0), (300.0, 40.0)]) == pytest.approx(
        EnergyTotals(totals.in_kwh, totals.out_kwh)
    )


def test_a_sample_at_the_same_moment_or_from_before_adds_nothing() -> None:
    assert metered([(100.0, 30.0), (100.0, 30.0), (100.0, 10.0)]) == EnergyTotals()


def test_it_goes_on_from_earlier_totals() -> None:
    meter = EnergyMeter(INTERVAL_S, EnergyTotals(12.5, 3.25))
    assert meter.totals == EnergyTotals(12.5, 3.25)
    meter.add(120.0, 0.0)
    meter.add(120.0, 30.0)
    assert meter.energy_in_kwh == pytest.approx(12.501)
    assert meter.energy_out_kwh == 3.25


def test_a_watt_is_not_lost_beside_years_of_energy() -> None:
    meter = EnergyMeter(INTERVAL_S, EnergyTotals(50_000.0, 50_000.0))
    for number in range(121):
        meter.add(-1.0, number * INTERVAL_S)
    assert meter.energy_out_kwh - 50_000.0 == pytest.approx(0.001, rel=1e-6)


@given(st.lists(st.tuples(POWERS, st.floats(0.1, 200)), max_size=30))
def test_both_totals_only_grow(steps: list[tuple[float, float]]) -> None:
    meter, now, seen = EnergyMeter(INTERVAL_S), 0.0, [EnergyTotals()]
    for power, pause in steps:
        now += pause
        meter.add(power, now)
        seen.append(meter.totals)
    for before, after in pairwise(seen):
        assert after.in_kwh >= before.in_kwh
        assert after.out_kwh >= before.out_kwh


@given(POWERS, POWERS, st.floats(1, 90))
def test_in_less_out_is_the_area_under_the_line(first: float, second: float, elapsed_s: float) -> None:
    totals = metered([(first, 0.0), (second, elapsed_s)])
    area_kwh = (first + second) / 2 * elapsed_s / 3.6e6
    assert totals.in_kwh - totals.out_kwh == pytest.approx(area_kwh, abs=1e-12)


@given(POWERS, POWERS, st.floats(0.01, 0.99))
def test_a_sample_on_the_line_changes_nothing(first: float, second: float, share: float) -> None:
    middle = (first + (second - first) * share, INTERVAL_S * share)
    direct, divided = (
        metered([(first, 0.0), (second, INTERVAL_S)]),
        metered([(first, 0.0), middle, (second, INTERVAL_S)]),
    )
    assert divided.in_kwh == pytest.approx(direct.in_kwh, abs=1e-12)
    assert divided.out_kwh == pytest.approx(direct.out_kwh, abs=1e-12)
