"""A radio's reach with nobody in it."""

import contextlib
from collections.abc import AsyncIterator

from renogybt.model.advertisement import format_address
from renogybt.model.gatt import GattLink, NotHeardError
from renogybt.model.slots import ConnectionSlots, Slot


class Reach:
    """The half of the port `Radio` that concerns links."""

    tunes_links = False

    def __init__(self) -> None:
        self.slots = ConnectionSlots()

    @contextlib.asynccontextmanager
    async def connect(self, address: int, slot: Slot | None = None) -> AsyncIterator[GattLink]:
        """No link at all; raises NotHeardError."""
        raise NotHeardError(f"{format_address(address)} is not heard: nobody is here")
        yield

    async def unpair(self, address: int) -> None:
        """There is no bond."""

    async def forget(self, address: int) -> None:
        """There is nothing to forget."""
