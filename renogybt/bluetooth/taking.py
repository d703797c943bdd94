"""A rung that is being taken, and what is left of it when nobody waits for it any more."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from renogybt.model.recovery import Rung

_UNDOING_S = 1.0


class Taking:
    """Takes one rung after the other by `act`, which undoes what it has begun when it is cancelled."""

    def __init__(self, act: Callable[[Rung], Coroutine[Any, Any, None]]) -> None:
        self._act = act
        self._task: asyncio.Task[None] | None = None

    async def take(self, rung: Rung, deadline_s: float) -> None:
        """In a task of its own: when this one is cancelled, what was begun is undone by that one.

        Raises what `act` raises, and TimeoutError.
        """
        self._task = task = asyncio.create_task(self._act(rung), name=f"rung {rung.name}")
        task.add_done_callback(_retrieve)
        try:
            done, _ = await asyncio.wait([task], timeout=deadline_s)
            if not done:
                await self.end()
                raise TimeoutError
        finally:
            task.cancel()
        task.result()

    async def end(self) -> None:
        """Have the rung that is under way, if any, undo what it has begun; bounded."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=_UNDOING_S)


def _retrieve(task: asyncio.Task[None]) -> None:
    """Whatever it was, perhaps nobody waits for it any more."""
    if not task.cancelled():
        task.exception()
