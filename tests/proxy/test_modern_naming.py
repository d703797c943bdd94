from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proxy.power_devices import HUB, OTHER_HUB, bank, battery, controller, house, key

from renogybt.model.reading import PowerDevice, Role
from renogybt.proxy.entity_kinds import Switch, fnv1a
from renogybt.proxy.modern_naming import device_names, show_modern, slug
from renogybt.proxy.shown import ShownDevice


def show(devices: Sequence[PowerDevice], *, switchable: bool = False) -> dict[str, ShownDevice]:
    return {each.key: each for each in show_modern(devices, switchable=switchable)}


def name_of(device: PowerDevice) -> str:
    return device_names([device])[device.key]


# names of devices


@pytest.mark.parametrize(
    ("role", "named", "without_alias"),
    [
        (Role.BATTERY, "house battery 48", "Battery 48"),
        (Role.CONTROLLER, "house solar controller 48", "Solar controller 48"),
        (Role.DC_CHARGER, "house DC charger 48", "DC charger 48"),
        (Role.INVERTER, "house inverter 48", "Inverter 48"),
        (Role.SHUNT, "house shunt 48", "Shunt 48"),
    ],
)
def test_a_device_is_called_after_alias_role_and_unit_id(role: Role, named: str, without_alias: str) -> None:
    device = replace(battery(48), role=role)

    assert name_of(device) == named
    assert name_of(replace(device, alias="")) == without_alias


def test_a_bank_is_called_after_its_alias() -> None:
    assert name_of(bank()) == "house bank"
    assert name_of(bank(alias="")) == "Battery bank"


def test_a_word_that_the_alias_has_is_not_said_twice() -> None:
    assert name_of(battery(48, alias="My Battery")) == "My Battery 48"
    assert name_of(bank(alias="Battery Bank")) == "Battery Bank"
    assert name_of(controller(96, alias="Solar")) == "Solar controller 96"


@pytest.mark.parametrize("unit_id", [None, 0, 255])
def test_a_unit_id_that_tells_nothing_apart_is_not_said(unit_id: int | None) -> None:
    assert name_of(replace(battery(48), unit_id=unit_id)) == "house battery"


def test_the_history_of_a_controller_is_a_device_of_its_own() -> None:
    history = replace(controller(96), key=f"{key(96)}-history")

    assert device_names([controller(96), history]) == {
        key(96): "roof solar controller 96",
        f"{key(96)}-history": "roof solar controller 96 history",
    }


def test_two_that_would_be_alike_both_get_the_end_of_their_address() -> None:
    devices = [battery(48), battery(48, address=OTHER_HUB), bank(), bank(address=OTHER_HUB), controller()]

    assert list(device_names(devices).values()) == [
        "house battery 48 824D",
        "house battery 48 1234",
        "house bank 824D",
        "house bank 1234",
        "roof solar controller 96",
    ]


def test_two_addresses_with_one_end_are_told_apart_too() -> None:
    devices = [battery(48), battery(48, address=HUB ^ 1 << 40)]
    names = device_names(devices)

    assert len({slug(name) for name in names.values()}) == 2


def test_an_alias_may_hold_anything() -> None:
    assert slug("Küche #1 battery 48") == "k_che__1_battery_48"


# entities


def test_each_device_is_a_sub_device_with_its_entities() -> None:
    shown = show(house())

    assert len({each.device.device_id for each in shown.values() if each.device}) == 6
    for each in shown.values():
        assert each.device is not None
        assert {entity.device_id for entity in each.entities} == {each.device.device_id}


def test_entities_are_called_as_what_they_show() -> None:
    entities = {entity.object_id: entity for entity in show(house())[key(48)].entities}

    assert entities["house_battery_48_voltage"].name == "Voltage"
    assert entities["house_battery_48_cell_voltage_0"].name == "Cell 1 voltage"
    assert entities["house_battery_48_energy_in_kwh"].name == "Energy charged"
    assert entities["house_battery_48_trouble"].name == "Trouble"


def test_the_device_id_is_made_of_the_key_alone() -> None:
    device = show([battery(48)])[key(48)].device
    renamed = show([replace(battery(48), alias="cellar", model="X")])[key(48)].device

    assert device is not None
    assert renamed is not None
    assert device.device_id == renamed.device_id == fnv1a("6cb2fd86824d-48") != 0


def test_a_key_and_a_name_occur_once() -> None:
    devices = (*house(), battery(48, address=OTHER_HUB))
    entities = [entity for each in show(devices).values() for entity in each.entities]

    assert len({entity.key for entity in entities}) == len(entities) > 200
    assert len({(each.device_id, type(each), each.name) for each in entities}) == len(entities)


def test_a_bank_with_a_telling_alias_has_keys_of_its_own() -> None:
    devices = (battery(48, alias="House bank"), bank(alias="House bank"))
    entities = [entity for each in show(devices).values() for entity in each.entities]

    assert len({entity.key for entity in entities}) == len(entities) > 50


@given(st.permutations(house()))
def test_nothing_depends_on_the_order(devices: list[PowerDevice]) -> None:
    def entities(devices: Sequence[PowerDevice]) -> dict[str, object]:
        return {each.key: (each.device, each.entities) for each in show_modern(devices, switchable=False)}

    assert entities(devices) == entities(house())


def test_a_bank_has_no_entities_about_reading() -> None:
    shown = show(house())

    assert shown[bank().key].health == ()
    assert len(shown[key(48)].health) == 6


def test_the_load_is_a_switch_only_when_it_may_be_switched() -> None:
    def switches(*, switchable: bool) -> list[str]:
        entities = show(house(), switchable=switchable)[key(96)].entities
        return [entity.object_id for entity in entities if isinstance(entity, Switch)]

    assert switches(switchable=True) == ["roof_solar_controller_96_load_status"]
    assert switches(switchable=False) == []
