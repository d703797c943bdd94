import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.protocols.esphome.messages import Message, api
from renogybt.proxy.entities import ButtonPress, EntityStore, Layout, SwitchCommand
from renogybt.proxy.entity_kinds import (
    Button,
    Category,
    Sensor,
    StateClass,
    SubDevice,
    Switch,
    TextSensor,
)

VOLTAGE = Sensor(
    "battery_voltage",
    "Battery voltage",
    icon="mdi:battery",
    device_class="voltage",
    category=Category.NONE,
    unit="V",
    decimals=2,
)
MODEL = TextSensor("model", "Model", icon="mdi:chip")


@pytest.fixture
def store() -> EntityStore:
    return EntityStore([VOLTAGE, MODEL])


@pytest.fixture
def heard(store: EntityStore) -> list[Message]:
    messages: list[Message] = []
    store.subscribe(messages.extend)
    return messages


# keys


@pytest.mark.parametrize(
    ("text", "key"), [("", 0x811C9DC5), ("a", 0xE40C292C), ("foobar", 0xBF9CF968), ("hello", 0x4F9F2CAB)]
)
def test_the_key_is_the_32_bit_fnv_1a_of_the_object_id(text: str, key: int) -> None:
    assert Sensor(text, "any name").key == key


def test_the_key_does_not_depend_on_anything_else() -> None:
    assert replace(VOLTAGE, name="Spannung", unit="mV").key == VOLTAGE.key


def test_two_entities_with_one_key_are_refused() -> None:
    with pytest.raises(ValueError, match="one key"):
        EntityStore([VOLTAGE, replace(VOLTAGE, name="another name")])


# listing


def test_a_sensor_is_listed_with_all_its_properties() -> None:
    assert VOLTAGE.listing() == api.ListEntitiesSensorResponse(
        object_id="battery_voltage",
        key=VOLTAGE.key,
        name="Battery voltage",
        icon="mdi:battery",
        unit_of_measurement="V",
        accuracy_decimals=2,
        device_class="voltage",
        state_class=1,
        entity_category=0,
    )


def test_a_text_sensor_is_listed_with_all_its_properties() -> None:
    assert MODEL.listing() == api.ListEntitiesTextSensorResponse(
        object_id="model", key=MODEL.key, name="Model", icon="mdi:chip", entity_category=2
    )


def test_the_numbers_of_the_enums_are_those_of_the_api() -> None:
    assert StateClass.TOTAL_INCREASING == api.STATE_CLASS_TOTAL_INCREASING
    assert StateClass.MEASUREMENT == api.STATE_CLASS_MEASUREMENT
    assert Category.CONFIG == api.ENTITY_CATEGORY_CONFIG
    assert Category.DIAGNOSTIC == api.ENTITY_CATEGORY_DIAGNOSTIC


def test_entities_are_listed_in_the_order_of_their_definition(store: EntityStore) -> None:
    assert list(store.listings()) == [VOLTAGE.listing(), MODEL.listing()]


# states


def test_a_state_carries_the_key_of_its_entity() -> None:
    assert VOLTAGE.state(13.5) == api.SensorStateResponse(key=VOLTAGE.key, state=13.5)
    assert MODEL.state("RNG-BATT") == api.TextSensorStateResponse(key=MODEL.key, state="RNG-BATT")


def test_zero_and_the_empty_text_are_states() -> None:
    for message in (VOLTAGE.state(0), MODEL.state("")):
        assert not message.missing_state  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("entity", [VOLTAGE, MODEL], ids=lambda entity: entity.object_id)
def test_what_is_no_value_is_shown_as_unknown(entity: Any, value: float | None) -> None:
    message: Any = entity.state(value)

    assert message.missing_state
    assert not message.state


def test_before_anything_is_published_all_states_are_unknown(store: EntityStore) -> None:
    assert list(store.states()) == [VOLTAGE.state(None), MODEL.state(None)]


def test_the_states_are_those_of_now(store: EntityStore) -> None:
    store.publish("battery_voltage", 13.31)
    store.publish("model", "A")
    store.publish("model", "B")

    assert list(store.states()) == [VOLTAGE.state(13.31), MODEL.state("B")]


