"""When to read: at once while little comes in, and in ticks while much does, or while nobody is in a hurry.

At 1,000 advertisements per second nine tenths of the cost are wake-ups, not work. Reading every
50 ms all that has gathered, and writing it on in one piece, is near the least that is possible.
"""

import asyncio
from collections.abc import Callable

TICK_S = 0.05
PATIENT_TICK_S = 0.25
"""While nobody waits for what comes in: four wake-ups a second, whatever is on the air."""
BUSY_PER_S = 150
"""Above this rate reading goes by ticks. Below it, being prompt costs next to nothing."""
CALM_PER_S = 100
"""Below this rate it goes back; the gap keeps it from changing to and fro."""
FULL = 130
"""Records of one tick that are no more than half of what a Unix socket holds (about 280 small
messages). When more come the next look is sooner, so that nothing has to queue at the sender."""
NEXT_S = 0.002
"""Where the next record comes so soon after a look there may be more, which are then told as one."""
_LEAST_TICK_S = 0.005
_WINDOW_S = 0.1

Drain = Callable[[bool], int]
"""Reads and tells, and returns the number of records: all there are, or, where it is told False, as much
as one call of the kernel gives."""


def always() -> bool:
    """Somebody waits for what comes in."""
    return True


class PacedReader:
    """Calls `drain` when the descriptor has something to read, or in ticks.

    In a calm place one record comes at a time. To ask whether there is another one would cost a quarter of
    what forwarding it does, and the loop asks anyway before it sleeps: what is left is read in its next turn.

    `prompt` is asked after each look. Where it says no, the next look is after `PATIENT_TICK_S`, or sooner
    where the queue would be more than half full by then; a yes counts from the next look on.
    """

    def __init__(
        self,
        descriptor: int,
        drain: Drain,
        loop: asyncio.AbstractEventLoop,
        prompt: Callable[[], bool] = always,
    ) -> None:
        self._descriptor = descriptor
        self._drain = drain
        self._loop = loop
        self._prompt = prompt
        self._timer: asyncio.TimerHandle | None = None
        self._window_start = loop.time()
        self._window_count = 0
        self._looked = loop.time()
        self._waiting = False
        self._closed = False
        self._wait()

    def _wait(self) -> None:
        """Until there is something, however long."""
        self._waiting = True
        self._loop.add_reader(self._descriptor, self._on_readable)

    def _on_readable(self) -> None:
        # since the end of the last look: a machine that is slow must not take its own work for a pause
        follows = self._loop.time() - self._looked < NEXT_S
        count = self._drain(follows)
        if self._closed:
            return
        now = self._looked = self._loop.time()
        if now - self._window_start > _WINDOW_S:
            self._window_start, self._window_count = now, 0
        self._window_count += count
        busy = self._window_count > BUSY_PER_S * _WINDOW_S
        if busy or not self._prompt():
            self._waiting = False
            self._loop.remove_reader(self._descriptor)
            self._schedule(TICK_S if busy else PATIENT_TICK_S, now)

    def _schedule(self, delay_s: float, now: float) -> None:
        self._looked = now
        self._timer = self._loop.call_later(delay_s, self._on_tick)

    def _on_tick(self) -> None:
        self._timer = None
        now = self._loop.time()
        try:
            count = self._drain(True)
        except BaseException:
            # whoever listens may fail, but what comes next is to be heard all the same
            if not self._closed:
                self._schedule(TICK_S, now)
            raise
        if self._closed:
            return
        now = self._loop.time()
        passed_s = max(now - self._looked, _LEAST_TICK_S)
        prompt = self._prompt()
        if not count or (prompt and count < CALM_PER_S * passed_s):
            self._window_start, self._window_count = now, 0
            self._wait()
            return
        tick_s = TICK_S if prompt else PATIENT_TICK_S
        self._schedule(max(min(tick_s, FULL * passed_s / count), _LEAST_TICK_S), now)

    def hurry(self) -> None:
        """Have the next look within `TICK_S`: an answer is on its way."""
        if self._timer is not None and self._timer.when() > self._loop.time() + TICK_S:
            self._timer.cancel()
            self._timer = self._loop.call_later(TICK_S, self._on_tick)

    def close(self) -> None:
        """Read no more; before the descriptor is closed."""
        self._closed = True
        if self._waiting:
            self._waiting = False
            self._loop.remove_reader(self._descriptor)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
