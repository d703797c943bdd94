"""Values as register words: sixteen bits each, what is longer with its high word first."""

from collections.abc import Iterable

from renogybt.model.errors import RenogyBTError

Registers = dict[int, int]
"""Word by register number."""


class WordError(RenogyBTError, ValueError):
    """A value that the register has no room for."""


def unsigned(value: float, scale: float = 1.0) -> int:
    """One word, in steps of `scale`."""
    word = round(value / scale)
    if not 0 <= word <= 0xFFFF:
        raise WordError(f"{value} in steps of {scale} is not one word")
    return word


def signed(value: float, scale: float = 1.0) -> int:
    """One word in two's complement, in steps of `scale`."""
    word = round(value / scale)
    if not -0x8000 <= word <= 0x7FFF:
        raise WordError(f"{value} in steps of {scale} is not one signed word")
    return word & 0xFFFF


def double(value: float, scale: float = 1.0) -> tuple[int, int]:
    """Two words."""
    number = round(value / scale)
    if not 0 <= number <= 0xFFFF_FFFF:
        raise WordError(f"{value} in steps of {scale} is not two words")
    return number >> 16, number & 0xFFFF


def octets(high: int, low: int) -> int:
    """A word of two octets."""
    return (high & 0xFF) << 8 | (low & 0xFF)


def sign_and_magnitude(value: float) -> int:
    """An octet whose bit 7 says that the number in bits 6..0 is below zero."""
    magnitude = min(127, round(abs(value)))
    return 0x80 | magnitude if value < 0 and magnitude else magnitude


def text(value: str, words: int, pad: str = "\0") -> list[int]:
    """ASCII, two characters in a word, filled up behind."""
    raw = value.ljust(2 * words, pad).encode("ascii")
    if len(raw) != 2 * words:
        raise WordError(f"{value!r} is longer than {words} words")
    return [octets(*raw[start : start + 2]) for start in range(0, len(raw), 2)]


def block(start: int, words: Iterable[int]) -> Registers:
    """Words one after the other."""
    return dict(enumerate(words, start))
