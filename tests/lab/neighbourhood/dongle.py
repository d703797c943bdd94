"""An adapter that can be pulled out and put back."""

import errno
import os
from typing import Any

from bumble.transport import open_transport

from neighbourhood.adapter import Adapter, Ears
from neighbourhood.air import Air


class Wire:
    """From the controller to the host. The kernel refuses what comes while the adapter has no power, as the
    end of a link may; Bumble's own wire would pull the adapter out for that."""

    def __init__(self, transport: Any) -> None:
        self._file: int = transport.sink.transport.get_extra_info("pipe").fileno()

    def on_packet(self, packet: bytes) -> None:
        """Raises OSError."""
        try:
            os.write(self._file, packet)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise


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
        transport.sink = Wire(transport)
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
