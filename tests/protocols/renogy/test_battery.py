import struct

import pytest
from protocols.renogy.vectors import words

from renogybt.model.reading import DeviceType
from renogybt.protocols.renogy.decode import decode
from renogybt.protocols.renogy.errors import ImplausibleError

BATTERY, PRO = DeviceType.BATTERY, DeviceType.BATTERY_PRO


def cells(*raw: int, count: int | None = None) -> bytes:
    slots = [*raw, *[0] * (16 - len(raw))]
    return words(len(raw) if count is None else count, *slots)


def test_unused_slots_are_no_cells() -> None:
    assert decode(BATTERY, 5000, cells(33, 33, 32, 33)) == {
        "cell_count": 4,
        "cell_voltage_0": 3.3,
        "cell_voltage_1": 3.3,
        "cell_voltage_2": 3.2,
        "cell_voltage_3": 3.3,
    }


def test_sixteen_cells_are_read() -> None:
    values = decode(BATTERY, 5000, cells(*range(30, 46)))

    assert values["cell_count"] == 16
    assert [values[f"cell_voltage_{place}"] for place in range(16)] == [raw / 10 for raw in range(30, 46)]


@pytest.mark.parametrize("count", [17, 100, 0xFFFF])
def test_more_cells_than_there_are_slots_are_refused(count: int) -> None:
    with pytest.raises(ImplausibleError, match=f"{count} cells"):
        decode(BATTERY, 5000, cells(33, count=count))


@pytest.mark.parametrize("count", [17, 0x8000])
def test_more_temperatures_than_there_are_slots_are_refused(count: int) -> None:
    with pytest.raises(ImplausibleError, match=f"{count} temperature sensors"):
        decode(BATTERY, 5017, cells(200, count=count))


def test_cells_over_20_v_are_in_millivolts() -> None:
    values = decode(BATTERY, 5000, cells(3312, 3298, 3305, 3310))

    assert [values[f"cell_voltage_{place}"] for place in range(4)] == [3.312, 3.298, 3.305, 3.31]


def test_a_cell_of_20_v_is_the_last_in_tenths() -> None:
    assert decode(BATTERY, 5000, cells(200))["cell_voltage_0"] == 20.0
    assert decode(BATTERY, 5000, cells(201))["cell_voltage_0"] == 0.201


def test_a_window_that_ends_in_the_cells_gives_those_inside() -> None:
    assert decode(BATTERY, 5000, words(4, 33, 33)) == {
        "cell_count": 4,
        "cell_voltage_0": 3.3,
        "cell_voltage_1": 3.3,
    }


def test_temperatures_of_a_battery_go_below_zero() -> None:
    values = decode(BATTERY, 5017, cells(-53, 0, 251))

    assert [values[f"temperature_{place}"] for place in range(3)] == [-5.3, 0.0, 25.1]


def test_the_whole_map_in_one_window_gives_every_row() -> None:
    values = decode(BATTERY, 5000, cells(33) + cells(200) + words(0, -20, 1, 150, 0, 2, 160, -5))

    assert values["board_temperature"] == -2.0
    assert values["environment_temperature_0"] == 15.0
    assert "environment_temperature_1" not in values
    assert (values["heater_temperature_0"], values["heater_temperature_1"]) == (16.0, -0.5)


@pytest.mark.parametrize(
    ("device_type", "name", "current"),
    [
        (BATTERY, "", -1.2),
        (BATTERY, "RNGPRO4821", -1.2),
        (BATTERY, "RNGC0012", -1.2),
        (BATTERY, "RNGRBP4821", -12.0),
        (PRO, "", -12.0),
        (PRO, "RNGRBP4821", -12.0),
    ],
)
def test_the_scale_of_the_current_is_that_of_the_model(
    device_type: DeviceType, name: str, current: float
) -> None:
    assert decode(device_type, 5042, words(-120), name=name) == {"current": current}


@pytest.mark.parametrize(
    ("name", "raw", "cycles"),
    [
        ("RNGC0012", 0x0F00 + 0x6400, 0x0073),
        ("RNGC0012", 10_000, 10_000),
        ("RNGC0012", 10_001, 0x1127),
        ("", 0x7300, 0x7300),
        ("RNGRBP0012", 0x7300, 0x7300),
    ],
)
def test_cycles_with_swapped_bytes_are_put_right_where_they_occur(name: str, raw: int, cycles: int) -> None:
    assert decode(BATTERY, 5048, words(raw), name=name) == {"cycle_count": cycles}


def test_capacities_keep_every_digit() -> None:
    assert decode(BATTERY, 5044, struct.pack(">II", 49_796, 4_294_967_295)) == {
        "remaining_charge": 49.796,
        "capacity": 4_294_967.295,
    }


def test_a_row_that_lies_partly_outside_gives_nothing() -> None:
    assert decode(BATTERY, 5043, words(504, 0)) == {"voltage": 50.4}
