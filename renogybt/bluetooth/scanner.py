"""Keeps the adapter scanning, on one bus connection: looks, and does what is missing."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from renogybt.bluetooth.bus import Bus
from renogybt.bluetooth.discovery import LOST_AFTER_S, Discovery, InProgressError
from renogybt.bluetooth.errors import CallError, MgmtError, MgmtUnavailableError
from renogybt.bluetooth.faults import (
    NotReadyError,
    Patience,
    absent,
    busy,
    call_fault,
    idle_owner,
    mgmt_fault,
    no_service,
    powered_off,
)
from renogybt.bluetooth.intake import IntakeChoice
from renogybt.bluetooth.scan_lock import ScanLock, default_lock_path
from renogybt.bluetooth.silence import Silence
from renogybt.bluetooth.tree import AdapterRecord, AdapterTree
from renogybt.model.advertisement import format_address
from renogybt.model.radio import Intake, ScanMode

_LOGGER = logging.getLogger(__name__)

LOCK_POLL_S = 1.0
"""A lock has no event that a loop could wait for."""
POWER_UP_S = 2.0
"""How long the adapter that was used last may take to get its power before another one is used."""
UNHEARD_S = 2.0
"""How long nobody may discover before a listener by D-Bus does so itself: longer than a change of hands."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the scanner does now; `look_again_s` None: wait for a change."""

    mode: ScanMode
    intake: Intake
    adapter: int
    look_again_s: float | None = None
    ours: bool = True
    """Whether the scan is ours, and not another process's."""


@dataclass(slots=True)
class Choice:
    """Which adapter: as configured, and once it was found its address for ever.

    `kept` is the address of the one that was used last; it counts where none is configured.
    """

    configured: str | int | None
    kept: int | None = None
    address: int | None = None


