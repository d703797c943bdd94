"""Registers of the demo's devices, read by the documents' tables and by nothing of the decoders."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator.modbus import read, signed, words, write

from renogybt.simulator import words as encode
from renogybt.simulator.renogy_bus import BATTERY_UNITS, CONTROLLER_UNIT, RenogyBus

MORNING_S = 200.0
NIGHT_S = 1170.0


@pytest.fixture
def bus() -> RenogyBus:
    return RenogyBus()


def registers(bus: RenogyBus, unit: int, register: int, count: int, now: float = MORNING_S) -> list[int]:
    return words(bus.truth(read(unit, register, count), now))


def refused(bus: RenogyBus, unit: int, register: int, count: int) -> bool:
    return bus.truth(read(unit, register, count), MORNING_S)[:3] == bytes((unit, 0x83, 2))


def text(values: list[int]) -> str:
    return struct.pack(f">{len(values)}H", *values).decode("ascii").strip("\0 ")


def double(high: int, low: int) -> int:
    return high << 16 | low


# -- batteries: BMS Modbus V1.7


@pytest.mark.parametrize("unit", BATTERY_UNITS)
def test_a_battery_has_sixteen_cells_whose_sum_is_its_voltage(bus: RenogyBus, unit: int) -> None:
    block = registers(bus, unit, 5000, 34)
    _, voltage = registers(bus, unit, 5042, 2)

    assert block[0] == 16
    assert all(31 <= cell <= 36 for cell in block[1:17])
    assert abs(sum(block[1:17]) - voltage) <= 8 + 1  # half a tenth for each cell, and for the whole
    assert block[17] == 4
    assert all(100 < each < 400 for each in block[18:22])
    assert block[22:] == [0] * 12


@pytest.mark.parametrize("now", [MORNING_S, 700.0, NIGHT_S, 3000.0])
@pytest.mark.parametrize("unit", BATTERY_UNITS)
def test_the_charge_of_a_battery_is_below_its_capacity(bus: RenogyBus, unit: int, now: float) -> None:
    block = registers(bus, unit, 5042, 7, now)

    remaining, capacity = double(*block[2:4]), double(*block[4:6])
    assert 49_000 < capacity < 51_000
    assert 0.9 * capacity < remaining < capacity
    assert 5 < block[6] < 60


def test_current_is_positive_by_day_and_negative_by_night(bus: RenogyBus) -> None:
    by_day = [signed(registers(bus, unit, 5042, 1, MORNING_S)[0]) for unit in BATTERY_UNITS]
    by_night = [signed(registers(bus, unit, 5042, 1, NIGHT_S)[0]) for unit in BATTERY_UNITS]

    assert all(500 < current < 1500 for current in by_day)
    assert all(-1500 < current < -500 for current in by_night)


def test_limits_are_those_of_the_model(bus: RenogyBus) -> None:
    limits = registers(bus, 48, 5049, 4)

    assert limits[:3] == [584, 400, 5000]
    assert signed(limits[3]) == -5000


def test_a_healthy_battery_raises_nothing(bus: RenogyBus) -> None:
    status = registers(bus, 49, 5100, 10)

    assert status[:6] == [0] * 6  # alarms
    assert status[6] == 0b1110  # in use, both MOSFETs on, no protection
    assert status[7] == 1 << 15  # charging, no warning
    assert status[8] == 0
    assert status[9] == 0b1100_0000
    assert registers(bus, 49, 5107, 1, NIGHT_S) == [1 << 14]


def test_a_battery_says_when_it_is_full(bus: RenogyBus) -> None:
    full = 1 << 11
    seen = {bool(registers(bus, 49, 5107, 1, 30.0 * number)[0] & full) for number in range(60)}

    assert seen == {False, True}


def test_a_battery_says_who_it_is(bus: RenogyBus) -> None:
    block = registers(bus, 51, 5110, 32)

    assert text(block[:8]) == "FD8648S000040004"
    assert text(block[12:20]) == "RBT50LFP48S-G1"
    assert text(block[20:22]) == "0119"
    assert text(block[22:]) == "RENOGY"
    assert registers(bus, 51, 5223, 1) == [51]


def test_serial_numbers_differ(bus: RenogyBus) -> None:
    assert len({text(registers(bus, unit, 5110, 8)) for unit in BATTERY_UNITS}) == 4


@pytest.mark.parametrize(
    ("register", "count"), [(5034, 1), (5000, 35), (5030, 10), (4999, 2), (5053, 1), (5140, 3), (0x0100, 1)]
)
def test_what_a_battery_does_not_have_is_refused(bus: RenogyBus, register: int, count: int) -> None:
    assert refused(bus, 48, register, count)


# -- the controller: Charge Controller Modbus V1.7


def test_the_controller_says_who_it_is(bus: RenogyBus) -> None:
    block = registers(bus, CONTROLLER_UNIT, 0x000A, 17)

    assert block[0] == 48 << 8 | 60
    assert block[1] & 0xFF == 0  # a controller
    assert text(block[2:10]) == "RNG-CTRL-RVR60"
    assert block[16] == CONTROLLER_UNIT


def test_the_controller_sees_the_bank_that_the_batteries_are(bus: RenogyBus) -> None:
    live = registers(bus, CONTROLLER_UNIT, 0x0100, 35)
    packs = [registers(bus, unit, 5042, 7) for unit in BATTERY_UNITS]

    assert all(abs(live[1] - pack[1]) <= 2 for pack in packs)
    share = sum(double(*pack[2:4]) for pack in packs) / sum(double(*pack[4:6]) for pack in packs)
    assert live[0] == pytest.approx(100 * share, abs=0.6)
    into_batteries = sum(signed(pack[0]) for pack in packs) / 100
    assert 0 < live[2] / 100 - live[5] / 100 - into_batteries < 5  # the household takes the rest


def test_powers_are_voltage_times_current(bus: RenogyBus) -> None:
    live = registers(bus, CONTROLLER_UNIT, 0x0100, 35)

    assert live[6] == pytest.approx(live[4] * live[5] / 1000, abs=1)
    assert live[9] == pytest.approx(live[7] * live[8] / 1000, abs=1.5)
    assert live[9] * 0.97 == pytest.approx(live[1] * live[2] / 1000, rel=0.01)


def test_by_night_there_is_no_sun(bus: RenogyBus) -> None:
    live = registers(bus, CONTROLLER_UNIT, 0x0100, 35, NIGHT_S)

    assert live[2] == live[7] == live[8] == live[9] == 0
    assert live[32] & 0xFF == 0


def test_the_load_switch_switches_the_load(bus: RenogyBus) -> None:
    def load(now: float) -> tuple[int, int, bool]:
        live = registers(bus, CONTROLLER_UNIT, 0x0100, 35, now)
        return live[5], live[10], bool(live[32] & 0x8000)

    current, switch, shown = load(100.0)
    assert current > 50
    assert (switch, shown) == (1, True)

    request = write(CONTROLLER_UNIT, 0x010A, 0)
    assert bus.truth(request, 100.5) == request
    assert load(100.5) == (0, 0, False)
    assert load(200.0) == (0, 0, False)

    bus.truth(write(CONTROLLER_UNIT, 0x010A, 1), 200.0)
    current, switch, shown = load(201.5)
    assert current > 50
    assert (switch, shown) == (1, True)


def test_counters_of_the_day_grow_and_begin_again(bus: RenogyBus) -> None:
    wh = [registers(bus, CONTROLLER_UNIT, 0x0113, 1, now)[0] for now in (60.0, 400.0, 900.0, 1025.0)]

    assert wh[0] < wh[1] < wh[2]
    assert wh[2] > 200
    assert wh[3] == 0


def test_totals_go_on_over_midnight(bus: RenogyBus) -> None:
    earlier = registers(bus, CONTROLLER_UNIT, 0x0115, 11, 60.0)
    later = registers(bus, CONTROLLER_UNIT, 0x0115, 11, 3000.0)

    assert later[0] == earlier[0] + 2
    assert double(*later[7:9]) > double(*earlier[7:9]) + 400


def test_there_are_no_faults(bus: RenogyBus) -> None:
    assert registers(bus, CONTROLLER_UNIT, 0x0121, 2) == [0, 0]


def test_one_register_of_the_history_is_a_day(bus: RenogyBus) -> None:
    today = registers(bus, CONTROLLER_UNIT, 0xF000, 10)
    earlier = [registers(bus, CONTROLLER_UNIT, 0xF000 + back, 10) for back in range(1, 7)]

    assert today == registers(bus, CONTROLLER_UNIT, 0x010B, 10)
    assert all(500 < day[0] <= day[1] < 580 and day[8] > 100 for day in earlier)
    assert len({tuple(day) for day in earlier}) == 6
    assert registers(bus, CONTROLLER_UNIT, 0xF000 + 1000, 10) == [0] * 10
    assert bus.truth(read(CONTROLLER_UNIT, 0xF000, 11), 0.0)[:3] == bytes((CONTROLLER_UNIT, 0x83, 3))


def test_settings_are_of_a_lithium_bank(bus: RenogyBus) -> None:
    settings = registers(bus, CONTROLLER_UNIT, 0xE001, 20)

    assert settings[1] == 200
    assert settings[2] >> 8 == 48
    assert settings[3] == 4
    assert settings[4:14] == sorted(settings[4:14], reverse=True)


@pytest.mark.parametrize(
    ("register", "count"), [(0x0009, 2), (0x001B, 1), (0x0122, 2), (0xE000, 1), (5000, 1)]
)
def test_what_the_controller_does_not_have_is_refused(bus: RenogyBus, register: int, count: int) -> None:
    assert refused(bus, CONTROLLER_UNIT, register, count)


# -- words


@given(st.integers(-127, 127))
def test_sign_and_magnitude(celsius: int) -> None:
    octet = encode.sign_and_magnitude(celsius)

    assert (-1 if octet & 0x80 else 1) * (octet & 0x7F) == celsius
    assert octet != 0x80


@given(st.integers(-0x8000, 0x7FFF))
def test_signed_words(number: int) -> None:
    assert signed(encode.signed(number / 100, 0.01)) == number


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: encode.unsigned(-1),
        lambda: encode.unsigned(0x10000),
        lambda: encode.signed(400.0, 0.01),
        lambda: encode.double(-1),
        lambda: encode.text("longer", 2),
    ],
)
def test_a_value_without_room_is_an_error(attempt: object) -> None:
    with pytest.raises(encode.WordError):
        attempt()  # type: ignore[operator]
