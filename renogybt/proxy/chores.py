"""What is done about peripherals without a link to them."""

import asyncio
import contextlib
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
        if len(self._under_way) >= MOST_CHORES:
            work.close()
            tell(GattError("too much to do"))
            return
        task = begin(self.tasks, _do(work, tell))
        if task is None:
            work.close()
            tell(GattError("nothing is done for links at the moment"))
            return
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)


def begin(
    tasks: asyncio.TaskGroup | None, work: Coroutine[Any, Any, None], name: str | None = None
) -> asyncio.Task[None] | None:
    """A task in this group; None where there is no group, or one that is just dying of another task."""
    if tasks is not None:
        with contextlib.suppress(RuntimeError):  # it tells nobody beforehand that it takes no more
            return tasks.create_task(work, name=name)
    work.close()
    return None


async def _do(work: Coroutine[Any, Any, None], tell: Callable[[GattError | None], None]) -> None:
    try:
        await work
    except GattError as error:
        _LOGGER.debug("%s", error)
        tell(error)
    else:
        tell(None)
