"""One process per adapter owns the discovery; this is how processes of this machine agree on it."""

import errno
import fcntl
import logging
import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

from renogybt.model.advertisement import format_address

_LOGGER = logging.getLogger(__name__)

_MODE = 0o644
"""Whoever may read the file may lock it. To write a note into it is for its owner only, since a handle
that anybody could note would let anybody have the monitors of others removed."""
_NOTE = re.compile(rb"([1-9][0-9]{0,9})(?: (0|[1-9][0-9]{0,4}))?\n?")
_LONGEST_NOTE = 64
"""Of what is in the file, more is never read; a note has at most 17 octets."""
_LARGEST_HANDLE = 0xFFFF
_MOST_TRIES = 5
"""A file may be replaced between opening and locking it, but not each time."""
_LOCKS = Path("/proc/locks")


def default_lock_path(address: int) -> Path:
    """The lock of the adapter with this address, gone with a reboot.

    In /run/lock where somebody has one already or this user may write there; else in a folder of this
    user, and then common to this user's processes only.
    """
    name = f"renogybt-scan-{format_address(address).replace(':', '')}.lock"
    common = Path("/run/lock")
    if (common / name).exists() or os.access(common, os.W_OK):
        return common / name
    own = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")  # noqa: S108 - opened without following links
    return own / name


class Note(NamedTuple):
    """What an owner leaves in the file, as one line `PID` or `PID HANDLE`."""

    pid: int
    monitor: int | None = None


def parse_note(text: bytes) -> Note | None:
    """The note that is all of `text`; None where there is none."""
    found = _NOTE.fullmatch(text)
    if found is None:
        return None
    pid, handle = found.groups()
    if handle is None:
        return Note(int(pid))
    return Note(int(pid), int(handle)) if int(handle) <= _LARGEST_HANDLE else None


class ScanLock:
    """A lock of the kind that dies with its process (flock), so that it is never stale.

    The owner leaves a note in the file: which process it is, and the handle of the advertisement
    monitor that it registered, which the kernel keeps even when the process is gone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._complained = False

    @property
    def held(self) -> bool:
        """Whether the lock is ours."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Take the lock if it is free; True when the discovery is ours.

        Also where the file cannot be used: then nobody can agree with us, and scanning alone is the
        most likely case.
        """
        if self.held:
            return True
        try:
            self._descriptor = self._lock()
        except BlockingIOError:
            return False
        except OSError as error:
            self._complain(error)
            return True
        self.note(self.monitor())  # the process is another one, the monitor may still be there
        return True

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            _LOGGER.warning("no scan lock: %s cannot be used (%s)", self.path, error.strerror)
        self._complained = True

    def _lock(self) -> int:
        """The file, locked; raises BlockingIOError when another process has the lock, OSError."""
        for _ in range(_MOST_TRIES):
            descriptor = self._open()
            try:
                _require_file(descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_in_place(descriptor):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
        raise OSError(errno.ESTALE, "it is replaced again and again")

    def _open(self) -> int:
        # a pipe in its place must not keep us waiting
        flags = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        # without O_CREAT first: the kernel refuses that for files of others in sticky folders
        try:
            return os.open(self.path, os.O_RDWR | flags)
        except PermissionError:
            return os.open(self.path, os.O_RDONLY | flags)  # another user's
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | flags, _MODE)
            os.fchmod(descriptor, _MODE)  # whatever the umask
            return descriptor

    def _is_in_place(self, descriptor: int) -> bool:
        """Whether the next process will find this very file; locking any other agrees with nobody."""
        try:
            return os.path.samestat(os.fstat(descriptor), os.lstat(self.path))
        except FileNotFoundError:
            return False

    def owner(self) -> str:
        """Who holds the lock, for a message."""
        pid = _locking_process(self.path)
        if pid is None and (note := self._read()) is not None:
            pid = note.pid
        return "another process" if pid is None else f"process {pid}"

    def monitor(self) -> int | None:
        """The monitor's handle that the last owner noted; only while held.

        None where others than root and ourselves may have written it.
        """
        if self._descriptor is None or not _is_trusted(os.fstat(self._descriptor)):
            return None
        note = _note_in(self._descriptor)
        return note.monitor if note is not None else None

    def note(self, monitor: int | None) -> None:
        """Leave the note, where the file lets us; only while held."""
        if self._descriptor is None:
            return
        text = f"{os.getpid()}\n" if monitor is None else f"{os.getpid()} {monitor}\n"
        if fcntl.fcntl(self._descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            _LOGGER.debug("%s is another user's: no note in it", self.path)
            return
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text.encode(), 0)
        except OSError as error:
            self._complain(error)

    def _read(self) -> Note | None:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            return _note_in(descriptor)
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Let others have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _require_file(descriptor: int) -> None:
    """Raises OSError: a file with a second name may be anything of anybody's."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no file")
    if status.st_nlink > 1:
        raise OSError(errno.EMLINK, "it is a link to another file")


def _is_trusted(status: os.stat_result) -> bool:
    """Whether nobody but root and ourselves can have written it."""
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _note_in(descriptor: int) -> Note | None:
    try:
        _require_file(descriptor)
        return parse_note(os.pread(descriptor, _LONGEST_NOTE, 0))
    except OSError:
        return None


def _locking_process(path: Path) -> int | None:
    """Who locks this file by what the kernel says (proc(5), /proc/locks); None where it does not tell."""
    try:
        status = os.lstat(path)
        lines = _LOCKS.read_text().splitlines()
    except OSError:
        return None
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in lines:
        match line.split():
            case [_, "FLOCK", _, _, pid, where, *_] if where == place and pid.isdecimal():
                return int(pid) or None  # 0: of another PID namespace
    return None
