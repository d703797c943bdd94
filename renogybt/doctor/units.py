"""The services that systemd starts: the earlier program's, and our own."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from renogybt.bluetooth.bus import Bus
from renogybt.bluetooth.errors import BluetoothError
from renogybt.bluetooth.rungs import HARDWARE_UNIT, RESTART_UNIT
from renogybt.doctor.case import Case
from renogybt.doctor.findings import Finding, note, ok, problem
from renogybt.doctor.machine import UNIT, Machine

EARLIER, SERVICE, ROOTS_WORK = "earlier programs", "service", "recovery units"
NAMES = (EARLIER, SERVICE, ROOTS_WORK)
EARLIER_UNITS = ("renogy-bt.service", "renogy-bt-old.service", "renogy-bt-unified.service")

_SYSTEMD = "org.freedesktop.systemd1"
_PATH = "/org/freedesktop/systemd1"
_MANAGER = "org.freedesktop.systemd1.Manager"
_ASK_S = 4.0
_ENABLED = ("enabled", "enabled-runtime")
_ACTIVE = ("active", "activating", "reloading")
_FOLDERS = (
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
)


@dataclass(frozen=True, slots=True)
class Unit:
    """`state` is systemd's word, such as `active` or `failed`, empty where it was not asked."""

    name: str
    installed: bool
    enabled: bool
    state: str = ""


async def services(case: Case) -> Iterable[Finding]:
    """By systemd's own word, or by its files where it cannot be asked."""
    names = (*EARLIER_UNITS, UNIT)
    units = await _told(case.machine, names)
    if units is None:
        units = tuple(_in_files(case.machine, name) for name in names)
    return _earlier(units[:-1]), _own(units[-1]), _roots_work(case)


async def _told(machine: Machine, names: tuple[str, ...]) -> tuple[Unit, ...] | None:
    try:
        async with asyncio.timeout(_ASK_S), Bus(machine.bus_address) as bus:
            (rows,) = await _ask(bus, "ListUnitsByNames", "as", list(names))
            found = {str(row[0]): row for row in rows}
            return tuple([await _unit(bus, name, found.get(name)) for name in names])
    except (BluetoothError, TimeoutError):
        return None


async def _unit(bus: Bus, name: str, row: list[str] | None) -> Unit:
    """`row` begins with name, description, load state, active state (org.freedesktop.systemd1(5))."""
    if row is None or row[2] == "not-found":
        return Unit(name, installed=False, enabled=False)
    try:
        (state,) = await _ask(bus, "GetUnitFileState", "s", name)
    except BluetoothError:  # it is loaded, but has no file any more
        state = ""
    return Unit(name, installed=True, enabled=state in _ENABLED, state=row[3])


async def _ask(bus: Bus, member: str, signature: str, argument: object) -> list[Any]:
    return await bus.call(_PATH, _MANAGER, member, signature, (argument,), destination=_SYSTEMD)


def _in_files(machine: Machine, name: str) -> Unit:
    folders = [machine.root / folder for folder in _FOLDERS]
    # it is enabled by a link in the folder of a target that wants it
    wants = [each / name for folder in folders for each in folder.glob("*.wants")]
    enabled = any(map(_is_there, wants))
    return Unit(name, installed=enabled or any(_is_there(each / name) for each in folders), enabled=enabled)


def _is_there(path: Path) -> bool:
    """Also as a link to nowhere, such as a link of another root is."""
    return path.is_symlink() or path.exists()


def _earlier(units: Iterable[Unit]) -> Finding:
    in_the_way = [unit for unit in units if unit.enabled or unit.state in _ACTIVE]
    if in_the_way:
        names = " ".join(unit.name for unit in in_the_way)
        text = ", ".join(f"{unit.name} is {' and '.join(_words(unit))}" for unit in in_the_way)
        return problem(EARLIER, text, f"sudo systemctl disable --now {names}")
    left = [unit.name for unit in units if unit.installed]
    return ok(EARLIER, f"installed, but neither enabled nor active: {', '.join(left)}" if left else "none")


def _words(unit: Unit) -> Iterator[str]:
    if unit.enabled:
        yield "enabled"
    if unit.state in _ACTIVE:
        yield unit.state


def _roots_work(case: Case) -> Finding:
    """Whether what recovery may have root do is installed; by its files, as none of it is enabled."""
    health = case.proxy.health
    wanted = {
        "recovery_restart_bluetooth": RESTART_UNIT if health.restart_bluetooth else "",
        "recovery_reset_hardware": HARDWARE_UNIT.format("") if health.reset_hardware else "",
    }
    missing = [key for key, unit in wanted.items() if unit and not _in_files(case.machine, unit).installed]
    if missing:
        text = f"{' and '.join(missing)} are set, and their units are not installed"
        return problem(ROOTS_WORK, text, "sudo ./scripts/install.sh --with-recovery-units")
    return ok(ROOTS_WORK, "installed" if any(wanted.values()) else "not wanted")


def _own(unit: Unit) -> Finding:
    if not unit.installed:
        return note(SERVICE, f"{unit.name} is not installed", "sudo ./scripts/install.sh installs it")
    if unit.state == "failed":
        return problem(SERVICE, f"{unit.name} has failed", f"journalctl -u {unit.name} -n 50 tells why")
    if not unit.enabled:
        return note(SERVICE, f"{unit.name} is not enabled", f"sudo systemctl enable --now {unit.name}")
    return ok(SERVICE, f"{unit.name} is enabled" + (f" and {unit.state}" if unit.state else ""))
