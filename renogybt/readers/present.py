"""Values as the user wants to see them: fields, unit of temperature, no digits without meaning."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from renogybt.config import TemperatureUnit
from renogybt.model.quantity import Quantity, Value
from renogybt.protocols.renogy.catalogue import QUANTITY_ORDER, quantity
from renogybt.protocols.renogy.errors import UnknownQuantityError

_CELSIUS = "°C"
_KELVIN = "K"
_FAHRENHEIT = "°F"
_ALWAYS_CELSIUS = "temperature"
"""Of an inverter. The earlier program left it so, and its users' dashboards count on it."""
_EARLIER_FIELDS = frozenset({"__device", "__client"})
"""What the earlier program let a user list, and what is no quantity here."""


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A name in `fields` that means nothing; `nearest` are names that look like it, perhaps none."""

    name: str
    nearest: tuple[str, ...]


def present(
    values: Mapping[str, Value], *, temperature_unit: TemperatureUnit, fields: Sequence[str] = ()
) -> dict[str, Value]:
    """The values of quantities in °C, rounded and in the chosen unit; `fields` empty: all of them.

    Raises UnknownQuantityError for a value that is no quantity.
    """
    return {
        name: _shown(value, quantity(name), temperature_unit)
        for name, value in values.items()
        if _chosen(name, fields)
    }


def shown(
    quantities: Iterable[Quantity], *, temperature_unit: TemperatureUnit, fields: Sequence[str] = ()
) -> tuple[Quantity, ...]:
    """The quantities that `present` leaves, with the units that it gives."""
    return tuple(
        replace(each, unit=_FAHRENHEIT) if _converts(each, temperature_unit) else each
        for each in quantities
        if _chosen(each.name, fields)
    )


def unknown_fields(fields: Iterable[str]) -> tuple[UnknownField, ...]:
    """Those of `fields` that no device has; they choose nothing."""
    names = [name.format(0) for name in QUANTITY_ORDER]
    return tuple(
        UnknownField(name, tuple(difflib.get_close_matches(name, names, n=2)))
        for name in dict.fromkeys(fields)
        if not _known(name)
    )


def _known(name: str) -> bool:
    try:
        quantity(name)
    except UnknownQuantityError:
        return name in _EARLIER_FIELDS
    return True


def _chosen(name: str, fields: Sequence[str]) -> bool:
    return not fields or name in fields


def _converts(each: Quantity, unit: TemperatureUnit) -> bool:
    if unit is not TemperatureUnit.FAHRENHEIT or each.name == _ALWAYS_CELSIUS:
        return False
    return each.unit in {_CELSIUS, _KELVIN}


def _shown(value: Value, each: Quantity, unit: TemperatureUnit) -> Value:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, tuple):
        numbers = tuple(_number(item, each, unit) for item in value if not isinstance(item, str))
        return numbers if len(numbers) == len(value) else value
    return _number(value, each, unit)


def _number(value: float, each: Quantity, unit: TemperatureUnit) -> float:
    """Rounded to the digits of the source; whole numbers where it has none."""
    if _converts(each, unit):
        value = value * 9 / 5 + (0 if each.unit == _KELVIN else 32)
    return round(value, each.decimals or None)
