from datetime import UTC, datetime

import pytest

from renogybt.model.reading import DeviceHealth, LinkState
from renogybt.proxy.entity_kinds import BinarySensor, Category, Sensor, StateClass, TextSensor
from renogybt.proxy.health_entities import health_at
from renogybt.proxy.shown import Spot

SHOWN = {each.entity.object_id: each for each in health_at(Spot(7, "house_battery_48_"))}


def state(name: str, health: DeviceHealth) -> object:
    return SHOWN[f"house_battery_48_{name}"].state(health)


def test_six_entities_tell_how_reading_goes() -> None:
    assert [each.entity.name for each in SHOWN.values()] == [
        "Last good reading",
        "Failed readings",
        "Values held back",
        "Link",
        "Signal strength",
        "Trouble",
    ]
    assert {each.entity.category for each in SHOWN.values()} == {Category.DIAGNOSTIC}
    assert {each.entity.device_id for each in SHOWN.values()} == {7}


def test_names_and_ids_begin_as_wanted() -> None:
    first = health_at(Spot(0, "renogy_battery_48_", "Battery 48 "))[0].entity

    assert (first.object_id, first.name) == (
        "renogy_battery_48_last_good_reading",
        "Battery 48 Last good reading",
    )


def test_the_last_good_reading_is_a_time_in_utc() -> None:
    entity = SHOWN["house_battery_48_last_good_reading"].entity
    wall = datetime(2026, 11, 21, 11, 30, 5, 250_000, UTC).timestamp()

    assert isinstance(entity, TextSensor)
    assert entity.device_class == "timestamp"
    assert state("last_good_reading", DeviceHealth("a", last_good=wall)) == "2026-11-21T11:30:05+00:00"
    assert state("last_good_reading", DeviceHealth("a")) is None


@pytest.mark.parametrize("name", ["failed_readings", "values_held_back"])
def test_counts_grow(name: str) -> None:
    entity = SHOWN[f"house_battery_48_{name}"].entity

    assert isinstance(entity, Sensor)
    assert entity.state_class is StateClass.TOTAL_INCREASING
    assert state(name, DeviceHealth("a", failed=3, held_back=3)) == 3
    assert state(name, DeviceHealth("a")) == 0


@pytest.mark.parametrize("link", LinkState)
def test_the_link_is_there_only_when_it_is_connected(link: LinkState) -> None:
    entity = SHOWN["house_battery_48_link"].entity

    assert isinstance(entity, BinarySensor)
    assert entity.device_class == "connectivity"
    assert state("link", DeviceHealth("a", link=link)) is (link is LinkState.CONNECTED)


def test_a_signal_that_was_not_heard_is_not_known() -> None:
    assert state("signal_strength", DeviceHealth("a", rssi=-61)) == -61
    assert state("signal_strength", DeviceHealth("a")) is None


def test_no_trouble_is_said_in_a_word() -> None:
    assert state("trouble", DeviceHealth("a")) == "none"
    assert (
        state("trouble", DeviceHealth("a", trouble="in use by another program"))
        == "in use by another program"
    )