def test_a_change_is_told_once(store: EntityStore, heard: list[Message]) -> None:
    store.publish("battery_voltage", 13.3)
    store.publish("battery_voltage", 13.3)
    store.publish("battery_voltage", 13.4)
    store.publish("battery_voltage", None)
    store.publish("battery_voltage", None)

    assert heard == [VOLTAGE.state(13.3), VOLTAGE.state(13.4), VOLTAGE.state(None)]


def test_a_value_that_is_not_known_again_and_again_is_told_never(
    store: EntityStore, heard: list[Message]
) -> None:
    for value in (None, math.nan, math.nan, math.inf):
        store.publish("battery_voltage", value)

    assert heard == []


def test_a_value_that_becomes_unknown_is_told_once(store: EntityStore, heard: list[Message]) -> None:
    for value in (1.0, math.nan, math.nan, None):
        store.publish("battery_voltage", value)

    assert heard == [VOLTAGE.state(1.0), VOLTAGE.state(None)]


def test_a_difference_that_no_client_can_see_is_not_told(store: EntityStore, heard: list[Message]) -> None:
    store.publish("battery_voltage", 13.31)
    store.publish("battery_voltage", 13.310000001)

    assert len(heard) == 1


def test_who_left_hears_nothing(store: EntityStore) -> None:
    heard: list[Message] = []
    leave = store.subscribe(heard.extend)

    leave()
    store.publish("model", "A")

    assert heard == []


def test_an_entity_that_does_not_exist_cannot_be_published(store: EntityStore) -> None:
    with pytest.raises(KeyError):
        store.publish("no such thing", 1.0)


@given(st.lists(st.one_of(st.none(), st.floats(width=32)), max_size=12))
def test_who_listened_from_the_start_knows_the_state_of_now(values: list[float | None]) -> None:
    store = EntityStore([VOLTAGE])
    latest = list(store.states())
    store.subscribe(lambda messages: latest.__setitem__(0, messages[0]))

    for value in values:
        store.publish("battery_voltage", value)

    assert latest == list(store.states())


# several changes at once


def test_what_changes_together_is_told_together(store: EntityStore) -> None:
    told: list[list[Message]] = []
    store.subscribe(lambda messages: told.append(list(messages)))

    store.publish_all({"battery_voltage": 13.3, "model": "A", "no such thing": 1.0})
    store.publish_all({"battery_voltage": 13.3, "model": "B"})
    store.publish_all({"battery_voltage": 13.3, "model": "B"})

    assert told == [[VOLTAGE.state(13.3), MODEL.state("A")], [MODEL.state("B")]]


def test_a_state_can_be_told_again(store: EntityStore, heard: list[Message]) -> None:
    store.publish("model", "A")
    store.repeat_all(["model", "no such thing"])

    assert heard == [MODEL.state("A"), MODEL.state("A")]


# entities that come later

LOAD = Switch("roof_load", "Load", device_id=5)
ROOF = SubDevice(5, "roof")
LATER = Layout(devices=(ROOF,), entities=(LOAD,))


def test_entities_that_come_later_are_listed_after_those_of_the_start(store: EntityStore) -> None:
    store.define("later", LATER)

    assert list(store.listings()) == [VOLTAGE.listing(), MODEL.listing(), LOAD.listing()]
    assert list(store.states())[-1] == LOAD.state(None)
    assert list(store.devices()) == [ROOF]


def test_who_defines_again_takes_back_what_was_before(store: EntityStore) -> None:
    store.define("later", LATER)
    store.define("later", Layout(entities=(replace(LOAD, object_id="hut_load"),)))

    assert [message.object_id for message in store.listings()][2:] == ["hut_load"]  # type: ignore[attr-defined]
    assert list(store.devices()) == []
    with pytest.raises(KeyError):
        store.publish("roof_load", True)


