"""What is done about peripherals without a link to them."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from renogybt.model.gatt import GattError

_LOGGER = logging.getLogger(__name__)

MOST_CHORES = 16
"""That may be under way: more than a person can ask for."""


class Chores:
    """Tasks of their own in `tasks`; without a group, and beyond `MOST_CHORES`, all is refused."""

    def __init__(self) -> None:
        self.tasks: asyncio.TaskGroup | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    def do(self, work: Coroutine[Any, Any, None], tell: Callable[[GattError | None], None]) -> None:
        """Have it done, and tell what went wrong, or None."""
        if self.tasks is None or len(self._under_way) >= MOST_CHORES:
            work.close()
            tell(GattError("too much to do"))
            return
        task = self.tasks.create_task(_do(work, tell))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)


async def _do(work: Coroutine[Any, Any, None], tell: Callable[[GattError | None], None]) -> None:
    try:
        await work
    except GattError as error:
        _LOGGER.debug("%s", error)
        tell(error)
    else:
        tell(None)
