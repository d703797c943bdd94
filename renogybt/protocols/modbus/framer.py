"""Puts the reply together from notifications of any size."""

from collections.abc import Iterator

from renogybt.protocols.modbus.crc import crc16
from renogybt.protocols.modbus.errors import ExceptionReplyError, ModbusError
from renogybt.protocols.modbus.replies import EXCEPTION_BIT, EXCEPTION_LENGTH, Reply, accepted, fault_of
from renogybt.protocols.modbus.requests import Request

_LONGEST = 5 + 255
"""The longest frame there is: enough of the stream's beginning to say what it was."""


class Framer:
    """Finds the reply to one request in a stream, whatever stands before it.

    Only a frame with the unit id, function, byte count and CRC of the open request is taken, or
    its exception; leftovers, other units' frames and noise are passed over. The outcome depends
    on the stream alone, not on how it is cut. A late reply to an earlier request of the same unit
    and the same length looks exactly like the reply: only a drained line keeps it away.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._heads = (
            (request.reply_head, request.reply_length),
            (bytes((request.unit, request.function | EXCEPTION_BIT)), EXCEPTION_LENGTH),
        )
        self._keep = max(length for _, length in self._heads) - 1
        self._tail = b""  # the last octets, too few for a frame
        self._beginning = b""  # the first octets, to name the fault by
        self._received = 0
        self._start: int | None = None  # where the reply began, once it is there

    def feed(self, chunk: bytes) -> Reply | None:
        """The reply, once it is complete; None before, and for whatever comes after it.

        Raises ExceptionReplyError when the unit refuses the request.
        """
        if self._start is not None:
            return None
        chunk = bytes(chunk)
        buffer = self._tail + chunk
        known = len(self._tail)
        if len(self._beginning) < _LONGEST:
            self._beginning = (self._beginning + chunk)[:_LONGEST]
        for end, start in sorted(self._candidates(buffer, known)):
            frame = buffer[start:end]
            if crc16(frame) == 0:
                self._start = self._received - known + start
                self._tail = b""
                return self._outcome(frame)
        self._received += len(chunk)
        self._tail = buffer[-self._keep :]
        return None

    @property
    def fault(self) -> ModbusError | None:
        """Why the stream does not begin with the reply; None while it may, and when it did."""
        if self._start is not None:
            return fault_of(self._request, self._beginning[: self._start], ended=True)
        return fault_of(self._request, self._beginning)

    @property
    def pending(self) -> bool:
        """Whether the last octets may be the beginning of the reply: it is worth while to wait."""
        if self._start is not None:
            return False
        tail = self._tail
        return any(
            head in tail[-(length - 1) :] or any(tail.endswith(head[:size]) for size in range(1, len(head)))
            for head, length in self._heads
        )

    def _candidates(self, buffer: bytes, known: int) -> Iterator[tuple[int, int]]:
        """(end, start) of what begins like the reply or an exception and has been completed just now."""
        for head, length in self._heads:
            start = buffer.find(head, max(0, known - length + 1))
            while 0 <= start <= len(buffer) - length:
                yield start + length, start
                start = buffer.find(head, start + 1)

    def _outcome(self, frame: bytes) -> Reply:
        if frame[1] & EXCEPTION_BIT:
            raise ExceptionReplyError(frame[2])
        return accepted(self._request, frame)
