import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.config import TemperatureUnit
from renogybt.model.quantity import Quantity, Value
from renogybt.protocols.renogy.catalogue import QUANTITY_ORDER, quantity
from renogybt.protocols.renogy.errors import UnknownQuantityError
from renogybt.readers.present import UnknownField, present, shown, unknown_fields

C, F = TemperatureUnit.CELSIUS, TemperatureUnit.FAHRENHEIT

BATTERY: dict[str, Value] = {
    "voltage": 52.8,
    "current": -3.2,
    "temperature_0": 21.5,
    "charge_mosfet": True,
    "problems": (),
    "model": "RBT50LFP48S",
}


def quantities(*names: str) -> list[Quantity]:
    return [quantity(name) for name in names]


# units


def test_in_celsius_values_stay_as_they_are() -> None:
    assert present(BATTERY, temperature_unit=C) == BATTERY


def test_in_fahrenheit_only_temperatures_change() -> None:
    assert present(BATTERY, temperature_unit=F) == BATTERY | {"temperature_0": 70.7}


@pytest.mark.parametrize(
    ("name", "celsius", "fahrenheit"),
    [
        ("temperature_3", -40.0, -40.0),
        ("temperature_min", 0.0, 32.0),
        ("board_temperature", 23.4, 74.1),
        ("controller_temperature", 14, 57),
        ("battery_48_temperature_max", 100.0, 212.0),
    ],
)
def test_temperatures_of_all_kinds_are_converted(name: str, celsius: float, fahrenheit: float) -> None:
    assert present({name: celsius}, temperature_unit=F) == {name: fahrenheit}


def test_a_difference_of_temperatures_is_stretched_and_not_shifted() -> None:
    assert present({"temperature_delta": 5.0}, temperature_unit=F) == {"temperature_delta": 9.0}
    assert present({"temperature_delta": 0.0}, temperature_unit=F) == {"temperature_delta": 0.0}


def test_the_temperature_of_an_inverter_stays_in_celsius() -> None:
    assert present({"temperature": 55.1}, temperature_unit=F) == {"temperature": 55.1}
    assert shown(quantities("temperature"), temperature_unit=F) == (quantity("temperature"),)


def test_the_quantities_tell_the_unit_of_the_values() -> None:
    names = ("voltage", "temperature_0", "temperature_delta")
    assert [each.unit for each in shown(quantities(*names), temperature_unit=C)] == ["V", "°C", "K"]
    assert [each.unit for each in shown(quantities(*names), temperature_unit=F)] == ["V", "°F", "°F"]


@given(st.floats(-50, 150))
def test_fahrenheit_loses_less_than_its_own_resolution(celsius: float) -> None:
    fahrenheit = present({"temperature_0": celsius}, temperature_unit=F)["temperature_0"]
    assert isinstance(fahrenheit, float)
    assert (fahrenheit - 32) * 5 / 9 == pytest.approx(celsius, abs=0.03)


# digits


def test_values_have_the_digits_of_their_source() -> None:
    values: dict[str, Value] = {"power": 164.304, "combined_charge_percentage": 200 / 3, "pv_power": 12.6}
    assert present(values, temperature_unit=C) == {
        "power": 164.3,
        "combined_charge_percentage": 66.7,
        "pv_power": 13,
    }


def test_whole_numbers_stay_whole() -> None:
    shown_values = present({"cycle_count": 12, "power_generation_today": 1754}, temperature_unit=C)
    assert {type(value) for value in shown_values.values()} == {int}


def test_each_number_of_a_list_is_rounded() -> None:
    values: dict[str, Value] = {"daily_max_power": (100.4, 99.6), "problems": ("short circuit",)}
    assert present(values, temperature_unit=C) == {
        "daily_max_power": (100, 100),
        "problems": ("short circuit",),
    }


def test_what_is_no_quantity_is_an_error_of_ours() -> None:
    with pytest.raises(UnknownQuantityError):
        present({"voltags": 1.0}, temperature_unit=C)


# fields


def test_without_fields_everything_is_shown() -> None:
    assert present(BATTERY, temperature_unit=C, fields=()) == BATTERY


def test_only_chosen_fields_are_shown_and_offered() -> None:
    fields = ("voltage", "temperature_0")
    assert present(BATTERY, temperature_unit=C, fields=fields) == {"voltage": 52.8, "temperature_0": 21.5}
    offered = shown(quantities(*BATTERY), temperature_unit=C, fields=fields)
    assert [each.name for each in offered] == ["voltage", "temperature_0"]


@pytest.mark.parametrize("fields", [("voltage", "voltags"), ("voltage", "")])
def test_an_unknown_field_does_not_switch_the_others_off(fields: tuple[str, ...]) -> None:
    assert present(BATTERY, temperature_unit=C, fields=fields) == {"voltage": 52.8}


def test_only_unknown_fields_show_nothing() -> None:
    assert present(BATTERY, temperature_unit=C, fields=("voltags",)) == {}
    assert shown(quantities(*BATTERY), temperature_unit=C, fields=("voltags",)) == ()


def test_unknown_fields_are_named_with_what_may_be_meant() -> None:
    (field,) = unknown_fields(("voltage", "voltags", "cell_voltage_11", "__device", "function"))
    assert field.name == "voltags"
    assert "voltage" in field.nearest


def test_an_unknown_field_is_named_once() -> None:
    assert unknown_fields(("xyzzy", "xyzzy")) == (UnknownField("xyzzy", ()),)


def test_the_nearest_names_can_be_written_as_they_are() -> None:
    (field,) = unknown_fields(("cell_voltag_3",))
    assert field.nearest
    for name in field.nearest:
        assert quantity(name)


@given(st.sampled_from(QUANTITY_ORDER), st.sampled_from(TemperatureUnit), st.booleans())
def test_values_and_quantities_are_chosen_alike(pattern: str, unit: TemperatureUnit, chosen: bool) -> None:
    name = pattern.format(7)
    fields = (name,) if chosen else ("voltags",)
    values = present({name: 20.0}, temperature_unit=unit, fields=fields)
    offered = shown(quantities(name), temperature_unit=unit, fields=fields)
    assert [each.name for each in offered] == list(values)
