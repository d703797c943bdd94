"""Plaintext framing: `00`, varint payload length, varint message type, payload."""

from collections.abc import Iterator

from renogybt.protocols.esphome.errors import FrameError
from renogybt.protocols.esphome.varint import VarintTooLong, encode_varint, read_varint

INDICATOR = 0x00
MAX_PAYLOAD = 65_535
"""The client's own limit for a frame."""

Frame = tuple[int, bytes]
"""Message type number and payload."""


def plaintext_frame(number: int, payload: bytes) -> bytes:
    """One message as it goes over the wire."""
    return b"\0" + encode_varint(len(payload)) + encode_varint(number) + payload


class PlaintextFraming:
    """Cuts a stream into frames; whatever is incomplete waits for the rest."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete now, one by one; raises FrameError where one is wrong."""
        self._buffer += data
        return iter(self._next, None)

    def _next(self) -> Frame | None:
        buffer = self._buffer
        if not buffer:
            return None
        if buffer[0] != INDICATOR:
            raise FrameError(f"a frame begins with {buffer[0]:#04x} instead of 0x00")
        try:
            length = read_varint(buffer, 1)
            if length is None:
                return None
            if length[0] > MAX_PAYLOAD:
                raise FrameError(f"a frame of {length[0]} bytes, {MAX_PAYLOAD} are allowed")
            number = read_varint(buffer, length[1])
        except VarintTooLong as error:
            raise FrameError("a varint of more than 4 bytes in a frame's header") from error
        if number is None:
            return None
        end = number[1] + length[0]
        if len(buffer) < end:
            return None
        payload = bytes(buffer[number[1] : end])
        del buffer[:end]
        return number[0], payload

    @staticmethod
    def frame(number: int, payload: bytes) -> bytes:
        """One message as bytes to send."""
        return plaintext_frame(number, payload)
