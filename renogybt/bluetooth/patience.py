"""How long the way to a link may take in all, whatever it is spent on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from renogybt.model.advertisement import format_address
from renogybt.model.gatt import ConnectError


class Patience:
    """What is left of `total_s` from now on for a link to `address`."""

    def __init__(self, address: int, total_s: float) -> None:
        self._address = address
        self._total_s = total_s
        self.deadline = asyncio.get_running_loop().time() + total_s
        """In the time of the event loop."""

    @property
    def left_s(self) -> float:
        """Never less than nothing."""
        return max(0.0, self.deadline - asyncio.get_running_loop().time())

    @contextlib.asynccontextmanager
    async def waiting_for(self, what: str) -> AsyncIterator[None]:
        """Raises ConnectError with these words when all is spent."""
        timer = asyncio.timeout_at(self.deadline)
        try:
            async with timer:
                yield
        except TimeoutError as error:
            if not timer.expired():
                raise
            address = format_address(self._address)
            raise ConnectError(
                f"no link to {address} within {self._total_s:g} s: waited for {what}"
            ) from error
