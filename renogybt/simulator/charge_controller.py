"""A solar charge controller: stages of charging, its load output, what it counts."""

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from random import Random

RATED_A = 60.0
RATED_LOAD_A = 20.0
EFFICIENCY = 0.97
PANELS_W = 3000.0
_PANELS_WORKING_V = 94.0
_PANELS_OPEN_V = 116.0
_DAWN_A = 0.2
"""Less than that cannot be charged with."""
_BOOST_FROM, _FLOAT_FROM, _RETURN_AT = 0.97, 0.983, 0.955
"""Shares of the charge in the fullest battery."""
_DAYS_KEPT = 30


class Stage(IntEnum):
    """Charging states as register 0x0120 tells them."""

    DEACTIVATED = 0
    MPPT = 2
    BOOST = 4
    FLOATING = 5


@dataclass(slots=True)
class DayRecord:
    """What a controller writes down of one day."""

    lowest_v: float
    highest_v: float
    highest_charge_a: float = 0.0
    highest_load_a: float = 0.0
    highest_charge_w: float = 0.0
    highest_load_w: float = 0.0
    charged_ah: float = 0.0
    discharged_ah: float = 0.0
    generated_wh: float = 0.0
    consumed_wh: float = 0.0


class ChargeController:
    """State of one controller; its past comes from `rng`."""

    def __init__(self, rng: Random, voltage_v: float) -> None:
        self.stage = Stage.DEACTIVATED
        self.load_on = True
        self.charge_a = 0.0
        self.load_a = 0.0
        self.voltage_v = voltage_v
        self.panel_v = 0.0
        self.temperature_c = 20.0
        self.today = DayRecord(voltage_v, voltage_v)
        self.past = deque((_past_day(rng) for _ in range(_DAYS_KEPT)), maxlen=_DAYS_KEPT)
        self.days = 555
        self.full_charges = 412
        self.charged_ah = 4988.0
        self.discharged_ah = 310.0
        self.generated_wh = 255_400.0
        self.consumed_wh = 16_100.0

    @property
    def charge_w(self) -> float:
        """Into the batteries and the loads."""
        return self.charge_a * self.voltage_v

    @property
    def panel_w(self) -> float:
        """Out of the panels."""
        return self.charge_w / EFFICIENCY

    @property
    def load_w(self) -> float:
        """Out of the load output."""
        return self.load_a * self.voltage_v

    def switch_load(self, on: bool) -> None:
        """The load output; what it carries shows from the next second on, nothing at once."""
        self.load_on = on
        if not on:
            self.load_a = 0.0

    def draw(self, load_w: float) -> float:
        """Supply the load output, in amperes."""
        self.load_a = min(RATED_LOAD_A, load_w / self.voltage_v) if self.load_on else 0.0
        return self.load_a

    def charge(self, sunlight: float, fullest: float, loads_a: float) -> float:
        """Choose the stage and the current; `fullest` is the share of charge of the fullest battery."""
        available_a = min(RATED_A, PANELS_W * sunlight * EFFICIENCY / self.voltage_v)
        self._choose_stage(available_a, fullest)
        wanted_a = self._acceptance_a(fullest) + loads_a
        self.charge_a = 0.0 if self.stage is Stage.DEACTIVATED else min(available_a, wanted_a)
        idle = 1.0 - self.charge_a / available_a if available_a else 0.0
        lit = min(1.0, 12.0 * sunlight)
        self.panel_v = lit * (_PANELS_WORKING_V + (_PANELS_OPEN_V - _PANELS_WORKING_V) * idle)
        return self.charge_a

    def book(self, voltage_v: float, ambient_c: float, seconds: float) -> None:
        """Count what has flowed at this voltage."""
        self.voltage_v = voltage_v
        hours = seconds / 3600.0
        self.temperature_c += (ambient_c + 0.006 * self.panel_w - self.temperature_c) * seconds / 240.0
        self.charged_ah += self.charge_a * hours
        self.discharged_ah += self.load_a * hours
        self.generated_wh += self.charge_w * hours
        self.consumed_wh += self.load_w * hours
        today = self.today
        today.charged_ah += self.charge_a * hours
        today.discharged_ah += self.load_a * hours
        today.generated_wh += self.charge_w * hours
        today.consumed_wh += self.load_w * hours
        today.lowest_v = min(today.lowest_v, voltage_v)
        today.highest_v = max(today.highest_v, voltage_v)
        today.highest_charge_a = max(today.highest_charge_a, self.charge_a)
        today.highest_load_a = max(today.highest_load_a, self.load_a)
        today.highest_charge_w = max(today.highest_charge_w, self.charge_w)
        today.highest_load_w = max(today.highest_load_w, self.load_w)

    def midnight(self) -> None:
        """A new page."""
        self.past.appendleft(self.today)
        self.today = DayRecord(self.voltage_v, self.voltage_v)
        self.days += 1

    def _choose_stage(self, available_a: float, fullest: float) -> None:
        if available_a < _DAWN_A:
            self.stage = Stage.DEACTIVATED
        elif self.stage is Stage.DEACTIVATED or fullest < _RETURN_AT:
            self.stage = Stage.MPPT
        if self.stage is Stage.MPPT and fullest >= _BOOST_FROM:
            self.stage = Stage.BOOST
        if self.stage is Stage.BOOST and fullest >= _FLOAT_FROM:
            self.stage = Stage.FLOATING
            self.full_charges += 1

    def _acceptance_a(self, fullest: float) -> float:
        """What the batteries take in this stage."""
        if self.stage is Stage.MPPT:
            return RATED_A
        if self.stage is Stage.BOOST:
            return RATED_A * (1.0 - fullest) / (1.0 - _BOOST_FROM)
        return 0.0


def _past_day(rng: Random) -> DayRecord:
    """A day of the kind that the simulation has, more or less cloudy."""
    sun = rng.uniform(0.4, 1.0)
    charged, discharged = 6.5 * sun, 0.30
    return DayRecord(
        lowest_v=52.9 + 0.4 * sun,
        highest_v=54.2 + 0.4 * sun,
        highest_charge_a=53.0 * sun,
        highest_load_a=1.1,
        highest_charge_w=2860.0 * sun,
        highest_load_w=60.0,
        charged_ah=charged,
        discharged_ah=discharged,
        generated_wh=charged * 53.9,
        consumed_wh=discharged * 53.5,
    )
