"""From the name of a value to its quantity, and from a type to its role."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

from renogybt.model.quantity import Quantity
from renogybt.model.reading import DeviceType, Role
from renogybt.protocols.renogy import quantities
from renogybt.protocols.renogy.errors import UnknownQuantityError

ROLES: Mapping[DeviceType, Role] = MappingProxyType(
    {
        DeviceType.BATTERY: Role.BATTERY,
        DeviceType.BATTERY_PRO: Role.BATTERY,
        DeviceType.CONTROLLER: Role.CONTROLLER,
        DeviceType.CONTROLLER_HISTORY: Role.CONTROLLER,
        DeviceType.DC_CHARGER: Role.DC_CHARGER,
        DeviceType.INVERTER: Role.INVERTER,
        DeviceType.SHUNT: Role.SHUNT,
    }
)

_IN_ORDER = (
    *quantities.BATTERY,
    *quantities.BANK,
    *quantities.CHARGER,
    *quantities.CHARGER_TODAY,
    *quantities.CHARGER_TOTAL,
    *quantities.INVERTER,
    *quantities.SHUNT,
    *quantities.HISTORY,
    *quantities.NUMBERED,
    *quantities.OF_A_MEMBER,
    *quantities.BATTERY_STATE,
    *quantities.IDENTITY,
    *quantities.WORDS,
)
QUANTITY_ORDER: tuple[str, ...] = tuple(row.name for row in _IN_ORDER)
"""All names in the order to show them; `{}` stands for a number."""

RAW = frozenset(row.name for row in quantities.WORDS)
"""Values that `decode` prints and that are no entities."""

_BY_NAME = {row.name: row for row in _IN_ORDER}
_PLACES = {name: place for place, name in enumerate(QUANTITY_ORDER)}
_FROM_ONE = frozenset(row.name for row in quantities.NUMBERED)
_NUMBER = re.compile(r"(?<=_)(?:0|[1-9]\d{0,2})(?=_|$)")
_MANY = 1_024
"""More names than any set of devices has."""


@lru_cache(_MANY)
def quantity(name: str) -> Quantity:
    """The quantity of this name, numbered ones included; raises UnknownQuantityError."""
    pattern, number = _split(name)
    row = _BY_NAME.get(pattern)
    if row is None or (number is None) == ("{}" in pattern):
        raise UnknownQuantityError(f"no quantity is called {name!r}")
    if number is None:
        return row
    shown = number + 1 if pattern in _FROM_ONE else number
    return replace(row, name=name, label=row.label.format(shown))


def ordered(names: Iterable[str]) -> tuple[Quantity, ...]:
    """The quantities of these names in the order to show them, each once; raises UnknownQuantityError."""
    rows = [quantity(name) for name in dict.fromkeys(names)]
    return tuple(sorted(rows, key=lambda row: _place(row.name)))


def is_raw(name: str) -> bool:
    """Whether a value is for `decode` alone."""
    return name in RAW


def _split(name: str) -> tuple[str, int | None]:
    """`cell_voltage_3` is `cell_voltage_{}` and 3."""
    if name in _BY_NAME and "{}" not in name:
        return name, None
    found = _NUMBER.search(name)
    if found is None:
        return name, None
    return f"{name[: found.start()]}{{}}{name[found.end() :]}", int(found.group())


@lru_cache(_MANY)
def _place(name: str) -> tuple[int, int]:
    pattern, number = _split(name)
    if number is not None and pattern.startswith("battery_"):
        # a battery's values stay together
        return _PLACES["battery_{}_cell_voltage_min"], number * len(_PLACES) + _PLACES[pattern]
    return _PLACES[pattern], number or 0
