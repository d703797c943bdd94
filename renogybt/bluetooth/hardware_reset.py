"""Resets the hardware of an adapter once, and waits until BlueZ has it again. Root's work."""

import asyncio
import contextlib
import os
import time

from renogybt.bluetooth.budget import Budget
from renogybt.bluetooth.bus import Bus
from renogybt.bluetooth.errors import BusError, CallError, CallTimeoutError
from renogybt.bluetooth.hardware import HardwareError, find_hardware, names_in, reset_hardware
from renogybt.bluetooth.power import PowerError, changed, power_on
from renogybt.bluetooth.reset import CAUSE, Adapter, Machine, NoAdapterError, found
from renogybt.bluetooth.spending import spend
from renogybt.bluetooth.tree import AdapterTree
from renogybt.model.recovery import RadioEvent, ResetFailedError, Result, Rung

BLUEZ_S = 10.0
"""Until BlueZ has given it power by itself, which it does as soon as the firmware is loaded (AutoEnable)."""


async def reset_adapter_hardware(
    choice: Adapter,
    budget: Budget,
    *,
    force: bool = False,
    machine: Machine | None = None,
) -> tuple[RadioEvent, str]:
    """Reset the port or the driver of an adapter: what was done, and what the adapter is called now.

    Raises NoAdapterError, ResetRefusedError or ResetFailedError.
    """
    if os.geteuid() != 0:
        raise ResetFailedError(
            "only root may reset hardware. Run: sudo renogybt reset-adapter --hardware ..."
        )
    machine = machine or Machine()
    name = choice if isinstance(choice, str) else await _name_of(choice, machine)
    began = time.monotonic()
    try:
        hardware = find_hardware(name, machine.sysfs)
        spend(budget, hardware=True, force=force)
        name = await reset_hardware(hardware, machine.sysfs)
    except HardwareError as error:
        raise ResetFailedError(str(error)) from error
    detail = await _back_in_bluez(name, machine)
    return RadioEvent(Rung.RESET_HARDWARE, CAUSE, Result.HELPED, time.monotonic() - began, detail), name


async def _name_of(choice: int | None, machine: Machine) -> str:
    """As BlueZ tells it; where that is not there, the only one that the kernel has. Raises NoAdapterError."""
    try:
        async with found(choice, machine) as there:
            return there.adapter.name
    except (NoAdapterError, ResetFailedError):
        names = names_in(machine.sysfs)
        if choice is None and len(names) == 1:
            return names[0]
        raise


async def _back_in_bluez(name: str, machine: Machine) -> str:
    """Until BlueZ shows it and it has power; what is to be told where BlueZ itself is not there.

    Raises ResetFailedError.
    """
    try:
        async with Bus(machine.bus_address) as bus:
            tree = AdapterTree(bus, lambda: None)
            await tree.follow()
            await tree.refresh()
            if not tree.running:
                return "BlueZ is not running"
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BLUEZ_S):
                    await changed(tree, lambda: _has_power(tree, name))
            adapter = tree.select(name)
            if adapter is None:
                raise ResetFailedError(f"{name} was reset, but BlueZ does not show it within {BLUEZ_S:g} s")
            if not adapter.powered:
                await power_on(bus, tree, adapter.address)
    except BusError as error:
        return str(error)
    except (PowerError, CallError, CallTimeoutError) as error:
        raise ResetFailedError(f"{name} was reset, but gets no power: {error}") from error
    return ""


def _has_power(tree: AdapterTree, name: str) -> bool:
    adapter = tree.select(name)
    return adapter is not None and adapter.powered
