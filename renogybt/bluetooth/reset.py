"""Resets an adapter once, without a radio: what `reset-adapter` does where no program runs that could."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from renogybt.bluetooth.budget import Budget
from renogybt.bluetooth.bus import Bus
from renogybt.bluetooth.discovery import ACCESS_DENIED
from renogybt.bluetooth.errors import (
    BluetoothError,
    BusError,
    CallError,
    CallTimeoutError,
    MgmtError,
    MgmtUnavailableError,
)
from renogybt.bluetooth.faults import absent, call_fault, no_bus, no_service, powered_off
from renogybt.bluetooth.hardware import SYSFS
from renogybt.bluetooth.kernel_power import COMMAND_S, Command, power_cycle_by_kernel
from renogybt.bluetooth.mgmt import MgmtSocket, open_socket
from renogybt.bluetooth.power import PowerError, power_cycle
from renogybt.bluetooth.spending import spend
from renogybt.bluetooth.tree import AdapterRecord, AdapterTree
from renogybt.model.advertisement import format_address
from renogybt.model.recovery import RadioEvent, ResetFailedError, ResetRefusedError, Result, Rung
from renogybt.protocols.advertising import mgmt

CYCLE_S = 30.0
CAUSE = "reset-adapter asks for it"

Adapter = str | int | None
"""hciN, an address, or None: the first powered one, else the first."""
OpenMgmt = Callable[[], socket.socket]


class NoAdapterError(BluetoothError):
    """There is no such adapter, no BlueZ or no D-Bus; the text says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the adapter is: the system bus (None: the one of this machine), the management socket, sysfs."""

    bus_address: str | None = None
    open_mgmt: OpenMgmt = open_socket
    sysfs: Path = SYSFS


@dataclass(frozen=True, slots=True)
class Found:
    """An adapter on a bus connection."""

    bus: Bus
    tree: AdapterTree
    adapter: AdapterRecord

    @property
    def label(self) -> str:
        """Such as `hci0 (00:1A:7D:DA:71:13)`."""
        return f"{self.adapter.name} ({format_address(self.adapter.address)})"


@contextlib.asynccontextmanager
async def found(choice: Adapter, machine: Machine) -> AsyncIterator[Found]:
    """The adapter as BlueZ shows it, for the time of the `async with`.

    Raises NoAdapterError, or ResetFailedError where BlueZ is there and does not answer as it should; also
    where the connection breaks later.
    """
    try:
        async with Bus(machine.bus_address) as bus:
            tree = AdapterTree(bus, lambda: None)
            await tree.follow()
            try:
                await tree.refresh()
            except CallTimeoutError as error:
                raise ResetFailedError(f"{error}. Run: sudo systemctl restart bluetooth") from error
            except CallError as error:
                raise ResetFailedError(str(call_fault(error))) from error
            if not tree.running:
                raise NoAdapterError(str(no_service()))
            adapter = tree.select(choice)
            if adapter is None:
                raise NoAdapterError(str(absent(choice, None, tree.names())))
            yield Found(bus, tree, adapter)
    except BusError as error:
        raise NoAdapterError(str(no_bus(error))) from error


async def reset_adapter(
    choice: Adapter, budget: Budget, *, force: bool = False, machine: Machine | None = None
) -> tuple[RadioEvent, str]:
    """Power-cycle an adapter, by BlueZ or else by the kernel: what was done, and to which adapter.

    Raises NoAdapterError, ResetRefusedError (the budget is used up, and `force` does not overrule that) or
    ResetFailedError.
    """
    machine = machine or Machine()
    async with found(choice, machine) as there:
        began = time.monotonic()
        spend(budget, force=force)
        rung, detail = Rung.POWER_CYCLE, ""
        try:
            async with asyncio.timeout(CYCLE_S):
                await power_cycle(there.bus, there.tree, there.adapter.address)
        except (PowerError, CallError, CallTimeoutError, TimeoutError) as error:
            if isinstance(error, CallError) and error.name == ACCESS_DENIED:
                raise ResetFailedError(str(call_fault(error))) from error
            detail = _told(error)
            await _by_kernel(there, budget, detail, force=force, open_mgmt=machine.open_mgmt)
            rung = Rung.POWER_CYCLE_BY_KERNEL
        took_s = time.monotonic() - began
        return RadioEvent(rung, CAUSE, Result.HELPED, took_s, detail), there.label


async def _by_kernel(there: Found, budget: Budget, reason: str, *, force: bool, open_mgmt: OpenMgmt) -> None:
    """After BlueZ has failed for this reason; raises ResetFailedError."""
    try:
        async with management(open_mgmt, there.adapter.index) as command:
            spend(budget, force=force)
            await power_cycle_by_kernel(command, there.adapter.index)
    except MgmtUnavailableError as error:
        raise ResetFailedError(f"{reason}{_advice(there)}") from error
    except ResetRefusedError as error:
        raise ResetFailedError(f"{reason}; by the kernel it is not tried, because {error}") from error
    except (PowerError, MgmtError, CallTimeoutError) as error:
        raise ResetFailedError(f"{reason}; {error}{_advice(there)}") from error


def _advice(there: Found) -> str:
    now = there.tree.select(there.adapter.address)
    if now is None or now.powered:
        return f". If it stays so: sudo renogybt reset-adapter {there.adapter.name} --hardware"
    return f". {powered_off(now.name)}"


def _told(error: BluetoothError | TimeoutError) -> str:
    if isinstance(error, CallError):
        return str(call_fault(error))
    return str(error) or f"BlueZ did not switch the power within {CYCLE_S:g} s"


@contextlib.asynccontextmanager
async def management(open_mgmt: OpenMgmt, index: int) -> AsyncIterator[Command]:
    """Commands to the kernel, for the time of the `async with`.

    Raises MgmtUnavailableError, also where this process may not command this adapter, or CallTimeoutError.
    """
    sock = MgmtSocket(open_mgmt(), lambda _batch: None, lambda: None)

    async def command(opcode: int, index: int, data: bytes) -> bytes:
        return await sock.command(opcode, index, data, timeout_s=COMMAND_S)

    try:
        await _require_trust(sock, index)
        yield command
    finally:
        sock.close()


async def _require_trust(sock: MgmtSocket, index: int) -> None:
    """By a command that changes nothing, and that the kernel refuses whom it would refuse the others."""
    try:
        await sock.command(mgmt.GET_CONNECTIONS, index)
    except MgmtError as error:
        if error.status == mgmt.PERMISSION_DENIED:
            raise MgmtUnavailableError("the management socket takes root or CAP_NET_ADMIN") from error
