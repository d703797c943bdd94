"""Kinds of entities, also of sub-devices; numbers and texts are in test_entities.py."""

from typing import Any

import pytest

from renogybt.protocols.esphome.messages import api
from renogybt.proxy.entity_kinds import (
    TEXT_LIMIT,
    BinarySensor,
    Button,
    Category,
    Sensor,
    StateClass,
    StatefulEntity,
    SubDevice,
    Switch,
    TextSensor,
    fnv1a,
)

PROBLEM = BinarySensor("b_problem", "Problem", device_class="problem", category=Category.NONE, device_id=7)
LOAD = Switch("c_load", "Load", icon="mdi:power-plug", category=Category.NONE, device_id=8, disabled=True)


def test_a_binary_sensor_is_listed_with_all_its_properties() -> None:
    assert PROBLEM.listing() == api.ListEntitiesBinarySensorResponse(
        object_id="b_problem", key=fnv1a("b_problem"), name="Problem", device_class="problem", device_id=7
    )


def test_a_switch_is_listed_with_all_its_properties() -> None:
    assert LOAD.listing() == api.ListEntitiesSwitchResponse(
        object_id="c_load",
        key=fnv1a("c_load"),
        name="Load",
        icon="mdi:power-plug",
        device_id=8,
        disabled_by_default=True,
    )


def test_a_button_is_listed_with_all_its_properties() -> None:
    button = Button(
        "d_reset", "Reset", icon="mdi:restart", device_class="restart", category=Category.CONFIG, device_id=9
    )

    assert button.listing() == api.ListEntitiesButtonResponse(
        object_id="d_reset",
        key=fnv1a("d_reset"),
        name="Reset",
        icon="mdi:restart",
        device_class="restart",
        entity_category=1,
        device_id=9,
    )


@pytest.mark.parametrize("kind", [Sensor, TextSensor, BinarySensor, Switch])
def test_every_message_says_to_which_device_it_belongs(kind: Any) -> None:
    entity: StatefulEntity = kind("an_id", "A name", device_id=0xDEADBEEF)
    messages: list[Any] = [entity.listing(), entity.state(1), entity.state(None)]
    messages.append(entity.missing(messages[1]))

    assert {message.device_id for message in messages} == {0xDEADBEEF}
    assert {message.key for message in messages} == {fnv1a("an_id")}


@pytest.mark.parametrize("entity", [PROBLEM, LOAD], ids=lambda entity: entity.object_id)
def test_no_is_a_state_and_nothing_is_none(entity: Any) -> None:
    assert not entity.state(False).missing_state
    assert not entity.state(False).state
    assert entity.state(True).state
    assert entity.state(None).missing_state


@pytest.mark.parametrize("position", [True, False])
def test_a_switch_that_is_not_known_any_more_keeps_its_position_for_old_clients(position: bool) -> None:
    message: Any = LOAD.missing(LOAD.state(position))

    assert message.missing_state
    assert message.state is position


def test_a_text_that_home_assistant_would_not_show_is_cut() -> None:
    message: Any = TextSensor("t", "T").state("x" * 300)

    assert message.state == "x" * (TEXT_LIMIT - 1) + "…"
    assert TextSensor("t", "T").state("x" * TEXT_LIMIT).state == "x" * TEXT_LIMIT  # type: ignore[attr-defined]


def test_a_sub_device_is_linked_to_this_one_and_to_no_area() -> None:
    assert SubDevice(7, "house battery 48").listing() == api.DeviceInfo(
        device_id=7, name="house battery 48", area_id=0, relation=0
    )


def test_a_total_is_a_state_class() -> None:
    assert StateClass.TOTAL == api.STATE_CLASS_TOTAL
    assert StateClass.NONE == api.STATE_CLASS_NONE
