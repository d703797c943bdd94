"""A transport with a peer that reads as much as it likes."""

import asyncio
from collections.abc import Callable


class PeerTransport(asyncio.Transport):
    """Sends at once while `reading`, and else keeps what is written, as asyncio's own does.

    `pause` and `resume` are the flow control of a protocol. What the peer has got is `received`,
    in the pieces in which it was written.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reading = True
        self.pause: Callable[[], None] = lambda: None
        self.resume: Callable[[], None] = lambda: None
        self.received: list[bytes] = []
        self.aborted = False
        self._unsent: list[bytes] = []
        self._closing = False
        self._paused = False
        self._high = self._low = 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high, self._low = high or 0, low or 0

    def get_write_buffer_size(self) -> int:
        return sum(map(len, self._unsent))

    def is_closing(self) -> bool:
        return self._closing

    def write(self, data: bytes) -> None:
        assert not self._closing, "a write to a transport that is closing is lost"
        if not data:
            return
        self._unsent.append(data)
        if self.reading:
            self.read()
        elif not self._paused and self.get_write_buffer_size() > self._high:
            self._paused = True
            self.pause()

    def read(self, size: int | None = None) -> None:
        """Let the peer take this many bytes, or all."""
        size = self.get_write_buffer_size() if size is None else size
        while self._unsent and size >= len(self._unsent[0]):
            size -= len(self._unsent[0])
            self.received.append(self._unsent.pop(0))
        if self._unsent and size:
            self.received.append(self._unsent[0][:size])
            self._unsent[0] = self._unsent[0][size:]
        if self._paused and self.get_write_buffer_size() <= self._low:
            self._paused = False
            self.resume()

    def close(self) -> None:
        """Take nothing more; what was written still goes out when the peer reads."""
        self._closing = True

    def abort(self) -> None:
        self._closing = self.aborted = True
        self._unsent.clear()
