"""Who holds the lock on scanning."""

import fcntl
import os
from pathlib import Path

from renogybt.bluetooth.scan_lock import ScanLock, default_lock_path
from renogybt.bluetooth.tree import AdapterRecord
from renogybt.doctor.case import Case
from renogybt.doctor.findings import Finding, note, ok, unknown

SCAN_LOCK = "scan lock"


def scan_lock(case: Case, adapter: AdapterRecord | None) -> Finding:
    """Free, ours, or somebody else's, to whose scan a run then listens."""
    path = case.proxy.scan_lock
    if path is None:
        if adapter is None:
            return unknown(SCAN_LOCK, "not known without an adapter")
        path = default_lock_path(adapter.address)
    try:
        held = is_held(path)
    except OSError as error:
        return unknown(SCAN_LOCK, f"{path} cannot be looked at ({error.strerror})")
    if not held:
        return ok(SCAN_LOCK, "free")
    owner = ScanLock(path).owner()
    program = next((each for each in case.programs if owner == f"process {each.pid}"), None)
    if program is not None and program.own:
        return ok(SCAN_LOCK, f"held by this program, {program}")
    return note(
        SCAN_LOCK,
        f"{owner} holds {path} and scans; this program listens to what that finds",
        "where nothing is heard: end that process, or set another scan_lock in config.ini",
    )


def is_held(path: Path) -> bool:
    """Whether some process has it; raises OSError.

    Tried with a shared lock that is let go at once, on a file that is only read. Who wants the lock in this
    very moment finds it taken, listens, and has it with the next look a second later.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
