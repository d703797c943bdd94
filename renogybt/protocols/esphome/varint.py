"""Base-128 varints, as protobuf and the plaintext framing use them."""

MAX_BYTES = 4
"""A length or a type never needs more; the client closes on longer ones, and so do we."""


_SHORT = [bytes((value,)) for value in range(0x80)]


def encode_varint(value: int) -> bytes:
    """A number >= 0, seven bits per byte, least significant first."""
    if value <= 0x7F:
        return _SHORT[value]
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class VarintTooLong(ValueError):  # noqa: N818 - it never leaves the framer
    """More than MAX_BYTES bytes with the continuation bit."""


def read_varint(buffer: bytes | bytearray, start: int) -> tuple[int, int] | None:
    """(value, index after it), or None while bytes are missing; raises VarintTooLong."""
    value = 0
    for place in range(MAX_BYTES):
        index = start + place
        if index >= len(buffer):
            return None
        byte = buffer[index]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, index + 1
    raise VarintTooLong
