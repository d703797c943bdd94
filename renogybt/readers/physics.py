"""Values of one battery that cannot all be true, because they contradict each other."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

CELL_ERROR_V = 0.1
"""Per cell: BMS Modbus V1.7 gives cells in 0.1 V, and nothing says that they are not cut off."""
SUM_ERROR = 0.03
"""Share of the voltage: the load may change between the reading of the cells and of the module."""
CHARGE_ERROR = 0.05
"""Share of the capacity: a full battery counts on until it has learnt a new capacity."""
PEAK = 2.0
"""Times the current limit: short peaks of twice the limit are in the data sheets."""
PEAK_ROOM_A = 10.0
"""Beside that, because the limits fall to almost nothing when a battery is nearly full."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What goes on as before is right; where that does not tell, `weak` gives way to `strong`.

    Where `weak` is empty nothing but `strong` itself is in doubt.
    """

    weak: tuple[str, ...]
    strong: str
    reason: str


def contradictions(values: Mapping[str, float], limits: Mapping[str, float]) -> Iterator[Contradiction]:
    """All contradictions among the `values` of one battery; `limits` in A, those of current last known."""
    yield from _cells(values)
    yield from _charge(values)
    yield from _current(values, limits)


def _cells(values: Mapping[str, float]) -> Iterator[Contradiction]:
    """The sum of all cells is the voltage; without a complete set of them nothing is known."""
    names = tuple(f"cell_voltage_{number}" for number in range(int(values.get("cell_count", 0))))
    voltage = values.get("voltage")
    if voltage is None or not names or not all(name in values for name in names):
        return
    total = math.fsum(values[name] for name in names)
    if abs(total - voltage) > CELL_ERROR_V * len(names) + SUM_ERROR * voltage:
        yield Contradiction(
            names, "voltage", f"the cells add up to {total:.1f} V, the battery has {voltage} V"
        )


def _charge(values: Mapping[str, float]) -> Iterator[Contradiction]:
    remaining, capacity = values.get("remaining_charge"), values.get("capacity")
    if remaining is None or capacity is None:
        return
    if remaining > capacity * (1 + CHARGE_ERROR):
        reason = f"{remaining} Ah remain of a capacity of {capacity} Ah"
        yield Contradiction(("remaining_charge",), "capacity", reason)


def _current(values: Mapping[str, float], limits: Mapping[str, float]) -> Iterator[Contradiction]:
    current = values.get("current")
    if current is None:
        return
    name = "charge_current_limit" if current > 0 else "discharge_current_limit"
    limit = abs(limits.get(name, 0.0))
    if limit and abs(current) > PEAK * limit + PEAK_ROOM_A:
        yield Contradiction((), "current", f"{current} A, where the limit is {limit} A")
