"""When to read: at once while little comes in, and in ticks while much does, or while nobody is in a hurry.

At 1,000 advertisements per second nine tenths of the cost are wake-ups, not work. Reading every
50 ms all that has gathered, and writing it on in one piece, is near the least that is possible.
"""

import asyncio
from collections.abc import Callable

TICK_S = 0.05
PATIENT_TICK_S = 0.25
"""While nobody waits for what comes in: about four wake-ups a second, as long as the queue has room."""
BUSY_PER_S = 150
"""Above this rate reading goes by ticks. Below it, being prompt costs next to nothing."""
CALM_PER_S = 100
"""Below this rate it goes back; the gap keeps it from changing to and fro."""
FULL = 130
"""Records of one tick that are no more than half of what a Unix socket holds (about 280 small
messages). When more come the next look is sooner, so that nothing has to queue at the sender."""
NEXT_S = 0.002
"""Where the next record comes so soon after a look there may be more, which are then told as one."""
ALONE_MOST = 16
"""After so many looks for one record each, one is for all: a loop that is late for other reasons must not
fall behind."""
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

    `prompt` is asked after each look. Where it says no, a look that follows another one within
    `PATIENT_TICK_S` puts the next one off for so long, or less where the queue would be more than half full
    by then. A yes counts from the next look on, or from `hurry`.
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
        self._alone = 0
        self._waiting = False
        self._closed = False
        self._wait()

    def _wait(self) -> None:
        """Until there is something, however long."""
        self._waiting = True
        self._loop.add_reader(self._descriptor, self._on_readable)

    def _on_readable(self) -> None:
        # since the end of the last look: a machine that is slow must not take its own work for a pause
        before = self._looked
        everything = self._loop.time() - before < NEXT_S or self._alone >= ALONE_MOST
        self._alone = 0 if everything else self._alone + 1
        count = self._drain(everything)
        if self._closed:
            return
        now = self._looked = self._loop.time()
        if now - self._window_start > _WINDOW_S:
            self._window_start, self._window_count = now, 0
        self._window_count += count
        if self._window_count > BUSY_PER_S * _WINDOW_S:
            self._wait_for(TICK_S, now)
        elif now - before < PATIENT_TICK_S and not self._prompt():
            self._wait_for(_pause_s(PATIENT_TICK_S, count, now - before), now)

    def _wait_for(self, delay_s: float, now: float) -> None:
        """Until there is time for a look, whatever comes."""
        self._waiting = False
        self._loop.remove_reader(self._descriptor)
        self._schedule(delay_s, now)

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
        self._schedule(_pause_s(TICK_S if prompt else PATIENT_TICK_S, count, passed_s), now)

    def hurry(self) -> None:
        """`prompt` says yes from now on: look now, at all there is, and be patient no longer."""
        if self._timer is not None and self._timer.when() > self._loop.time() + TICK_S:
            self._timer.cancel()
            self._timer = None
            self._wait()
            self._drain(True)
            self._looked = self._loop.time()

    def close(self) -> None:
        """Read no more; before the descriptor is closed."""
        self._closed = True
        if self._waiting:
            self._waiting = False
            self._loop.remove_reader(self._descriptor)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _pause_s(tick_s: float, count: int, passed_s: float) -> float:
    """Until the next look, where the last one has brought so many records of so much time."""
    return max(min(tick_s, FULL * passed_s / max(count, 1)), _LEAST_TICK_S)
