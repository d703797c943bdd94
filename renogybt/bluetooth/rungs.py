"""What each rung of the ladder does to the machine."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from renogybt.bluetooth import power
from renogybt.bluetooth.bus import ADAPTER, CALL_TIMEOUT_S, OBJECT_MANAGER, PROPERTIES, Bus
from renogybt.bluetooth.errors import (
    BluetoothError,
    BusError,
    CallError,
    CallTimeoutError,
    MgmtError,
    MissingUnitError,
)
from renogybt.bluetooth.intake import IntakeChoice
from renogybt.bluetooth.kernel_power import COMMAND_S, power_cycle_by_kernel
from renogybt.bluetooth.rfkill_switch import can_unblock, unblock
from renogybt.bluetooth.scanner import Scanner
from renogybt.bluetooth.tree import AdapterRecord
from renogybt.model.radio import Intake
from renogybt.model.recovery import RestartNeededError, Rung
from renogybt.protocols.advertising import mgmt

_LOGGER = logging.getLogger(__name__)

RESTART_UNIT = "renogy-bt-restart-bluetooth.service"
HARDWARE_UNIT = "renogy-bt-reset-adapter@{}.service"
_SYSTEMD, _SYSTEMD_PATH = "org.freedesktop.systemd1", "/org/freedesktop/systemd1"
_MANAGER = "org.freedesktop.systemd1.Manager"
_ASK_S = 3.0

_RESETS = frozenset(
    {Rung.POWER_ON, Rung.POWER_CYCLE, Rung.POWER_CYCLE_BY_KERNEL, Rung.UNBLOCK, Rung.RESET_HARDWARE}
)


_FROM_THE_BUS = frozenset(
    f"org.freedesktop.DBus.Error.{name}"
    for name in ("LimitsExceeded", "NameHasNoOwner", "NoReply", "ServiceUnknown", "TimedOut", "Timeout")
)
"""What the bus says in the place of one who says nothing."""


class NotPossibleError(BluetoothError):
    """The rung does not exist at the moment; the text says why."""


@dataclass(slots=True)
class Machine:
    """What a radio has at the moment; the radio keeps it up to date."""

    wake: Callable[[], None]
    bus_address: str | None = None
    bus: Bus | None = None
    scanner: Scanner | None = None
    intake: IntakeChoice | None = None

    @property
    def adapter(self) -> AdapterRecord:
        """The adapter, with or without power; raises NotPossibleError."""
        found = None if self.scanner is None else self.scanner.found
        if found is None:
            raise NotPossibleError("there is no adapter")
        return found


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the configuration allows beside the steps that disturb nobody."""

    resets: bool = True
    reset_hardware: bool = False
    restart_bluetoothd: bool = False
    restart_program: bool = False
    rfkill: Path = field(default=Path("/dev/rfkill"))


