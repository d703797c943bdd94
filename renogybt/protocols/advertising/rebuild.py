"""Advertising data rebuilt from what D-Bus tells of it.

BlueZ takes advertisements apart; their order, the kind of name, the completeness of UUID lists,
and which packet said what are lost on the way. What is left is put together without anything
made up: no flags and no name that were not received, UUIDs in their shortest form, lists that
claim to be incomplete.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from renogybt.protocols.advertising.structures import (
    AdvertisingDataError,
    Structure,
    complete_name,
    flags,
    join,
    manufacturer,
    service_data,
    service_uuids,
    tx_power,
)
from renogybt.protocols.advertising.uuids import UUIDError, encode_uuid

_LIST_OCTETS = 240
"""Whole UUIDs of every width that fit into one structure. Connecting adds the services of a device to
those that it advertises, so that a list can be longer than anything on the air."""


@dataclass(slots=True)
class Advertised:
    """What is known of one device's advertising; None and empty: not received."""

    flags: bytes = b""
    uuids: Sequence[str] = ()
    service_data: Mapping[str, bytes] = field(default_factory=dict)
    manufacturer: Mapping[int, bytes] = field(default_factory=dict)
    tx_power: int | None = None
    name: str | None = None
    other: Mapping[int, bytes] = field(default_factory=dict)
    """AD types that BlueZ hands on as they are."""


def rebuild(known: Advertised) -> bytes:
    """AD structures with this content. What fits no structure is left out."""
    out = bytearray()
    for build in _parts(known):
        with suppress(AdvertisingDataError, UUIDError):
            out += join((build(),))
    return bytes(out)


def _parts(known: Advertised) -> Iterator[Callable[[], Structure]]:
    if known.flags:
        yield partial(flags, known.flags[0])
    for kind, octets in service_uuids(filter(_is_uuid, known.uuids), complete=False):
        yield partial(Structure, kind, octets[:_LIST_OCTETS])
    for uuid, data in known.service_data.items():
        yield partial(service_data, uuid, data)
    for company, data in known.manufacturer.items():
        yield partial(manufacturer, company, data)
    for other, data in known.other.items():
        yield partial(Structure, other, data)
    if known.tx_power is not None:
        yield partial(tx_power, known.tx_power)
    if known.name is not None:
        yield partial(complete_name, known.name)


def _is_uuid(text: str) -> bool:
    try:
        encode_uuid(text)
    except UUIDError:
        return False
    return True
