"""What an advertisement says about its sender, for people to read."""

from collections.abc import Iterable
from dataclasses import dataclass

from renogybt.protocols.advertising.structures import (
    COMPLETE_LISTS,
    INCOMPLETE_LISTS,
    SERVICE_DATA,
    ADType,
    Structure,
    split,
)
from renogybt.protocols.advertising.uuids import decode_uuid

_UUID_WIDTHS: dict[int, int] = {
    kind: width for types in (INCOMPLETE_LISTS, COMPLETE_LISTS) for width, kind in types.items()
}
_SERVICE_DATA_WIDTHS: dict[int, int] = {kind: width for width, kind in SERVICE_DATA.items()}


@dataclass(frozen=True, slots=True)
class Summary:
    """The parts of an advertisement that have a meaning of their own.

    UUIDs are in their shortest form (`fcd2`), each once. Where an octet field comes twice, the
    advertisement counts before the scan response. `name` holds printable characters only.
    """

    name: str | None = None
    service_uuids: tuple[str, ...] = ()
    manufacturer: tuple[tuple[int, bytes], ...] = ()
    service_data: tuple[tuple[str, bytes], ...] = ()
    tx_power: int | None = None
    flags: int | None = None


def describe(data: bytes) -> Summary:
    """The summary of any octets: what is cut off or malformed is left out."""
    structures = split(data)
    power = _first(structures, ADType.TX_POWER)
    flags = _first(structures, ADType.FLAGS)
    return Summary(
        name=_name(structures),
        service_uuids=tuple(dict.fromkeys(_service_uuids(structures))),
        manufacturer=tuple(
            (int.from_bytes(octets[:2], "little"), octets[2:])
            for kind, octets in structures
            if kind == ADType.MANUFACTURER_DATA and len(octets) >= 2
        ),
        service_data=tuple(_service_data(structures)),
        tx_power=int.from_bytes(power[:1], "little", signed=True) if power else None,
        flags=flags[0] if flags else None,
    )


def _first(structures: Iterable[Structure], kind: ADType) -> bytes:
    return next((data for type_, data in structures if type_ == kind and data), b"")


def _name(structures: list[Structure]) -> str | None:
    octets = _first(structures, ADType.COMPLETE_NAME) or _first(structures, ADType.SHORTENED_NAME)
    text = octets.rstrip(b"\0").decode(errors="replace")  # some devices pad their name with zeros
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text) or None


def _service_uuids(structures: Iterable[Structure]) -> Iterable[str]:
    for kind, data in structures:
        if width := _UUID_WIDTHS.get(kind):
            for start in range(0, len(data) - width + 1, width):
                yield decode_uuid(data[start : start + width])


def _service_data(structures: Iterable[Structure]) -> Iterable[tuple[str, bytes]]:
    for kind, data in structures:
        width = _SERVICE_DATA_WIDTHS.get(kind)
        if width and len(data) >= width:
            yield decode_uuid(data[:width]), data[width:]
