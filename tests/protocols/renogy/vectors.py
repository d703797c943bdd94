"""The frames of tests/vectors, and what may happen to them on the way."""

import json
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from renogybt.model.quantity import Value
from renogybt.model.reading import DeviceType
from renogybt.protocols.modbus.crc import with_crc

_FILE = Path(__file__).parents[2] / "vectors" / "renogy.json"


@dataclass(frozen=True)
class Vector:
    id: str
    type: DeviceType
    kind: str
    request: bytes | None
    response: bytes
    expected: dict[str, Value]

    @property
    def asked(self) -> bytes:
        assert self.request is not None
        return self.request


@cache
def vectors() -> tuple[Vector, ...]:
    rows = json.loads(_FILE.read_text())
    return tuple(
        Vector(
            row["id"],
            DeviceType(row["type"]),
            row["kind"],
            bytes.fromhex(row["request_hex"]) if row["request_hex"] else None,
            bytes.fromhex(row["response_hex"]),
            row["expected"],
        )
        for row in rows
    )


def modbus_vectors() -> tuple[Vector, ...]:
    """Those with a request: all but the shunt."""
    return tuple(vector for vector in vectors() if vector.request is not None)


def readings() -> tuple[Vector, ...]:
    """Those whose reply carries registers."""
    return tuple(vector for vector in modbus_vectors() if vector.kind not in ("exception", "write_echo"))


def flipped(frame: bytes, bit: int) -> bytes:
    octets = bytearray(frame)
    octets[bit // 8] ^= 1 << bit % 8
    return bytes(octets)


def with_octet(frame: bytes, place: int, octet: int) -> bytes:
    """One octet of the frame changed, and the CRC made to fit."""
    body = bytearray(frame[:-2])
    body[place] = octet
    return with_crc(bytes(body))


def parts(frame: bytes, size: int) -> list[bytes]:
    return [frame[at : at + size] for at in range(0, len(frame), size)]


def words(*numbers: int) -> bytes:
    """Registers with these numbers, negative ones in two's complement."""
    return b"".join(struct.pack(">H", number & 0xFFFF) for number in numbers)
