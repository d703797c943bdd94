"""A radio's reach with nobody in it."""

import contextlib
from collections.abc import AsyncIterator

from renogybt.model.advertisement import format_address
from renogybt.model.gatt import GattLink, NotHeardError


@contextlib.asynccontextmanager
async def connect(address: int) -> AsyncIterator[GattLink]:
    """No link at all; raises NotHeardError."""
    raise NotHeardError(f"{format_address(address)} is not heard: nobody is here")
    yield
