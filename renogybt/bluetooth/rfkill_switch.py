"""Takes the software block off Bluetooth, where this process may (Linux include/uapi/linux/rfkill.h)."""

import os
import struct
from pathlib import Path

DEVICE = Path("/dev/rfkill")

_EVENT = struct.Struct("=IBBBB")
"""rfkill_event: index of the switch, type, operation, soft, hard; in the byte order of the machine."""
_BLUETOOTH = 2
_CHANGE_ALL = 3
"""All switches of the type, whatever the index; adapters that are plugged in later are not blocked either."""
_ACCESS = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC


def can_unblock(device: Path = DEVICE) -> bool:
    """Whether `unblock` is allowed to this process; opening the device changes nothing."""
    try:
        os.close(os.open(device, _ACCESS))
    except OSError:
        return False
    return True


def unblock(device: Path = DEVICE) -> None:
    """Take the software block off all Bluetooth adapters; raises OSError. A hardware switch stays."""
    descriptor = os.open(device, _ACCESS)
    try:
        # in one write: the kernel takes an event as a whole or not at all
        os.write(descriptor, _EVENT.pack(0, _BLUETOOTH, _CHANGE_ALL, 0, 0))
    finally:
        os.close(descriptor)
