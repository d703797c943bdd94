"""Values as people and as programs want to see them."""

import json
from collections.abc import Mapping
from typing import TextIO

from renogybt.model.quantity import Quantity, Value
from renogybt.protocols.renogy.catalogue import quantity
from renogybt.protocols.renogy.errors import UnknownQuantityError
from renogybt.service.logs import printable

PlainValue = float | int | str | bool | list[str] | list[float]
"""What JSON has signs for."""

_DECIMALS = 6
"""More than any register resolves, and less than where the error of binary fractions shows."""


def plain(values: Mapping[str, Value]) -> dict[str, PlainValue]:
    """The values for JSON: 3.26, and not 3.2600000000000002."""
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Value) -> PlainValue:
    if isinstance(value, float):
        return _short(value)
    if isinstance(value, tuple):
        return [_short(each) if isinstance(each, float) else each for each in value]  # type: ignore[return-value]
    return value


def _short(number: float) -> float:
    return round(number, _DECIMALS) + 0.0  # no -0.0


def in_words(value: Value, quantity: Quantity) -> str:
    """`3.26 A`, `yes`, `low cell voltage, short circuit`; at the resolution of the quantity.

    Control characters, which a device may send in its texts, are not among them.
    """
    if isinstance(value, tuple):
        return _with_unit(", ".join(_one(each, quantity) for each in value) or "none", quantity.unit)
    return _with_unit(_one(value, quantity), quantity.unit)


def _one(value: float | int | str | bool, quantity: Quantity) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return printable(value)
    return number_in_words(value, quantity)


def number_in_words(number: float, quantity: Quantity) -> str:
    """At the resolution of the quantity, without its unit and without zeros that say nothing: `3.3`."""
    if isinstance(number, int) or quantity.decimals == 0:
        return f"{number:.0f}"
    return str(round(number, quantity.decimals) + 0.0)


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {unit}" if unit else text


def showable(text: str, encoding: str) -> str:
    """The text in signs that the encoding has."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.replace("°", "").encode(encoding, errors="replace").decode(encoding)
    return text


def quantity_or_name(name: str) -> Quantity:
    """That of the catalogue, or one that says nothing but its name."""
    try:
        return quantity(name)
    except UnknownQuantityError:
        return Quantity(name, name)


def write_json(values: Mapping[str, Value], out: TextIO) -> None:
    """One object."""
    out.write(json.dumps(plain(values)) + "\n")
    out.flush()


def write_lines(values: Mapping[str, Value], out: TextIO) -> None:
    """A line `name value unit` each, aligned."""
    width = max(map(len, values), default=0)
    lines = (f"{name:{width}}  {in_words(value, quantity_or_name(name))}" for name, value in values.items())
    out.writelines(f"{showable(line, out.encoding)}\n" for line in lines)
    out.flush()