class Rungs:
    """Takes rungs on a machine. A rung is done when its call is answered; whether it helped, others judge."""

    def __init__(self, machine: Machine, permissions: Permissions) -> None:
        self._machine = machine
        self._permissions = permissions
        self._actions: dict[Rung, Callable[[], Awaitable[None]]] = {
            Rung.POKE: self._poke,
            Rung.RESTART_SCAN: self._restart_scan,
            Rung.STOP_KERNEL_SCAN: self._stop_kernel_scan,
            Rung.REOPEN_BUS: self._reopen_bus,
            Rung.POWER_ON: self._power_on,
            Rung.UNBLOCK: self._unblock,
            Rung.POWER_CYCLE: self._power_cycle,
            Rung.POWER_CYCLE_BY_KERNEL: self._power_cycle_by_kernel,
            Rung.RESET_HARDWARE: self._reset_hardware,
            Rung.RESTART_BLUETOOTHD: self._restart_bluetoothd,
            Rung.RESTART_PROGRAM: self._restart_program,
        }

    def able(self) -> frozenset[Rung]:
        """The rungs that exist here and now, and are allowed."""
        allowed = self._permissions
        kernel = self._machine.intake is not None and self._machine.intake.commands_kernel
        missing = {
            Rung.STOP_KERNEL_SCAN: not kernel,
            Rung.POWER_CYCLE_BY_KERNEL: not kernel,
            Rung.UNBLOCK: not can_unblock(allowed.rfkill),
            Rung.RESET_HARDWARE: not allowed.reset_hardware,
            Rung.RESTART_BLUETOOTHD: not allowed.restart_bluetoothd,
            Rung.RESTART_PROGRAM: not allowed.restart_program,
        }
        if not allowed.resets:
            missing |= dict.fromkeys(_RESETS, True)
        return frozenset(rung for rung in Rung if not missing.get(rung, False))

    @property
    def past_bluez(self) -> bool:
        """Whether advertisements come from the kernel, so that they prove nothing of BlueZ."""
        intake = self._machine.intake
        return intake is not None and intake.chosen is Intake.MGMT and intake.commands_kernel

    def check(self) -> None:
        """Raise BluetoothError where there is nothing that could be reset."""
        _ = self._bus, self._machine.adapter

    async def take(self, rung: Rung) -> None:
        """Do it; raises BluetoothError, TimeoutError or, for the last one, RestartNeededError."""
        await self._actions[rung]()

    async def probe(self) -> bool:
        """Whether BlueZ and, where it may be asked, the kernel answer; also a refusal is an answer."""
        machine = self._machine
        if machine.bus is None:
            return False
        try:
            adapter = machine.adapter
            if not await _answers(machine.bus, adapter, CALL_TIMEOUT_S):
                return False
            if machine.intake is not None and machine.intake.commands_kernel:
                await machine.intake.command(mgmt.READ_CONTROLLER_INFO, adapter.index)
        except MgmtError as error:
            _LOGGER.debug("the probe of the adapter was refused: %s", error)
        except BluetoothError as error:
            _LOGGER.debug("the probe of the adapter failed: %s", error)
            return False
        return True

    async def answers(self, *, anew: bool) -> bool | None:
        """Whether BlueZ answers within 3 s, without an effect on anything; None: it cannot be asked now.

        `anew`: over a connection of its own, so that a call that is never answered is not left behind.
        """
        machine = self._machine
        try:
            if machine.bus is None or not machine.bus.open:
                return None
            if not anew:
                return await _answers(machine.bus, machine.adapter, _ASK_S)
            async with Bus(machine.bus_address) as bus:
                return await _answers(bus, machine.adapter, _ASK_S)
        except BluetoothError as error:
            _LOGGER.debug("BlueZ cannot be asked: %s", error)
            return None

    # without harm to anybody

    async def _poke(self) -> None:
        await self._bus.call("/", OBJECT_MANAGER, "GetManagedObjects")
        self._machine.wake()

    async def _restart_scan(self) -> None:
        self._scanner.begin_anew()
        self._machine.wake()

    async def _stop_kernel_scan(self) -> None:
        intake = self._machine.intake
        if intake is None or not await intake.stop_kernel_discovery(self._machine.adapter.index):
            raise NotPossibleError("the management socket is not open")
        await self._restart_scan()

    async def _reopen_bus(self) -> None:
        self._bus.leave()

    # resets

    async def _power_on(self) -> None:
        await power.power_on(self._bus, self._scanner.tree, self._machine.adapter.address)

    async def _power_cycle(self) -> None:
        await power.power_cycle(self._bus, self._scanner.tree, self._machine.adapter.address)

    async def _power_cycle_by_kernel(self) -> None:
        intake = self._machine.intake
        if intake is None:
            raise NotPossibleError("the management socket is not open")
        command = partial(intake.command, timeout_s=COMMAND_S)
        await power_cycle_by_kernel(command, self._machine.adapter.index)

    async def _unblock(self) -> None:
        try:
            unblock(self._permissions.rfkill)
        except OSError as error:
            raise NotPossibleError(f"{self._permissions.rfkill}: {error.strerror}") from error
        self._machine.wake()

    async def _reset_hardware(self) -> None:
        await self._start_unit(HARDWARE_UNIT.format(self._machine.adapter.name))

    async def _restart_bluetoothd(self) -> None:
        await self._start_unit(RESTART_UNIT)

    async def _restart_program(self) -> None:
        raise RestartNeededError(
            "the radio does not come back; ending, so that systemd starts the program anew"
        )

    async def _start_unit(self, name: str) -> None:
        """Root's work is done by a unit of its own, which systemd starts for us where polkit lets it."""
        try:
            await self._bus.call(
                _SYSTEMD_PATH, _MANAGER, "StartUnit", "ss", (name, "replace"), destination=_SYSTEMD
            )
        except CallError as error:
            raise MissingUnitError(
                f"systemd does not start {name}: {error}. Run: sudo ./scripts/install.sh"
                " --with-recovery-units"
            ) from error

    @property
    def _bus(self) -> Bus:
        if self._machine.bus is None:
            raise BusError("there is no connection to the D-Bus system bus")
        return self._machine.bus

    @property
    def _scanner(self) -> Scanner:
        if self._machine.scanner is None:
            raise NotPossibleError("the radio has no connection to BlueZ")
        return self._machine.scanner


async def _answers(bus: Bus, adapter: AdapterRecord, timeout_s: float) -> bool:
    """Whether BlueZ says anything of the adapter, be it no; raises BusError."""
    try:
        await bus.call(adapter.path, PROPERTIES, "Get", "ss", (ADAPTER, "Powered"), timeout_s=timeout_s)
    except CallError as error:
        return error.name not in _FROM_THE_BUS
    except CallTimeoutError:
        return False
    return True
