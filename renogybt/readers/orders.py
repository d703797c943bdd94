"""Work that only one task may do, given to it by others."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from renogybt.model.errors import RenogyBTError

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Order:
    work: Work
    done: asyncio.Future[None]


class Orders:
    """Orders to the task that has the link; `stir` is set when there is one."""

    def __init__(self, stir: asyncio.Event) -> None:
        self.open = False
        self._stir = stir
        self._waiting: list[_Order] = []

    @contextmanager
    def taken(self, why_not: Callable[[], RenogyBTError]) -> Iterator[None]:
        """For the time in which orders are obeyed; those that wait at its end are answered with `why_not`."""
        self.open = True
        try:
            yield
        finally:
            self.open = False
            self.refuse(why_not)
            self._waiting.clear()

    async def give(self, work: Work) -> None:
        """Have `work` done, and wait for it; raises what it raises. Nothing happens while nobody obeys."""
        if not self.open:
            return
        order = _Order(work, asyncio.get_running_loop().create_future())
        self._waiting.append(order)
        self._stir.set()
        await order.done

    def refuse(self, why: Callable[[], RenogyBTError]) -> None:
        """Answer at once, with an error each, those that wait and the one that is being obeyed."""
        for order in self._waiting:
            if not order.done.done():
                order.done.set_exception(why())

    async def obey(self) -> None:
        """Do what is waiting. One that was refused, or whose giver was cancelled, is left out."""
        while self._waiting:
            order = self._waiting[0]
            if not order.done.done():
                await self._do(order)
            self._waiting.remove(order)

    async def _do(self, order: _Order) -> None:
        try:
            await order.work()
        except RenogyBTError as error:
            if not order.done.done():
                order.done.set_exception(error)
        else:
            if not order.done.done():
                order.done.set_result(None)
