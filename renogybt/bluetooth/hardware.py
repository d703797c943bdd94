"""Resets the hardware of an adapter: the port of a USB one, the driver of one at a serial line. Root's work.

That a new start of the driver wakes the firmware of a Raspberry Pi's own controller is plausible, for the
driver switches the chip off and loads its firmware again, and is not verified.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from renogybt.bluetooth.errors import BluetoothError

SYSFS = Path("/sys")
STEP_S = 10.0
"""The kernel resets a port within a second, and waits for a controller that is dead for some more."""
LOOKS, LOOK_S = 3, 2.0
"""How often to look whether the adapter is back, and how far apart; a firmware takes seconds to load."""
REST_S = 1.0
"""Without a driver, and thereby without power."""


class HardwareError(BluetoothError):
    """The hardware cannot be reset, or did not come back; the text says why."""


class Attachment(Enum):
    """How an adapter hangs on the machine; the value is the subsystem in sysfs."""

    USB = "usb"
    SERIAL = "serial"


@dataclass(frozen=True, slots=True)
class Hardware:
    """`device`: what the adapter `name` belongs to, as a folder of sysfs; it outlives the adapter."""

    name: str
    attachment: Attachment
    device: Path


def find_hardware(adapter: str, sysfs: Path = SYSFS) -> Hardware:
    """What the adapter of this name is; raises HardwareError where there is nothing to reset."""
    link = sysfs / "class/bluetooth" / adapter / "device"
    try:
        device = link.resolve(strict=True)
        subsystem = (device / "subsystem").resolve(strict=True).name
    except OSError as error:
        if not link.parent.exists():
            raise HardwareError(
                f"the kernel knows no adapter {adapter}; plug it in anew, or reboot"
            ) from error
        raise HardwareError(f"{adapter} is a virtual adapter, which has no hardware") from error
    if subsystem == "tty":
        raise HardwareError(
            f"{adapter} was attached to {device.name} by a program of its own."
            " Run: sudo systemctl restart hciuart, or reboot"
        )
    try:
        return Hardware(adapter, Attachment(subsystem), device)
    except ValueError as error:
        raise HardwareError(f"{adapter} is a {subsystem} device, which only a reboot resets") from error


async def reset_hardware(
    hardware: Hardware,
    sysfs: Path = SYSFS,
    *,
    reset_port: Callable[[int], Awaitable[bool]] | None = None,
) -> str:
    """Reset it and wait until it is there again; its name afterwards, which may be another one.

    Raises HardwareError. `reset_port` resets the USB port of the adapter of a number; False: it failed.
    """
    try:
        async with asyncio.timeout(STEP_S):
            if hardware.attachment is Attachment.SERIAL:
                await _start_driver_anew(hardware)
            else:
                await _reset_port(hardware, reset_port or _by_usb_devices)
    except TimeoutError as error:
        raise HardwareError(f"the kernel did not reset {hardware.name} within {STEP_S:g} s") from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise HardwareError(f"{hardware.name} cannot be reset ({where}{error.strerror})") from error
    return await _back(hardware, sysfs)


async def _reset_port(hardware: Hardware, reset_port: Callable[[int], Awaitable[bool]]) -> None:
    if not await reset_port(int(hardware.name.removeprefix("hci"))):
        raise HardwareError(f"the kernel refused to reset the USB port of {hardware.name}")


async def _by_usb_devices(number: int) -> bool:
    from usb_devices import BluetoothDevice

    return await BluetoothDevice(number).async_reset()


async def _start_driver_anew(hardware: Hardware) -> None:
    """Raises OSError, or HardwareError where the device is left without a driver."""
    device = hardware.device
    driver = (device / "driver").resolve(strict=True)
    # in a thread: the kernel lets the writer wait until the driver is done
    await asyncio.to_thread(_tell, driver / "unbind", device.name)
    try:
        await asyncio.sleep(REST_S)
    finally:
        try:
            await asyncio.to_thread(_tell, driver / "bind", device.name)
        except OSError as error:
            raise HardwareError(
                f"{hardware.name} has lost its driver and does not get it back ({error.strerror})."
                f" Run: echo {device.name} | sudo tee {driver / 'bind'}, or reboot"
            ) from error


def _tell(attribute: Path, text: str) -> None:
    attribute.write_text(text, encoding="ascii")


async def _back(hardware: Hardware, sysfs: Path) -> str:
    for look in range(LOOKS + 1):
        if look:
            await asyncio.sleep(LOOK_S)
        if name := _name_of(hardware.device, sysfs):
            return name
    raise HardwareError(
        f"{hardware.name} was reset and is not back after {LOOKS * LOOK_S:g} s; plug it in anew, or reboot"
    )


def names_in(sysfs: Path) -> list[str]:
    """The adapters that the kernel has."""
    names = (each.name for each in (sysfs / "class/bluetooth").glob("hci*"))
    # a connection (hci0:64) is listed beside the adapters
    return sorted(name for name in names if name.removeprefix("hci").isdecimal())


def _name_of(device: Path, sysfs: Path) -> str:
    """The adapter that belongs to the device now; empty where there is none."""
    folder = sysfs / "class/bluetooth"
    return next((name for name in names_in(sysfs) if (folder / name / "device").resolve() == device), "")
