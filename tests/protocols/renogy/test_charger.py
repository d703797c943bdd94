import itertools
from collections.abc import Mapping

import pytest
from protocols.renogy.vectors import words

from renogybt.model.quantity import Value
from renogybt.model.reading import DeviceType
from renogybt.protocols.renogy.decode import decode, history
from renogybt.protocols.renogy.registers import Values

CONTROLLER, CHARGER = DeviceType.CONTROLLER, DeviceType.DC_CHARGER


@pytest.mark.parametrize(
    ("raw", "controller", "battery"),
    [(0x0E19, 14, 25), (0x0E85, 14, -5), (0x8A00, -10, 0), (0xFFFF, -127, -127), (0x8080, 0, 0)],
)
@pytest.mark.parametrize("device_type", [CONTROLLER, CHARGER])
def test_temperatures_of_chargers_are_sign_and_magnitude(
    device_type: DeviceType, raw: int, controller: int, battery: int
) -> None:
    assert decode(device_type, 0x0103, words(raw)) == {
        "controller_temperature": controller,
        "battery_temperature": battery,
    }


@pytest.mark.parametrize(
    ("raw", "load", "charging"),
    [
        (0x0000, "off", "deactivated"),
        (0x8002, "on", "mppt"),
        (0x6405, "off", "floating"),
        (0xE406, "on", "current limiting"),
        (0x0009, "off", "unknown (9)"),
    ],
)
def test_load_and_charging_state_share_a_register(raw: int, load: str, charging: str) -> None:
    assert decode(CONTROLLER, 0x0120, words(raw)) == {"load_status": load, "charging_status": charging}


def test_a_dc_charger_can_take_from_the_alternator_directly() -> None:
    assert decode(CHARGER, 0x0120, words(0x0008))["charging_status"] == "alternator direct"


@pytest.mark.parametrize(
    ("raw", "kind"), [(0, "custom"), (1, "open"), (2, "sealed"), (3, "gel"), (4, "lithium"), (5, "custom")]
)
def test_battery_types_are_named(raw: int, kind: str) -> None:
    for device_type in (CONTROLLER, CHARGER):
        assert decode(device_type, 0xE004, words(raw)) == {"battery_type": kind}


@pytest.mark.parametrize("count", [1, 2])
def test_faults_of_a_controller_are_in_the_first_word(count: int) -> None:
    data = words(1 << 15 | 1 << 5 | 1 << 1, 0xFFFF)[: 2 * count]

    assert decode(CONTROLLER, 0x0121, data) == {
        "faults": 0x8022,
        "problem": True,
        "problems": ("fan_failure", "controller_over_temperature", "battery_under_voltage"),
    }


def test_every_fault_bit_of_a_controller_has_a_name_of_its_own() -> None:
    values = decode(CONTROLLER, 0x0121, words(0xFFFF))

    assert isinstance(values["problems"], tuple)
    assert len(set(values["problems"])) == 16


ERRORS = {
    (11, "high"): "low_temp_shutdown",
    (10, "high"): "bms_overcharge_protection",
    (9, "high"): "starter_reverse_polarity",
    (8, "high"): "alternator_over_voltage",
    (5, "high"): "alternator_over_current",
    (4, "high"): "controller_over_temp_2",
    (12, "low"): "solar_reverse_polarity",
    (9, "low"): "solar_over_voltage",
    (7, "low"): "solar_over_current",
    (6, "low"): "battery_over_temperature",
    (5, "low"): "controller_over_temp",
    (2, "low"): "battery_low_voltage",
    (1, "low"): "battery_over_voltage",
    (0, "low"): "battery_over_discharge",
}


def faults(*bits: tuple[int, str]) -> bytes:
    return words(
        sum(1 << bit for bit, word in bits if word == "high"),
        sum(1 << bit for bit, word in bits if word == "low"),
    )


@pytest.mark.parametrize(("bit", "name"), ERRORS.items())
def test_the_error_of_a_dc_charger_is_named(bit: tuple[int, str], name: str) -> None:
    values = decode(CHARGER, 0x0121, faults(bit))

    assert (values["error"], values["problem"], values["problems"]) == (name, True, (name,))


def test_of_several_errors_the_first_in_the_list_is_the_error() -> None:
    order = list(ERRORS)
    for first, second in itertools.pairwise(order):
        assert decode(CHARGER, 0x0121, faults(second, first))["error"] == ERRORS[first]


def test_a_dc_charger_without_a_fault_has_no_error() -> None:
    values = decode(CHARGER, 0x0121, bytes(4))

    assert "error" not in values
    assert (values["problem"], values["problems"]) == (False, ())


def day(*numbers: int) -> bytes:
    return words(*numbers)


def test_each_address_of_the_history_holds_a_day() -> None:
    data = day(124, 144, 1234, 567, 300, 80, 25, 7, 340, 95)
    expected: Mapping[str, Value] = {
        "daily_min_voltage": (12.4,),
        "daily_max_voltage": (14.4,),
        "daily_max_current": (12.34,),
        "daily_max_discharge_current": (5.67,),
        "daily_max_power": (300,),
        "daily_max_discharge_power": (80,),
        "daily_charge_ah": (25,),
        "daily_discharge_ah": (7,),
        "daily_power_generation": (340,),
        "daily_power_consumption": (95,),
    }
    for back in (0, 1, 6, 0x3FF):
        assert decode(DeviceType.CONTROLLER_HISTORY, 0xF000 + back, data) == expected


def test_the_days_of_a_history_become_lists_with_the_oldest_first() -> None:
    days = [
        decode(
            DeviceType.CONTROLLER_HISTORY,
            register,
            day(0, 0, 0, 0, register - 61_440, 0, 0, 0, 10 * (register - 61_440), 0),
        )
        for register in range(61_446, 61_439, -1)
    ]

    lists = history(days)

    assert lists["daily_max_power"] == (6, 5, 4, 3, 2, 1, 0)
    assert lists["daily_power_generation"] == (60, 50, 40, 30, 20, 10, 0)
    assert lists.keys() == days[0].keys()


def test_a_list_that_a_day_lacks_is_left_out() -> None:
    whole: Values = {"daily_max_power": (300,), "daily_charge_ah": (25,), "problems": (), "device_id": 1}

    assert history([whole, {"daily_charge_ah": (26,), "device_id": 1}]) == {"daily_charge_ah": (25, 26)}


def test_a_history_of_no_days_is_empty() -> None:
    assert history([]) == {}
