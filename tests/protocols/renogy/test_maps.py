from collections import Counter

import pytest

from renogybt.model.reading import DeviceType
from renogybt.protocols.renogy.catalogue import quantity
from renogybt.protocols.renogy.maps import MAPS
from renogybt.protocols.renogy.registers import Coding

TYPES = pytest.mark.parametrize("device_type", MAPS)


def test_every_type_but_the_shunt_has_a_map() -> None:
    assert set(MAPS) == set(DeviceType) - {DeviceType.SHUNT}


@TYPES
def test_a_name_stands_for_one_row(device_type: DeviceType) -> None:
    assert not [
        name for name, count in Counter(row.name for row in MAPS[device_type].rows).items() if count > 1
    ]


@TYPES
def test_every_row_tells_its_source_and_has_a_quantity(device_type: DeviceType) -> None:
    for row in MAPS[device_type].rows:
        assert row.source
        assert quantity(row.name).name == row.name


@TYPES
def test_a_row_and_its_quantity_have_one_resolution(device_type: DeviceType) -> None:
    for row in MAPS[device_type].rows:
        if row.coding not in (Coding.TEXT, Coding.CHOICE, Coding.FLAG):
            assert quantity(row.name).decimals >= row.decimals, row.name


@TYPES
def test_every_usual_block_holds_something(device_type: DeviceType) -> None:
    for block in MAPS[device_type].blocks:
        assert MAPS[device_type].inside(block.register, block.words)


@TYPES
def test_every_choice_has_its_texts(device_type: DeviceType) -> None:
    for row in MAPS[device_type].rows:
        assert bool(row.texts) == (row.coding is Coding.CHOICE)
