"""One lithium iron phosphate battery of 16 cells: charge, voltage, heat."""

import math
from bisect import bisect_right
from itertools import pairwise
from random import Random

CELLS = 16
SENSORS = 4
NOMINAL_AH = 50.0
CURRENT_LIMIT_A = 50.0
CHARGE_LIMIT_V = 58.4
DISCHARGE_LIMIT_V = 40.0

_REST = (
    (0.00, 2.80),
    (0.05, 3.10),
    (0.10, 3.20),
    (0.20, 3.25),
    (0.40, 3.29),
    (0.70, 3.32),
    (0.90, 3.34),
    (0.97, 3.36),
    (0.99, 3.41),
    (1.00, 3.50),
)
"""State of charge and the voltage of a cell at rest: flat as with every such cell, steep at the ends."""
_SHARES = [share for share, _ in _REST]
_SLOPES = [(high[1] - low[1]) / (high[0] - low[0]) for low, high in pairwise(_REST)]
_CELL_OHM = 0.0014
_CELL_SPREAD_V = 0.006
_WEAK_CELL_V = 0.022
"""The first cell of each battery is the one that its owner watches."""
_DRIFT_V = 0.008
_THERMAL_S = 500.0
_HEAT_C_PER_W = 0.25


def rest_voltage(share: float) -> float:
    """Of one cell, with this share of its charge left."""
    place = min(len(_SLOPES), max(1, bisect_right(_SHARES, share))) - 1
    low, voltage = _REST[place]
    return voltage + _SLOPES[place] * (share - low)


class BatteryPack:
    """State of one battery. Current above zero charges; everything peculiar to it comes from `rng`."""

    def __init__(self, rng: Random, share: float) -> None:
        self.capacity_ah = NOMINAL_AH + rng.uniform(-0.05, 0.05)
        self.remaining_ah = self.capacity_ah * share
        self.current_a = 0.0
        self.voltage_v = CELLS * rest_voltage(share)
        self.temperature_c = 17.0 + rng.uniform(-0.5, 0.5)
        self.throughput_ah = rng.uniform(10.0, 40.0) * 2 * NOMINAL_AH
        self.cable_ohm = rng.uniform(0.003, 0.006)
        self._ohm = CELLS * _CELL_OHM * rng.uniform(0.95, 1.05)
        self._offsets = [rng.gauss(0.0, _CELL_SPREAD_V) for _ in range(CELLS)]
        self._offsets[0] -= _WEAK_CELL_V
        self._drifts = [(rng.uniform(300.0, 900.0), rng.uniform(0.0, math.tau)) for _ in range(CELLS)]
        self._sensor_offsets = [rng.uniform(-0.6, 0.9) for _ in range(SENSORS)]

    @property
    def share(self) -> float:
        """State of charge, 0 to 1."""
        return self.remaining_ah / self.capacity_ah

    @property
    def cycles(self) -> int:
        """Full ones, in and out."""
        return int(self.throughput_ah / (2 * NOMINAL_AH))

    @property
    def rest_v(self) -> float:
        """Voltage without current."""
        return CELLS * rest_voltage(self.share)

    @property
    def ohm(self) -> float:
        """From the rest voltage to the common bar, cable included."""
        return self._ohm + self.cable_ohm

    def carry(self, current_a: float, ambient_c: float, seconds: float) -> None:
        """Live through `seconds` of this current."""
        moved = current_a * seconds / 3600.0
        self.current_a = current_a
        self.remaining_ah = min(self.capacity_ah, max(0.0, self.remaining_ah + moved))
        self.throughput_ah += abs(moved)
        self.voltage_v = self.rest_v + current_a * self._ohm
        target_c = ambient_c + _HEAT_C_PER_W * self._ohm * current_a**2
        self.temperature_c += (target_c - self.temperature_c) * seconds / _THERMAL_S

    def cell_voltages(self, now: float) -> list[float]:
        """Their sum is the voltage: they drift against each other, some mV up to some tens."""
        steep = 1.0 + 4.0 * max(0.0, self.share - 0.96) / 0.04  # near the top a little charge is much voltage
        raw = [
            steep * (offset + _DRIFT_V * math.sin(math.tau * now / period + phase))
            for offset, (period, phase) in zip(self._offsets, self._drifts, strict=True)
        ]
        middle = self.voltage_v / CELLS - math.fsum(raw) / CELLS
        return [middle + each for each in raw]

    def temperatures(self) -> list[float]:
        """Of the sensors between the cells."""
        return [self.temperature_c + offset for offset in self._sensor_offsets]
