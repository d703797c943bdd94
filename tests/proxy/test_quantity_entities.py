import pytest

from renogybt.model.quantity import Quantity, Statistics, Value
from renogybt.protocols.renogy.catalogue import QUANTITY_ORDER, quantity
from renogybt.proxy.entity_kinds import (
    BinarySensor,
    Category,
    Entity,
    Sensor,
    State,
    StateClass,
    Switch,
    TextSensor,
)
from renogybt.proxy.health_entities import health_at
from renogybt.proxy.quantity_entities import STATE_CLASSES, shown, state_of, value_of
from renogybt.proxy.shown import Spot

VOLTAGE = quantity("voltage")
LOAD = quantity("load_status")
PROBLEM = quantity("problem")
PROBLEMS = quantity("problems")
MODEL = quantity("model")
EVERY_NAME = [name.format(3) for name in QUANTITY_ORDER]


def entity_of(each: Quantity, *, switchable: bool = False) -> Entity:
    return value_of(each, "an_id", "A name", 7, switchable=switchable).entity


# kinds


def test_a_number_is_a_sensor_with_its_unit_and_resolution() -> None:
    assert entity_of(VOLTAGE) == Sensor(
        "an_id",
        "A name",
        device_class="voltage",
        category=Category.NONE,
        device_id=7,
        unit="V",
        decimals=1,
        state_class=StateClass.MEASUREMENT,
    )


@pytest.mark.parametrize(
    ("each", "kind"),
    [(MODEL, TextSensor), (PROBLEMS, TextSensor), (PROBLEM, BinarySensor), (LOAD, BinarySensor)],
    ids=["text", "list", "flag", "on or off"],
)
def test_each_form_has_its_kind(each: Quantity, kind: type[Entity]) -> None:
    assert type(entity_of(each)) is kind


def test_only_what_is_on_or_off_becomes_a_switch() -> None:
    assert type(entity_of(LOAD, switchable=True)) is Switch
    assert type(entity_of(PROBLEM, switchable=True)) is BinarySensor
    assert type(entity_of(VOLTAGE, switchable=True)) is Sensor


def test_every_statistics_has_a_state_class() -> None:
    assert set(STATE_CLASSES) == set(Statistics)
    assert {each.name for each in STATE_CLASSES.values()} == {each.name for each in Statistics}


def test_what_matters_only_when_something_is_wrong_is_diagnostic() -> None:
    assert entity_of(MODEL).category is Category.DIAGNOSTIC
    assert entity_of(PROBLEM).category is Category.NONE


def test_limits_are_hidden_until_somebody_wants_them_and_cells_are_not() -> None:
    assert entity_of(quantity("charge_voltage_limit")).disabled
    assert not entity_of(quantity("cell_voltage_3")).disabled


@pytest.mark.parametrize("name", ["energy_in_kwh", "combined_energy_out_kwh"])
def test_energy_fits_the_energy_dashboard(name: str) -> None:
    entity = entity_of(quantity(name))

    assert isinstance(entity, Sensor)
    assert (entity.device_class, entity.unit) == ("energy", "kWh")
    assert entity.state_class is StateClass.TOTAL_INCREASING


def test_an_icon_is_given_only_where_there_is_no_device_class() -> None:
    entities = [entity_of(quantity(name)) for name in EVERY_NAME]

    assert any(entity.icon for entity in entities)
    assert all(entity.icon.startswith("mdi:") for entity in entities if entity.icon)
    assert not [entity for entity in entities if entity.icon and entity.device_class]


# what is shown


@pytest.mark.parametrize(
    "name", ["function", "device_id", "status1", "load_curent", "daily_power_generation"]
)
def test_words_of_the_protocol_and_rows_of_numbers_are_not_shown(name: str) -> None:
    assert shown([VOLTAGE, quantity(name), PROBLEMS]) == (VOLTAGE, PROBLEMS)


# states


@pytest.mark.parametrize(
    ("each", "value", "state"),
    [
        (VOLTAGE, 52.8, 52.8),
        (VOLTAGE, None, None),
        (PROBLEM, False, False),
        (LOAD, "on", True),
        (LOAD, "off", False),
        (LOAD, "perhaps", None),
        (LOAD, None, None),
        (MODEL, "on", "on"),
        (PROBLEMS, (), "none"),
        (PROBLEMS, ("short_circuit", "cell_over_voltage"), "short_circuit, cell_over_voltage"),
        (PROBLEMS, None, None),
    ],
)
def test_a_value_becomes_a_state(each: Quantity, value: Value | None, state: State) -> None:
    assert state_of(each, value) is state if isinstance(state, bool) else state_of(each, value) == state


def test_the_state_is_taken_from_the_value_of_the_same_name() -> None:
    value = value_of(VOLTAGE, "an_id", "A name")

    assert value.state({"voltage": 52.8, "current": 1.0}) == 52.8
    assert value.state({"current": 1.0}) is None


# what Home Assistant accepts

UNITS = {
    "apparent_power": {"VA"},
    "battery": {"%"},
    "current": {"A"},
    "duration": {"s", "d"},
    "energy": {"Wh", "kWh"},
    "frequency": {"Hz"},
    "power": {"W"},
    "signal_strength": {"dBm"},
    "temperature": {"°C", "°F"},
    "voltage": {"V"},
}
"""From DEVICE_CLASS_UNITS of homeassistant/components/sensor/const.py, as far as used here."""
CLASSES = {"energy": {StateClass.TOTAL, StateClass.TOTAL_INCREASING}}
"""From DEVICE_CLASS_STATE_CLASSES, same file; all others used here can only be measured."""
BINARY_CLASSES = {"", "connectivity", "power", "problem", "running", "heat", "battery_charging"}
TEXT_CLASSES = {"", "timestamp", "date"}

ENTITIES = [entity_of(each) for each in shown(map(quantity, EVERY_NAME))] + [
    each.entity for each in health_at(Spot(7, "a_"))
]


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: f"{entity.name} {entity.device_class}")
def test_home_assistant_accepts_device_class_unit_and_state_class(entity: Entity) -> None:
    if isinstance(entity, Sensor):
        if entity.device_class:
            assert entity.unit in UNITS[entity.device_class]
            allowed = CLASSES.get(entity.device_class, {StateClass.MEASUREMENT})
            assert entity.state_class in allowed | {StateClass.NONE}
    else:
        assert entity.device_class in (TEXT_CLASSES if isinstance(entity, TextSensor) else BINARY_CLASSES)
