"""The rows about the radio: pure judgements of what BlueZ and the kernel show."""

import getpass
import os
from collections.abc import Iterator

from renogybt.bluetooth.hardware import Attachment
from renogybt.bluetooth.rfkill import bluetooth_block
from renogybt.doctor.adapters import KernelSight
from renogybt.doctor.bluez import Sight, Stage
from renogybt.doctor.findings import Finding, note, ok, problem, unknown
from renogybt.doctor.machine import Machine
from renogybt.model.advertisement import format_address

D_BUS, BLUETOOTHD, PERMISSION = "d-bus", "bluetoothd", "permission"
ADAPTER, POWER, CONTROLLER = "adapter", "power", "controller"
NAMES = (D_BUS, BLUETOOTHD, PERMISSION, ADAPTER, POWER, CONTROLLER)

_DAEMONS = ("usr/libexec/bluetooth/bluetoothd", "usr/lib/bluetooth/bluetoothd", "usr/sbin/bluetoothd")
"""Where distributions put it: Debian 12 and Fedora, Debian 11 and Arch, others."""
_DBUS_DAEMONS = ("usr/bin/dbus-daemon", "usr/bin/dbus-broker")
_BOOT_FILES = ("boot/firmware/config.txt", "boot/config.txt")
_NO_ON_BOARD = "dtoverlay=disable-bt"
_SERIAL = (
    "is on a serial line (UART), as on board of a Raspberry Pi: a reset by USB does not apply to it, and when"
    " its firmware is stuck a power cycle only runs into its deadline"
)
_RESET = "where it is stuck: sudo renogybt reset-adapter --hardware, else restart the machine"
_NOT_WITHOUT_BUS = "not known without the D-Bus system bus"


def judge(machine: Machine, sight: Sight, kernel: KernelSight, wanted: str | None) -> Iterator[Finding]:
    """All rows, in the order in which one needs the other; `wanted` is the adapter of config.ini."""
    yield _bus(machine, sight)
    yield _bluetoothd(machine, sight, kernel)
    yield _permission(sight)
    yield _adapter(machine, sight, kernel, wanted)
    yield _power(machine, sight, kernel)
    yield _controller(sight, kernel)


def _bus(machine: Machine, sight: Sight) -> Finding:
    if sight.stage is not Stage.NO_BUS:
        return ok(D_BUS, "the system bus answers")
    if machine.is_container:
        advice = "hand the host's bus to the container: docker run -v /run/dbus:/run/dbus ..."
    elif any((machine.root / name).exists() for name in _DBUS_DAEMONS):
        advice = machine.start("dbus")
    else:
        advice = "sudo apt install dbus"
    return problem(D_BUS, sight.detail, advice)


def _bluetoothd(machine: Machine, sight: Sight, kernel: KernelSight) -> Finding:
    installed = any((machine.root / name).exists() for name in _DAEMONS)
    restart = machine.restart("bluetooth")
    match sight.stage:
        case Stage.NO_BUS | Stage.NO_SERVICE if not installed and not machine.is_container:
            return problem(BLUETOOTHD, "BlueZ is not installed", "sudo apt install bluez")
        case Stage.NO_BUS:
            return unknown(BLUETOOTHD, _NOT_WITHOUT_BUS)
        case Stage.NO_SERVICE if machine.is_container:
            return problem(BLUETOOTHD, "bluetoothd is not running", "on the host: sudo apt install bluez")
        case Stage.NO_SERVICE if not kernel.adapters:
            # bluetooth.service has ConditionPathIsDirectory=/sys/class/bluetooth
            advice = f"{machine.start('bluetooth')}; where there is no adapter it starts with the first one"
            return problem(BLUETOOTHD, "bluetoothd is not running", advice)
        case Stage.NO_SERVICE:
            return problem(BLUETOOTHD, "bluetoothd is not running", machine.start("bluetooth"))
        case Stage.SILENT:
            return problem(BLUETOOTHD, f"bluetoothd is stuck: {sight.detail}", restart)
        case Stage.REFUSED:
            return problem(BLUETOOTHD, f"bluetoothd refuses to show its adapters: {sight.detail}", restart)
        case _:
            return ok(BLUETOOTHD, "bluetoothd is running")


