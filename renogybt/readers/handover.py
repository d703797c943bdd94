"""Leaving a link to somebody else, in the middle of whatever is being done with it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


class Handover:
    """Between the one task that has a link, and others who want it.

    `released`: the link is not to be used until `resume`. `cut`: what was done `within` a time last was
    cut short for somebody else. `stir` is set when the task has to look.
    """

    def __init__(self, stir: asyncio.Event) -> None:
        self.released = False
        self.cut = False
        self._stir = stir
        self._served = False
        self._deadline: asyncio.Timeout | None = None
        self._left = asyncio.Event()
        self._left.set()

    @property
    def leaving(self) -> bool:
        """Whether somebody waits for the link to be closed, be it that it may be used again by now."""
        return not self._left.is_set()

    @contextmanager
    def served(self) -> Iterator[None]:
        """For the time in which a task leaves when it is asked to; at its end there is no link."""
        self._served = True
        try:
            yield
        finally:
            self._served = False
            self._left.set()

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Raise TimeoutError after so long, and at once when the link is released."""
        self.cut = False
        try:
            async with asyncio.timeout(seconds) as self._deadline:
                yield
        finally:
            self._deadline = None

    def release(self) -> None:
        """Cut short what is being done, and have the task leave."""
        self.released = True
        if not self._served:
            return
        self._left.clear()
        self._stir.set()
        if self._deadline is not None and not self._deadline.expired():
            self.cut = True
            self._deadline.reschedule(asyncio.get_running_loop().time())

    def left(self) -> None:
        """The link is closed."""
        self._left.set()

    async def wait(self) -> None:
        """Until the link is closed; at once where nobody has one."""
        await self._left.wait()

    def resume(self) -> None:
        """The link may be used again."""
        self.released = False
        self._stir.set()
