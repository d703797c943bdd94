from typing import Any

import pytest
from proxy.power_devices import (
    BANK_VALUES,
    BATTERY_VALUES,
    CONTROLLER_VALUES,
    bank,
    bank_key,
    battery,
    house,
    key,
)

from renogybt.config import EntityNaming
from renogybt.model.reading import DeviceHealth, LinkState, Reading, ReadingSink
from renogybt.protocols.esphome.messages import Message
from renogybt.proxy.entities import EntityStore
from renogybt.proxy.entity_kinds import fnv1a
from renogybt.proxy.power import PowerEntities


class Bench:
    """Power devices, and what clients would hear."""

    def __init__(self, naming: EntityNaming = EntityNaming.MODERN) -> None:
        self.store = EntityStore([])
        self.power = PowerEntities(self.store, naming=naming)
        self.power.devices(house())
        self.told: list[list[Message]] = []
        self.store.subscribe(lambda messages: self.told.append(list(messages)))

    def state(self, object_id: str) -> Any:
        """None for a state that is not known."""
        message: Any = self.store.state(fnv1a(object_id))
        assert message is not None, f"{object_id} is not listed"
        return None if message.missing_state else message.state


@pytest.fixture
def bench() -> Bench:
    return Bench()


def reading(unit: int = 48, **changes: Any) -> Reading:
    return Reading(key(unit), 0.0, {**BATTERY_VALUES, **changes})


def test_it_is_a_sink_of_readings(bench: Bench) -> None:
    sink: ReadingSink = bench.power

    sink.reading(reading())
    assert bench.told


def test_before_the_first_reading_nothing_is_known(bench: Bench) -> None:
    states: list[Any] = list(bench.store.states())

    assert len(states) > 200
    assert all(state.missing_state for state in states)


def test_a_reading_sets_the_states_of_its_device_at_once(bench: Bench) -> None:
    bench.power.reading(reading())

    assert len(bench.told) == 1
    assert bench.state("house_battery_48_voltage") == pytest.approx(52.8)
    assert bench.state("house_battery_48_problem") is False
    assert bench.state("house_battery_48_problems") == "none"
    assert bench.state("house_battery_48_model") == "RBT50LFP48S"


def test_two_batteries_with_the_same_field_do_not_meet(bench: Bench) -> None:
    bench.power.reading(reading(48, voltage=52.8))
    bench.power.reading(reading(49, voltage=51.1))

    assert bench.state("house_battery_48_voltage") == pytest.approx(52.8)
    assert bench.state("house_battery_49_voltage") == pytest.approx(51.1)
    assert bench.state("house_battery_50_voltage") is None


def test_what_a_reading_does_not_hold_is_not_known(bench: Bench) -> None:
    bench.power.reading(reading())
    bench.power.reading(Reading(key(48), 30.0, {"voltage": 52.8}))

    assert bench.state("house_battery_48_voltage") == pytest.approx(52.8)
    assert bench.state("house_battery_48_current") is None


def test_only_what_changed_is_told(bench: Bench) -> None:
    bench.power.reading(reading())
    bench.told.clear()

    bench.power.reading(reading())
    bench.power.reading(reading(voltage=52.9))

    assert [len(messages) for messages in bench.told] == [1]


def test_when_a_device_is_not_fresh_its_values_are_not_known(bench: Bench) -> None:
    bench.power.reading(reading())
    bench.power.reading(reading(49))
    bench.told.clear()

    bench.power.health(DeviceHealth(key(48), fresh=False, failed=3, trouble="not heard"))

    assert bench.state("house_battery_48_voltage") is None
    assert bench.state("house_battery_48_model") is None
    assert bench.state("house_battery_48_failed_readings") == 3
    assert bench.state("house_battery_48_trouble") == "not heard"
    assert bench.state("house_battery_49_voltage") is not None
    assert len(bench.told) == 1


def test_health_leaves_the_values_of_a_fresh_device_alone(bench: Bench) -> None:
    bench.power.reading(reading())
    bench.power.health(DeviceHealth(key(48), fresh=True, link=LinkState.CONNECTED, rssi=-60))

    assert bench.state("house_battery_48_voltage") is not None
    assert bench.state("house_battery_48_link") is True
    assert bench.state("house_battery_48_signal_strength") == -60


def test_a_reading_after_a_silence_makes_values_known_again(bench: Bench) -> None:
    bench.power.health(DeviceHealth(key(48), fresh=False))
    bench.power.reading(reading())
    bench.power.health(DeviceHealth(key(48), fresh=True))

    assert bench.state("house_battery_48_voltage") is not None


def test_a_bank_is_known_only_while_it_is_fresh(bench: Bench) -> None:
    bench.power.reading(Reading(bank_key(), 0.0, BANK_VALUES))
    assert bench.state("house_bank__combined_power") == -2600.5

    bench.power.health(DeviceHealth(bank_key(), fresh=False))
    assert bench.state("house_bank__combined_power") is None


def test_a_load_that_may_not_be_switched_is_shown(bench: Bench) -> None:
    bench.power.reading(Reading(key(96), 0.0, CONTROLLER_VALUES))

    assert bench.state("roof_solar_controller_96_load_status") is False
    assert bench.state("roof_solar_controller_96_charging_status") == "mppt"


def test_readings_of_devices_that_nobody_named_are_passed_over(bench: Bench) -> None:
    bench.power.reading(reading(99))
    bench.power.health(DeviceHealth(key(99), fresh=True))

    assert bench.told == []


def test_a_model_that_becomes_known_is_no_other_layout(bench: Bench) -> None:
    before = bench.store.layout
    known = [type(each)(**{**_fields(each), "model": "RBT50LFP48S"}) for each in house()]

    bench.power.devices(known)

    assert bench.store.layout == before


def test_cells_that_become_known_are_another_layout_and_keep_the_states(bench: Bench) -> None:
    bench.power.devices([battery(48, cells=4), bank()])
    bench.power.reading(reading())
    before = bench.store.layout

    bench.power.devices([battery(48, cells=16), bank()])

    assert bench.store.layout == before + 1
    assert bench.state("house_battery_48_voltage") is not None
    assert bench.state("house_battery_48_cell_voltage_15") is None


def test_earlier_names_get_the_same_readings() -> None:
    bench = Bench(EntityNaming.EARLIER)

    bench.power.reading(reading())
    bench.power.health(DeviceHealth(key(49), failed=2))

    assert bench.state("renogy_battery_48_soc") == 86.5
    assert bench.state("renogy_battery_49_failed_readings") == 2
    assert list(bench.store.devices()) == []


def _fields(device: Any) -> dict[str, Any]:
    return {name: getattr(device, name) for name in type(device).__slots__}
