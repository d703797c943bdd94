"""The course of a day in the simulated house: sun, clouds, habits.

A day lasts 24 minutes, one hour a minute, so that night and noon are seen within one coffee. Only what
comes from outside is hurried: amperes, ampere-hours and watt-hours belong to the seconds of the clock.
"""

import math
from dataclasses import dataclass
from random import Random

HOUR_S = 60.0
DAY_S = 24 * HOUR_S
FIRST_HOUR = 7.0
"""The simulation begins in the morning, before the sun is worth much."""
_SUNRISE, _SUNSET = 6.0, 20.0
_CLOUD_PERIODS_S = (37.0, 83.0, 171.0)
_CLOUDS_TAKE = 0.45


@dataclass(frozen=True, slots=True)
class Appliance:
    """Draws `power_w` in `hours` (from, to) of the day."""

    name: str
    power_w: float
    hours: tuple[tuple[float, float], ...]

    def power_at(self, hour: float) -> float:
        """In watts."""
        return self.power_w if any(begin <= hour < end for begin, end in self.hours) else 0.0


APPLIANCES = (
    Appliance("standby of the inverter", 25.0, ((0.0, 24.0),)),
    Appliance("kettle", 1900.0, ((7.5, 8.0), (16.5, 17.0))),
    Appliance("stove", 1500.0, ((12.0, 13.0), (18.5, 19.7))),
    Appliance("heat pump", 1200.0, ((18.0, 22.0),)),
    Appliance("hot water", 2000.0, ((2.0, 4.0),)),
    Appliance("lights", 90.0, ((5.5, 7.2), (19.0, 23.5))),
)
_FRIDGE_W, _FRIDGE_ON_S, _FRIDGE_PERIOD_S = 110.0, 50.0, 130.0
_DIRECT_LOADS = (
    Appliance("water pump and router", 36.0, ((0.0, 24.0),)),
    Appliance("light on the porch", 24.0, ((19.5, 23.9),)),
)
"""What hangs on the load output of the controller."""


def hour(now: float) -> float:
    """The hour of the day, `now` seconds after the simulation began."""
    return (FIRST_HOUR + now / HOUR_S) % 24.0


def day(now: float) -> int:
    """How many midnights have passed."""
    return int((FIRST_HOUR + now / HOUR_S) // 24.0)


def household_w(now: float) -> float:
    """What the inverter draws from the batteries."""
    fridge = _FRIDGE_W if now % _FRIDGE_PERIOD_S < _FRIDGE_ON_S else 0.0
    at = hour(now)
    return fridge + sum(each.power_at(at) for each in APPLIANCES)


def direct_load_w(now: float) -> float:
    """What the load output gives while it is switched on."""
    at = hour(now)
    return sum(each.power_at(at) for each in _DIRECT_LOADS)


def ambient_c(now: float) -> float:
    """The air around the batteries: warmest in the afternoon."""
    return 18.0 + 4.0 * math.sin((hour(now) - 9.5) * math.pi / 12)


class Sky:
    """The sun and the clouds that `rng` draws."""

    def __init__(self, rng: Random) -> None:
        self._clouds = [(period, rng.uniform(0.0, math.tau)) for period in _CLOUD_PERIODS_S]

    def sunlight(self, now: float) -> float:
        """On the panels: 0 by night, 1 at a clear noon."""
        height = (hour(now) - _SUNRISE) / (_SUNSET - _SUNRISE)
        if not 0.0 < height < 1.0:
            return 0.0
        waves = sum(math.sin(math.tau * now / period + phase) for period, phase in self._clouds)
        clouds = _CLOUDS_TAKE * max(0.0, waves) / len(self._clouds)
        return float(math.sin(math.pi * height) ** 1.2 * (1.0 - clouds))
