"""One advertisement as a radio heard it, and the text form of its address."""

import re
from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import NamedTuple

from renogybt.model.errors import RenogyBTError

ADDRESS_BITS = 48
_WRITTEN = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")


class AddressType(IntEnum):
    """Numbers of the ESPHome API (and of HCI); mgmt counts from one instead."""

    PUBLIC = 0
    RANDOM = 1


class Advertisement(NamedTuple):
    """One report of a radio.

    `address` holds the first octet of the written address in its highest bits, `rssi` is in
    dBm (RSSI_UNKNOWN where the radio does not tell), `address_type` is a number
    of `AddressType`, `data` holds the AD structures of the advertisement and, where the radio
    joins them, of its scan response. A plain tuple, because hundreds of them pass per second.
    """

    address: int
    rssi: int
    address_type: int
    data: bytes


advertisement: Callable[[tuple[int, int, int, bytes]], Advertisement] = partial(tuple.__new__, Advertisement)
"""Makes one of its four parts: past the constructor, which is Python code, for the intakes."""

RSSI_UNKNOWN = -127
"""What Home Assistant takes for "no value"; HCI and mgmt say +127 (Core vol 4 part E 7.7.65.2)."""


class AddressError(RenogyBTError, ValueError):
    """A text that is no Bluetooth address."""


def parse_address(text: str) -> int:
    """`6C:B2:FD:86:82:4D` as a number; raises AddressError."""
    text = text.strip()
    if not _WRITTEN.fullmatch(text):
        raise AddressError(f"{text!r} is not an address like 6C:B2:FD:86:82:4D")
    return int(text.replace(":", "").replace("-", ""), 16)


def format_address(address: int) -> str:
    """The number as `6C:B2:FD:86:82:4D`."""
    return address.to_bytes(6, "big").hex(":").upper()
