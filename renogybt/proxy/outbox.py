"""What goes out to one client: answers and states always, advertisements while there is room."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from renogybt.protocols.esphome.advertisements import RAW_ADVERTISEMENTS

LIMIT = 256 * 1024
"""Unsent bytes at which a client is given up: these are answers and states that it never reads."""
BACKLOG_LIMIT = 64 * 1024
BACKLOG_AGE_S = 2.0
"""Home Assistant stamps advertisements on arrival, so that old ones would tell an untruth."""
STANDSTILL_S = 30.0

Frame = Callable[[int, bytes], bytes]


@dataclass(frozen=True, slots=True)
class _Waiting:
    payload: bytes
    count: int
    since: float


class Outbox:
    """Writes to one transport; the owner hands on `pause` and `resume` of the flow control.

    `frame` makes bytes of a message, in the order of sending (Noise counts its frames).
    `give_up` is called with a reason when the client stands still or does not read its answers.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        frame: Frame,
        give_up: Callable[[str], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        # the first byte that the kernel does not take makes advertisements wait here, where they can go
        transport.set_write_buffer_limits(high=0)
        self._transport = transport
        self._frame = frame
        self._give_up = give_up
        self._loop = loop
        self._backlog: deque[_Waiting] = deque()
        self._backlog_size = 0
        self._watch: asyncio.TimerHandle | None = None
        self._written = 0
        self._progress = 0
        self.dropped = 0
        """Advertisements that this client lost because it was slow."""

    @property
    def paused(self) -> bool:
        """Whether the client reads more slowly than we write."""
        return self._watch is not None

    def write(self, data: bytes) -> None:
        """Bytes that must arrive: answers, states, the handshake."""
        if self._transport.is_closing():
            return
        self._written += len(data)
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > LIMIT:
            self._give_up(f"it left more than {LIMIT // 1024} KiB of answers unread")

    def advertise(self, payload: bytes, count: int, framed: bytes | None = None) -> None:
        """A batch of `count` advertisements. `framed`: the whole frame, where all clients share it."""
        if self._transport.is_closing():
            return
        if self._watch is not None:
            self._wait(_Waiting(payload, count, self._loop.time()))
            return
        # nothing is buffered here, or this would wait: so no limit is reached by what is written now
        data = self._frame(RAW_ADVERTISEMENTS, payload) if framed is None else framed
        self._written += len(data)
        self._transport.write(data)

    def _wait(self, batch: _Waiting) -> None:
        self._backlog.append(batch)
        self._backlog_size += len(batch.payload)
        while self._backlog_size > BACKLOG_LIMIT:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self.dropped += self._take_oldest().count

    def _take_oldest(self) -> _Waiting:
        batch = self._backlog.popleft()
        self._backlog_size -= len(batch.payload)
        return batch

    def pause(self) -> None:
        """The kernel takes no more for now."""
        if self._watch is None:
            self._progress = self._sent()
            self._watch = self._loop.call_later(STANDSTILL_S, self._look)

    def resume(self) -> None:
        """The transport has room again: send what is still fresh."""
        self._stop_watch()
        if self._transport.is_closing():  # it empties itself, and takes nothing more
            self.forget_advertisements()
        fresh = self._loop.time() - BACKLOG_AGE_S
        while self._backlog and not self.paused:
            if self._backlog[0].since < fresh:
                self._drop_oldest()
            else:
                batch = self._take_oldest()
                self.write(self._frame(RAW_ADVERTISEMENTS, batch.payload))

    def _sent(self) -> int:
        return self._written - self._transport.get_write_buffer_size()

    def _look(self) -> None:
        if self._sent() == self._progress:
            self._give_up(f"it took nothing for {STANDSTILL_S:.0f} s")
            return
        self._progress = self._sent()
        self._watch = self._loop.call_later(STANDSTILL_S, self._look)

    def forget_advertisements(self) -> None:
        """Whatever waits is not wanted any more."""
        self._backlog.clear()
        self._backlog_size = 0

    def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def close(self) -> None:
        """Stop watching; the transport belongs to the owner."""
        self._stop_watch()
        self.forget_advertisements()
