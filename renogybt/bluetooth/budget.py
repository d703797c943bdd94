"""How many power cycles, and what is harsher, may still be done: a true sliding window over restarts."""

import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from renogybt.config.table import MOST_RESETS
from renogybt.service.files import put_aside, write_atomically
from renogybt.service.reset_limit import Window

_LOGGER = logging.getLogger(__name__)

FILE = "recovery.json"
MOST_HARDWARE_RESETS = 3
"""A dead firmware that three resets did not wake up is not woken by a fourth."""
MOST_RESTARTS = 1
_REMEMBER_EVERY_S = 3600.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def seconds_since_boot() -> float:
    """A clock that nobody sets, and that is the same for all processes of one boot."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Another one after each boot; empty where the kernel tells none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def load(path: Path) -> dict[str, object]:
    """What the file holds; raises OSError or ValueError."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError("no object")
    return content


def times_of(content: dict[str, object], key: str, boot: str, now: float) -> list[float]:
    """When these were done, in seconds since boot; what claims to be of the future counts as now.

    A boot has reset the adapter as well, so that those of another one do not count.
    Raises TypeError, ValueError or OverflowError.
    """
    entries = content.get(key, [])
    if not isinstance(entries, list):
        raise TypeError("no list of times")
    times = [min(float(each), now) for each in entries]
    if not all(math.isfinite(each) for each in times):
        raise ValueError("a time that is none")
    return times if boot and content.get("boot") == boot else []


@dataclass(frozen=True, slots=True)
class Limits:
    """How many of each kind in any hour."""

    resets: int = MOST_RESETS
    hardware_resets: int = MOST_HARDWARE_RESETS
    restarts: int = MOST_RESTARTS


class Budget:
    """The windows, and the file that keeps them while the process is restarted; without one in memory.

    `clock` counts seconds since boot. After a boot all windows are empty: it has reset the adapter as well.
    Another process of this machine may use the same file, so it is read again before each decision.
    """

    def __init__(
        self,
        path: Path | None = None,
        limits: Limits | None = None,
        *,
        clock: Callable[[], float] = seconds_since_boot,
        boot: Callable[[], str] = boot_id,
    ) -> None:
        self._path = path
        self._limits = Limits() if limits is None else limits
        self._clock = clock
        self._boot = boot()
        self._complained = False
        self._stamp: tuple[int, int] | None = None
        self._remembered_at = float("-inf")
        self.lively = False
        """Whether the radio, when it was last well, heard so many that not all of them can be gone."""
        self._fill({})
        self.refresh()

    @property
    def now(self) -> float:
        """The time of this budget's clock."""
        return self._clock()

    def refresh(self) -> None:
        """Take in what another process has spent."""
        if self._path is None:
            return
        try:
            status = self._path.stat()
            stamp = status.st_mtime_ns, status.st_ino
            if stamp == self._stamp:
                return
            self._fill(load(self._path))
            self._stamp = stamp
        except FileNotFoundError:
            return
        except OSError as error:
            self._complain("read", error)
        except (ValueError, TypeError, OverflowError) as error:
            _LOGGER.warning("%s is damaged and put aside (%s)", self._path, error)
            put_aside(self._path)

    def _fill(self, content: dict[str, object]) -> None:
        """Raises what `times_of` raises, and changes nothing then."""
        now = self._clock()
        windows = [
            Window(most, times_of(content, key, self._boot, now))
            for key, most in (
                ("resets", self._limits.resets),
                ("hardware_resets", self._limits.hardware_resets),
                ("restarts", self._limits.restarts),
            )
        ]
        self.resets, self.hardware_resets, self.restarts = windows
        self.lively = content.get("lively") is True

    def save(self) -> None:
        """Write what was spent. What fails is logged: a full disk keeps nobody from recovering."""
        if self._path is None:
            return
        content = {
            "boot": self._boot,
            "lively": self.lively,
            "resets": self.resets.spent,
            "hardware_resets": self.hardware_resets.spent,
            "restarts": self.restarts.spent,
        }
        try:
            write_atomically(self._path, json.dumps(content, indent=1) + "\n")
            status = self._path.stat()
            self._stamp = status.st_mtime_ns, status.st_ino
        except OSError as error:
            self._complain("written", error)

    def remember(self, *, lively: bool) -> None:
        """Keep whether this place is lively, for the next start; written once an hour at most."""
        if lively != self.lively and self._clock() - self._remembered_at >= _REMEMBER_EVERY_S:
            self.refresh()
            self.lively = lively
            self._remembered_at = self._clock()
            self.save()

    def _complain(self, what: str, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            _LOGGER.warning("%s cannot be %s: %s", self._path, what, error.strerror)
