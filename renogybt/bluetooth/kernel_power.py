"""The power of an adapter, by the kernel's management socket: for when BlueZ does not do it."""

import asyncio
import struct
from collections.abc import Awaitable, Callable

from renogybt.bluetooth.errors import MgmtError
from renogybt.bluetooth.power import REST_S, PowerError
from renogybt.protocols.advertising import mgmt

Command = Callable[[int, int, bytes], Awaitable[bytes]]
"""Opcode, index of the adapter, parameters -> the data of the reply; raises MgmtError, CallTimeoutError or
MgmtUnavailableError."""

COMMAND_S = 7.0
"""What a command should be given: the kernel takes up to 2 s to end links, and as long again for each HCI
command that a controller leaves without an answer (Linux include/net/bluetooth/hci.h, HCI_CMD_TIMEOUT)."""

_POWERED = 1 << 0
_SETTINGS = struct.Struct("<I")
"""The answer to Set Powered: the current settings, of which bit 0 is the power (BlueZ doc/mgmt-api.txt)."""


async def power_cycle_by_kernel(command: Command, index: int) -> None:
    """Take the adapter's power away and give it back: all links and discoveries of everybody end.

    Raises PowerError, MgmtError, CallTimeoutError or MgmtUnavailableError. Power is given back also when
    taking it away was refused, or this is cancelled.
    """
    try:
        await _switch(command, index, on=False)
        await asyncio.sleep(REST_S)
    except (MgmtError, PowerError, asyncio.CancelledError):
        await _switch(command, index, on=True)
        raise
    await _switch(command, index, on=True)


async def _switch(command: Command, index: int, *, on: bool) -> None:
    data = await command(mgmt.SET_POWERED, index, bytes((on,)))
    if len(data) < _SETTINGS.size:
        return  # done all the same, as the status has said
    (settings,) = _SETTINGS.unpack_from(data)
    if bool(settings & _POWERED) is not on:
        raise PowerError(f"the kernel was told to switch hci{index} {'on' if on else 'off'} and did not")