def _permission(sight: Sight) -> Finding:
    user = _user()
    if sight.stage is Stage.DENIED:
        advice = f"sudo usermod -aG bluetooth {user}, then log in anew"
        return problem(PERMISSION, f"D-Bus does not let {user} talk to BlueZ ({sight.detail})", advice)
    if sight.stage is Stage.THERE:
        return ok(PERMISSION, f"D-Bus lets {user} talk to BlueZ")
    return unknown(PERMISSION, "not known without an answer of bluetoothd")


def _adapter(machine: Machine, sight: Sight, kernel: KernelSight, wanted: str | None) -> Finding:
    adapter = sight.adapter
    if adapter is not None:
        others = f"; present: {sight.shown}" if sight.several else ""
        return ok(ADAPTER, f"{adapter.name}, {format_address(adapter.address)}{others}")
    if sight.shown:
        text = f"there is no adapter {wanted}; present: {sight.shown}"
        return problem(ADAPTER, text, "plug it in, or set adapter in config.ini to one that is present")
    names = ", ".join(kernel.adapters)
    if names and sight.stage is Stage.THERE:
        text = f"the kernel has {names}, but bluetoothd does not show it"
        return problem(ADAPTER, text, machine.restart("bluetooth"))
    if names:
        return ok(ADAPTER, f"the kernel has {names}")
    return _no_adapter(machine, kernel)


def _no_adapter(machine: Machine, kernel: KernelSight) -> Finding:
    for name in _BOOT_FILES:
        if _NO_ON_BOARD in _lines(machine, name):
            text = f"there is no Bluetooth adapter: /{name} switches the one on board off"
            advice = f"sudo sed -i '/^{_NO_ON_BOARD}/d' /{name} && sudo reboot; or plug in a USB adapter"
            return problem(ADAPTER, text, advice)
    if kernel.supported is False:
        text = f"there is no Bluetooth adapter, and this kernel (Linux {machine.release}) has no Bluetooth"
        advice = (
            "plug in a USB adapter, and boot a kernel with Bluetooth: the distribution's own has it; in a"
            " virtual machine pass the adapter through"
        )
        return problem(ADAPTER, text, advice)
    advice = "plug in a USB adapter, or switch the built-in one on"
    if machine.is_container:
        advice += "; a container sees it with its host's network only: docker run --network host ..."
    if kernel.supported is None:
        return problem(
            ADAPTER, "there is no Bluetooth adapter, and the kernel has no Bluetooth loaded", advice
        )
    return problem(ADAPTER, "there is no Bluetooth adapter", advice)


def _lines(machine: Machine, name: str) -> list[str]:
    try:
        return [line.strip() for line in (machine.root / name).read_text(errors="replace").splitlines()]
    except OSError:
        return []


def _power(machine: Machine, sight: Sight, kernel: KernelSight) -> Finding:
    adapter = sight.adapter
    names = list(kernel.adapters) if adapter is None else [adapter.name]
    if not names:
        return unknown(POWER, "not known without an adapter")
    if adapter is not None and adapter.powered:
        return ok(POWER, f"{adapter.name} is on")
    for name in names:
        match bluetooth_block(name, machine.root / "sys/class/rfkill"):
            case "hard":
                text = f"{name} is off: a switch of this machine blocks Bluetooth (rfkill)"
                return problem(POWER, text, "move the switch, or press the key for radio or flight mode")
            case "soft":
                text = f"{name} is off: Bluetooth is blocked by software (rfkill)"
                return problem(POWER, text, "sudo rfkill unblock bluetooth")
    if adapter is None:
        return unknown(POWER, "not known without an answer of bluetoothd")
    if not sight.several:
        return problem(POWER, f"{adapter.name} is powered off", "bluetoothctl power on")
    command = f"sudo busctl set-property org.bluez {adapter.path} org.bluez.Adapter1 Powered b true"
    return problem(POWER, f"{adapter.name} is powered off", command)


def _controller(sight: Sight, kernel: KernelSight) -> Finding:
    name = sight.adapter.name if sight.adapter is not None else next(iter(kernel.adapters), "")
    match kernel.adapters.get(name):
        case Attachment.USB:
            return ok(CONTROLLER, f"{name} is a USB adapter")
        case Attachment.SERIAL:
            return note(CONTROLLER, f"{name} {_SERIAL}", _RESET)
        case str() as reason:
            return note(CONTROLLER, reason)
        case _:
            return unknown(CONTROLLER, "the kernel does not tell what the adapter hangs on")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may run as a number without a name
        return str(os.getuid())
