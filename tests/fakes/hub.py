"""A Renogy hub on the air: the services of a BT-2, and a battery with unit id 48 behind them."""

import struct

from fakes.peripheral import Attribute, AttributeGroup, FakePeripheral, Notifications, short

HUB = "6C:B2:FD:86:82:4D"
UNIT = 48
NOTIFICATION = 20
WRITE, NOTIFY, DECOY = 0x0010, 0x0020, 0x0030
SERVICES = (
    AttributeGroup(
        "f000ffd0-0451-4000-b000-000000000000",
        0x002F,
        (Attribute("f000ffd1-0451-4000-b000-000000000000", DECOY, ("write", "write-without-response")),),
    ),
    AttributeGroup(
        short(0xFFD0),
        0x000F,
        (
            Attribute(short(0xFFD1), WRITE, ("write-without-response", "write")),
            Attribute(short(0xFFD2), 0x0013, ("read",), b"BT-2"),
        ),
    ),
    AttributeGroup(short(0xFFF0), 0x001F, (Attribute(short(0xFFF1), NOTIFY, ("notify",)),)),
)


def hub(address: str = HUB) -> FakePeripheral:
    """A peripheral that answers reads of holding registers of unit 48."""
    return FakePeripheral(address, SERVICES, _on_write, name="BT-TH-FD86824D")


def answer(request: bytes) -> bytes:
    """A Modbus RTU reply; each register holds its own number."""
    unit, function, register, words = struct.unpack(">BBHH", request[:6])
    if (unit, function) != (UNIT, 3) or request[6:] != _crc(request[:6]):
        return b""
    reply = struct.pack(f">BBB{words}H", unit, function, 2 * words, *range(register, register + words))
    return reply + _crc(reply)


def _on_write(handle: int, value: bytes) -> Notifications:
    reply = answer(value) if handle == WRITE and len(value) == 8 else b""
    return [(NOTIFY, reply[at : at + NOTIFICATION]) for at in range(0, len(reply), NOTIFICATION)]


def _crc(data: bytes) -> bytes:
    value = 0xFFFF
    for octet in data:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ 0xA001 * (value & 1)
    return value.to_bytes(2, "little")