class Scanner:
    """One step after the other towards the wanted mode; each may be repeated at any time.

    `wanted` is the scan mode that `step` works towards. `every_repeat` tells whether the controller
    is known to report every advertisement, and not each advertiser once in ten seconds.
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
        self.tree = AdapterTree(bus, wake)
        self._discovery = Discovery(bus)
        self._now = asyncio.get_running_loop().time
        self._began = self._now()
        self._patience = Patience(self._now)
        self._silence = Silence(self._now)
        self._told: set[str] = set()
        self._anew = False
        self.wanted = wanted
        self.every_repeat = False
        self.starts = 0
        """How often a scan of ours has begun, or begun anew."""
        self.orphans = 0
        """How often the kernel's own discovery had to be ended before."""
        self._passive = False

    @property
    def adapter(self) -> AdapterRecord | None:
        """The one in use; None while it is away or without power."""
        adapter = None if self._choice.address is None else self.tree.select(self._choice.address)
        return adapter if adapter is not None and adapter.powered else None

    @property
    def found(self) -> AdapterRecord | None:
        """The one that is used or would be, with or without power."""
        return self._pick()

    def begin_anew(self) -> None:
        """Have the next step end our scan, if any, and begin it again.

        The controller then reports everybody once more: its filter of repeats is reset.
        """
        self._anew = True

    async def follow(self) -> None:
        """Begin to follow BlueZ, once, before the first step; raises BusError."""
        await self.tree.follow()

    async def step(self) -> Outcome:
        """Look and do the next things.

        Raises NotReadyError, SettlingError, SourceUnavailableError, CallTimeoutError, BusError.
        """
        try:
            outcome = await self._advance()
        except NotReadyError as error:
            raise self._patience.judge(error) from error
        except (MgmtError, MgmtUnavailableError) as error:
            raise self._patience.judge(mgmt_fault(error)) from error
        except CallError as error:
            raise self._patience.judge(call_fault(error)) from error
        self._patience.reset()
        return outcome

    async def _advance(self) -> Outcome:
        anew, self._anew = self._anew, False
        adapter = await self._adapter()
        intake = await self._intake.open(adapter)
        lock = self._lock_of(adapter)
        if not lock.acquire():
            return await self._listen(adapter, intake, lock)
        self._once("owner", "")
        self._silence.end()
        if anew and self._passive:
            await self._intake.renew_monitor(lock)
            self._passive = False
        if await self._settle_passive(adapter, intake, lock):
            return Outcome(self._mode(adapter), intake, adapter.address)
        return await self._settle_active(adapter, intake, anew=anew)

    # the adapter

    async def _adapter(self) -> AdapterRecord:
        try:
            return await self._find()
        except NotReadyError:
            self._discovery.forget()
            self._passive = False
            self._silence.end()
            raise

    async def _find(self) -> AdapterRecord:
        await self.tree.refresh()
        if not self.tree.running:
            raise no_service()
        configured, address = self._choice.configured, self._choice.address
        adapter = self._pick()
        if adapter is None:
            self._intake.adapter_gone()
            raise absent(configured, address, self.tree.names())
        # of several without power, the first one that gets power is as good as any
        if address is None and (adapter.powered or configured is not None):
            self._choice.address = adapter.address
            _LOGGER.info("using adapter %s (%s)", adapter.name, format_address(adapter.address))
        if not adapter.powered:
            raise powered_off(adapter.name)
        return adapter

    def _pick(self) -> AdapterRecord | None:
        choice = self._choice
        if choice.address is not None:
            return self.tree.select(choice.address)
        if choice.configured is None and choice.kept is not None:
            kept = self.tree.select(choice.kept)
            # at a start the adapters get their power one after the other
            if kept is not None and (kept.powered or self._now() - self._began < POWER_UP_S):
                return kept
        return self.tree.select(choice.configured)

    # one owner per machine

    def _lock_of(self, adapter: AdapterRecord) -> ScanLock:
        if self._lock is None:
            self._lock = ScanLock(self._lock_path or default_lock_path(adapter.address))
        return self._lock

    async def _listen(self, adapter: AdapterRecord, intake: Intake, lock: ScanLock) -> Outcome:
        """Another process scans; its advertisements reach us as well. Raises NotReadyError if it does not."""
        self.every_repeat = False  # whatever monitor it has is its own
        self._once("owner", f"{lock.owner()} owns the discovery on {adapter.name}; listening to it")
        if intake is Intake.DBUS:
            await self._listen_by_dbus(adapter)
        else:
            await self._discovery.stop()
            silent = self._silence.look(self._intake.batches, discovering=adapter.discovering)
            if silent and not await self._intake.monitored(adapter.index):
                raise idle_owner(lock.owner(), lock.path, LOCK_POLL_S)
        return Outcome(self._mode(adapter), intake, adapter.address, LOCK_POLL_S, ours=False)

    async def _listen_by_dbus(self, adapter: AdapterRecord) -> None:
        """BlueZ tells of advertisements only while somebody discovers. Where the owner scans passively, or
        not at all, we discover beside it; BlueZ makes one scan of both."""
        if self._discovery.holds(adapter, self._now()):
            return
        if self._silence.look(self._intake.batches, discovering=adapter.discovering, longest_s=UNHEARD_S):
            self._once(
                "beside", f"nobody discovers on {adapter.name}, as D-Bus needs it; discovering as well"
            )
            await self._start(adapter)

    def _mode(self, adapter: AdapterRecord) -> ScanMode:
        """What the adapter really does, whoever asked for it."""
        now = self.tree.select(adapter.address)
        return ScanMode.ACTIVE if now is not None and now.discovering else ScanMode.PASSIVE

    # scanning

    async def _settle_passive(self, adapter: AdapterRecord, intake: Intake, lock: ScanLock) -> bool:
        """Have the monitor, without which there is no passive scan; True when scanning passively."""
        monitored = await self._intake.monitor(adapter.index, lock)
        self.every_repeat = monitored
        if self.wanted is not ScanMode.PASSIVE:
            self._passive = False
            return False
        if intake is not Intake.MGMT:
            self._once("passive", "passive scanning needs the management socket; scanning actively instead")
        elif not monitored or self._intake.offloaded:
            self._once(
                "passive", "this adapter cannot report everything passively; scanning actively instead"
            )
        else:
            await self._discovery.stop()
            self.starts += not self._passive
            self._passive = True
            return True
        self._passive = False
        return False

    async def _settle_active(self, adapter: AdapterRecord, intake: Intake, *, anew: bool) -> Outcome:
        held = self._discovery.holds(adapter, self._now())
        if held and anew:
            await self._discovery.stop()
        if anew or not held:
            await self._start(adapter)
        again = LOST_AFTER_S if self._discovery.doubtful else None
        return Outcome(ScanMode.ACTIVE, intake, adapter.address, again)

    async def _start(self, adapter: AdapterRecord) -> None:
        try:
            await self._discovery.start(adapter)
        except InProgressError as error:
            # a discovery of the kernel that nobody owns, as a crash of bluetoothd leaves it
            if not await self._intake.stop_kernel_discovery(adapter.index):
                raise busy(error) from error
            self.orphans += 1
            try:
                await self._discovery.start(adapter)
            except InProgressError as again:
                raise busy(again) from again
        self.starts += 1

    async def close(self) -> None:
        """Leave the adapter as it was found; raises BusError."""
        try:
            await self._discovery.stop()
        finally:
            try:
                if self._lock is not None:
                    await self._intake.remove_monitor(self._lock)
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
