import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.model.quantity import Value
from renogybt.model.reading import DeviceType
from renogybt.readers.judge import Judge, Verdict
from renogybt.readers.limits import RANGES, Range, range_of
from renogybt.readers.trail import FORGET_S

INTERVAL_S = 30.0


def battery(cells: int = 16, **changed: Value) -> dict[str, Value]:
    """A healthy 48 V battery, or one of fewer cells."""
    values: dict[str, Value] = {
        "cell_count": cells,
        **{f"cell_voltage_{number}": 3.3 for number in range(cells)},
        "sensor_count": 2,
        "temperature_0": 21.5,
        "temperature_1": 22.0,
        "current": -3.2,
        "voltage": round(3.3 * cells, 1),
        "remaining_charge": 41.2,
        "capacity": 50.0,
        "cycle_count": 12,
        "charge_current_limit": 50.0,
        "discharge_current_limit": -50.0,
        "charge_mosfet": True,
        "problem": False,
        "model": "RBT50LFP48S",
    }
    return values | changed


CONTROLLER: dict[str, Value] = {
    "battery_percentage": 100,
    "battery_voltage": 14.4,
    "battery_current": 0.04,
    "controller_temperature": 14,
    "battery_temperature": 25,
    "pv_voltage": 23.2,
    "pv_current": 0.04,
    "pv_power": 1,
    "power_generation_today": 1754,
    "power_generation_total": 65936,
    "total_working_days": 555,
    "charging_status": "boost",
    "load_status": "off",
    "faults": 0,
}


class Rounds:
    """A judge and the rounds that it is given."""

    def __init__(self, device_type: DeviceType = DeviceType.BATTERY, interval_s: float = INTERVAL_S) -> None:
        self._judge = Judge(device_type)
        self._interval_s = interval_s
        self._now = 1000.0

    def next(self, values: dict[str, Value], *, after_s: float | None = None) -> Verdict:
        self._now += self._interval_s if after_s is None else after_s
        return self._judge.judge(values, self._now)


def refused(verdict: Verdict) -> set[str]:
    return {each.name for each in verdict.refused}


def cells_of(values: dict[str, Value]) -> set[str]:
    return {name for name in values if name.startswith("cell_voltage_")}


# what passes


def test_a_healthy_battery_is_believed_at_once() -> None:
    assert Rounds().next(battery()) == Verdict(battery())


def test_a_real_controller_is_believed_at_once() -> None:
    assert Rounds(DeviceType.CONTROLLER).next(CONTROLLER) == Verdict(CONTROLLER)


def test_accepted_values_keep_their_order() -> None:
    verdict = Rounds().next(battery(voltage=2484.0))
    assert list(verdict.accepted) == [name for name in battery() if name != "voltage"]


def test_current_and_power_jump_as_they_like() -> None:
    rounds = Rounds(DeviceType.CONTROLLER)
    for amperes, watts in ((0.0, 0), (59.9, 3100), (0.0, 0), (42.0, 2200)):
        values = CONTROLLER | {"battery_current": amperes, "pv_power": watts, "pv_voltage": float(watts % 90)}
        assert rounds.next(values).accepted == values


def test_what_is_missing_stays_missing() -> None:
    rounds = Rounds()
    rounds.next(battery())
    assert rounds.next({"current": 1.0}) == Verdict({"current": 1.0})


# ranges


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("voltage", 2484.0),
        ("voltage", 0.0),
        ("voltage", 130.4),
        ("capacity", 0.0),
        ("cell_voltage_3", 34.0),
        ("temperature_0", 6553.1),
        ("current", 653.96),
        ("remaining_charge", 4294967.295),
        ("cell_count", 17),
    ],
)
def test_an_impossible_value_is_never_believed(name: str, value: float) -> None:
    rounds = Rounds()
    for _ in range(5):
        verdict = rounds.next(battery(**{name: value}))
        assert name not in verdict.accepted
        assert [each.value for each in verdict.refused if each.name == name] == [value]
    assert rounds.next(battery()).accepted == battery()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["voltage", "status1"])
