"""Which way advertisements take, and everything that only the management socket can do."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Sequence

from renogybt.bluetooth.dbus_intake import DbusIntake
from renogybt.bluetooth.errors import (
    BluetoothError,
    CallTimeoutError,
    MgmtError,
    MgmtUnavailableError,
)
from renogybt.bluetooth.mgmt import COMMAND_TIMEOUT_S, MgmtSocket, open_socket
from renogybt.bluetooth.monitor import AdvertisementMonitor
from renogybt.bluetooth.pacing import always
from renogybt.bluetooth.scan_lock import ScanLock
from renogybt.bluetooth.tree import AdapterRecord
from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import AddressType
from renogybt.model.gatt import LinkParameters
from renogybt.model.radio import AdvertisementListener, Intake
from renogybt.protocols.advertising import mgmt
from renogybt.service.repetition import Repetition

_LOGGER = logging.getLogger(__name__)

_CAPABILITY = "the management socket needs CAP_NET_ADMIN (run as root, or let systemd grant it)"


class SourceUnavailableError(BluetoothError):
    """The configured source cannot be used."""


class IntakeChoice:
    """Opens one intake and keeps it until it breaks.

    `wake` is called when something changed that the scanner should look at. `prompt` tells whether anybody
    waits for advertisements.
    """

    def __init__(
        self,
        source: AdvertisementSource,
        bus_address: str | None,
        listener: AdvertisementListener,
        wake: Callable[[], None],
        open_mgmt: Callable[[], socket.socket] = open_socket,
        repetition: Repetition | None = None,
        prompt: Callable[[], bool] = always,
    ) -> None:
        self._source = source
        self._bus_address = bus_address
        self._listener = listener
        self._prompt = prompt
        self._repetition = repetition or Repetition(time.monotonic)
        self._past_batches = 0
        self._wake = wake
        self._open_mgmt_socket = open_mgmt
        self._mgmt: MgmtSocket | None = None
        self._monitor: AdvertisementMonitor | None = None
        self._dbus: DbusIntake | None = None
        self._slow = False
        self._chosen: Intake | None = None
        self._left: int | None = None  # the handle of our monitor, from the socket before
        self._tuning = asyncio.Lock()

    @property
    def offloaded(self) -> bool:
        """Whether the controller reports only what matches the monitor, when scanning passively."""
        return self._monitor is not None and self._monitor.offloaded

    @property
    def chosen(self) -> Intake | None:
        """The way that advertisements take; None before it is chosen."""
        return self._chosen

    @property
    def batches(self) -> int:
        """How often something was heard; tells that somebody scans."""
        now = sum(each.batches for each in (self._mgmt, self._dbus) if each is not None)
        return self._past_batches + now

    def hurry(self) -> None:
        """Somebody waits for advertisements from now on."""
        for each in (self._mgmt, self._dbus):
            if each is not None:
                each.hurry()

    async def open(self, adapter: AdapterRecord) -> Intake:
        """Deliver what this adapter hears from now on. The way is chosen, and logged, once.

        Raises SourceUnavailableError, BusError, CallError, CallTimeoutError, MgmtError.
        """
        if self._mgmt is not None and not self._mgmt.open:
            self._close_mgmt()
        if self._chosen is None:
            self._chosen, reason = await self._choose(adapter)
            self._say(f"advertisements come from {_NAMES[self._chosen]}: {reason}")
        if self._mgmt is not None:
            self._mgmt.follow(adapter.index)
        else:
            await self._open_dbus(adapter.path)
        return self._chosen

    def _say(self, text: str) -> None:
        told = self._repetition.allows(text)
        _LOGGER.log(logging.INFO if told else logging.DEBUG, "%s%s", text, self._repetition.remark(text))

    async def _choose(self, adapter: AdapterRecord) -> tuple[Intake, str]:
        if self._source is AdvertisementSource.DBUS:
            return Intake.DBUS, "as configured"
        try:
            await self._open_mgmt(adapter.index)
        except MgmtUnavailableError as error:
            if self._source is AdvertisementSource.MGMT:
                raise SourceUnavailableError(f"advertisement_source = mgmt, but {error}") from error
            return Intake.DBUS, f"{error}. Repeats may be missing, and raw data is rebuilt"
        return Intake.MGMT, "raw data and every repeat"

    async def _open_mgmt(self, index: int) -> None:
        """Raises MgmtUnavailableError, MgmtError, CallTimeoutError."""
        channel = MgmtSocket(self._open_mgmt_socket(), self._listener, self._wake, self._prompt)
        monitor = AdvertisementMonitor(channel)
        try:
            await _require_trust(channel, monitor, index)
        except BaseException:
            channel.close()
            raise
        self._mgmt, self._monitor = channel, monitor

    async def _open_dbus(self, adapter_path: str) -> None:
        if self._dbus is not None and self._dbus.open and self._dbus.adapter_path == adapter_path:
            return
        await self._close_dbus()
        intake = DbusIntake(self._bus_address, adapter_path, self._listener, self._wake, self._prompt)
        await intake.__aenter__()
        self._dbus = intake
        if not (intake.paced or self._slow):
            self._slow = True
            _LOGGER.info("this release of dbus-fast is read message by message, which takes more CPU time")

    async def _close_dbus(self) -> None:
        if self._dbus is not None:
            intake, self._dbus = self._dbus, None
            self._past_batches += intake.batches
            await intake.__aexit__()

    async def monitor(self, index: int, lock: ScanLock) -> bool:
        """Have our advertisement monitor registered, and note it; False where there can be none.

        Raises MgmtError, CallTimeoutError, MgmtUnavailableError.
        """
        if self._monitor is None:
            return False
        before = self._monitor.handle
        noted = lock.monitor()
        held = await self._monitor.ensure(index, self._left if noted is None else noted)
        if lock.held and (self._monitor.handle != before or lock.monitor() != self._monitor.handle):
            lock.note(self._monitor.handle)
        return held

    async def monitored(self, index: int) -> bool:
        """Whether anybody has a monitor registered, for which the kernel scans; False where unknown.

        Raises MgmtError, CallTimeoutError, MgmtUnavailableError.
        """
        features = await self._monitor.features(index) if self._monitor is not None else None
        return features is not None and bool(features.handles)

    async def stop_kernel_discovery(self, index: int) -> bool:
        """End whatever LE discovery the kernel runs; bluetoothd begins its own anew. False: cannot."""
        if self._mgmt is None:
            return False
        for types in (mgmt.LE_DISCOVERY, mgmt.INTERLEAVED_DISCOVERY):
            try:
                await self._mgmt.command(mgmt.STOP_DISCOVERY, index, bytes((types,)))
            except MgmtError as error:  # there is none, or one of other types
                _LOGGER.debug("no discovery of types %d to stop: %s", types, error)
            else:
                break
        return True

    def hang_up(self, index: int, address: int, address_type: AddressType) -> bool:
        """Have the kernel end a link now, if it is not ending another one just then. False: cannot."""
        return self._mgmt is not None and self._mgmt.send(
            mgmt.DISCONNECT, index, mgmt.le_peer(address, address_type)
        )

    def connect_failures(self) -> Sequence[mgmt.ConnectFailure]:
        """What has failed on the adapter since this was asked last, as far as the kernel tells us."""
        return () if self._mgmt is None else self._mgmt.connect_failures()

    async def command(
        self, opcode: int, index: int, data: bytes = b"", *, timeout_s: float = COMMAND_TIMEOUT_S
    ) -> bytes:
        """What the kernel answers; raises MgmtError, CallTimeoutError, MgmtUnavailableError."""
        if self._mgmt is None:
            raise MgmtUnavailableError(_CAPABILITY)
        return await self._mgmt.command(opcode, index, data, timeout_s=timeout_s)

    async def renew_monitor(self, lock: ScanLock) -> None:
        """Take the advertisement monitor back, so that `monitor` makes another one."""
        await self.remove_monitor(lock)
        self._left = None

    @property
    def commands_kernel(self) -> bool:
        """Whether the management socket is open, and trusted."""
        return self._mgmt is not None and self._mgmt.open

    async def tune(
        self, index: int, address: int, address_type: AddressType, parameters: LinkParameters
    ) -> None:
        """Have the kernel ask a peripheral for other connection parameters, now and at its next links.

        It says of none that it was ignored, not even of those that the specification forbids. Raises
        MgmtError, CallTimeoutError, MgmtUnavailableError.
        """
        async with self._tuning:  # one command of a kind at a time
            if self._mgmt is None:
                raise MgmtUnavailableError(_CAPABILITY)
            wanted = mgmt.connection_parameters(address, address_type, parameters)
            await self._mgmt.command(mgmt.LOAD_CONNECTION_PARAMETERS, index, wanted)

    def adapter_gone(self) -> None:
        """Nothing of ours is left on it."""
        self._left = None
        if self._monitor is not None:
            self._monitor.forget()
        if self._mgmt is not None:
            self._mgmt.follow(None)

    async def remove_monitor(self, lock: ScanLock) -> None:
        """Take the advertisement monitor back, and its note. If that fails the note stays."""
        if self._monitor is not None and self._monitor.handle is not None:
            try:
                await self._monitor.remove()
            except (CallTimeoutError, MgmtUnavailableError) as error:
                _LOGGER.debug("removing the advertisement monitor: %s", error)
            else:
                lock.note(None)

    async def bus_lost(self) -> None:
        """The bus went away: so did what came by it."""
        await self._close_dbus()

    async def close(self) -> None:
        """Let go of everything."""
        await self._close_dbus()
        self._close_mgmt()

    def _close_mgmt(self) -> None:
        if self._mgmt is not None:
            self._mgmt.close()
            self._past_batches += self._mgmt.batches
        if self._monitor is not None and self._monitor.handle is not None:
            self._left = self._monitor.handle
        self._mgmt = self._monitor = self._chosen = None


async def _require_trust(channel: MgmtSocket, monitor: AdvertisementMonitor, index: int) -> None:
    """Raises MgmtUnavailableError: without the capability commands are refused, and events just missing."""
    try:
        if await monitor.features(index) is None:  # what a kernel does not know it refuses to everybody
            await channel.command(mgmt.GET_CONNECTIONS, index)
    except MgmtError as error:
        if error.status == mgmt.PERMISSION_DENIED:
            raise MgmtUnavailableError(_CAPABILITY) from error
        if error.status == mgmt.INVALID_INDEX:
            raise
        _LOGGER.debug("the management socket is trusted: %s", error)


_NAMES = {Intake.MGMT: "the management socket", Intake.DBUS: "D-Bus"}
