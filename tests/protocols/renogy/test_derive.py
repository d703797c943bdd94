import pytest

from renogybt.model.reading import DeviceType
from renogybt.protocols.renogy.derive import derive
from renogybt.protocols.renogy.registers import Values

BATTERY = DeviceType.BATTERY


@pytest.mark.parametrize("device_type", [BATTERY, DeviceType.BATTERY_PRO])
def test_power_is_voltage_times_current(device_type: DeviceType) -> None:
    assert derive(device_type, {"voltage": 13.6, "current": -0.86})["power"] == -11.696


def test_the_level_is_what_remains_of_the_capacity() -> None:
    assert derive(BATTERY, {"remaining_charge": 208.962, "capacity": 211.93})["battery_level"] == 98.6


def test_a_battery_without_capacity_has_no_level() -> None:
    assert derive(BATTERY, {"remaining_charge": 1.0, "capacity": 0.0}) == {
        "remaining_charge": 1.0,
        "capacity": 0.0,
    }


@pytest.mark.parametrize(
    "values", [{"voltage": 13.6}, {"current": 1.0}, {"remaining_charge": 1.0}, {"capacity": 1.0}, {}]
)
def test_nothing_follows_from_half_of_what_is_needed(values: Values) -> None:
    assert derive(BATTERY, values) == values


def test_cells_and_temperatures_have_a_lowest_a_highest_and_a_difference() -> None:
    values: Values = {
        "cell_count": 3,
        "cell_voltage_0": 3.3,
        "cell_voltage_1": 3.4,
        "cell_voltage_2": 3.1,
        "cell_voltage_alarm": 170,
        "sensor_count": 2,
        "temperature_0": -2.5,
        "temperature_1": 4.0,
        "board_temperature": 60.0,
        "heater_temperature_0": 50.0,
    }

    derived = derive(BATTERY, values)

    assert {name: derived[name] for name in derived.keys() - values.keys()} == {
        "cell_voltage_min": 3.1,
        "cell_voltage_max": 3.4,
        "cell_voltage_delta": 0.3,
        "temperature_min": -2.5,
        "temperature_max": 4.0,
        "temperature_delta": 6.5,
    }


def test_where_a_cell_is_missing_nothing_is_said_of_all_cells() -> None:
    derived = derive(BATTERY, {"cell_count": 3, "cell_voltage_0": 3.3, "cell_voltage_2": 3.4})

    assert derived.keys().isdisjoint({"cell_voltage_min", "cell_voltage_max", "cell_voltage_delta"})


def test_a_battery_is_never_more_than_full() -> None:
    assert derive(BATTERY, {"remaining_charge": 51.0, "capacity": 50.0})["battery_level"] == 100.0


def test_what_was_derived_before_changes_nothing() -> None:
    once = derive(BATTERY, {"cell_voltage_0": 3.3, "voltage": 3.3, "current": 1.0})

    assert derive(BATTERY, once) == once


@pytest.mark.parametrize(
    "device_type", [each for each in DeviceType if each not in (BATTERY, DeviceType.BATTERY_PRO)]
)
def test_other_devices_say_everything_themselves(device_type: DeviceType) -> None:
    values: Values = {"voltage": 12.0, "current": 2.0, "temperature_0": 3.0}

    assert derive(device_type, values) == values


def test_the_values_that_came_stay_as_they_are() -> None:
    values: Values = {"voltage": 12.0, "current": 2.0}

    derive(BATTERY, values)

    assert values == {"voltage": 12.0, "current": 2.0}
