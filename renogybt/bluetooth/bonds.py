"""What BlueZ knows of a device beyond its presence, and how that is removed."""

import logging
from dataclasses import dataclass

from dbus_fast import unpack_variants

from renogybt.bluetooth.bus import ADAPTER, DEVICE, PROPERTIES, Bus
from renogybt.bluetooth.errors import CallError, CallTimeoutError
from renogybt.bluetooth.peripheral import NO_OBJECT

_LOGGER = logging.getLogger(__name__)

_DOES_NOT_EXIST = "org.bluez.Error.DoesNotExist"


@dataclass(frozen=True, slots=True)
class DeviceState:
    """`paired`: whether there is a bond. `connected`: whether anybody has a link."""

    paired: bool
    connected: bool


async def read_state(bus: Bus, device_path: str) -> DeviceState | None:
    """None: BlueZ does not know the device. Raises BusError, CallError, CallTimeoutError."""
    try:
        (properties,) = await bus.call(device_path, PROPERTIES, "GetAll", "s", (DEVICE,))
    except CallError as error:
        if error.name in NO_OBJECT:
            return None
        raise
    told = unpack_variants(properties)
    return DeviceState(bool(told.get("Paired", False)), bool(told.get("Connected", False)))


async def remove(bus: Bus, adapter_path: str, device_path: str) -> None:
    """Have BlueZ forget a device: its bond, its services, its link. No error where there is none.

    It answers when the link has ended, which takes it two seconds, and not at all when that happened by
    another cause meanwhile. Raises BusError, CallError, CallTimeoutError.
    """
    try:
        await bus.call(adapter_path, ADAPTER, "RemoveDevice", "o", (device_path,))
    except CallError as error:
        if error.name != _DOES_NOT_EXIST:
            raise
        _LOGGER.debug("nothing to remove: %s", error)
    except CallTimeoutError:
        if await read_state(bus, device_path) is not None:
            raise
