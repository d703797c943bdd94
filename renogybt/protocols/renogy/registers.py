"""What a row of a register map is, and how it reads its registers.

A row becomes a value where all its registers are there. Numbers are scaled by a power of ten in
one division, so that they are the closest to what the register's digits say.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from renogybt.model.quantity import Value

Values = dict[str, Value]
"""Values by the names of their quantities."""


class Coding(Enum):
    """What the bits of a row mean."""

    UNSIGNED = "unsigned"
    SIGNED = "two's complement"
    SIGN_AND_MAGNITUDE = "the highest bit is the sign, the others the magnitude"
    FLAG = "yes when a bit is set"
    CHOICE = "one of several texts"
    TEXT = "ASCII, padded with NUL or blanks"
    DAY = "a list of one number, for a history"


@dataclass(frozen=True, slots=True)
class Row:
    """`words` registers from `register` on, high word first, make one value.

    `mask` takes some bits of them, 0 means all. `decimals`: the unit is 10 ** -decimals.
    `source` is the document and its section, or whose finding it is.
    """

    register: int
    name: str
    words: int = 1
    coding: Coding = Coding.UNSIGNED
    decimals: int = 0
    mask: int = 0
    texts: Mapping[int, str] = field(default_factory=dict)
    source: str = ""

    def value(self, data: bytes) -> Value | None:
        """What these registers say; None when that is nothing (an empty text)."""
        if self.coding is Coding.TEXT:
            return text(data)
        raw = int.from_bytes(data)
        bits = 8 * len(data)
        if self.mask:
            shift = (self.mask & -self.mask).bit_length() - 1
            raw = (raw & self.mask) >> shift
            bits = self.mask.bit_length() - shift
        return _READERS[self.coding](self, raw, bits)


@dataclass(frozen=True, slots=True)
class Group:
    """A register that counts, and as many slots after it as are in use; `name` takes their numbers from 0.

    A larger number than `most_tenths` cannot be in tenths: then all slots are in thousandths.
    """

    register: int
    count_name: str
    noun: str
    slots: int
    name: str
    signed: bool
    most_tenths: int
    source: str = ""

    def values(self, data: bytes) -> Iterator[tuple[str, Value]]:
        """Name and value of each slot in these octets."""
        raw = [int.from_bytes(data[at : at + 2], signed=self.signed) for at in range(0, len(data) - 1, 2)]
        unit = 10 if max(raw, default=0) <= self.most_tenths else 1000
        for place, number in enumerate(raw):
            yield self.name.format(place), number / unit


@dataclass(frozen=True, slots=True)
class AlarmWord:
    """Registers whose bits are problems: `bits` names those that are, by number.

    `codes` names fields of two bits, by their lower one; `{}` takes what the field says.
    `alone`: whether a value counts when no other register shows a problem.
    """

    register: int
    words: int = 1
    bits: Mapping[int, str] = field(default_factory=dict)
    codes: Mapping[int, str] = field(default_factory=dict)
    alone: Callable[[int], bool] | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """Registers that programs usually read in one request; `text`: they hold text."""

    register: int
    words: int
    text: bool = False


@dataclass(frozen=True, slots=True)
class RegisterMap:
    """All that is known of one type of device.

    `judged_by`: the registers without which nothing can be said about problems.
    """

    rows: tuple[Row, ...]
    groups: tuple[Group, ...] = ()
    alarms: tuple[AlarmWord, ...] = ()
    judged_by: tuple[int, ...] = ()
    blocks: tuple[Block, ...] = ()

    def inside(self, register: int, words: int) -> tuple[Row | Group, ...]:
        """What lies inside a window: rows with all their registers, groups with that which counts."""
        end = register + words
        rows = (row for row in self.rows if register <= row.register and row.register + row.words <= end)
        groups = (group for group in self.groups if register <= group.register < end)
        return (*groups, *rows)


def text(data: bytes) -> str | None:
    """Printable ASCII without the padding at both ends; None when nothing is left."""
    kept = "".join(chr(octet) if 0x20 <= octet < 0x7F else " " for octet in data)
    return kept.strip() or None


def scaled(raw: int, decimals: int) -> float | int:
    """The number that the digits say; whole ones stay whole."""
    return raw / _POWERS[decimals] if decimals else raw


def _unsigned(row: Row, raw: int, bits: int) -> Value:
    return scaled(raw, row.decimals)


def _signed(row: Row, raw: int, bits: int) -> Value:
    return scaled(raw - (1 << bits) if raw >> (bits - 1) else raw, row.decimals)


def _sign_and_magnitude(row: Row, raw: int, bits: int) -> Value:
    sign = 1 << (bits - 1)
    return scaled(-(raw ^ sign) if raw & sign else raw, row.decimals)


def _flag(row: Row, raw: int, bits: int) -> Value:
    return raw != 0


def _choice(row: Row, raw: int, bits: int) -> Value:
    return row.texts.get(raw) or f"unknown ({raw})"


def _day(row: Row, raw: int, bits: int) -> Value:
    return (scaled(raw, row.decimals),)


_POWERS = tuple(10**decimals for decimals in range(5))
_READERS: Mapping[Coding, Callable[[Row, int, int], Value]] = {
    Coding.UNSIGNED: _unsigned,
    Coding.SIGNED: _signed,
    Coding.SIGN_AND_MAGNITUDE: _sign_and_magnitude,
    Coding.FLAG: _flag,
    Coding.CHOICE: _choice,
    Coding.DAY: _day,
}