def test_what_is_no_number_is_refused(name: str, value: float) -> None:
    assert name in refused(Rounds().next(battery(**{name: value})))


def test_words_of_status_bits_may_hold_anything() -> None:
    values: dict[str, Value] = {"status1": 65535, "cell_voltage_alarm": 0xFFFFFFFF, "faults": 65535}
    assert Rounds().next(values).accepted == values


def test_a_list_is_believed_as_a_whole_or_not_at_all() -> None:
    rounds = Rounds(DeviceType.CONTROLLER_HISTORY)
    good: dict[str, Value] = {"daily_charge_ah": (1.0, 2.0), "daily_max_power": (100.0, 9000.0)}
    assert rounds.next(good).accepted == good
    assert refused(rounds.next(good | {"daily_max_power": (100.0, 65535.0)})) == {"daily_max_power"}


@given(st.sampled_from(RANGES), st.floats(allow_nan=True, allow_infinity=True), st.integers(1, 3))
def test_nothing_out_of_range_is_ever_accepted(row: Range, value: float, repeats: int) -> None:
    name = row.name.replace("#", "0")
    rounds = Rounds()
    for _ in range(repeats):
        for accepted in rounds.next({name: value}).accepted.values():
            assert isinstance(accepted, float)
            assert row.low <= accepted <= row.high


# another device than was said


def test_what_may_be_confirmed_is_not_refused_for_good() -> None:
    rounds = Rounds()
    rounds.next(battery())
    (jump,) = rounds.next(battery(remaining_charge=10.0)).refused
    (impossible,) = rounds.next(battery(current=6552.8)).refused
    assert (jump.final, impossible.final) == (False, True)


def test_a_device_of_another_type_is_recognised() -> None:
    values: dict[str, Value] = {"current": 1.2, "voltage": 3694.0, "remaining_charge": 23.4, "capacity": 0.0}
    verdict = Rounds().next(values | {"cycle_count": 30000, "model": "RNG-CTRL-RVR40"})
    assert verdict.alien
    assert verdict.accepted == {}
    assert "RNG_BATT" in verdict.refused[0].reason


def test_one_or_two_values_do_not_tell_another_type() -> None:
    assert not Rounds().next({"voltage": 3694.0, "capacity": 0.0}).alien


def test_a_spike_in_one_value_is_not_another_type() -> None:
    assert not Rounds().next(battery(voltage=2484.0)).alien


# contradictions


def test_cells_of_a_tenth_of_a_volt_agree_with_their_battery() -> None:
    values = battery(**{f"cell_voltage_{number}": 3.2 for number in range(16)}, voltage=52.7)
    assert Rounds().next(values).accepted == values


def test_the_voltage_that_goes_on_as_before_outweighs_the_cells() -> None:
    rounds = Rounds()
    rounds.next(battery())
    wrong = battery(**{f"cell_voltage_{number}": 2.95 for number in range(16)})
    assert refused(rounds.next(wrong)) == cells_of(wrong)


def test_a_single_cell_that_spoils_the_sum_does_not_take_the_others_with_it() -> None:
    rounds = Rounds()
    rounds.next(battery())
    assert refused(rounds.next(battery(cell_voltage_5=0.0))) == {"cell_voltage_5"}


def test_the_cells_that_go_on_as_before_outweigh_the_voltage() -> None:
    rounds = Rounds()
    rounds.next(battery())
    assert refused(rounds.next(battery(voltage=26.4))) == {"voltage"}


def test_of_a_first_contradiction_nothing_is_believed() -> None:
    values = battery(voltage=40.0)
    verdict = Rounds().next(values)
    assert refused(verdict) == {"voltage", *cells_of(values)}
    assert "52.8 V" in verdict.refused[0].reason


