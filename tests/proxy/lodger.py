"""A reader in small: it has a link whenever it may, and leaves it to clients."""

import asyncio
from typing import Any

from renogybt.model.gatt import GattError
from renogybt.model.radio import Radio

_PAUSE_S = 0.5


class Lodger:
    """A tenant with a link to one peripheral, while `wanting`; `beat` is read over it every now and then."""

    def __init__(self, radio: Radio, address: int, beat: int, every_s: float = _PAUSE_S) -> None:
        self.address = address
        self.holds = False
        self.beats = 0
        self._radio = radio
        self._beat = beat
        self._every_s = every_s
        self._released = False
        self._wanting = True
        self._stir = asyncio.Event()
        self._left = asyncio.Event()

    @property
    def released(self) -> bool:
        """Whether a client has been left the link, and has not given it back."""
        return self._released

    def want(self, wanting: bool) -> None:
        """Have a link, or none."""
        self._wanting = wanting
        self._stir.set()

    async def release(self, address: int) -> None:
        """As `Tenant.release`."""
        if address == self.address:
            self._released = True
            self._stir.set()
            await self._left.wait()

    def resume(self, address: int) -> None:
        """As `Tenant.resume`."""
        if address == self.address:
            self._released = False
            self._stir.set()

    async def run(self) -> None:
        """Until cancelled."""
        self._left.set()
        while True:
            if self._may:
                self._left.clear()
                try:
                    await self._stay()
                finally:
                    self.holds = False
                    self._left.set()
            await self._rest(self._every_s if self._may else None)

    @property
    def _may(self) -> bool:
        return self._wanting and not self._released

    async def _stay(self) -> None:
        """Until it must leave, or has no link any more. An attempt is given up as well."""
        staying = asyncio.create_task(self._read(), name="lodger")
        try:
            while self._may and not staying.done():
                self._stir.clear()
                await _either(staying, asyncio.create_task(self._stir.wait()))
        finally:
            staying.cancel()
            await asyncio.wait([staying])
        if not staying.cancelled():
            staying.result()

    async def _read(self) -> None:
        try:
            async with self._radio.connect(self.address) as link:
                self.holds = True
                while link.open:
                    await link.read(self._beat)
                    self.beats += 1
                    await asyncio.sleep(self._every_s)
        except GattError:
            self.holds = False

    async def _rest(self, seconds: float | None) -> None:
        self._stir.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._stir.wait()
        except TimeoutError:
            return


async def _either(lasting: asyncio.Task[None], passing: asyncio.Task[Any]) -> None:
    try:
        await asyncio.wait([lasting, passing], return_when=asyncio.FIRST_COMPLETED)
    finally:
        passing.cancel()
