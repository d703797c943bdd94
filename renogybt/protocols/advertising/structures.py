"""AD structures: what an advertisement and a scan response are made of.

Core Specification vol 3 part C 11 (length, type, data) and Supplement part A (the data of each
type). Numbers on the air are little-endian.
"""

from collections.abc import Iterable
from enum import IntEnum, IntFlag
from typing import NamedTuple

from renogybt.model.errors import RenogyBTError
from renogybt.protocols.advertising.uuids import encode_uuid

MAX_STRUCTURE_DATA = 254
"""One length octet counts the type and the data."""
MAX_LEGACY_DATA = 31
"""Payload of a legacy advertisement, and of a scan response: vol 6 part B 2.3.1."""


class AdvertisingDataError(RenogyBTError, ValueError):
    """Octets that are no AD structures, or values that fit into none."""


class ADType(IntEnum):
    """Assigned Numbers 2.3, those that this program reads or writes."""

    FLAGS = 0x01
    INCOMPLETE_UUIDS_16 = 0x02
    COMPLETE_UUIDS_16 = 0x03
    INCOMPLETE_UUIDS_32 = 0x04
    COMPLETE_UUIDS_32 = 0x05
    INCOMPLETE_UUIDS_128 = 0x06
    COMPLETE_UUIDS_128 = 0x07
    SHORTENED_NAME = 0x08
    COMPLETE_NAME = 0x09
    TX_POWER = 0x0A
    SERVICE_DATA_16 = 0x16
    SERVICE_DATA_32 = 0x20
    SERVICE_DATA_128 = 0x21
    MANUFACTURER_DATA = 0xFF


class Flags(IntFlag):
    """Supplement part A 1.3."""

    LIMITED_DISCOVERABLE = 0x01
    GENERAL_DISCOVERABLE = 0x02
    NO_BREDR = 0x04
    CONTROLLER_BOTH = 0x08
    HOST_BOTH = 0x10


class Structure(NamedTuple):
    """One AD structure. `type` is any octet: a receiver meets types that nobody assigned."""

    type: int
    data: bytes


COMPLETE_LISTS = {2: ADType.COMPLETE_UUIDS_16, 4: ADType.COMPLETE_UUIDS_32, 16: ADType.COMPLETE_UUIDS_128}
INCOMPLETE_LISTS = {
    2: ADType.INCOMPLETE_UUIDS_16,
    4: ADType.INCOMPLETE_UUIDS_32,
    16: ADType.INCOMPLETE_UUIDS_128,
}
SERVICE_DATA = {2: ADType.SERVICE_DATA_16, 4: ADType.SERVICE_DATA_32, 16: ADType.SERVICE_DATA_128}
"""Octets of a UUID -> the AD type that takes UUIDs of this width; likewise the two above."""


def encode(kind: int, data: bytes) -> bytes:
    """The octets of one structure; raises AdvertisingDataError if it is none."""
    if not 0 <= kind <= 0xFF:
        raise AdvertisingDataError(f"AD type {kind} is no octet")
    if len(data) > MAX_STRUCTURE_DATA:
        raise AdvertisingDataError(f"{len(data)} octets do not fit: AD type {kind:#04x}")
    return bytes((len(data) + 1, kind)) + data


def join(structures: Iterable[Structure]) -> bytes:
    """The octets of `structures` in this order; raises AdvertisingDataError if one fits no structure."""
    return b"".join(encode(kind, data) for kind, data in structures)


def split(data: bytes, *, strict: bool = False) -> list[Structure]:
    """The structures in `data`, as receivers read them: a zero length ends the list.

    A last structure that is cut off is dropped, or raises AdvertisingDataError if `strict`.
    """
    structures = []
    position = 0
    while position < len(data) and (length := data[position]):
        end = position + 1 + length
        if end > len(data):
            if strict:
                raise AdvertisingDataError(f"structure at octet {position} ends {end - len(data)} too early")
            break
        structures.append(Structure(data[position + 1], data[position + 2 : end]))
        position = end
    return structures


def flags(value: int) -> Structure:
    """Flags; only the first octet is assigned."""
    return Structure(ADType.FLAGS, _octets(value, 1, "flags"))


def complete_name(name: str) -> Structure:
    """The whole local name."""
    return Structure(ADType.COMPLETE_NAME, name.encode())


def shortened_name(name: str) -> Structure:
    """The beginning of the local name."""
    return Structure(ADType.SHORTENED_NAME, name.encode())


def tx_power(dbm: int) -> Structure:
    """Transmit power in dBm."""
    return Structure(ADType.TX_POWER, _octets(dbm, 1, "transmit power", signed=True))


def manufacturer(company_id: int, payload: bytes) -> Structure:
    """Manufacturer specific data."""
    return Structure(ADType.MANUFACTURER_DATA, _octets(company_id, 2, "company id") + payload)


def service_data(uuid: str, payload: bytes) -> Structure:
    """Service data, with the type of the shortest form of `uuid`; raises UUIDError."""
    octets = encode_uuid(uuid)
    return Structure(SERVICE_DATA[len(octets)], octets + payload)


def service_uuids(uuids: Iterable[str], *, complete: bool = True) -> list[Structure]:
    """One list for each width in use, the shortest first, each in the given order; raises UUIDError."""
    types = COMPLETE_LISTS if complete else INCOMPLETE_LISTS
    lists = dict.fromkeys(types, b"")
    for octets in map(encode_uuid, uuids):
        lists[len(octets)] += octets
    return [Structure(types[width], octets) for width, octets in lists.items() if octets]


def _octets(value: int, count: int, what: str, *, signed: bool = False) -> bytes:
    try:
        return value.to_bytes(count, "little", signed=signed)
    except OverflowError as error:
        raise AdvertisingDataError(f"{what} {value} does not fit into {count} octets") from error
