"""The registers of a simulated charge controller: Charge Controller Modbus V1.7, chapter "Register map"."""

from collections.abc import Sequence

from renogybt.simulator.battery_pack import NOMINAL_AH
from renogybt.simulator.charge_controller import RATED_A, RATED_LOAD_A, DayRecord
from renogybt.simulator.modbus_bus import FAILED, TOO_LONG, UNKNOWN_REGISTER, RefusedError, words_of
from renogybt.simulator.solar_house import BATTERIES, SolarHouse
from renogybt.simulator.words import (
    Registers,
    block,
    double,
    octets,
    sign_and_magnitude,
    signed,
    text,
    unsigned,
)

MODEL = "RNG-CTRL-RVR60"
LOAD_SWITCH = 0x010A
_SYSTEM_V = 48
_LITHIUM = 4
_LOAD_ON = 0x80
_BRIGHTNESS = 100
_HISTORY = 0xF000
_HISTORY_DAYS = 1024
_HISTORY_WORDS = 10
_NO_DAY = DayRecord(0.0, 0.0)


class ControllerSlave:
    """The controller of a house, behind the unit id `unit`. Only the load switch can be written."""

    def __init__(self, house: SolarHouse, unit: int) -> None:
        self._house = house
        self._fixed = _identity(unit) | _settings()

    def read(self, register: int, words: int, now: float) -> Sequence[int]:
        """The words of these registers; raises RefusedError."""
        self._house.advance(now)
        if _HISTORY <= register < _HISTORY + _HISTORY_DAYS:
            return self._history(register - _HISTORY, words)
        return words_of(self._fixed | self._live(), register, words)

    def write(self, register: int, value: int, now: float) -> None:
        """Switch the load: 1 on, 0 off; raises RefusedError."""
        if register != LOAD_SWITCH:
            raise RefusedError(UNKNOWN_REGISTER)
        if value not in (0, 1):
            raise RefusedError(FAILED)
        self._house.advance(now)
        self._house.controller.switch_load(bool(value))

    def _history(self, back: int, words: int) -> list[int]:
        """One register stands for a whole day, 0 for today."""
        if words > _HISTORY_WORDS:
            raise RefusedError(TOO_LONG)
        controller = self._house.controller
        days = (controller.today, *controller.past)
        return _day(days[back] if back < len(days) else _NO_DAY)[:words]

    def _live(self) -> Registers:
        """0x0100-0x0122."""
        packs, controller = self._house.packs, self._house.controller
        share = sum(pack.share for pack in packs) / len(packs)
        warmth = sum(pack.temperature_c for pack in packs) / len(packs)
        panel_a = controller.panel_w / controller.panel_v if controller.panel_v else 0.0
        load_v = controller.voltage_v if controller.load_on else 0.0
        return block(
            0x0100,
            (
                unsigned(100 * share),
                unsigned(controller.voltage_v, 0.1),
                unsigned(controller.charge_a, 0.01),
                octets(sign_and_magnitude(controller.temperature_c), sign_and_magnitude(warmth)),
                unsigned(load_v, 0.1),
                unsigned(controller.load_a, 0.01),
                unsigned(controller.load_w),
                unsigned(controller.panel_v, 0.1),
                unsigned(panel_a, 0.01),
                unsigned(controller.panel_w),
                int(controller.load_on),
                *_day(controller.today),
                controller.days,
                0,  # over-discharges
                controller.full_charges,
                *double(controller.charged_ah),
                *double(controller.discharged_ah),
                *double(controller.generated_wh),
                *double(controller.consumed_wh),
                octets(_LOAD_ON * controller.load_on | _BRIGHTNESS, controller.stage),
                *double(0),  # faults
            ),
        )


def _day(day: DayRecord) -> list[int]:
    """Ten words, as in 0x010B-0x0114 and in the history."""
    return [
        unsigned(day.lowest_v, 0.1),
        unsigned(day.highest_v, 0.1),
        unsigned(day.highest_charge_a, 0.01),
        unsigned(day.highest_load_a, 0.01),
        unsigned(day.highest_charge_w),
        unsigned(day.highest_load_w),
        unsigned(day.charged_ah),
        unsigned(day.discharged_ah),
        unsigned(day.generated_wh),
        unsigned(day.consumed_wh),
    ]


def _identity(unit: int) -> Registers:
    """0x000A-0x001A."""
    return block(
        0x000A,
        (
            octets(_SYSTEM_V, int(RATED_A)),
            octets(int(RATED_LOAD_A), 0),
            *text(MODEL.rjust(16), 8),
            *(0x0001, 0x0203),  # software 01.02.03
            *(0x0002, 0x0100),  # hardware 02.01.00
            *double(0x16090060),  # serial number
            unit,
        ),
    )


def _settings() -> Registers:
    """0xE001-0xE014; voltages are told for 12 V of system voltage."""
    capacity = int(BATTERIES * NOMINAL_AH)
    volts = (16.0, 15.5, 14.4, 14.4, 13.8, 13.2, 12.6, 12.0, 11.1, 10.6)
    return block(
        0xE001,
        (
            _BRIGHTNESS,
            capacity,
            octets(_SYSTEM_V, _SYSTEM_V),
            _LITHIUM,
            *(unsigned(each, 0.1) for each in volts),
            octets(100, 50),  # cut-off: state of charge, percent
            *(5, 0, 120, 0),  # delay s, equalise min, boost min, equalise interval d
            signed(0),  # compensation of temperature: none with lithium
        ),
    )
