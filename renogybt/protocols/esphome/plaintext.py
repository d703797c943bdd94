"""Plaintext framing: `00`, varint payload length, varint message type, payload."""

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

    def receive(self, data: bytes) -> list[Frame]:
        """All frames that are complete now; raises FrameError."""
        self._buffer += data
        frames: list[Frame] = []
        position = 0
        while (found := self._next(position)) is not None:
            frame, position = found
            frames.append(frame)
        del self._buffer[:position]
        return frames

    def _next(self, position: int) -> tuple[Frame, int] | None:
        buffer = self._buffer
        if position >= len(buffer):
            return None
        if buffer[position] != INDICATOR:
            raise FrameError(f"a frame begins with {buffer[position]:#04x} instead of 0x00")
        try:
            length = read_varint(buffer, position + 1)
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
        return (number[0], bytes(buffer[number[1] : end])), end

    @staticmethod
    def frame(number: int, payload: bytes) -> bytes:
        """One message as bytes to send."""
        return plaintext_frame(number, payload)
