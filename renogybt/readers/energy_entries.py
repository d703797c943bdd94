"""Energy totals as they stand in files, this program's and the earlier one's."""

import json
from pathlib import Path
from typing import TypeGuard

from renogybt.readers.energy import EnergyTotals

NAMES = ("energy_in_kwh", "energy_out_kwh")
_OLD_NAMES = ("energy_in_wh", "energy_out_wh")
"""In the first files of the earlier program."""
_LARGEST_BYTES = 1_000_000
_MOST = 1e12
"""In Wh more than any battery moves; a larger number, or one that is not finite, is damage."""


def totals_of(entry: object) -> EnergyTotals | None:
    """The totals in an entry of this program or any version of the earlier one; None if it has none."""
    if not isinstance(entry, dict):
        return None
    for names, per_kwh in ((NAMES, 1.0), (_OLD_NAMES, 1000.0)):
        numbers = [entry.get(name) for name in names]
        if any(number is not None for number in numbers):
            usable = [number / per_kwh for number in numbers if _is_total(number)]
            return EnergyTotals(*usable) if len(usable) == len(names) else None
    return None


def _is_total(number: object) -> TypeGuard[float]:
    if isinstance(number, bool) or not isinstance(number, int | float):
        return False
    return 0 <= number <= _MOST


def load_object(path: Path) -> dict[str, object]:
    """A JSON object from a file; raises OSError, ValueError or RecursionError."""
    with path.open("rb") as file:
        content = file.read(_LARGEST_BYTES + 1)
    if len(content) > _LARGEST_BYTES:
        raise ValueError("it is too large")
    return as_object(json.loads(content))


def as_object(content: object) -> dict[str, object]:
    """The same, if it is a JSON object; raises ValueError."""
    if not isinstance(content, dict):
        raise ValueError("no JSON object")
    return content


def as_list(content: object) -> list[object]:
    """The same, if it is a JSON list; raises ValueError."""
    if not isinstance(content, list):
        raise ValueError("no JSON list")
    return content
