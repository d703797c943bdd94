"""The advertisement monitor: what makes the controller report every repeat.

Without one the kernel has the controller drop repeated advertisements, so that each device is
heard about once in ten seconds. While one is registered, whatever its pattern, that filter is off,
and the kernel scans passively by itself when nobody discovers (Linux net/bluetooth/hci_sync.c).
"""

import asyncio
import logging

from renogybt.bluetooth.errors import CallTimeoutError, MgmtError
from renogybt.bluetooth.mgmt import MgmtSocket
from renogybt.protocols.advertising import mgmt
from renogybt.protocols.advertising.structures import ADType

_LOGGER = logging.getLogger(__name__)

_PATTERN = mgmt.pattern_monitor(ADType.FLAGS, b"\x06")
"""Flags of a device without BR/EDR, the most common begin of an advertisement. The kernel reports
what does not match as well, unless the controller does the matching itself."""

ANSWER_S = 2.0
"""How long a look waits for the handle of a new monitor."""
_LATEST_ANSWER_S = 30.0
"""How long the handle is waited for in all, over several looks: a controller that does not answer keeps
the kernel for 2 s per command of its own queue. Asking again would make a second monitor."""
_GOODBYE_S = 0.3
_UNABLE = (mgmt.UNKNOWN_COMMAND, mgmt.NOT_SUPPORTED, mgmt.REJECTED)


class AdvertisementMonitor:
    """At most one monitor of ours, on one adapter.

    The kernel keeps a monitor when the process is gone. Its handle is therefore noted where the
    next process finds it, which then uses it on.
    """

    def __init__(self, socket: MgmtSocket) -> None:
        self._socket = socket
        self._held: tuple[int, int] | None = None
        self._complained = False
        self._adding: asyncio.Task[None] | None = None
        self.offloaded = False
        """Whether the controller matches patterns itself, and so reports no others in passive mode."""

    @property
    def handle(self) -> int | None:
        """Our monitor's handle in the kernel."""
        return self._held[1] if self._held else None

    async def features(self, index: int) -> mgmt.MonitorFeatures | None:
        """What is registered on this adapter; None where the kernel knows no monitors.

        Raises MgmtError; its status PERMISSION_DENIED tells that the socket lacks CAP_NET_ADMIN.
        """
        try:
            return mgmt.parse_features(await self._socket.command(mgmt.READ_ADV_MONITOR_FEATURES, index))
        except MgmtError as error:
            if error.status in _UNABLE:
                return None
            raise
        except mgmt.MgmtPacketError as error:
            _LOGGER.debug("no advertisement monitors: %s", error)
            return None

    async def ensure(self, index: int, noted: int | None) -> bool:
        """Have exactly one monitor of ours on this adapter; False where that is not possible.

        `noted`: the handle that a process before us left.
        Raises MgmtError, CallTimeoutError, MgmtUnavailableError.
        """
        features = await self.features(index)
        if features is None:
            return False
        self.offloaded = bool(features.offloaded)
        handle = self._held[1] if self._held and self._held[0] == index else noted
        if handle is None or handle not in features.handles:
            self._held = None
            await self._add_in_any_case(index)
        else:
            self._held = (index, handle)
        return self._held is not None

    async def _add_in_any_case(self, index: int) -> None:
        """Also when it is cancelled, or takes too long: the kernel adds the monitor all the same, and
        without knowing its handle nobody could remove it."""
        if self._adding is None or self._adding.done():
            self._adding = asyncio.create_task(self._add(index))
            self._adding.add_done_callback(_retrieve)
        adding = self._adding
        try:
            done, _ = await asyncio.wait([adding], timeout=ANSWER_S)
        except asyncio.CancelledError:
            await asyncio.wait([adding], timeout=_GOODBYE_S)
            adding.cancel()
            raise
        if not done:
            raise CallTimeoutError("the kernel has not yet answered a new advertisement monitor")
        adding.result()

    async def _add(self, index: int) -> None:
        try:
            data = await self._socket.command(
                mgmt.ADD_ADV_PATTERNS_MONITOR, index, _PATTERN, timeout_s=_LATEST_ANSWER_S
            )
        except MgmtError as error:
            if error.status == mgmt.BUSY:
                raise  # somebody else adds one just now
            if not self._complained:
                _LOGGER.warning("no advertisement monitor, repeats will be missing: %s", error)
            self._complained = True
        else:
            self._held = (index, int.from_bytes(data[:2], "little"))

    async def remove(self) -> None:
        """Take our monitor back. That it is gone already counts as done.

        Raises CallTimeoutError, MgmtUnavailableError.
        """
        if self._held is not None:
            (index, handle), self._held = self._held, None
            try:
                await self._socket.command(mgmt.REMOVE_ADV_MONITOR, index, mgmt.monitor_handle(handle))
            except MgmtError as error:
                _LOGGER.debug("removing the advertisement monitor: %s", error)

    def forget(self) -> None:
        """The adapter is gone, and our monitor with it."""
        self._held = None


def _retrieve(adding: asyncio.Task[None]) -> None:
    """Whatever it was, perhaps nobody waits for it any more."""
    if not adding.cancelled():
        adding.exception()
