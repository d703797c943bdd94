"""Keeps the adapter scanning, on one bus connection: looks, and does what is missing."""

import asyncio
import getpass
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from renogybt.bluetooth.bus import Bus
from renogybt.bluetooth.discovery import (
    ACCESS_DENIED,
    LOST_AFTER_S,
    NOT_READY,
    Discovery,
    InProgressError,
)
from renogybt.bluetooth.errors import BluetoothError, CallError, MgmtError
from renogybt.bluetooth.intake import IntakeChoice
from renogybt.bluetooth.rfkill import bluetooth_block
from renogybt.bluetooth.scan_lock import ScanLock, default_lock_path
from renogybt.bluetooth.tree import AdapterRecord, AdapterTree
from renogybt.model.advertisement import format_address
from renogybt.model.radio import Intake, ScanMode
from renogybt.protocols.advertising import mgmt

_LOGGER = logging.getLogger(__name__)

LOCK_POLL_S = 1.0
"""A lock has no event that a loop could wait for."""
SERVICE_POLL_S = 5.0
BUSY_RETRY_S = 0.5
FAULT_RETRY_S = 2.0
ORPHAN_GRACE_S = 3.0
"""How long InProgress is no fault: a restart of the radio's software takes as long."""


class NotReadyError(BluetoothError):
    """Scanning is not possible just now. The text says why and what to do about it.

    `retry_s`: when to look again though nothing tells of a change. `passing`: likely to be over
    by itself within seconds.
    """

    def __init__(self, reason: str, retry_s: float | None = None, *, passing: bool = False) -> None:
        super().__init__(reason)
        self.retry_s = retry_s
        self.passing = passing


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the scanner does now; `look_again_s` None: wait for a change."""

    mode: ScanMode
    intake: Intake
    adapter: int
    look_again_s: float | None = None


@dataclass(slots=True)
class Choice:
    """Which adapter: as configured, and once it was found its address for ever."""

    configured: str | int | None
    address: int | None = None


class Scanner:
    """One step after the other towards the wanted mode; each may be repeated at any time.

    `wanted` is the scan mode that `step` works towards.
    """

    def __init__(
        self,
        bus: Bus,
        choice: Choice,
        intake: IntakeChoice,
        lock_path: Path | None,
        wake: Callable[[], None],
        wanted: ScanMode,
    ) -> None:
        self._bus = bus
        self._choice = choice
        self._intake = intake
        self._lock_path = lock_path
        self._lock: ScanLock | None = None
        self._tree = AdapterTree(bus, wake)
        self._discovery = Discovery(bus, self._tree)
        self._now = asyncio.get_running_loop().time
        self._generation = 0
        self._busy_since: float | None = None
        self._told: set[str] = set()
        self.wanted = wanted

    async def follow(self) -> None:
        """Begin to follow BlueZ; raises CallError, CallTimeoutError, BusError."""
        await self._tree.follow()
        self._generation = self._tree.generation

    async def step(self) -> Outcome:
        """Look and do the next things; raises NotReadyError, CallTimeoutError, BusError."""
        try:
            adapter = await self._adapter()
            intake = await self._intake.open(adapter)
            lock = self._lock_of(adapter)
            if not lock.acquire():
                return await self._listen(adapter, intake, lock)
            self._once("owner", "")
            if await self._settle_passive(adapter, intake, lock):
                return Outcome(ScanMode.PASSIVE, intake, adapter.address)
            return await self._settle_active(adapter, intake)
        except MgmtError as error:
            raise self._mgmt_fault(error) from error
        except CallError as error:
            raise self._call_fault(error) from error

    # the adapter

    async def _adapter(self) -> AdapterRecord:
        if self._generation != self._tree.generation or not self._tree.running:
            self._generation = self._tree.generation
            await self._tree.read()
        if not self._tree.running:
            self._discovery.forget()
            raise NotReadyError(
                "bluetoothd is not running. Start it: sudo systemctl start bluetooth (it comes with: sudo apt"
                " install bluez)",
                SERVICE_POLL_S,
            )
        address = self._choice.address
        adapter = self._tree.select(self._choice.configured if address is None else address)
        if adapter is None:
            self._discovery.forget()
            self._intake.adapter_gone()
            raise NotReadyError(self._absence())
        if self._choice.address is None:
            self._choice.address = adapter.address
            _LOGGER.info("using adapter %s (%s)", adapter.name, format_address(adapter.address))
        if not adapter.powered:
            self._discovery.forget()
            raise NotReadyError(_why_off(adapter.name), FAULT_RETRY_S)
        return adapter

    def _absence(self) -> str:
        present = self._tree.names()
        if self._choice.address is not None:
            wanted = (
                f"the adapter {format_address(self._choice.address)} is gone; waiting for it to come back"
            )
        elif self._choice.configured is None:
            wanted = "there is no Bluetooth adapter. Plug one in, or switch the built-in one on"
        else:
            configured = self._choice.configured
            name = configured if isinstance(configured, str) else format_address(configured)
            wanted = f"there is no Bluetooth adapter {name}. Plug it in, or set adapter in config.ini"
        return f"{wanted} (present: {present})" if present else wanted

    # one owner per machine

    def _lock_of(self, adapter: AdapterRecord) -> ScanLock:
        if self._lock is None:
            self._lock = ScanLock(self._lock_path or default_lock_path(adapter.address))
        return self._lock

    async def _listen(self, adapter: AdapterRecord, intake: Intake, lock: ScanLock) -> Outcome:
        """Another process scans; its advertisements reach us as well."""
        await self._discovery.stop()
        self._once("owner", f"{lock.owner()} owns the discovery on {adapter.name}; listening to it")
        mode = ScanMode.ACTIVE if adapter.discovering else ScanMode.PASSIVE
        return Outcome(mode, intake, adapter.address, LOCK_POLL_S)

    # scanning

    async def _settle_passive(self, adapter: AdapterRecord, intake: Intake, lock: ScanLock) -> bool:
        """Have the monitor, without which there is no passive scan; True when scanning passively."""
        monitored = await self._intake.monitor(adapter.index, lock)
        if self.wanted is not ScanMode.PASSIVE:
            return False
        if intake is not Intake.MGMT:
            self._once("passive", "passive scanning needs the management socket; scanning actively instead")
        elif not monitored or self._intake.offloaded:
            self._once(
                "passive", "this adapter cannot report everything passively; scanning actively instead"
            )
        else:
            await self._discovery.stop()
            return True
        return False

    async def _settle_active(self, adapter: AdapterRecord, intake: Intake) -> Outcome:
        if not self._discovery.holds(adapter, self._now()):
            await self._start(adapter)
        self._busy_since = None
        again = LOST_AFTER_S if self._discovery.doubtful else None
        return Outcome(ScanMode.ACTIVE, intake, adapter.address, again)

    async def _start(self, adapter: AdapterRecord) -> None:
        try:
            await self._discovery.start(adapter)
        except InProgressError as error:
            # a discovery of the kernel that nobody owns, as a crash of bluetoothd leaves it
            if not await self._intake.stop_kernel_discovery(adapter.index):
                raise self._busy(error) from error
            try:
                await self._discovery.start(adapter)
            except InProgressError as again:
                raise self._busy(again) from again

    def _busy(self, error: InProgressError) -> NotReadyError:
        now = self._now()
        if self._busy_since is None:
            self._busy_since = now
        passing = now - self._busy_since < ORPHAN_GRACE_S
        return NotReadyError(
            f"{error}. It usually ends within 10 s; else: bluetoothctl power off, then power on",
            BUSY_RETRY_S,
            passing=passing,
        )

    async def close(self) -> None:
        """Leave the adapter as it was found; raises CallTimeoutError, BusError, MgmtError."""
        try:
            await self._discovery.stop()
        finally:
            try:
                if self._lock is not None and self._lock.held:
                    await self._intake.remove_monitor()
            finally:
                if self._lock is not None:
                    self._lock.release()

    # words

    def _once(self, topic: str, text: str) -> None:
        """Log a text once; an empty one makes its topic new again."""
        if text and topic not in self._told:
            _LOGGER.info("%s", text)
            self._told.add(topic)
        elif not text:
            self._told.discard(topic)

    def _call_fault(self, error: CallError) -> NotReadyError:
        if error.name == NOT_READY:
            return NotReadyError("the adapter is not ready: it is being powered off or on", 1.0, passing=True)
        if error.name == ACCESS_DENIED:
            return NotReadyError(
                "D-Bus does not let this user talk to BlueZ. Run: sudo usermod -aG bluetooth"
                f" {getpass.getuser()} and log in anew",
                SERVICE_POLL_S,
            )
        return NotReadyError(f"BlueZ refuses: {error}", FAULT_RETRY_S)

    def _mgmt_fault(self, error: MgmtError) -> NotReadyError:
        passing = error.status == mgmt.INVALID_INDEX  # BlueZ and the kernel are not of one mind yet
        return NotReadyError(
            f"the kernel refuses: {error}", 0.2 if passing else FAULT_RETRY_S, passing=passing
        )


def _why_off(name: str) -> str:
    match bluetooth_block(name):
        case "hard":
            return f"{name} is off: a hardware switch of this machine blocks Bluetooth (rfkill)"
        case "soft":
            return f"{name} is off: Bluetooth is blocked by software. Run: sudo rfkill unblock bluetooth"
        case _:
            return f"{name} is powered off. Run: bluetoothctl power on"
