"""A care of a radio that keeps the port's promises and resets nothing."""

import asyncio
from collections.abc import Callable

from renogybt.model.recovery import (
    CareListener,
    CareStatus,
    RadioEvent,
    ResetFailedError,
    ResetRefusedError,
    Result,
    Rung,
)
from renogybt.model.subscribers import Subscribers


class FakeCare:
    """Has `left` resets, each of which takes `takes_s` and comes to `result`, or fails with `failure`.

    `asked` are the causes of those that were asked for, refused or not.
    """

    def __init__(self, left: int = 10, *, takes_s: float = 0.0) -> None:
        self.left = left
        self.takes_s = takes_s
        self.result = Result.HELPED
        self.failure = ""
        self.asked: list[str] = []
        self.resets = 0
        self._changes: Subscribers[CareStatus] = Subscribers()
        self._last: RadioEvent | None = None

    @property
    def status(self) -> CareStatus:
        """The truth at this moment."""
        return CareStatus(rungs=self.resets, resets=self.resets, resets_left=self.left, last=self._last)

    def watch(self, listener: CareListener) -> Callable[[], None]:
        """Tell every further change."""
        return self._changes.add(listener)

    async def reset(self, cause: str, *, force: bool = False) -> RadioEvent:
        """Count it; raises ResetRefusedError or ResetFailedError."""
        self.asked.append(cause)
        if not self.left and not force:
            raise ResetRefusedError("none is left; the next one is allowed in 12 min")
        self.left = max(0, self.left - 1)
        self.resets += 1
        await asyncio.sleep(self.takes_s)
        if self.failure:
            raise ResetFailedError(self.failure)
        self._last = RadioEvent(Rung.POWER_CYCLE, cause, self.result, self.takes_s)
        self._changes.notify(self.status)
        return self._last
