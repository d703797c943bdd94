"""The radio on Linux: BlueZ behind the port that the rest of the house knows."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from renogybt.bluetooth.approach import LinkTiming
from renogybt.bluetooth.budget import Budget
from renogybt.bluetooth.bus import CALL_TIMEOUT_S, Bus
from renogybt.bluetooth.errors import BluetoothError, BusError, CallTimeoutError, MgmtUnavailableError
from renogybt.bluetooth.faults import NotReadyError, SettlingError, no_bus
from renogybt.bluetooth.health import Fault
from renogybt.bluetooth.intake import IntakeChoice, SourceUnavailableError
from renogybt.bluetooth.links import Links
from renogybt.bluetooth.mgmt import open_socket
from renogybt.bluetooth.rungs import Machine, Permissions, Rungs
from renogybt.bluetooth.scanner import Choice, Outcome, Scanner
from renogybt.bluetooth.status_log import StatusLog
from renogybt.bluetooth.tree import AdapterRecord
from renogybt.bluetooth.watchdog import CareSettings, Watchdog
from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import AddressType, Advertisement, format_address
from renogybt.model.broadcast import Broadcast
from renogybt.model.gatt import ConnectError, GattLink, LinkParameters, PairingError
from renogybt.model.radio import Intake, ScanMode, ScannerState, ScannerStatus
from renogybt.model.recovery import RadioEvent, Result, Rung
from renogybt.model.slots import ConnectionSlots, Slot
from renogybt.protocols.advertising.mgmt import ConnectFailure
from renogybt.service.repetition import Repetition

_LOGGER = logging.getLogger(__name__)

_RECONNECT_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses between attempts to reach the bus."""
_SOURCE_RETRY_S = 30.0
_HUNG_RETRY_S = 1.0
_GOODBYE_S = 1.5
_LINK_TIMING = LinkTiming()


