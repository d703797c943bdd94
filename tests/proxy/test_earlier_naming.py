from collections.abc import Sequence

from proxy.power_devices import (
    BANK_VALUES,
    BATTERY_VALUES,
    HUB,
    OTHER_HUB,
    UNITS,
    bank,
    bank_key,
    battery,
    controller,
    house,
    key,
)

from renogybt.model.reading import PowerDevice, Role
from renogybt.protocols.renogy.catalogue import ordered
from renogybt.proxy.earlier_naming import show_earlier
from renogybt.proxy.entity_kinds import Entity, Sensor, StateClass
from renogybt.proxy.shown import ShownDevice

FIELDS = {
    "voltage": "Voltage",
    "current": "Current",
    "power": "Power",
    "soc": "State of Charge",
    "charge_level": "Charge Level",
    "remaining_charge": "Remaining Charge",
    "capacity": "Capacity",
    "cell_voltage_min": "Cell Voltage Min",
    "cell_voltage_max": "Cell Voltage Max",
    "cell_voltage_delta": "Cell Voltage Delta",
    "temperature_min": "Temperature Min",
    "temperature_max": "Temperature Max",
    "temperature_delta": "Temperature Delta",
    "cell_count": "Cell Count",
    "temp_sensor_count": "Temp Sensor Count",
}
"""As `unified_proxy.py` of the earlier program defined them."""


def show(devices: Sequence[PowerDevice]) -> dict[str, ShownDevice]:
    return {each.key: each for each in show_earlier(devices, switchable=False)}


def entities(devices: Sequence[PowerDevice]) -> dict[str, Entity]:
    return {entity.object_id: entity for each in show(devices).values() for entity in each.entities}


def test_the_75_entities_of_the_earlier_program_are_there_under_their_names() -> None:
    wanted = {
        f"renogy_battery_{unit}_{field}": f"Battery {unit} {words}"
        for unit in UNITS
        for field, words in FIELDS.items()
    } | {f"renogy_combined_{field}": f"Combined {words}" for field, words in FIELDS.items()}
    found = entities(house())

    assert len(wanted) == 75
    assert {name: found[name].name for name in wanted} == wanted


def test_they_are_there_before_the_device_is_known() -> None:
    unknown = PowerDevice(key(48), Role.BATTERY, "house", (), 48, HUB)

    assert set(entities([unknown])) >= {f"renogy_battery_48_{field}" for field in FIELDS}


def test_everything_is_on_this_device_itself() -> None:
    assert {entity.device_id for entity in entities(house()).values()} == {0}
    assert {each.device for each in show(house()).values()} == {None}


def test_the_rest_is_called_as_the_other_program_did() -> None:
    found = entities(house())

    assert found["house_48_energy_in_kwh"].name == "house_48 Energy In Kwh"
    assert found["house_48_cell_voltage_0"].name == "house_48 Cell Voltage 0"
    assert found["roof_96_pv_power"].name == "roof_96 Pv Power"
    assert found["house_combined_combined_energy_in_kwh"].name == "house_combined Combined Energy In Kwh"
    assert (
        found["house_combined_battery_48_cell_voltage_min"].name
        == "house_combined Battery 48 Cell Voltage Min"
    )


def test_what_has_a_name_of_the_one_program_gets_none_of_the_other() -> None:
    assert not set(entities(house())) & {"house_48_voltage", "house_combined_combined_power"}


def test_diagnostics_are_called_after_their_device() -> None:
    found = entities(house())

    assert found["renogy_battery_48_link"].name == "Battery 48 Link"
    assert found["roof_96_link"].name == "roof_96 Link"
    assert "renogy_combined_link" not in found


def test_keys_and_names_occur_once() -> None:
    shown = show((*house(), battery(48, address=OTHER_HUB), bank(address=OTHER_HUB)))
    every = [entity for each in shown.values() for entity in each.entities]

    assert len({entity.key for entity in every}) == len(every)
    assert len({(type(entity), entity.name) for entity in every}) == len(every)


def test_of_two_hubs_the_first_keeps_the_names() -> None:
    found = entities([battery(48), battery(48, address=OTHER_HUB)])

    assert found["renogy_battery_48_voltage"].name == "Battery 48 Voltage"
    assert found["renogy_battery_48_1234_voltage"].name == "Battery 48 1234 Voltage"
    assert found["house_48_energy_in_kwh"].name == "house_48 Energy In Kwh"
    assert found["house_48_1234_energy_in_kwh"].name == "house_48_1234 Energy In Kwh"


def test_a_device_without_an_alias_has_names_too() -> None:
    assert "controller_96_pv_power" in entities([controller(alias="")])


# values


def states(device: PowerDevice, values: dict[str, object]) -> dict[str, object]:
    (shown,) = show_earlier([device], switchable=False)
    return dict(shown.states(values))  # type: ignore[arg-type]


def test_the_fields_of_a_battery_have_its_values() -> None:
    found = states(battery(48), {**BATTERY_VALUES, "temperature_delta": 1.5})

    assert found["renogy_battery_48_soc"] == found["renogy_battery_48_charge_level"] == 86.5
    assert found["renogy_battery_48_voltage"] == 52.8
    assert found["renogy_battery_48_cell_voltage_delta"] == 0.1
    assert found["renogy_battery_48_temperature_delta"] == 1.5
    assert found["renogy_battery_48_temp_sensor_count"] is None
    assert found["house_48_energy_in_kwh"] == 12.345


def test_a_difference_that_is_not_told_is_made_of_the_extremes() -> None:
    assert states(battery(48), dict(BATTERY_VALUES))["renogy_battery_48_temperature_delta"] == 1.0
    assert states(battery(48), {"temperature_min": 3.0})["renogy_battery_48_temperature_delta"] is None


def test_the_fields_of_a_bank_have_the_combined_values() -> None:
    found = states(bank(), dict(BANK_VALUES))

    assert found["renogy_combined_soc"] == found["renogy_combined_charge_level"] == 86.4
    assert found["renogy_combined_power"] == -2600.5
    assert found["renogy_combined_cell_voltage_min"] == 3.2
    assert found["renogy_combined_cell_voltage_max"] == 3.5
    assert found["renogy_combined_cell_voltage_delta"] == 0.3
    assert found["house_combined_combined_energy_in_kwh"] == 50.125
    assert found["renogy_combined_voltage"] is None
    assert found["renogy_combined_temperature_delta"] is None


def test_units_are_those_of_the_values() -> None:
    battery_48 = battery(48)
    in_fahrenheit = tuple(
        type(each)(each.name, each.label, "°F", each.device_class) if each.unit == "°C" else each
        for each in battery_48.quantities
    )
    device = PowerDevice(battery_48.key, Role.BATTERY, "house", in_fahrenheit, 48, HUB)
    entity = entities([device])["renogy_battery_48_temperature_min"]

    assert isinstance(entity, Sensor)
    assert (entity.unit, entity.device_class) == ("°F", "temperature")


def test_energy_still_fits_the_energy_dashboard() -> None:
    device = PowerDevice(bank_key(), Role.BANK, "house", ordered(["combined_energy_in_kwh"]))
    entity = entities([device])["house_combined_combined_energy_in_kwh"]

    assert isinstance(entity, Sensor)
    assert (entity.unit, entity.state_class) == ("kWh", StateClass.TOTAL_INCREASING)
