"""Octets as people write them."""

import re

from renogybt.model.errors import RenogyBTError

_BETWEEN = re.compile(r"[\s:,-]+")
_SHOWN = 20


class OctetsError(RenogyBTError, ValueError):
    """A text that is no row of octets."""


def parse_octets(text: str) -> bytes:
    """`30 03`, `30:03`, `0x30,0x03`, `0x3003` and `3003` are the same two; raises OctetsError."""
    groups = [group for group in _BETWEEN.split(text) if group]
    if not groups:
        raise OctetsError("there are no octets")
    return b"".join(map(_octets, groups))


def _octets(group: str) -> bytes:
    digits = group[2:] if group[:2] in ("0x", "0X") else group
    if not digits.isascii() or not digits.isalnum():
        raise OctetsError(f"{group[:_SHOWN]!a} is not hexadecimal")
    if len(digits) % 2:
        raise OctetsError(f"{group[:_SHOWN]!r} has an odd number of digits: an octet takes two")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise OctetsError(f"{group[:_SHOWN]!r} is not hexadecimal") from None
