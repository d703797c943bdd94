"""Service UUIDs: text as people write it <-> the little-endian octets on the air."""

import re

from renogybt.model.errors import RenogyBTError

BASE_UUID_TAIL = "-0000-1000-8000-00805f9b34fb"
"""Core Specification vol 3 part B 2.5.1: a short UUID stands for xxxxxxxx followed by this."""

_SHORT = re.compile(r"[0-9a-f]{4}|[0-9a-f]{8}")
_FULL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class UUIDError(RenogyBTError, ValueError):
    """A text that is no UUID, or octets of a length that no UUID has."""


def shorten_uuid(text: str) -> str:
    """The one canonical text of a UUID: lower case, 4 or 8 digits where it is a SIG UUID."""
    uuid = text.strip().lower()
    if not _SHORT.fullmatch(uuid) and not _FULL.fullmatch(uuid):
        raise UUIDError(f"{text!r} is not a UUID like fcd2 or 0000fcd2{BASE_UUID_TAIL}")
    uuid = uuid.removesuffix(BASE_UUID_TAIL)
    return uuid[4:] if len(uuid) == 8 and uuid.startswith("0000") else uuid


def encode_uuid(text: str) -> bytes:
    """2, 4 or 16 octets, the fewest that hold this UUID; raises UUIDError."""
    return bytes.fromhex(shorten_uuid(text).replace("-", ""))[::-1]


def decode_uuid(octets: bytes) -> str:
    """The canonical text of 2, 4 or 16 octets; raises UUIDError."""
    digits = octets[::-1].hex()
    if len(octets) == 16:
        digits = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return shorten_uuid(digits)
