"""An adapter that can be pulled out and put back."""

from typing import Any

from bumble.transport import open_transport

from neighbourhood.adapter import Adapter, Ears
from neighbourhood.air import Air


class Dongle:
    """A place for an adapter: its address and its counters outlive each time that it is plugged in."""

    def __init__(self, air: Air, number: int) -> None:
        self.address = f"00:1A:7D:DA:71:{number + 1:02X}"
        self.moved = False
        self._air = air
        self._number = number
        self._ears = Ears()
        self._plugged: tuple[Adapter, Any] | None = None

    @property
    def plugged_in(self) -> bool:
        return self._plugged is not None

    @property
    def adapter(self) -> Adapter:
        """Raises ValueError while it is unplugged."""
        if self._plugged is None:
            raise ValueError(f"adapter {self._number} is unplugged")
        return self._plugged[0]

    async def plug(self) -> None:
        """Put it in, if it is not; it gets the lowest hci number that is free."""
        if self._plugged is not None:
            return
        transport = await open_transport("vhci")
        adapter = Adapter(f"adapter {self._number}", self._air, self.address, transport, self._ears)
        self._plugged = adapter, transport
        self._air.adapters.add(adapter)

    async def unplug(self) -> None:
        """Pull it out, with all its links."""
        if self._plugged is not None:
            plugged, self._plugged = self._plugged, None
            await self._remove(*plugged)
        self.moved = False

    async def move(self) -> None:
        """Pull it out and put it back so quickly that its old hci number is still taken."""
        old = self._plugged
        if old is None:
            raise ValueError(f"adapter {self._number} is unplugged")
        self._plugged = None
        await self.plug()
        await self._remove(*old)
        self.moved = True

    async def _remove(self, adapter: Adapter, transport: Any) -> None:
        adapter.forget()
        self._air.adapters.discard(adapter)
        self._air.remove_controller(adapter)
        await transport.close()
