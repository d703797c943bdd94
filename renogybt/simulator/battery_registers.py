"""The registers of a simulated battery: BMS Modbus V1.7, chapter "Register map"."""

from collections.abc import Sequence

from renogybt.simulator.battery_pack import (
    CELLS,
    CHARGE_LIMIT_V,
    CURRENT_LIMIT_A,
    DISCHARGE_LIMIT_V,
    SENSORS,
    BatteryPack,
)
from renogybt.simulator.modbus_bus import UNKNOWN_REGISTER, RefusedError, words_of
from renogybt.simulator.solar_house import SolarHouse
from renogybt.simulator.words import Registers, block, double, signed, text, unsigned

MODEL = "RBT50LFP48S-G1"
_SLOTS = 16
_FULL = 0.98
_SHOWS_A = 0.2
"""Currents below that count as none."""
_IN_USE, _DISCHARGE_MOSFET, _CHARGE_MOSFET = 1 << 3, 1 << 2, 1 << 1
_CHARGING, _DISCHARGING, _FULLY_CHARGED = 1 << 15, 1 << 14, 1 << 11
_CHARGE_ENABLED, _DISCHARGE_ENABLED = 1 << 7, 1 << 6


class BatterySlave:
    """The battery number `place` of a house, behind the unit id `unit`. Register 5034 cannot be read."""

    def __init__(self, house: SolarHouse, place: int, unit: int) -> None:
        self._house = house
        self._pack = house.packs[place]
        self._fixed = _identity(place, unit) | _limits()

    def read(self, register: int, words: int, now: float) -> Sequence[int]:
        """The words of these registers; raises RefusedError."""
        self._house.advance(now)
        known = self._fixed | _cells(self._pack, self._house.now) | _module(self._pack) | _status(self._pack)
        return words_of(known, register, words)

    def write(self, register: int, value: int, now: float) -> None:
        """Refused: nothing here is to be changed."""
        raise RefusedError(UNKNOWN_REGISTER)


def _padded(words: Sequence[int]) -> list[int]:
    return [*words, *(0 for _ in range(_SLOTS - len(words)))]


def _cells(pack: BatteryPack, now: float) -> Registers:
    """5000-5033 cells and their temperatures, 5035-5041 board, environment, heater."""
    cells = [unsigned(volts, 0.1) for volts in pack.cell_voltages(now)]
    sensors = [signed(celsius, 0.1) for celsius in pack.temperatures()]
    board = signed(pack.temperature_c + 1.5, 0.1)
    return block(5000, (CELLS, *_padded(cells), SENSORS, *_padded(sensors))) | block(
        5035, (board, 0, 0, 0, 0, 0, 0)
    )


def _module(pack: BatteryPack) -> Registers:
    """5042-5052."""
    return block(
        5042,
        (
            signed(pack.current_a, 0.01),
            unsigned(pack.voltage_v, 0.1),
            *double(pack.remaining_ah, 0.001),
            *double(pack.capacity_ah, 0.001),
            pack.cycles,
            unsigned(CHARGE_LIMIT_V, 0.1),
            unsigned(DISCHARGE_LIMIT_V, 0.1),
            unsigned(CURRENT_LIMIT_A, 0.01),
            signed(-CURRENT_LIMIT_A, 0.01),
        ),
    )


def _status(pack: BatteryPack) -> Registers:
    """5100-5109: a healthy battery has neither alarms nor warnings."""
    status1 = _IN_USE | _DISCHARGE_MOSFET | _CHARGE_MOSFET
    status2 = 0
    if pack.current_a > _SHOWS_A:
        status2 |= _CHARGING
    if pack.current_a < -_SHOWS_A:
        status2 |= _DISCHARGING
    if pack.share > _FULL:
        status2 |= _FULLY_CHARGED
    return block(5100, (0, 0, 0, 0, 0, 0, status1, status2, 0, _CHARGE_ENABLED | _DISCHARGE_ENABLED))


def _identity(place: int, unit: int) -> Registers:
    """5110-5141 texts, 5223 unit id, 5226 unique id."""
    words = (
        *text(f"FD8648S00004{place + 1:04d}", 8),
        *text("G1", 1),
        *text("V101", 2),
        *text("17", 1),
        *text(MODEL, 8),
        *text("0119", 2),
        *text("RENOGY", 10),
    )
    return block(5110, words) | {5223: unit} | block(5226, double(0xFD860000 + unit))


def _limits() -> Registers:
    """5200-5221: cells, charge temperatures and currents, module, discharge temperatures and currents."""
    volts = {5200: 3.65, 5201: 3.6, 5202: 2.8, 5203: 2.5, 5211: 58.4, 5212: 57.6, 5213: 44.8, 5214: 40.0}
    celsius = {5204: 55.0, 5205: 50.0, 5206: 5.0, 5207: 0.0, 5215: 60.0, 5216: 55.0, 5217: -15.0, 5218: -20.0}
    amperes = {5208: 75.0, 5209: 60.0, 5210: 52.0, 5219: -100.0, 5220: -75.0, 5221: -60.0}
    return (
        {register: unsigned(value, 0.1) for register, value in volts.items()}
        | {register: signed(value, 0.1) for register, value in celsius.items()}
        | {register: signed(value, 0.01) for register, value in amperes.items()}
    )
