"""A shunt, which is not asked: it pushes its values."""

import asyncio

from renogybt.model.gatt import GattLink, LinkLostError, Property
from renogybt.protocols.renogy.registers import Values
from renogybt.protocols.renogy.shunt import ShuntAssembler
from renogybt.readers.channel import SHUNT_VALUES, find_anywhere
from renogybt.readers.errors import NoAnswerError, NoRenogyServiceError

PUSH_S = 10.0
"""How long to wait for values; a shunt sends some every second or so."""


class Pushes:
    """The newest values that came over a link; made by `open_pushes`."""

    def __init__(self) -> None:
        self._assembler = ShuntAssembler()
        self._newest: Values | None = None
        self._stirred = asyncio.Event()
        self._lost = False

    async def take(self) -> Values:
        """The newest values since the last call; waits for some if there are none.

        Raises NoAnswerError when none come, LinkLostError when the link ends.
        """
        try:
            async with asyncio.timeout(PUSH_S):
                await self._stirred.wait()
        except TimeoutError:
            raise NoAnswerError("the shunt sends no values") from None
        self._stirred.clear()
        newest, self._newest = self._newest, None
        if newest is None or self._lost:
            raise LinkLostError("the link to the shunt was lost")
        return newest

    def receive(self, chunk: bytes) -> None:
        """A notification."""
        values = self._assembler.feed(chunk)
        if values is not None:
            self._newest = values
            self._stirred.set()

    def lost(self) -> None:
        """The link has ended."""
        self._lost = True
        self._stirred.set()


async def open_pushes(link: GattLink) -> Pushes:
    """What a shunt pushes over a link that was just made; raises NoRenogyServiceError."""
    handle = find_anywhere(link.services, SHUNT_VALUES, Property.NOTIFY)
    if handle is None:
        raise NoRenogyServiceError(f"no characteristic {SHUNT_VALUES:04X}: this is no shunt")
    pushes = Pushes()
    link.on_close(pushes.lost)
    await link.subscribe(handle, pushes.receive)
    return pushes
