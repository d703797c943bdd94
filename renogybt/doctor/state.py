"""The state folder: whether it can be written, who can read the key, and how much room is left."""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from renogybt.config import Encryption
from renogybt.doctor.case import Case
from renogybt.doctor.findings import Finding, note, ok, problem, unknown
from renogybt.proxy.identity import IdentityError, IdentityFile
from renogybt.proxy.keys import KeyFileError, KeyStore

FOLDER, KEY, IDENTITY, DISK = "state folder", "encryption key", "identity", "disk space"
NAMES = (FOLDER, KEY, IDENTITY, DISK)
_ROOT = 0
_MARKER = "noise.provisioned"
"""Left beside the key as long as there is to be one."""
_IDENTITY = "identity.json"
_SCARCE_BYTES, _FULL_BYTES = 50_000_000, 1_000_000
"""All state together stays below 1 MB. Where little is left, something else fills the disk."""


def state(case: Case) -> Iterator[Finding]:
    """The rows NAMES."""
    folder = case.proxy.state_dir
    if case.service is not None and case.service.environment is None:
        text = f"{case.service} is another user's, and may keep its state elsewhere than in {folder}"
        for name in (FOLDER, KEY, IDENTITY):
            yield unknown(name, text, "run the doctor with sudo")
    else:
        yield _folder(folder)
        yield _key(case, folder)
        yield _identity(folder)
    yield _disk(folder)


def _folder(folder: Path) -> Finding:
    place = _nearest(folder)
    if not place.is_dir():
        text = f"{folder} cannot be made: {place} is no folder"
        return problem(FOLDER, text, f"move {place} away, or set state_dir in config.ini")
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        text = f"{place} is read-only: neither key nor totals can be kept"
        return problem(
            FOLDER, text, "sudo mount -o remount,rw / , or set state_dir to a disk that can be written"
        )
    if not os.access(place, os.W_OK | os.X_OK):
        return _not_writable(folder, place)
    return ok(FOLDER, f"{folder}" if place == folder else f"{folder}, made at the first start")


def _not_writable(folder: Path, place: Path) -> Finding:
    user = os.getuid()
    owner = folder.stat().st_uid if place == folder else _ROOT
    if owner not in (_ROOT, os.getuid()):
        text = f"{folder} belongs to the user {owner}"
        return unknown(FOLDER, text, "run the doctor with sudo, or as that user")
    make = (
        f"sudo chown -R {user} {folder}" if place == folder else f"sudo install -d -m 700 -o {user} {folder}"
    )
    return problem(FOLDER, f"this user may not write {place}", f"{make}; or set state_dir in config.ini")


def _nearest(folder: Path) -> Path:
    """The folder itself, or what there is of the way to it."""
    return next((each for each in (folder, *folder.parents) if each.exists()), Path("/"))


def _key(case: Case, folder: Path) -> Finding:
    if case.proxy.encryption is Encryption.OFF:
        return note(KEY, "none, as configured: everybody in the network may read and command", "")
    try:
        store = KeyStore(case.proxy.encryption, folder, case.proxy.encryption_key)
    except KeyFileError as error:
        if isinstance(error.__cause__, PermissionError):
            return unknown(KEY, str(error), "run the doctor with sudo, or as the user of the service")
        return problem(KEY, str(error), f"restore {folder}/noise.key from a backup, or remove it")
    if not store.settable:
        return ok(KEY, "fixed by config.ini")
    if not store.has_key:
        return _no_key(folder)
    if store.path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        text = f"others than its owner may read {store.path}, and with it listen and command"
        return problem(KEY, text, f"chmod 600 {store.path}")
    return ok(KEY, f"set by Home Assistant, in {store.path}")


def _no_key(folder: Path) -> Finding:
    if (folder / _MARKER).exists():
        text = f"Home Assistant had set a key, and {folder}/noise.key is gone"
        advice = f"restore it from a backup; or let Home Assistant set another, and: rm {folder}/{_MARKER}"
        return problem(KEY, text, advice)
    return note(KEY, "none yet: the first Home Assistant that connects sets one")


def _identity(folder: Path) -> Finding:
    path = folder / _IDENTITY
    try:
        if not path.exists():
            return ok(IDENTITY, "made at the first start")
        IdentityFile(folder, None)  # only read, since it is there
    except IdentityError as error:
        if isinstance(error.__cause__, PermissionError):
            return unknown(IDENTITY, str(error), "run the doctor with sudo, or as the user of the service")
        return problem(IDENTITY, str(error), f"restore {path} from a backup, or: rm {path}")
    except PermissionError as error:
        return unknown(
            IDENTITY, f"{path}: {os.strerror(error.errno or errno.EACCES)}", "run the doctor with sudo"
        )
    return ok(IDENTITY, f"{path} is good")


def _disk(folder: Path) -> Finding:
    place = _nearest(folder)
    free = shutil.disk_usage(place).free
    inodes = os.statvfs(place)
    text = f"{free / 1e6:.0f} MB left at {place}"
    advice = f"df -h {place} shows the disk; sudo apt clean; sudo journalctl --vacuum-size=50M"
    if free < _FULL_BYTES:
        return problem(DISK, f"{text}: neither key nor totals can be kept", advice)
    if inodes.f_files and not inodes.f_favail:
        return problem(
            DISK, f"no more files can be made at {place}", f"df -i {place} shows the disk; {advice}"
        )
    return note(DISK, text, advice) if free < _SCARCE_BYTES else ok(DISK, text)
