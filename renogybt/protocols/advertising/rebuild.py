"""Advertising data rebuilt from what D-Bus tells of it.

BlueZ takes advertisements apart; their order, the kind of name, the completeness of UUID lists,
and which packet said what are lost on the way. What is left is put together without anything
made up: no flags and no name that were not received, UUIDs in their shortest form, lists that
claim to be incomplete.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    for structure in _structures(known):
        try:
            out += join((structure,))
        except AdvertisingDataError:
            continue
    return bytes(out)


def _structures(known: Advertised) -> list[Structure]:
    structures = []
    if known.flags:
        structures.append(flags(known.flags[0]))
    structures += service_uuids(known.uuids, complete=False)
    structures += [service_data(uuid, data) for uuid, data in known.service_data.items()]
    structures += [manufacturer(company, data) for company, data in known.manufacturer.items()]
    structures += [Structure(kind, data) for kind, data in known.other.items()]
    if known.tx_power is not None:
        structures.append(tx_power(known.tx_power))
    if known.name is not None:
        structures.append(complete_name(known.name))
    return structures
