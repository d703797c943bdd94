"""The kinds of values in config.ini: from text to bool, number, choice, list, path."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from renogybt.config.errors import RefusedValueError

TRUTH = {
    "1": True,
    "yes": True,
    "true": True,
    "on": True,
    "0": False,
    "no": False,
    "false": False,
    "off": False,
}

# ASCII only: int() and float() also take digits of other scripts, underscores, "nan" and "inf"
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})")

UNIT_ID_LIMIT = 247
"""Highest unit id of a single device (Modbus over serial line 1.02, section 2.2)."""
UNIT_ID_OF_ANYONE = 255
"""Renogy's universal unit id: every device on the bus answers to it (BMS Modbus Protocol V1.7)."""
UNIT_IDS_LIMIT = 16
"""More than the largest bank of batteries has; each further id that is not there would cost time."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a text becomes a value: `parse` raises RefusedValueError, `allowed` tells a user what it takes."""

    allowed: str
    parse: Callable[[str], object]


def optional(kind: Kind) -> Kind:
    """The same kind, where an empty text is None."""
    return Kind(f"{kind.allowed}, or nothing", lambda text: kind.parse(text) if text else None)


def _parse_boolean(text: str) -> bool:
    try:
        return TRUTH[text.lower()]
    except KeyError:
        raise RefusedValueError("is neither true nor false") from None


BOOLEAN = Kind("true or false", _parse_boolean)


def whole_number(lowest: int, highest: int) -> Kind:
    """An int within both bounds."""

    def parse(text: str) -> int:
        if not _WHOLE.fullmatch(text):
            raise RefusedValueError("is not a whole number")
        value = int(text)
        if not lowest <= value <= highest:
            raise RefusedValueError(f"is too {'small' if value < lowest else 'large'}")
        return value

    return Kind(f"{lowest} to {highest}", parse)


def number(lowest: float, highest: float) -> Kind:
    """A float within both bounds."""

    def parse(text: str) -> float:
        if not _NUMBER.fullmatch(text):
            raise RefusedValueError("is not a number")
        value = float(text)
        if not math.isfinite(value) or not lowest <= value <= highest:
            raise RefusedValueError(f"is too {'small' if value < lowest else 'large'}")
        return value

    return Kind(f"{lowest:g} to {highest:g}", parse)


def choice(members: type[Enum]) -> Kind:
    """A member of an enum with text values, in upper or lower case."""
    by_text = {str(member.value).lower(): member for member in members}

    def parse(text: str) -> Enum:
        try:
            return by_text[text.lower()]
        except KeyError:
            raise RefusedValueError("is not one of the choices") from None

    return Kind(", ".join(str(member.value) for member in members), parse)


def _parse_text(text: str) -> str:
    # a value over several lines is refused here too: a line end is not printable
    if not text.isprintable():
        raise RefusedValueError("has a line end or another character that cannot be shown")
    return text


TEXT = Kind("one line of text", _parse_text)


def split_list(text: str) -> list[str]:
    """The parts of a list with commas or white space between them."""
    return text.replace(",", " ").split()


def _parse_names(text: str) -> tuple[str, ...]:
    names = tuple(split_list(text))
    if not all(re.fullmatch(r"[A-Za-z0-9_]+", name) for name in names):
        raise RefusedValueError("has a name with other characters than letters, digits and _")
    return names


NAMES = Kind("names with commas between them, or nothing for all", _parse_names)


def _parse_unit_ids(text: str) -> tuple[int, ...]:
    parts = split_list(text)
    if not parts:
        raise RefusedValueError("is empty")
    if not all(_WHOLE.fullmatch(part) for part in parts):
        raise RefusedValueError("holds something that is not a whole number")
    ids = tuple(int(part) for part in parts)
    if not all(1 <= unit_id <= UNIT_ID_LIMIT or unit_id == UNIT_ID_OF_ANYONE for unit_id in ids):
        raise RefusedValueError("holds an id that no device can have")
    if len(ids) > UNIT_IDS_LIMIT:
        raise RefusedValueError(f"holds {len(ids)} ids")
    if len(set(ids)) < len(ids):
        raise RefusedValueError("holds an id twice")
    if len(ids) > 1 and UNIT_ID_OF_ANYONE in ids:
        raise RefusedValueError(
            f"holds {UNIT_ID_OF_ANYONE}, to which all devices answer at once, beside other ids"
        )
    return ids


UNIT_IDS = Kind(
    f"up to {UNIT_IDS_LIMIT} ids from 1 to {UNIT_ID_LIMIT} with commas between them,"
    f" or {UNIT_ID_OF_ANYONE} alone",
    _parse_unit_ids,
)


def _parse_path(text: str) -> Path:
    if not text.isprintable():
        raise RefusedValueError("has a character that a path should not have")
    if text.startswith("~") and text != "~" and not text.startswith("~/"):
        raise RefusedValueError("names another user's home directory")
    return Path(text)


PATH = Kind("a path, where ~/ stands for the home directory", _parse_path)
