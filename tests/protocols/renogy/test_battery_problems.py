import struct

import pytest

from renogybt.model.reading import DeviceType
from renogybt.protocols.renogy.decode import decode

BATTERY, PRO = DeviceType.BATTERY, DeviceType.BATTERY_PRO
HEALTHY = 0x0006


def status(
    status1: int = HEALTHY,
    status2: int = 0,
    status3: int = 0,
    cell_voltage: int = 0,
    cell_temperature: int = 0,
    other: int = 0,
) -> bytes:
    """Registers 5100 to 5109."""
    return struct.pack(">IIIHHHH", cell_voltage, cell_temperature, other, status1, status2, status3, 0xC0)


def problems(device_type: DeviceType, data: bytes, name: str = "") -> tuple[bool, tuple[str, ...]]:
    values = decode(device_type, 5100, data, name=name)
    flag, names = values["problem"], values["problems"]
    assert isinstance(flag, bool)
    assert isinstance(names, tuple)
    return flag, tuple(str(each) for each in names)


def test_states_are_no_problems() -> None:
    data = status(status1=0x000E, status2=0b1110_1001 << 8)

    assert problems(BATTERY, data) == (False, ())
    values = decode(BATTERY, 5100, data)
    assert (values["charge_mosfet"], values["discharge_mosfet"], values["heater"]) == (True, True, True)
    assert (values["charge_enable"], values["discharge_enable"]) == (True, True)


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (status(status1=1 << 15 | HEALTHY), ("module_under_voltage",)),
        (status(status1=1 << 8), ("cell_over_voltage",)),
        (status(status1=1 << 7 | 1), ("cell_under_voltage", "short_circuit")),
        (status(status2=1 << 7 | 1), ("discharge_high_temperature_warning", "cell_low_voltage_warning")),
        (status(status3=1 << 15 | 1), ("cell_1_voltage_error", "cell_16_voltage_error")),
        (status(cell_voltage=0b10_00_01), ("cell_1_low_voltage", "cell_3_high_voltage")),
        (status(cell_voltage=3 << 30), ("cell_16_abnormal_voltage",)),
        (status(cell_temperature=0b10), ("cell_1_high_temperature",)),
        (status(other=1 << 30), ("board_low_temperature",)),
        (status(other=2 << 26 | 2 << 18), ("environment_2_high_temperature", "discharge_high_current")),
        (
            status(status1=1 << 9, status2=1 << 1, other=2 << 20),
            ("charge_over_current_1", "cell_high_voltage_warning", "charge_high_current"),
        ),
    ],
)
def test_problems_are_named(data: bytes, names: tuple[str, ...]) -> None:
    assert problems(BATTERY, data) == (True, names)


@pytest.mark.parametrize("status1", range(16))
def test_every_bit_of_status_1_is_a_protection_or_a_state(status1: int) -> None:
    flag, names = problems(BATTERY, status(status1=1 << status1))

    assert flag == (status1 not in (1, 2, 3))
    assert len(names) == flag


@pytest.mark.parametrize("word", [0x000000AA, 0x00AAAAAA, 0xAAAAAAAA])
@pytest.mark.parametrize("device_type", [BATTERY, PRO])
def test_all_cells_too_high_at_once_are_no_problem_while_no_warning_says_so(
    device_type: DeviceType, word: int
) -> None:
    data = status(cell_voltage=word)

    assert problems(device_type, data) == (False, ())
    assert decode(device_type, 5100, data)["cell_voltage_alarm"] == word


def test_cell_alarms_count_beside_a_warning() -> None:
    flag, names = problems(BATTERY, status(cell_voltage=0xAA, status2=1 << 1))

    assert flag
    assert names == ("cell_high_voltage_warning", *(f"cell_{cell}_high_voltage" for cell in range(1, 5)))


@pytest.mark.parametrize(("device_type", "name"), [(PRO, ""), (BATTERY, "RNGRBP4821")])
def test_cell_alarms_of_a_pro_battery_count_only_beside_others(device_type: DeviceType, name: str) -> None:
    assert problems(device_type, status(cell_voltage=0b01), name) == (False, ())
    assert problems(device_type, status(cell_voltage=0b01, status2=1), name)[1] == (
        "cell_low_voltage_warning",
        "cell_1_low_voltage",
    )


@pytest.mark.parametrize(("register", "count"), [(5100, 6), (5107, 3), (5106, 1), (5042, 7)])
def test_without_both_status_registers_nothing_is_said_about_problems(register: int, count: int) -> None:
    assert not {"problem", "problems"} & decode(BATTERY, register, bytes(2 * count)).keys()
