"""All batteries of a hub as one."""

import math
from collections.abc import Mapping, Sequence

from renogybt.model.quantity import Value

Member = tuple[int, Mapping[str, Value]]
"""The unit id of a battery, and its values of one round, derived ones and energy included."""

_SUMS = {
    "combined_current": "current",
    "combined_power": "power",
    "combined_remaining_charge": "remaining_charge",
    "combined_capacity": "capacity",
    "combined_energy_in_kwh": "energy_in_kwh",
    "combined_energy_out_kwh": "energy_out_kwh",
    "combined_cell_count": "cell_count",
}
_OF_A_MEMBER = ("cell_voltage_min", "cell_voltage_max", "temperature_min", "temperature_max")


def combine(members: Sequence[Member]) -> dict[str, Value]:
    """The values of the bank, all `members` of it given and fresh.

    What one member lacks is missing: a sum without it would be a fall that never was.
    """
    combined: dict[str, Value] = {}
    for name, source in _SUMS.items():
        total = _sum(members, source)
        if total is not None:
            combined[name] = total
    if (volts := _sum(members, "voltage")) is not None:
        combined["combined_voltage"] = volts / len(members)
    remaining, capacity = _sum(members, "remaining_charge"), _sum(members, "capacity")
    if remaining is not None and capacity:
        combined["combined_charge_percentage"] = remaining / capacity * 100
    for unit_id, values in members:
        present = {name: values[name] for name in _OF_A_MEMBER if name in values}
        combined |= {f"battery_{unit_id}_{name}": value for name, value in present.items()}
    return combined


def _sum(members: Sequence[Member], name: str) -> float | None:
    """None where a member has no such number, and where there is no member."""
    numbers = [values[name] for _, values in members if name in values]
    usable = [number for number in numbers if isinstance(number, int | float)]
    return math.fsum(usable) if members and len(usable) == len(members) else None