def test_in_a_contradiction_that_stays_the_voltage_is_believed_when_confirmed() -> None:
    rounds = Rounds()
    values = battery(voltage=40.0)
    rounds.next(values)
    for _ in range(3):
        assert refused(rounds.next(values)) == cells_of(values)


def test_a_missing_cell_shows_nothing_about_the_sum() -> None:
    values = battery(voltage=56.0)
    del values["cell_voltage_7"]
    assert Rounds().next(values).accepted == values


def test_more_cannot_remain_than_there_is_room_for() -> None:
    rounds = Rounds()
    rounds.next(battery())
    for _ in range(3):
        assert refused(rounds.next(battery(remaining_charge=60.0))) == {"remaining_charge"}


def test_a_battery_may_count_a_little_beyond_its_capacity() -> None:
    values = battery(remaining_charge=51.0)
    assert Rounds().next(values).accepted == values


def test_a_current_far_beyond_its_limit_has_to_be_confirmed() -> None:
    rounds = Rounds()
    rounds.next(battery())
    assert refused(rounds.next(battery(current=-327.0))) == {"current"}
    assert not rounds.next(battery()).refused
    assert refused(rounds.next(battery(current=310.0))) == {"current"}
    for amperes in (300.0, 250.0, 320.0):
        assert not rounds.next(battery(current=amperes)).refused


def test_the_current_limits_are_remembered() -> None:
    rounds = Rounds()
    rounds.next(battery())
    assert refused(rounds.next({"current": -327.0})) == {"current"}


@pytest.mark.parametrize("limit", [0.0, None])
def test_without_a_limit_the_current_is_free(limit: float | None) -> None:
    values = battery(current=-250.0)
    del values["discharge_current_limit"]
    if limit is not None:
        values["discharge_current_limit"] = limit
    assert Rounds().next(values).accepted == values


# jumps


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("voltage", 61.0),
        ("cell_voltage_3", 0.0),
        ("remaining_charge", 0.0),
        ("capacity", 30.0),
        ("temperature_0", 99.0),
        ("cycle_count", 0),
        ("cell_count", 4),
    ],
)
def test_a_spike_is_never_published(name: str, value: float) -> None:
    rounds = Rounds()
    rounds.next(battery())
    assert name not in rounds.next(battery(**{name: value})).accepted
    assert rounds.next(battery()).accepted == battery()


@pytest.mark.parametrize(
    ("name", "value"),
    [("remaining_charge", 10.0), ("capacity", 100.0), ("temperature_0", 40.0), ("cycle_count", 0)],
)
def test_a_real_step_is_believed_in_the_second_round(name: str, value: float) -> None:
    rounds = Rounds()
    rounds.next(battery())
    changed = battery(**{name: value})
    assert refused(rounds.next(changed)) == {name}
    assert rounds.next(changed).accepted == changed
    assert rounds.next(changed).accepted == changed


def test_a_step_of_the_voltage_with_its_cells_is_believed_in_the_second_round() -> None:
    rounds = Rounds()
    rounds.next(battery(4))
    after = battery(4, voltage=10.4, **{f"cell_voltage_{number}": 2.6 for number in range(4)})
    assert refused(rounds.next(after)) == {"voltage", *cells_of(after)}
    assert rounds.next(after).accepted == after


def test_two_different_spikes_do_not_confirm_each_other() -> None:
    rounds = Rounds()
    rounds.next(battery())
    for value in (1.0, 20.0, 5.0, 20.0):
        assert "remaining_charge" not in rounds.next(battery(remaining_charge=value)).accepted
    assert rounds.next(battery()).accepted == battery()


def test_spikes_on_both_sides_of_a_good_value_do_not_confirm_each_other() -> None:
    rounds = Rounds()
    rounds.next(battery())
    for value in (0.0, 41.2, 0.0, 41.2):
        accepted = rounds.next(battery(remaining_charge=value)).accepted
        assert accepted.get("remaining_charge") == (value or None)


