"""An event loop whose time passes only when nothing else is left to do, and then at once."""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any


class _Patience(selectors.SelectSelector):
    """Waits by setting the clock forward."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("nothing will ever happen any more")
            self.now += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Begins at 0 seconds."""

    def __init__(self) -> None:
        self._clock = _Patience()
        super().__init__(self._clock)

    def time(self) -> float:
        """Virtual seconds."""
        return self._clock.now

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., Any], *arguments: Any
    ) -> asyncio.Future[Any]:
        """At once: a thread would take real time, in which virtual time runs away."""
        done: asyncio.Future[Any] = self.create_future()
        done.set_result(func(*arguments))
        return done

    def advance(self, seconds: float) -> None:
        """Let time pass, with all that is due in it."""
        self.run_until_complete(asyncio.sleep(seconds))
