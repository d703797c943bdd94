"""A bus connection that is opened when it is needed, and again when it broke."""

import asyncio
from collections.abc import Awaitable, Callable

from renogybt.bluetooth.bus import Bus
from renogybt.bluetooth.errors import BusError


class BusOnDemand:
    """At most one connection, made by `make` and prepared by `prepare`; `closed` says why there is none."""

    def __init__(
        self, make: Callable[[], Bus], prepare: Callable[[Bus], Awaitable[None]], closed: str
    ) -> None:
        self._make = make
        self._prepare = prepare
        self._closed = closed
        self._bus: Bus | None = None
        self._opening = asyncio.Lock()
        self._over = False

    async def get(self) -> Bus:
        """The one that is open, or a new one; raises BusError."""
        async with self._opening:
            self._must_go_on()
            if self._bus is None or not self._bus.open:
                await self._drop()
                bus = await self._open()
                if self._over:  # meanwhile
                    await bus.__aexit__()
                    self._must_go_on()
                self._bus = bus
            return self._bus

    async def wait_calm(self) -> None:
        """Until nobody waits for an answer."""
        if self._bus is not None:
            await self._bus.wait_calm()

    def end(self) -> None:
        """No new one from now on."""
        self._over = True

    async def close(self) -> None:
        """End it, for good."""
        self.end()
        await self._drop()

    def _must_go_on(self) -> None:
        if self._over:
            raise BusError(self._closed)

    async def _open(self) -> Bus:
        bus = self._make()
        await bus.__aenter__()
        try:
            await self._prepare(bus)
        except BaseException:
            await bus.__aexit__()
            raise
        return bus

    async def _drop(self) -> None:
        if self._bus is not None:
            bus, self._bus = self._bus, None
            await bus.__aexit__()
