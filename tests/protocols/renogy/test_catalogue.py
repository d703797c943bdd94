import pytest

from renogybt.model.quantity import Form, Quantity, Statistics
from renogybt.model.reading import DeviceType, Role
from renogybt.protocols.renogy.catalogue import QUANTITY_ORDER, RAW, ROLES, is_raw, ordered, quantity
from renogybt.protocols.renogy.errors import UnknownQuantityError

ALL = [quantity(name.format(48)) for name in QUANTITY_ORDER]

UNITS = {
    "": {"", "Ah", "%", "K"},
    "apparent_power": {"VA"},
    "battery": {"%"},
    "current": {"A"},
    "energy": {"Wh", "kWh"},
    "frequency": {"Hz"},
    "power": {"W"},
    "problem": {""},
    "temperature": {"°C"},
    "voltage": {"V"},
}
"""What Home Assistant takes for a device class, of the units that occur here."""

# fmt: off
EARLIER = [
    "cell_count", "cell_voltage_0", "sensor_count", "temperature_0", "current", "voltage",
    "remaining_charge", "capacity", "model", "device_id", "power", "battery_level", "energy_in_kwh",
    "energy_out_kwh", "combined_capacity", "combined_remaining_charge", "combined_power",
    "combined_current", "combined_energy_in_kwh", "combined_energy_out_kwh", "combined_charge_percentage",
    "battery_48_cell_voltage_min", "battery_48_cell_voltage_max", "battery_48_temperature_min",
    "battery_48_temperature_max", "function", "battery_percentage", "battery_voltage", "battery_current",
    "battery_temperature", "controller_temperature", "load_status", "load_voltage", "load_current",
    "load_power", "pv_voltage", "pv_current", "pv_power", "max_charging_power_today",
    "max_discharging_power_today", "charging_amp_hours_today", "discharging_amp_hours_today",
    "power_generation_today", "power_consumption_today", "power_generation_total", "charging_status",
    "battery_type", "daily_power_generation", "daily_charge_ah", "daily_max_power",
    "combined_charge_current", "alternator_voltage", "alternator_current", "alternator_power",
    "battery_min_voltage_today", "battery_max_voltage_today", "battery_max_current_today",
    "total_working_days", "count_battery_overdischarged", "count_battery_fully_charged",
    "battery_ah_total_accumulated", "error", "input_voltage", "input_current", "output_voltage",
    "output_current", "output_frequency", "temperature", "input_frequency", "charging_current",
    "solar_voltage", "solar_current", "solar_power", "charging_power", "load_curent", "load_active_power",
    "load_apparent_power", "line_charging_current", "load_percentage", "main_battery_percent",
    "main_battery_voltage", "starter_battery_voltage", "charge_amps", "charge_watts",
]
# fmt: on


def named(row: Quantity) -> str:
    return row.name


def test_every_type_has_a_role() -> None:
    assert set(ROLES) == set(DeviceType)
    assert Role.BANK not in ROLES.values()


@pytest.mark.parametrize("name", EARLIER)
def test_the_names_of_the_earlier_program_are_known(name: str) -> None:
    assert quantity(name).name == name


@pytest.mark.parametrize("row", ALL, ids=named)
def test_a_unit_is_one_of_its_device_class(row: Quantity) -> None:
    assert row.unit in UNITS[row.device_class]


@pytest.mark.parametrize("row", ALL, ids=named)
def test_only_numbers_have_statistics_and_energy_only_grows(row: Quantity) -> None:
    if row.form is not Form.NUMBER:
        assert row.statistics is Statistics.NONE
        assert row.decimals == 0 or row.form is Form.LIST
    if row.device_class == "energy" and row.form is Form.NUMBER:
        assert row.statistics is Statistics.TOTAL_INCREASING


@pytest.mark.parametrize("row", ALL, ids=named)
def test_only_flags_have_a_device_class_of_flags(row: Quantity) -> None:
    assert (row.device_class == "problem") <= (row.form is Form.FLAG)
    if row.form in (Form.FLAG, Form.TEXT, Form.ON_OFF):
        assert row.unit == ""


def test_names_are_unique_and_labels_are_there() -> None:
    assert len(set(QUANTITY_ORDER)) == len(QUANTITY_ORDER)
    assert all(row.label and row.label[0].isupper() and "{" not in row.label for row in ALL)


def test_cells_count_from_0_in_names_and_from_1_in_labels() -> None:
    assert quantity("cell_voltage_0").label == "Cell 1 voltage"
    assert quantity("temperature_15").label == "Temperature 16"


def test_batteries_of_a_bank_are_shown_by_their_unit_id() -> None:
    assert quantity("battery_48_cell_voltage_min").label == "Battery 48 lowest cell voltage"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "volts",
        "cell_voltage_",
        "cell_voltage_{}",
        "cell_voltage_01",
        "cell_voltage_-1",
        "voltage_1",
        "status_1",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UnknownQuantityError, match=f"^no quantity is called {name!r}$"):
        quantity(name)


def test_quantities_come_in_the_order_to_show_them() -> None:
    names = [
        "model",
        "cell_voltage_10",
        "cell_voltage_2",
        "battery_level",
        "cell_voltage_2",
        "problem",
        "voltage",
        "cycle_count",
    ]

    assert [row.name for row in ordered(names)] == [
        "battery_level",
        "voltage",
        "problem",
        "cell_voltage_2",
        "cell_voltage_10",
        "cycle_count",
        "model",
    ]


def test_the_values_of_one_battery_of_a_bank_stay_together() -> None:
    names = ["battery_49_cell_voltage_max", "battery_48_temperature_max", "battery_48_cell_voltage_min"]

    assert [row.name for row in ordered(names)] == [names[2], names[1], names[0]]


def test_words_of_the_protocol_are_raw_and_measured_values_are_not() -> None:
    assert all(
        is_raw(name) for name in ("status1", "cell_voltage_alarm", "function", "load_curent", "faults")
    )
    assert not any(is_raw(name) for name in ("voltage", "problem", "charge_mosfet", "cell_voltage_3"))
    assert set(QUANTITY_ORDER) >= RAW


@pytest.mark.parametrize("name", ["charging_amp_hours_today", "remaining_charge", "combined_capacity"])
def test_ampere_hours_have_no_device_class(name: str) -> None:
    assert (quantity(name).unit, quantity(name).device_class) == ("Ah", "")
