"""Advertising data rebuilt from what D-Bus tells of it.

BlueZ takes advertisements apart; their order, the kind of name, the completeness of UUID lists,
and which packet said what are lost on the way. What is left is put together without anything
made up: no flags and no name that were not received, UUIDs in their shortest form, lists that
claim to be incomplete. What fits no structure is left out.

Each field has an encoder of its own, because from one advertisement to the next only one or two
fields of a device change.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from renogybt.protocols.advertising.structures import (
    MAX_STRUCTURE_DATA,
    SERVICE_DATA,
    ADType,
    AdvertisingDataError,
    encode,
    service_uuids,
)
from renogybt.protocols.advertising.uuids import UUIDError, encode_uuid

_LIST_OCTETS = 240
"""Whole UUIDs of every width that fit into one structure. Connecting adds the services of a device to
those that it advertises, so that a list can be longer than anything on the air."""
_UUIDS_KEPT = 512
_MANUFACTURER = struct.Struct("<BBH")
"""Length, type, company."""
_COMPANY_SIZE = 2
_MANUFACTURER_DATA = int(ADType.MANUFACTURER_DATA)


@dataclass(slots=True)
class Advertised:
    """What is known of one device's advertising; None and empty: not received."""

    flags: bytes = b""
    uuids: Sequence[str] = ()
    service_data: Mapping[str, bytes] = field(default_factory=dict)
    manufacturer: Mapping[int, bytes] = field(default_factory=dict)
    other: Mapping[int, bytes] = field(default_factory=dict)
    """AD types that BlueZ hands on as they are."""
    tx_power: int | None = None
    name: str | None = None


def rebuild(known: Advertised) -> bytes:
    """AD structures with this content."""
    return b"".join(encoder(getattr(known, name)) for name, encoder in ENCODERS.items())


def _structure(kind: int, data: bytes) -> bytes:
    try:
        return encode(kind, data)
    except AdvertisingDataError:
        return b""


@lru_cache(_UUIDS_KEPT)
def _uuid_octets(text: str) -> bytes:
    try:
        return encode_uuid(text)
    except UUIDError:
        return b""


def _flags(value: bytes) -> bytes:
    return _structure(ADType.FLAGS, bytes(value[:1])) if value else b""


def _uuids(value: Sequence[str]) -> bytes:
    lists = service_uuids(filter(_uuid_octets, value), complete=False)
    return b"".join(_structure(kind, octets[:_LIST_OCTETS]) for kind, octets in lists)


def _service_data(value: Mapping[str, bytes]) -> bytes:
    out = b""
    for uuid, data in value.items():
        if octets := _uuid_octets(uuid):
            out += _structure(SERVICE_DATA[len(octets)], octets + data)
    return out


def _manufacturer(value: Mapping[int, bytes]) -> bytes:
    # without the steps of `_structure`, because this is the field that changes most
    out = b""
    for company, data in value.items():
        if 0 <= company <= 0xFFFF and len(data) + _COMPANY_SIZE <= MAX_STRUCTURE_DATA:
            out += _MANUFACTURER.pack(len(data) + 1 + _COMPANY_SIZE, _MANUFACTURER_DATA, company) + data
    return out


def _other(value: Mapping[int, bytes]) -> bytes:
    return b"".join(_structure(kind, bytes(data)) for kind, data in value.items())


def _tx_power(value: int | None) -> bytes:
    if value is None or not -0x80 <= value <= 0x7F:
        return b""
    return _structure(ADType.TX_POWER, value.to_bytes(1, "little", signed=True))


def _name(value: str | None) -> bytes:
    return b"" if value is None else _structure(ADType.COMPLETE_NAME, value.encode())


ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "flags": _flags,
    "uuids": _uuids,
    "service_data": _service_data,
    "manufacturer": _manufacturer,
    "other": _other,
    "tx_power": _tx_power,
    "name": _name,
}
"""Field of Advertised -> its AD structures, in the order in which they are put together."""