def test_a_first_value_of_nothing_has_to_be_confirmed() -> None:
    rounds = Rounds()
    empty = battery(remaining_charge=0.0)
    assert refused(rounds.next(empty)) == {"remaining_charge"}
    assert rounds.next(empty).accepted == empty


def test_after_a_first_spike_of_nothing_the_truth_is_believed_at_once() -> None:
    rounds = Rounds()
    rounds.next(battery(remaining_charge=0.0))
    assert rounds.next(battery()).accepted == battery()


def test_a_false_first_value_does_not_keep_the_true_ones_away_for_long() -> None:
    rounds = Rounds()
    rounds.next(battery(remaining_charge=4.0))
    assert refused(rounds.next(battery())) == {"remaining_charge"}
    assert rounds.next(battery()).accepted == battery()


def test_the_longer_the_silence_the_more_may_have_changed() -> None:
    changed = battery(remaining_charge=32.0)
    soon, later = Rounds(), Rounds()
    soon.next(battery())
    later.next(battery())
    assert refused(soon.next(changed)) == {"remaining_charge"}
    assert later.next(changed, after_s=120.0).accepted == changed


def test_after_a_long_silence_a_battery_may_be_as_it_likes() -> None:
    rounds = Rounds()
    rounds.next(battery(temperature_0=40.0))
    changed = battery(remaining_charge=5.0, temperature_0=-20.0)
    assert rounds.next(changed, after_s=2000 * FORGET_S).accepted == changed


def test_a_value_that_jumps_about_is_not_believed_because_time_has_passed() -> None:
    rounds = Rounds()
    rounds.next(battery())
    for capacity in (100.0, 150.0, 200.0, 75.0) * 20:
        assert "capacity" not in rounds.next(battery(capacity=capacity)).accepted


def test_rare_readings_are_judged_by_the_same_rules() -> None:
    rounds = Rounds(interval_s=2 * FORGET_S)
    empty = battery(remaining_charge=0.0)
    assert refused(rounds.next(empty)) == {"remaining_charge"}
    assert rounds.next(empty).accepted == empty


# counters


def test_a_total_that_grows_is_believed() -> None:
    rounds = Rounds(DeviceType.CONTROLLER)
    for total in (65936, 65936, 65950, 66000):
        assert not rounds.next(CONTROLLER | {"power_generation_total": total}).refused


def test_a_total_that_falls_or_leaps_for_one_round_is_not_believed() -> None:
    rounds = Rounds(DeviceType.CONTROLLER)
    rounds.next(CONTROLLER)
    for total in (65000, 0, 9_000_000):
        assert refused(rounds.next(CONTROLLER | {"power_generation_total": total})) == {
            "power_generation_total"
        }
        assert not rounds.next(CONTROLLER).refused


def test_a_count_of_the_day_begins_again_within_two_rounds() -> None:
    rounds = Rounds(DeviceType.CONTROLLER)
    rounds.next(CONTROLLER)
    assert refused(rounds.next(CONTROLLER | {"power_generation_today": 0})) == {"power_generation_today"}
    for watt_hours in (0, 3, 20):
        assert not rounds.next(CONTROLLER | {"power_generation_today": watt_hours}).refused


def test_a_total_is_not_forgotten() -> None:
    rounds = Rounds(DeviceType.CONTROLLER)
    rounds.next(CONTROLLER)
    month_s = 30 * 86400.0
    assert "power_generation_total" in refused(
        rounds.next(CONTROLLER | {"power_generation_total": 100}, after_s=month_s)
    )


# rows


def test_every_temperature_has_a_range() -> None:
    for name in ("board_temperature", "heater_temperature_1", "environment_temperature_0", "temperature"):
        limits = range_of(name)
        assert limits is not None
        assert limits.holds(-40.0)
        assert not limits.holds(6553.1)
