"""The care of a radio, of which the test says how it stands and what comes of a reset."""

import asyncio
from dataclasses import replace

from renogybt.model.errors import RenogyBTError
from renogybt.model.recovery import (
    CareListener,
    CareStatus,
    RadioEvent,
    Result,
    Rung,
    Unsubscribe,
)
from renogybt.model.subscribers import Subscribers

RESET_S = 5.0


class SpokenCare:
    """Resets after `reset_s`, or fails with `error`; nothing changes but by `become`."""

    def __init__(self) -> None:
        self.status = CareStatus(resets_left=10)
        self.asked: list[str] = []
        """The cause of every reset that was asked for."""
        self.under_way = 0
        self.error: RenogyBTError | None = None
        self.reset_s = RESET_S
        self._changes: Subscribers[CareStatus] = Subscribers()

    def watch(self, listener: CareListener) -> Unsubscribe:
        return self._changes.add(listener)

    def become(self, **changes: object) -> None:
        """Change the status, and tell."""
        self.pass_to(**changes)
        self._changes.notify(self.status)

    def pass_to(self, **changes: object) -> None:
        """Change the status without a word."""
        self.status = replace(self.status, **changes)  # type: ignore[arg-type]

    async def reset(self, cause: str, *, force: bool = False) -> RadioEvent:
        self.asked.append(cause)
        self.under_way += 1
        try:
            await asyncio.sleep(self.reset_s)
        finally:
            self.under_way -= 1
        if self.error is not None:
            raise self.error
        return RadioEvent(Rung.POWER_CYCLE, cause, Result.HELPED, self.reset_s)