def test_states_of_entities_that_stay_are_kept(store: EntityStore, heard: list[Message]) -> None:
    store.publish("model", "A")
    store.define("later", LATER)
    store.publish("roof_load", True)
    store.define("later", Layout((ROOF,), (LOAD, replace(LOAD, object_id="second"))))

    assert list(store.states())[1:3] == [MODEL.state("A"), LOAD.state(True)]
    assert heard == [MODEL.state("A"), LOAD.state(True)]


def test_the_state_of_another_kind_of_entity_is_not_kept(store: EntityStore) -> None:
    text = TextSensor("roof_load", "Load", device_id=5)
    store.define("later", LATER)
    store.publish("roof_load", True)
    store.define("later", Layout((ROOF,), (text,)))

    assert list(store.states())[-1] == text.state(None)


def test_only_another_layout_is_told(store: EntityStore) -> None:
    told: list[int] = []
    store.layout_changes.add(told.append)
    first = store.layout

    store.define("later", LATER)
    store.define("later", Layout(devices=(ROOF,), entities=(LOAD,)))
    assert told == [first + 1]

    store.define("later", Layout(devices=(replace(ROOF, name="barn"),), entities=(LOAD,)))
    assert told == [first + 1, first + 2] == [first + 1, store.layout]


def test_a_later_entity_whose_key_is_taken_is_left_out_and_named(
    store: EntityStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.define("later", Layout(entities=(LOAD, TextSensor("model", "Another model"))))

    assert list(store.listings()) == [VOLTAGE.listing(), MODEL.listing(), LOAD.listing()]
    assert "model is not shown" in caplog.text


# commands


def test_a_command_is_for_switches_only(store: EntityStore) -> None:
    commands: list[SwitchCommand] = []
    store.commands.add(commands.append)
    store.define("later", LATER)

    assert store.command(LOAD.key, True)
    assert not store.command(VOLTAGE.key, True)
    assert not store.command(12_345, True)
    assert commands == [SwitchCommand("roof_load", True)]


BELL = Button("roof_bell", "Bell", device_id=5)
WITH_BELL = Layout(devices=(ROOF,), entities=(LOAD, BELL))


def test_a_press_is_for_buttons_only_and_a_command_for_none(store: EntityStore) -> None:
    presses: list[ButtonPress] = []
    commands: list[SwitchCommand] = []
    store.presses.add(presses.append)
    store.commands.add(commands.append)
    store.define("later", WITH_BELL)

    assert store.press(BELL.key)
    assert not any(store.press(key) for key in (LOAD.key, VOLTAGE.key, 12_345))
    assert not store.command(BELL.key, True)
    assert (presses, commands) == ([ButtonPress("roof_bell")], [])


def test_a_button_is_listed_and_has_no_state(store: EntityStore, heard: list[Message]) -> None:
    before = list(store.states())
    store.define("later", Layout(entities=(BELL,)))

    assert list(store.listings())[-1] == BELL.listing()
    assert list(store.states()) == before
    assert store.state(BELL.key) is None
    store.publish_all({"roof_bell": True})
    store.repeat_all(["roof_bell"])
    assert heard == []
    with pytest.raises(KeyError):
        store.publish("roof_bell", True)


def test_a_switch_that_becomes_a_button_and_back_has_lost_its_state(store: EntityStore) -> None:
    store.define("later", LATER)
    store.publish("roof_load", True)
    store.define("later", Layout(entities=(Button("roof_load", "Load"),)))
    store.define("later", LATER)

    assert store.state(LOAD.key) == LOAD.state(None)


def test_the_state_of_a_key_is_the_one_of_now(store: EntityStore) -> None:
    store.publish("model", "A")

    assert store.state(MODEL.key) == MODEL.state("A")
    assert store.state(12_345) is None


def test_a_switch_that_becomes_unknown_keeps_its_position(store: EntityStore) -> None:
    store.define("later", LATER)
    store.publish("roof_load", True)
    store.publish("roof_load", None)
    store.publish("roof_load", None)

    assert store.state(LOAD.key) == api.SwitchStateResponse(
        key=LOAD.key, device_id=5, state=True, missing_state=True
    )
