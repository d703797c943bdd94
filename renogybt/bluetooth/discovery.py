"""BlueZ's discovery: ours, on one bus connection."""

import logging

from dbus_fast import Variant

from renogybt.bluetooth.bus import ADAPTER, Bus
from renogybt.bluetooth.errors import BluetoothError, CallError, CallTimeoutError
from renogybt.bluetooth.tree import AdapterRecord

_LOGGER = logging.getLogger(__name__)

IN_PROGRESS = "org.bluez.Error.InProgress"
NOT_READY = "org.bluez.Error.NotReady"
ACCESS_DENIED = "org.freedesktop.DBus.Error.AccessDenied"

_FILTER = {
    # Without an effective filter BlueZ rests 5 s in every 15. This pair is never taken for "none",
    # and makes every report of the controller a signal.
    "Transport": Variant("s", "le"),
    "DuplicateData": Variant("b", True),
}

LOST_AFTER_S = 1.0
"""How long `Discovering` may be false while we hold a discovery: it can blink between two runs."""
_GOODBYE_S = 1.0


class InProgressError(BluetoothError):
    """BlueZ or the kernel is busy with a discovery that is not ours to stop by D-Bus."""


class Discovery:
    """Whether we hold a discovery, and where.

    bluetoothd keeps it for our connection until the adapter is powered off, is gone, or bluetoothd
    itself restarts (then the adapter has another life); nothing tells of that but the signs that
    `holds` looks at.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._held: tuple[str, int] | None = None  # path and life of the adapter
        self._missing_since: float | None = None

    def holds(self, adapter: AdapterRecord, now: float) -> bool:
        """Whether our discovery on this adapter is alive, as far as can be seen."""
        if self._held != (adapter.path, adapter.life):
            self._held = None
            return False
        if adapter.discovering:
            self._missing_since = None
        elif self._missing_since is None:
            self._missing_since = now
        elif now - self._missing_since >= LOST_AFTER_S:
            _LOGGER.info("BlueZ has ended our discovery on %s; starting it again", adapter.name)
            self._held = None
            return False
        return True

    @property
    def doubtful(self) -> bool:
        """Whether to look again after LOST_AFTER_S."""
        return self._missing_since is not None

    def forget(self) -> None:
        """It is gone: the adapter was powered off or taken away."""
        self._held = None

    async def start(self, adapter: AdapterRecord) -> None:
        """Start; raises InProgressError, CallError, CallTimeoutError, BusError."""
        await self._bus.call(adapter.path, ADAPTER, "SetDiscoveryFilter", "a{sv}", (_FILTER,))
        begun = await self._begin(adapter.path)
        if not begun and await self._end(adapter.path):
            # it was one of this very connection: its loss was only an appearance
            begun = await self._begin(adapter.path)
        if not begun:
            raise InProgressError(f"{adapter.name} is busy with a discovery that is not ours")
        self._held = (adapter.path, adapter.life)
        self._missing_since = None

    async def _begin(self, path: str) -> bool:
        """False: InProgress."""
        try:
            await self._bus.call(path, ADAPTER, "StartDiscovery")
        except CallTimeoutError:
            # Nobody can tell whether it begins after all. Without the connection it does not.
            self._bus.leave()
            raise
        except CallError as error:
            if error.name != IN_PROGRESS:
                raise
            return False
        return True

    async def _end(self, path: str) -> bool:
        """False: there was none of this connection."""
        try:
            await self._bus.call(path, ADAPTER, "StopDiscovery", timeout_s=_GOODBYE_S)
        except CallError as error:
            _LOGGER.debug("stopping the discovery: %s", error)
            return False
        except CallTimeoutError as error:
            _LOGGER.debug("%s; closing the connection ends it as well", error)
            self._bus.leave()
        return True

    async def stop(self) -> None:
        """Stop ours if we hold one. That it is gone already counts as done."""
        if self._held is None:
            return
        (path, _life), self._held = self._held, None
        await self._end(path)
