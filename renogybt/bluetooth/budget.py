"""How many power cycles, and what is harsher, may still be done: a true sliding window over restarts."""

import json
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from renogybt.config.table import MOST_RESETS
from renogybt.service.files import put_aside, write_atomically

_LOGGER = logging.getLogger(__name__)

FILE = "recovery.json"
WINDOW_S = 3600.0
_MARGIN_S = 5.0
"""What is spent is carried out a moment later; that moment must not fall out of the window."""
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


class Window:
    """At most `most` entries in any WINDOW_S; times are seconds of one clock, given in their order."""

    def __init__(self, most: int, spent: Iterable[float] = ()) -> None:
        self._most = most
        self._spent = deque(sorted(spent))

    def left(self, now: float) -> int:
        """How many are still allowed now."""
        while self._spent and now - self._spent[0] >= WINDOW_S + _MARGIN_S:
            self._spent.popleft()
        return max(0, self._most - len(self._spent))

    def spend(self, now: float) -> None:
        """One was done; also beyond what is allowed, where a person asks for it."""
        self._spent.append(now)

    def free_at(self, now: float) -> float:
        """When the next one is allowed; infinity where none ever is."""
        if self.left(now):
            return now
        if not self._most:
            return float("inf")
        return self._spent[len(self._spent) - self._most] + WINDOW_S + _MARGIN_S

    @property
    def spent(self) -> tuple[float, ...]:
        """When each was done."""
        return tuple(self._spent)


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
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if not isinstance(content, dict):
                raise ValueError("no object")
            self._fill(content)
            self._stamp = stamp
        except FileNotFoundError:
            return
        except OSError as error:
            self._complain("read", error)
        except (ValueError, TypeError, OverflowError) as error:
            _LOGGER.warning("%s is damaged and put aside (%s)", self._path, error)
            put_aside(self._path)

    def _fill(self, content: dict[str, object]) -> None:
        """Raises TypeError or ValueError, and changes nothing then."""
        same = bool(self._boot) and content.get("boot") == self._boot
        now = self._clock()
        windows = [
            Window(most, _times(content.get(key, []), now) if same else ())
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


def _times(entries: object, now: float) -> list[float]:
    """Seconds since boot; what claims to be of the future counts as now. Raises TypeError, ValueError."""
    if not isinstance(entries, list):
        raise TypeError("no list of times")
    times = [min(float(each), now) for each in entries]
    if not all(math.isfinite(each) for each in times):
        raise ValueError("a time that is none")
    return times
