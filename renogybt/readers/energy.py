"""Energy from power: what went into a battery and what came out of it."""

import math
from dataclasses import dataclass

BRIDGED_INTERVALS = 3.0
"""Two readings may fail; what a battery did in a longer gap nobody knows."""

_JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True)
class EnergyTotals:
    """Since the beginning of the count, both at least 0."""

    in_kwh: float = 0.0
    out_kwh: float = 0.0


class EnergyMeter:
    """Integrates the power of one battery over the monotonic time between good samples.

    Counts in joules and in full precision: 30 s at 1 W are 8 millionths of a kWh, and rounding them
    away would lose all small loads.
    """

    def __init__(self, interval_s: float, totals: EnergyTotals | None = None) -> None:
        """`interval_s`: how often samples are meant to come; `totals`: where the count goes on from."""
        start = totals or EnergyTotals()
        self._longest_s = BRIDGED_INTERVALS * interval_s
        self._in_j = start.in_kwh * _JOULES_PER_KWH
        self._out_j = start.out_kwh * _JOULES_PER_KWH
        self._power_w = 0.0
        self._at: float | None = None

    @property
    def totals(self) -> EnergyTotals:
        """As of the last good sample."""
        return EnergyTotals(self.energy_in_kwh, self.energy_out_kwh)

    @property
    def energy_in_kwh(self) -> float:
        """What charging has brought."""
        return self._in_j / _JOULES_PER_KWH

    @property
    def energy_out_kwh(self) -> float:
        """What discharging has taken, a positive number."""
        return self._out_j / _JOULES_PER_KWH

    def add(self, power_w: float | None, now: float) -> None:
        """A sample at the monotonic second `now`, positive while charging; None: there was none."""
        if power_w is None or not math.isfinite(power_w):
            return
        if self._at is not None and 0 < now - self._at <= self._longest_s:
            charged_j, discharged_j = _areas(self._power_w, power_w, now - self._at)
            self._in_j += charged_j
            self._out_j += discharged_j
        self._power_w, self._at = power_w, now


def _areas(first_w: float, second_w: float, elapsed_s: float) -> tuple[float, float]:
    """Energy above and below zero, both positive, of a power on a straight line between two samples."""
    if first_w * second_w >= 0:
        area = abs(first_w + second_w) / 2 * elapsed_s
        return (area, 0.0) if first_w + second_w >= 0 else (0.0, area)
    sum_w = abs(first_w) + abs(second_w)
    before = first_w * first_w / sum_w / 2 * elapsed_s
    after = second_w * second_w / sum_w / 2 * elapsed_s
    return (before, after) if first_w > 0 else (after, before)
