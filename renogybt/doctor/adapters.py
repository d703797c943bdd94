"""The adapters as the kernel shows them, without D-Bus: which there are, and what they hang on."""

import re
from dataclasses import dataclass

from renogybt.bluetooth.hardware import Attachment, HardwareError, find_hardware
from renogybt.doctor.machine import Machine

_HCI = re.compile(r"hci[0-9]{1,5}")
"""hci0:64 and the like are links."""
_MODULE = "/bluetooth.ko"


@dataclass(frozen=True, slots=True)
class KernelSight:
    """`adapters`: what each hangs on, or why nothing of it can be reset. `supported`: whether the kernel can
    do Bluetooth, None where that is not known."""

    adapters: dict[str, Attachment | str]
    supported: bool | None


def kernel_sight(machine: Machine) -> KernelSight:
    """What sysfs shows."""
    devices = machine.root / "sys/class/bluetooth"
    if not devices.is_dir():
        return KernelSight({}, _has_module(machine))
    names = sorted(each.name for each in devices.iterdir() if _HCI.fullmatch(each.name))
    return KernelSight({name: _attachment(machine, name) for name in names}, True)


def _attachment(machine: Machine, name: str) -> Attachment | str:
    try:
        return find_hardware(name, machine.root / "sys").attachment
    except HardwareError as error:
        return str(error)


def _has_module(machine: Machine) -> bool | None:
    """Whether the module is there to be loaded, as it is when an adapter comes."""
    modules = machine.root / "lib/modules" / machine.release
    try:
        lists = [(modules / name).read_text() for name in ("modules.dep", "modules.builtin")]
    except OSError:
        # a container has none of its host's modules
        return None if machine.is_container else False
    return any(_MODULE in text for text in lists)