class BlueZRadio(Broadcast):
    """Implements `Radio`. One owner of the bus connection, which outlives everything behind it.

    bluetoothd may restart, the adapter may go and come back under another name, the bus may
    break: `run` goes on, and `status` says what is the matter. `clock` counts monotonic seconds, for
    what would be logged too often.
    """

    def __init__(
        self,
        *,
        adapter: str | int | None = None,
        kept_adapter: int | None = None,
        source: AdvertisementSource = AdvertisementSource.AUTO,
        mode: ScanMode = ScanMode.ACTIVE,
        lock_path: Path | None = None,
        bus_address: str | None = None,
        open_mgmt: Callable[[], socket.socket] = open_socket,
        clock: Callable[[], float] = time.monotonic,
        link_timing: LinkTiming = _LINK_TIMING,
        slots: ConnectionSlots | None = None,
        budget: Budget | None = None,
        permissions: Permissions | None = None,
        care: CareSettings | None = None,
    ) -> None:
        super().__init__(ScannerStatus(ScannerState.IDLE, mode))
        self._choice = Choice(adapter, kept_adapter)
        self._source = source
        self._wanted = mode
        self._lock_path = lock_path
        self._bus_address = bus_address
        self._open_mgmt = open_mgmt
        self._repetition = Repetition(clock)
        self._log = StatusLog(self._repetition)
        self._attempt = 0
        self._wake = asyncio.Event()
        self._machine = Machine(self._wake.set, bus_address)
        self._starts = self._orphans = 0
        self._link_timing = link_timing
        self._slots = ConnectionSlots() if slots is None else slots
        self._links: Links | None = None
        self._farewell: asyncio.Task[None] | None = None
        self.care = Watchdog(
            Rungs(self._machine, permissions or Permissions()),
            Budget() if budget is None else budget,
            clock,
            self._repetition,
            calm=self._calm,
            on_unanswered=self._unanswered,
            linked=lambda: self._slots.free < self._slots.limit,
            settings=care,
        )
        """What watches over this radio, while it runs."""

    @property
    def _scanner(self) -> Scanner | None:
        return self._machine.scanner

    @property
    def _intake(self) -> IntakeChoice | None:
        return self._machine.intake

    def set_mode(self, mode: ScanMode) -> None:
        """Ask for a scan mode."""
        self._wanted = mode
        if self._scanner is not None:
            self._scanner.wanted = mode
        self._wake.set()

    # links

    @property
    def slots(self) -> ConnectionSlots:
        """The links that are possible at the same time, and who has them."""
        return self._slots

    @contextlib.asynccontextmanager
    async def connect(self, address: int, slot: Slot | None = None) -> AsyncIterator[GattLink]:
        """A GATT link, for the time of the `async with`."""
        if self._links is None:
            raise ConnectError("no link: the radio is not running")
        async with self._links.connect(address, slot) as link:
            yield link

    @property
    def tunes_links(self) -> bool:
        """Whether connection parameters can be asked for."""
        return self._intake is not None and self._intake.commands_kernel

    async def unpair(self, address: int) -> None:
        """Remove the bond with a peripheral."""
        if self._links is None:
            raise PairingError("the radio is not running")
        await self._links.unpair(address)

    async def forget(self, address: int) -> None:
        """Have the services of a peripheral read anew at its next link."""
        if self._links is None:
            raise ConnectError("the radio is not running")
        await self._links.forget(address)

    @property
    def adapter_names(self) -> tuple[str, ...]:
        """hciN and the address of the adapter, with or without power."""
        found = None if self._scanner is None else self._scanner.found
        return () if found is None else (found.name, format_address(found.address))

    # what the links need of the scan

    @property
    def adapter(self) -> AdapterRecord:
        """The adapter in use; raises ConnectError where there is none."""
        adapter = None if self._scanner is None else self._scanner.adapter
        if adapter is None:
            raise ConnectError(f"no link: {self.status.reason or 'the radio is not ready yet'}")
        return adapter

    @property
    def every_repeat(self) -> bool:
        """Whether every advertisement is reported, and not each advertiser once in ten seconds."""
        return self._scanner is not None and self._scanner.every_repeat

    def begin_anew(self) -> None:
        """Have everybody reported once more, if the discovery is ours."""
        if self._scanner is not None:
            self._scanner.begin_anew()
            self._wake.set()

    def hang_up(self, index: int, address: int, address_type: AddressType) -> bool:
        """Have the kernel end a link of an adapter, as far as it listens to us. False: cannot."""
        return self._intake is not None and self._intake.hang_up(index, address, address_type)

    def connect_failures(self) -> Sequence[ConnectFailure]:
        """What has failed on the adapter since this was asked last, as far as the kernel tells us."""
        return () if self._intake is None else self._intake.connect_failures()

    async def tune(
        self, index: int, address: int, address_type: AddressType, parameters: LinkParameters
    ) -> None:
        """Have the kernel ask a peripheral of an adapter for other connection parameters."""
        if self._intake is None:
            raise MgmtUnavailableError("the radio is not running")
        await self._intake.tune(index, address, address_type, parameters)

    def _unanswered(self) -> None:
        """A probe tells what the scanner, which waits for signals, cannot know."""
        if self.status.state is ScannerState.RUNNING:
            self._fail(f"BlueZ did not answer within {CALL_TIMEOUT_S:g} s", Fault.HUNG)

    async def _calm(self) -> None:
        if self._links is not None:
            await self._links.wait_calm()

    # the scan

    async def run(self) -> None:
        """Scan until cancelled."""
        self._turn(ScannerState.STARTING)
        self._farewell = None
        self._links = links = Links(self, self._bus_address, self._repetition, self._link_timing, self._slots)
        self._machine.intake = intake = IntakeChoice(
            self._source,
            self._bus_address,
            self._hear,
            self._wake.set,
            self._open_mgmt,
            self._repetition,
            lambda: self.prompt,
        )
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self.care.run())
                try:
                    await self._scan(intake)
                finally:
                    watch.cancel()
        finally:
            self._links = None
            try:
                await (self._farewell or links.close())
            finally:
                self._machine.intake = None
                await intake.close()
                self.care.rest()
                self._turn(ScannerState.STOPPED)

    async def _scan(self, intake: IntakeChoice) -> None:
        """On one bus connection after the other."""
        while True:
            connection = Bus(self._bus_address, self._repetition)
            try:
                async with connection as bus:
                    await self._serve(bus, intake)
            except BusError as error:
                if not connection.left:
                    fault = no_bus(error)
                    self._fail(str(fault), fault.fault)
            await intake.bus_lost()
            await asyncio.sleep(_RECONNECT_S[min(self._attempt, len(_RECONNECT_S) - 1)])
            self._attempt += 1

    async def _serve(self, bus: Bus, intake: IntakeChoice) -> None:
        """Scan for as long as this bus connection lives; raises BusError."""
        scanner = Scanner(bus, self._choice, intake, self._lock_path, self._wake.set, self._wanted)
        self._machine.bus, self._machine.scanner = bus, scanner
        self._starts = self._orphans = 0
        ended = asyncio.create_task(_wake_at_end(bus, self._wake))
        try:
            await scanner.follow()
            while bus.open:
                self._wake.clear()
                try:
                    pause = self._settle(await scanner.step(), scanner)
                except (NotReadyError, SourceUnavailableError, CallTimeoutError) as error:
                    pause = self._settle_fault(error)
                self._attempt = 0
                await self._sleep(pause)
            if self.status.state is not ScannerState.FAILED:
                self._turn(ScannerState.STARTING)  # before the end of the scan, which takes a moment
        except asyncio.CancelledError:
            self._turn(ScannerState.STOPPING)
            if self._links is not None:
                # beside the end of the scan: BlueZ takes two seconds to end a link
                self._farewell = asyncio.create_task(self._links.close())
            await self.care.end()  # as long as the bus is there
            raise
        finally:
            ended.cancel()
            self._machine.bus = self._machine.scanner = None
            await _close(scanner)

    def _settle(self, outcome: Outcome, scanner: Scanner) -> float | None:
        self._become(ScannerStatus(ScannerState.RUNNING, outcome.mode, outcome.intake, outcome.adapter))
        self._tell_care(outcome, scanner)
        return outcome.look_again_s

    def _tell_care(self, outcome: Outcome, scanner: Scanner) -> None:
        if not outcome.ours:
            self.care.rest()
        elif scanner.starts != self._starts:
            self.care.begin(monitored=scanner.every_repeat)
        else:
            self.care.go_on(monitored=scanner.every_repeat)
        if scanner.orphans != self._orphans:
            self.care.note(RadioEvent(Rung.STOP_KERNEL_SCAN, Fault.BUSY.value, Result.HELPED, 0.0))
        self._starts, self._orphans = scanner.starts, scanner.orphans

    def _hurry(self) -> None:
        if self._intake is not None:
            self._intake.hurry()

    def _hear(self, batch: Sequence[Advertisement]) -> None:
        self._deliver(batch)
        self.care.hear(batch)

    def _settle_fault(self, error: BluetoothError) -> float | None:
        if isinstance(error, SettlingError):
            _LOGGER.debug("not ready yet: %s", error)
            self.care.fail(error.fault)
            self._turn(ScannerState.STARTING)
            return error.retry_s
        self._fail(str(error), _fault(error))
        if isinstance(error, NotReadyError):
            return error.retry_s
        return _SOURCE_RETRY_S if isinstance(error, SourceUnavailableError) else _HUNG_RETRY_S

    async def _sleep(self, pause_s: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._wake.wait()

    def _turn(self, state: ScannerState) -> None:
        self._become(ScannerStatus(state, self.status.mode, Intake.NONE, self._choice.address))

    def _fail(self, reason: str, fault: Fault) -> None:
        self.care.fail(fault)
        self._become(
            ScannerStatus(ScannerState.FAILED, self.status.mode, Intake.NONE, self._choice.address, reason)
        )

    def _become(self, status: ScannerStatus) -> None:
        if status != self.status:
            self._log.tell(status)
        super()._become(status)


def _fault(error: BluetoothError) -> Fault:
    if isinstance(error, NotReadyError):
        return error.fault
    return Fault.NO_SOURCE if isinstance(error, SourceUnavailableError) else Fault.HUNG


async def _wake_at_end(bus: Bus, wake: asyncio.Event) -> None:
    await bus.wait_closed()
    wake.set()


async def _close(scanner: Scanner) -> None:
    """Bounded, so that a dead BlueZ cannot keep the program from ending."""
    try:
        async with asyncio.timeout(_GOODBYE_S):
            await scanner.close()
    except (BluetoothError, TimeoutError) as error:
        _LOGGER.debug("leaving the adapter: %s", error)
