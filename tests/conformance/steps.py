"""What the rules of links have in common: waiting for a radio, for a link, and never for ever."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
from conformance.radio import Record

from renogybt.model.gatt import AttError, GattLink
from renogybt.model.radio import Radio, ScannerState, ScannerStatus
from renogybt.model.slots import Slot


class LinkSteps:
    """Steps that fail with words where they take too long."""

    deadline_s = 15.0
    """For each single step; a real adapter may need all of it."""

    @contextlib.asynccontextmanager
    async def _deadline(self, what: str, seconds: float | None = None) -> AsyncIterator[None]:
        seconds = self.deadline_s if seconds is None else seconds
        deadline = asyncio.timeout(seconds)
        try:
            async with deadline:
                yield
        except TimeoutError:
            if not deadline.expired():
                raise
            pytest.fail(f"not within {seconds} s: {what}")

    async def _running(self, radio: Radio) -> None:
        record = Record[ScannerStatus]()
        unwatch = radio.watch(record)
        try:
            async with self._deadline("a running radio"):
                await record.until(lambda _: radio.status.state is ScannerState.RUNNING)
        finally:
            unwatch()

    @contextlib.asynccontextmanager
    async def _connected(
        self, radio: Radio, address: int, slot: Slot | None = None
    ) -> AsyncIterator[GattLink]:
        await self._running(radio)
        async with contextlib.AsyncExitStack() as stack:
            async with self._deadline("a link"):
                link = await stack.enter_async_context(radio.connect(address, slot))
            yield link


@contextlib.contextmanager
def refused(code: int) -> Iterator[None]:
    """An operation that is refused for this reason."""
    with pytest.raises(AttError) as caught:
        yield
    assert caught.value.code == code
