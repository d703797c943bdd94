"""Decoders written from the makers' documents, and from nothing of the simulator."""

import struct
from typing import NamedTuple


class Climate(NamedTuple):
    temperature_c: float
    humidity_percent: float
    battery: float


def structures(data: bytes) -> list[tuple[int, bytes]]:
    """(type, data) pairs; asserts that nothing is left over."""
    found = []
    while data:
        length = data[0]
        assert 1 <= length < len(data)
        found.append((data[1], data[2 : 1 + length]))
        data = data[1 + length :]
    return found


def service_data(data: bytes, uuid: int) -> bytes | None:
    return _with_prefix(data, 0x16, uuid)


def manufacturer_data(data: bytes, company: int) -> bytes | None:
    return _with_prefix(data, 0xFF, company)


def name(data: bytes) -> str | None:
    return next((octets.decode() for kind, octets in structures(data) if kind == 0x09), None)


def _with_prefix(data: bytes, wanted: int, number: int) -> bytes | None:
    prefix = struct.pack("<H", number)
    for kind, octets in structures(data):
        if kind == wanted and octets.startswith(prefix):
            return octets[2:]
    return None


def bthome(payload: bytes) -> tuple[int, Climate]:
    """(packet id, climate) of an unencrypted BTHome v2 payload with ascending object ids."""
    assert payload[0] == 0b010_0_0_0_0_0
    sizes = {0x00: ("<B", 1.0), 0x01: ("<B", 1.0), 0x02: ("<h", 0.01), 0x03: ("<H", 0.01)}
    values: dict[int, float] = {}
    position = 1
    while position < len(payload):
        object_id = payload[position]
        assert all(object_id > earlier for earlier in values)
        layout, factor = sizes[object_id]
        (raw,) = struct.unpack_from(layout, payload, position + 1)
        values[object_id] = raw * factor
        position += 1 + struct.calcsize(layout)
    return int(values[0]), Climate(values[2], values[3], values[1])


def govee_h5075(payload: bytes) -> Climate:
    assert len(payload) == 6
    value = int.from_bytes(payload[1:4], "big")
    sign = -1 if value & 0x800000 else 1
    value &= 0x7FFFFF
    return Climate(sign * (value // 1000) / 10, value % 1000 / 10, payload[4])


def switchbot_meter(payload: bytes) -> Climate:
    assert len(payload) == 6
    assert payload[0] & 0x7F == ord("T")
    sign = 1 if payload[4] & 0x80 else -1
    temperature_c = sign * ((payload[4] & 0x7F) + (payload[3] & 0x0F) / 10)
    return Climate(temperature_c, payload[5] & 0x7F, payload[2] & 0x7F)


class Ruuvi(NamedTuple):
    climate: Climate
    pressure_pa: int
    acceleration_mg: tuple[int, int, int]
    tx_power_dbm: int
    sequence: int
    address: int


def ruuvi_5(payload: bytes) -> Ruuvi:
    assert len(payload) == 24
    fields = struct.unpack(">BhHHhhhHBH6s", payload)
    assert fields[0] == 5
    return Ruuvi(
        Climate(fields[1] * 0.005, fields[2] * 0.0025, (fields[7] >> 5) + 1600),
        fields[3] + 50_000,
        fields[4:7],
        (fields[7] & 0x1F) * 2 - 40,
        fields[9],
        int.from_bytes(fields[10], "big"),
    )
