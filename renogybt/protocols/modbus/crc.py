"""The check sum of Modbus RTU."""

SIZE = 2
_POLYNOMIAL = 0xA001  # 0x8005, bits reflected
_START = 0xFFFF


def _remainder(octet: int) -> int:
    for _ in range(8):
        octet = octet >> 1 ^ _POLYNOMIAL if octet & 1 else octet >> 1
    return octet


_TABLE = tuple(_remainder(octet) for octet in range(256))


def crc16(data: bytes | bytearray) -> int:
    """CRC-16/MODBUS. On the wire its low byte comes first; over a whole frame it is 0."""
    crc = _START
    table = _TABLE
    for octet in data:
        crc = crc >> 8 ^ table[(crc ^ octet) & 0xFF]
    return crc


def with_crc(body: bytes) -> bytes:
    """The frame of a body."""
    return body + crc16(body).to_bytes(SIZE, "little")
