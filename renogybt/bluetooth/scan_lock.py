"""One process per adapter owns the discovery; this is how processes of this machine agree on it."""

import fcntl
import json
import logging
import os
from pathlib import Path

from renogybt.model.advertisement import format_address

_LOGGER = logging.getLogger(__name__)

_LONGEST_NOTE = 1024


def default_lock_path(address: int) -> Path:
    """The lock of the adapter with this address: known to all users of the machine, gone with a reboot."""
    folder = Path("/run/lock")
    if not os.access(folder, os.W_OK):
        folder = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")  # noqa: S108 - opened without following links
    return folder / f"renogybt-scan-{format_address(address).replace(':', '')}.lock"


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
            descriptor = self._open()
        except OSError as error:
            self._complain(error)
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:
            os.close(descriptor)
            self._complain(error)
            return True
        self._descriptor = descriptor
        self.note(self.monitor())  # the process is another one, the monitor may still be there
        return True

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            _LOGGER.warning("no scan lock: %s cannot be used (%s)", self.path, error.strerror)
        self._complained = True

    def _open(self) -> int:
        # a pipe in its place must not keep us waiting
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            # without O_CREAT first: the kernel refuses that for files of others in sticky folders
            return os.open(self.path, flags)
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, flags | os.O_CREAT, 0o666)
            os.fchmod(descriptor, 0o666)  # so that another user's process can take it later
            return descriptor

    def owner(self) -> str:
        """Who holds the lock, for a message."""
        note = self._note()
        return f"process {note['pid']}" if "pid" in note else "another process"

    def monitor(self) -> int | None:
        """The monitor's handle that the last owner noted; only while held."""
        return self._note().get("monitor")

    def note(self, monitor: int | None) -> None:
        """Leave the note; only while held."""
        if self._descriptor is None:
            return
        text: dict[str, int] = {"pid": os.getpid()}
        if monitor is not None:
            text["monitor"] = monitor
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, json.dumps(text).encode(), 0)
        except OSError as error:
            self._complain(error)

    def _note(self) -> dict[str, int]:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                note = json.loads(os.read(descriptor, _LONGEST_NOTE) or b"{}")
            finally:
                os.close(descriptor)
        except (OSError, ValueError):
            return {}
        if not isinstance(note, dict):
            return {}
        return {key: value for key, value in note.items() if isinstance(value, int)}

    def release(self) -> None:
        """Let others have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
