"""How late the event loop is, and who holds it up."""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from renogybt.service.repetition import Repetition

_LOGGER = logging.getLogger(__name__)

TICK_S = 1.0
"""Each tick wakes the process; what blocks for 200 ms and more is met by one of them sooner or later."""
LATE_S = 0.2
"""Clients wait for nothing longer than that without noticing."""
_DEEPEST = 8
"""Frames that are told: enough to lead from a library's inside to the line of ours that called it."""
_LOOP = ("asyncio.events", "asyncio.base_events", "asyncio.runners")


class LagProbe:
    """Looks each `tick_s` how late it is called, and logs a lateness of `late_s` with the place to blame.

    The place is found by an alarm (ITIMER_REAL, SIGALRM), which each tick puts off: it rings only when one is
    late, and the interpreter then shows what the main thread is doing. In another thread no place is told.
    `clock` counts monotonic seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        tick_s: float = TICK_S,
        late_s: float = LATE_S,
    ) -> None:
        self._tick_s = tick_s
        self._late_s = late_s
        self._worst_s = 0.0
        self._met: str | None = None
        self._lines = Repetition(clock)

    def take_worst_s(self) -> float:
        """The greatest lateness since this was asked last, in seconds."""
        worst_s, self._worst_s = self._worst_s, 0.0
        return worst_s

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        with _alarm(self._on_alarm) as put_off:
            while True:
                self._met = None
                put_off(self._tick_s + self._late_s)
                due = loop.time() + self._tick_s
                await asyncio.sleep(self._tick_s)
                self._judge(loop.time() - due)

    def _on_alarm(self, _number: int, frame: FrameType | None) -> None:
        """Nothing may be logged or sent here: it comes between any two steps of whatever runs."""
        self._met = _place(frame)

    def _judge(self, late_s: float) -> None:
        self._worst_s = max(self._worst_s, late_s)
        if late_s < self._late_s:
            return
        if self._met == "":
            # it was waiting for events: nothing of ours is to blame
            text = f"this process did not run for {late_s:.2f} s: it was stopped, or the computer is busy"
            topic = "stopped"
        else:
            place = self._met or "an unknown place"
            text = f"the event loop was held up for {late_s:.2f} s at {place}"
            topic = place.partition(" < ")[0]
        self._lines.log(_LOGGER, logging.WARNING, text, topic)


@contextmanager
def _alarm(listener: Callable[[int, FrameType | None], None]) -> Iterator[Callable[[float], None]]:
    """Calls the listener unless it is put off in time; what was there before is there again afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda _seconds: None
        return
    before = signal.signal(signal.SIGALRM, listener)
    timer = signal.getitimer(signal.ITIMER_REAL)
    try:
        yield lambda seconds: _set(seconds)
    finally:
        _set(0.0)  # first: without a handler the alarm ends the process
        signal.signal(signal.SIGALRM, signal.SIG_DFL if before is None else before)
        _set(*timer)


def _set(seconds: float, interval_s: float = 0.0) -> None:
    signal.setitimer(signal.ITIMER_REAL, seconds, interval_s)


def _place(frame: FrameType | None) -> str:
    """From the innermost frame outwards to the event loop; empty where the loop waits for events."""
    if frame is not None and _module(frame) == "selectors" and _module(frame.f_back) == "asyncio.base_events":
        return ""
    found: list[str] = []
    while frame is not None and len(found) < _DEEPEST:
        if found and _module(frame) in _LOOP:
            break
        found.append(f"{_module(frame)}:{frame.f_lineno} {frame.f_code.co_qualname}")
        frame = frame.f_back
    return " < ".join(found)


def _module(frame: FrameType | None) -> str:
    return "" if frame is None else str(frame.f_globals.get("__name__", "?"))
