"""Why scanning is not possible just now, in words that say what to do about it."""

import getpass
import os
from collections.abc import Callable
from pathlib import Path

from renogybt.bluetooth.discovery import ACCESS_DENIED, NOT_READY, InProgressError
from renogybt.bluetooth.errors import BluetoothError, BusError, CallError, MgmtError, MgmtUnavailableError
from renogybt.bluetooth.health import Fault
from renogybt.bluetooth.rfkill import bluetooth_block
from renogybt.model.advertisement import format_address
from renogybt.protocols.advertising import mgmt

SERVICE_POLL_S = 5.0
FAULT_RETRY_S = 2.0
BUSY_RETRY_S = 0.5
SETTLE_S = 0.5
"""How long a thing may be away before that is a fault: at a start bluetoothd shows its adapters and
gives them power one after the other, within 0.2 s."""
BUSY_S = 3.0
"""How long it is no fault that somebody is busy: a restart of the radio's software takes as long."""


class NotReadyError(BluetoothError):
    """Scanning is not possible just now. The text says why and what to do about it, `fault` what kind it is.

    `retry_s`: when to look again though nothing tells of a change. `grace_s`: how long it may last
    before it is a fault.
    """

    def __init__(
        self,
        reason: str,
        retry_s: float | None = None,
        *,
        grace_s: float = 0.0,
        fault: Fault = Fault.REFUSED,
    ) -> None:
        super().__init__(reason)
        self.fault = fault
        self.retry_s = retry_s
        self.grace_s = grace_s


class SettlingError(NotReadyError):
    """It is too early to call it a fault."""


class Patience:
    """Tells a fault from what passes by itself. `now` is the clock, in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._reason = ""
        self._since = 0.0

    def judge(self, error: NotReadyError) -> NotReadyError:
        """The same, or a SettlingError while it is young. Another reason is another matter."""
        reason = str(error)
        if reason != self._reason:
            self._reason, self._since = reason, self._now()
        left_s = self._since + error.grace_s - self._now()
        if left_s <= 0:
            return error
        retry_s = left_s if error.retry_s is None else min(left_s, error.retry_s)
        return SettlingError(reason, retry_s, fault=error.fault)

    def reset(self) -> None:
        """All is well."""
        self._reason = ""


def call_fault(error: CallError) -> NotReadyError:
    """What an error reply of BlueZ means."""
    if error.name == NOT_READY:
        text = "the adapter is not ready: it is being powered off or on"
        return NotReadyError(text, BUSY_RETRY_S, grace_s=BUSY_S, fault=Fault.NOT_READY)
    if error.name == ACCESS_DENIED:
        return NotReadyError(
            "D-Bus does not let this user talk to BlueZ. Run: sudo usermod -aG bluetooth"
            f" {_user()} and log in anew",
            SERVICE_POLL_S,
            fault=Fault.DENIED,
        )
    return NotReadyError(f"BlueZ refuses: {error}", FAULT_RETRY_S)


def mgmt_fault(error: MgmtError | MgmtUnavailableError) -> NotReadyError:
    """What a failure of the management socket means."""
    if isinstance(error, MgmtUnavailableError):
        return NotReadyError(str(error), 0.0, grace_s=SETTLE_S)  # the next look opens another
    if error.status in (mgmt.INVALID_INDEX, mgmt.BUSY):
        # BlueZ and the kernel are not of one mind yet, or another process is at the same thing
        return NotReadyError(f"the kernel is not ready: {error}", BUSY_RETRY_S, grace_s=BUSY_S)
    return NotReadyError(f"the kernel refuses: {error}", FAULT_RETRY_S)


def busy(error: InProgressError) -> NotReadyError:
    """A discovery that is not ours, and that nobody here can end."""
    return NotReadyError(
        f"{error}. It usually ends within 10 s; else: bluetoothctl power off, then power on",
        BUSY_RETRY_S,
        grace_s=BUSY_S,
        fault=Fault.BUSY,
    )


def idle_owner(owner: str, lock: Path, retry_s: float) -> NotReadyError:
    """Another process has the scan lock, and nothing is heard."""
    return NotReadyError(
        f"{owner} holds the scan lock {lock} but does not scan; end it, or set another scan_lock",
        retry_s,
        fault=Fault.NOT_OURS,
    )


def no_bus(error: BusError) -> NotReadyError:
    """There is no connection to D-Bus."""
    return NotReadyError(
        f"{error}. Is D-Bus running (sudo apt install dbus bluez)? In a container, hand in"
        " /run/dbus/system_bus_socket",
        fault=Fault.NO_BUS,
    )


def no_service() -> NotReadyError:
    """bluetoothd is not there."""
    return NotReadyError(
        "bluetoothd is not running. Start it: sudo systemctl start bluetooth"
        " (it comes with: sudo apt install bluez)",
        SERVICE_POLL_S,
        grace_s=SETTLE_S,
        fault=Fault.NO_SERVICE,
    )


def powered_off(adapter: str) -> NotReadyError:
    """The adapter of this name has no power."""
    fault = Fault.POWERED_OFF
    match bluetooth_block(adapter):
        case "hard":
            fault = Fault.HARD_BLOCK
            text = f"{adapter} is off: a hardware switch of this machine blocks Bluetooth (rfkill)"
        case "soft":
            fault = Fault.SOFT_BLOCK
            text = f"{adapter} is off: Bluetooth is blocked by software. Run: sudo rfkill unblock bluetooth"
        case _:
            text = f"{adapter} is powered off. Run: bluetoothctl power on"
    return NotReadyError(text, FAULT_RETRY_S, grace_s=SETTLE_S, fault=fault)


def absent(configured: str | int | None, address: int | None, present: str) -> NotReadyError:
    """There is no such adapter. `address`: of the one that was in use; `present`: those that there are."""
    if address is not None:
        text = f"the adapter {format_address(address)} is gone; waiting for it to come back"
    elif configured is None:
        text = "there is no Bluetooth adapter. Plug one in, or switch the built-in one on"
    else:
        name = configured if isinstance(configured, str) else format_address(configured)
        text = f"there is no Bluetooth adapter {name}. Plug it in, or set adapter in config.ini"
    text = f"{text} (present: {present})" if present else text
    return NotReadyError(text, grace_s=SETTLE_S, fault=Fault.ABSENT)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may run as a number without a name
        return str(os.getuid())
