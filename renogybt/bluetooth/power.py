"""The power of an adapter, by D-Bus: switched, and believed only when BlueZ's own property says so."""

import asyncio
from collections.abc import Callable

from dbus_fast import Variant

from renogybt.bluetooth.bus import ADAPTER, PROPERTIES, Bus
from renogybt.bluetooth.errors import BluetoothError
from renogybt.bluetooth.tree import AdapterRecord, AdapterTree
from renogybt.model.advertisement import format_address

CALL_S = 6.0
"""A controller that answers nothing costs BlueZ one or two of the kernel's timeouts of 2 s."""
OFF_S, ON_S = 4.0, 8.0
REST_S = 0.2
"""Without power; the virtual controller is off within 10 ms, a firmware may take longer to notice."""


class PowerError(BluetoothError):
    """The adapter has not the power that it was to have; the text says why."""


async def power_on(bus: Bus, tree: AdapterTree, address: int) -> None:
    """Give it power; raises PowerError, CallError, CallTimeoutError or BusError."""
    await _switch(bus, tree, address, on=True)


async def power_cycle(bus: Bus, tree: AdapterTree, address: int) -> None:
    """Take its power away and give it back: all links and discoveries of everybody end.

    Raises PowerError, CallError, CallTimeoutError or BusError. Power is given back also when taking it
    away has failed, or this is cancelled.
    """
    try:
        await _switch(bus, tree, address, on=False)
        await asyncio.sleep(REST_S)
    finally:
        await _switch(bus, tree, address, on=True)


async def _switch(bus: Bus, tree: AdapterTree, address: int, *, on: bool) -> None:
    adapter = tree.select(address)
    if adapter is None:
        raise PowerError(f"the adapter {format_address(address)} is not there")
    await bus.call(
        adapter.path, PROPERTIES, "Set", "ssv", (ADAPTER, "Powered", Variant("b", on)), timeout_s=CALL_S
    )
    try:
        async with asyncio.timeout(ON_S if on else OFF_S):
            await changed(tree, lambda: _has_power(tree.select(address), on=on))
    except TimeoutError as error:
        raise PowerError(f"{adapter.name} was told to switch {'on' if on else 'off'} and did not") from error


def _has_power(adapter: AdapterRecord | None, *, on: bool) -> bool:
    return adapter is not None and adapter.powered is on


async def changed(tree: AdapterTree, rule: Callable[[], bool]) -> None:
    """Until the rule holds, looked at again at each change of the tree."""
    again = asyncio.Event()
    leave = tree.changes.add(lambda _: again.set())
    try:
        while not rule():
            again.clear()
            await again.wait()
    finally:
        leave()
