"""The versions of what this program stands on."""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution

import renogybt
from renogybt.doctor.bluez import Version
from renogybt.doctor.case import Case
from renogybt.doctor.command_output import command_output
from renogybt.doctor.findings import Finding, note, ok, problem, unknown
from renogybt.doctor.machine import Machine

PYTHON, KERNEL, BLUEZ = "python", "kernel", "bluez"

_PACKAGE = "renogybt"
_PROGRAMS = ("/usr/libexec/bluetooth/bluetoothd", "/usr/lib/bluetooth/bluetoothd", "bluetoothctl")
_ASK_S = 1.5
_TRIED: Version = (5, 66)
_LIMITS: dict[Version, str] = {
    (5, 66): (
        "it pairs by itself when a value is read that wants a bond, and now and then does not answer that"
        " read: pair such a device first"
    ),
}
"""What was measured on a version. Of others nothing is known."""
_MONITORS_SINCE: Version = (5, 10)
"""Linux learnt advertisement monitors then (net/bluetooth/mgmt.c, MGMT_OP_ADD_ADV_PATTERNS_MONITOR)."""


def python(_case: Case) -> Iterator[Finding]:
    """The interpreter, where it lives, and what this program needs from it."""
    version = ".".join(map(str, sys.version_info[:3]))
    lacking = tuple(_lacking())
    if lacking:
        text = f"Python {version} in {sys.prefix} lacks {', '.join(lacking)}"
        yield problem(PYTHON, text, f"{sys.executable} -m pip install --upgrade {' '.join(lacking)}")
        return
    where = f"Python {version}, renogybt {renogybt.__version__}"
    if sys.prefix == sys.base_prefix:
        text = (
            f"{where}, without an environment of its own: an upgrade of the system may change its libraries"
        )
        yield note(PYTHON, text, "./scripts/run.sh makes one and uses it")
    else:
        yield ok(PYTHON, f"{where}, in {sys.prefix}")


def _lacking() -> Iterator[str]:
    """The libraries that should be installed and are not."""
    try:
        wanted = distribution(_PACKAGE).requires or ()
    except PackageNotFoundError:  # it runs from a folder; then it would not have come as far without them
        return
    for requirement in wanted:
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        if "extra ==" not in requirement and not _is_installed(name):
            yield name


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def kernel(case: Case) -> Iterator[Finding]:
    """The kernel, and whether it can do what is wanted of it."""
    release = case.machine.release
    version = parse_version(release)
    if version is None:
        yield unknown(KERNEL, f"Linux {release}")
    elif version < _MONITORS_SINCE:
        text = f"Linux {release} has no advertisement monitors: no repeats, and no passive scanning"
        yield note(KERNEL, text, "a system with Linux 5.10 or newer has them")
    else:
        yield ok(KERNEL, f"Linux {release}")


async def bluez(machine: Machine, version: Version | None) -> Finding:
    """BlueZ's version, as its adapter has told it or else its programs do."""
    version = version or await _installed_version(machine)
    if version is None:
        return unknown(BLUEZ, "its version is not known")
    name = f"BlueZ {version[0]}.{version[1]}"
    if version in _LIMITS:
        return note(BLUEZ, f"{name}: {_LIMITS[version]}")
    return ok(BLUEZ, f"{name} (this program was tried with {_TRIED[0]}.{_TRIED[1]})")


async def _installed_version(machine: Machine) -> Version | None:
    for program in _PROGRAMS:
        path = str(machine.root / program.lstrip("/")) if program.startswith("/") else program
        if (version := parse_version(await command_output(path, "--version", timeout_s=_ASK_S))) is not None:
            return version
    return None


def parse_version(text: str) -> Version | None:
    """The first two numbers, `bluetoothctl: 5.66` or `6.12.1-arm64`."""
    found = re.search(r"(\d+)\.(\d+)", text)
    return None if found is None else (int(found[1]), int(found[2]))
