"""Real frames are believed, and what a device of another type would show is recognised."""

from random import Random

import pytest

from renogybt.model.quantity import Form, Value
from renogybt.model.reading import DeviceType
from renogybt.protocols.renogy import catalogue
from renogybt.protocols.renogy.decode import decode
from renogybt.protocols.renogy.errors import ImplausibleError
from renogybt.readers.judge import Judge
from renogybt.readers.limits import BANDS, RANGES, range_of
from renogybt.simulator.battery_registers import BatterySlave
from renogybt.simulator.controller_registers import ControllerSlave
from renogybt.simulator.solar_house import SolarHouse

# register words of real devices, as renogy-ble, aiobmsble, renogy-bt and renogy-smart-battery publish them
REAL = {
    "48 V battery behind a hub": (DeviceType.BATTERY, 5042, "014601f80000c2840000c34d"),
    "12 V battery": (DeviceType.BATTERY, 5042, "ffaa008800017bb0000186a0000f"),
    "Pro battery": (DeviceType.BATTERY_PRO, 5042, "fff400850003304200033bda0006"),
    "limits": (DeviceType.BATTERY, 5049, "009400641388d8f0"),
    "cells": (
        DeviceType.BATTERY,
        5000,
        (
            "00040021002100210021000000000000000000000000000000000000000000000000"
            "000300e900e300e20000000000000000000000000000000000000000000000000000"
        ),
    ),
    "controller": (
        DeviceType.CONTROLLER,
        0x0100,
        (
            "0064009000040e1900000000000000e8000400010000008f00910011000000010000"
            "0000000000000000022b000100000000137c00000000000101900000000000040000"
        ),
    ),
    "DC charger": (DeviceType.DC_CHARGER, 0x0120, "0002000000000000010b00040000"),
    "inverter": (DeviceType.INVERTER, 4000, "046f06a4046b001e177102000227000000001771"),
    "inverter without mains": (DeviceType.INVERTER, 4000, "04d3000004af000a177201f501090000"),
    "panels of an inverter": (DeviceType.INVERTER, 4327, "002a004301f90000000000000000"),
}

NOT_MEASURED = frozenset({"register", "value", "device_id", "combined_charge_percentage"})


@pytest.mark.parametrize("name", REAL)
def test_a_real_frame_is_believed_as_a_whole(name: str) -> None:
    device_type, register, words = REAL[name]
    values = decode(device_type, register, bytes.fromhex(words))
    assert values
    verdict = Judge(device_type).judge(values, 0.0)
    assert verdict.refused == ()
    assert verdict.accepted == values


@pytest.mark.parametrize(
    ("device_type", "register", "words"),
    [
        (DeviceType.BATTERY, 5042, 7),
        (DeviceType.CONTROLLER, 0x0100, 34),
        (DeviceType.DC_CHARGER, 0x0100, 34),
        (DeviceType.INVERTER, 4000, 10),
    ],
)
def test_registers_of_another_kind_are_not_believed(
    device_type: DeviceType, register: int, words: int
) -> None:
    rng = Random(7)
    recognised = 0
    for _ in range(200):
        data = rng.randbytes(2 * words)
        try:
            values = decode(device_type, register, data)
        except ImplausibleError:
            recognised += 1
            continue
        verdict = Judge(device_type).judge(values, 0.0)
        recognised += verdict.alien
        assert verdict.refused
    assert recognised > 150


def words_of(values: list[int]) -> bytes:
    return b"".join(word.to_bytes(2) for word in values)


def test_simulated_days_of_a_battery_are_believed_as_a_whole() -> None:
    slave = BatterySlave(SolarHouse(), 0, 48)
    judge = Judge(DeviceType.BATTERY)
    for now in range(0, 6 * 3600, 30):
        values: dict[str, Value] = {}
        for register, words in ((5000, 34), (5042, 11), (5100, 10)):
            values |= decode(DeviceType.BATTERY, register, words_of(list(slave.read(register, words, now))))
        assert judge.judge(values, now).refused == ()


def test_a_simulated_controller_is_doubted_only_when_its_day_begins_anew() -> None:
    slave = ControllerSlave(SolarHouse(), 96)
    judge = Judge(DeviceType.CONTROLLER)
    for now in range(0, 6 * 3600, 30):
        data = words_of(list(slave.read(0x0100, 34, now)))
        verdict = judge.judge(decode(DeviceType.CONTROLLER, 0x0100, data), now)
        for refusal in verdict.refused:
            assert refusal.name.endswith("_today")


def test_every_number_of_every_device_has_a_range() -> None:
    skipped = NOT_MEASURED | {row.name for row in catalogue.quantities.WORDS}
    for name in catalogue.QUANTITY_ORDER:
        shown = catalogue.quantity(name.format(0))
        derived = name.startswith(("combined_", "battery_{}")) or name.endswith(("_min", "_max", "_delta"))
        energy = name in {"power", "battery_level", "energy_in_kwh", "energy_out_kwh"}
        if shown.form is Form.NUMBER and not (derived or energy or name in skipped):
            assert range_of(shown.name) is not None, name


def test_every_row_speaks_of_a_quantity_and_says_why() -> None:
    for row in (*RANGES, *BANDS):
        assert catalogue.quantity(row.name.replace("#", "0")).name
        assert row.reason
