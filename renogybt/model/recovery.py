"""What keeps a radio healthy, in the words that all rooms share."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from renogybt.model.errors import RenogyBTError

if TYPE_CHECKING:
    from renogybt.model.subscribers import Subscribers

Unsubscribe = Callable[[], None]

LONGEST_RESET_S = 90.0
"""A reset takes up to 30 s, waits for requests over links before and for advertisements after it, and may
have to be done in two ways."""


class Rung(Enum):
    """The steps of the ladder, from the mildest to the last; the value is how a person would say it."""

    POKE = "asked BlueZ to start"
    RESTART_SCAN = "restarted the scan"
    STOP_KERNEL_SCAN = "ended the kernel's scan"
    REOPEN_BUS = "reopened the D-Bus connection"
    POWER_ON = "switched the adapter on"
    UNBLOCK = "took the software block off"
    POWER_CYCLE = "power-cycled the adapter"
    POWER_CYCLE_BY_KERNEL = "power-cycled the adapter in the kernel"
    RESET_HARDWARE = "reset the adapter's hardware"
    RESTART_BLUETOOTHD = "restarted bluetooth.service"
    RESTART_PROGRAM = "restarted this program"


class Result(Enum):
    """What came of a rung, judged by what is heard or answered afterwards, never by a return code."""

    HELPED = "helped"
    IN_VAIN = "did not help"
    NOT_DONE = "could not be done"
    UNDER_WAY = "under way"
    """The end of this process, whose result only the next one sees."""


@dataclass(frozen=True, slots=True)
class RadioEvent:
    """One rung that was taken: why, what came of it, and after how long (seconds)."""

    rung: Rung
    cause: str
    result: Result
    took_s: float
    detail: str = ""

    @property
    def text(self) -> str:
        """In a line, without the time of the day."""
        detail = f" ({self.detail})" if self.detail else ""
        return (
            f"{self.rung.value}, because {self.cause}: {self.result.value} after {self.took_s:.1f} s{detail}"
        )


class CareState(Enum):
    """Where the care of the radio stands; the value is what Home Assistant shows."""

    WELL = "ok"
    RECOVERING = "recovering"
    QUIET = "nothing heard"
    """What may be done was done. Perhaps nobody is here that could be heard."""
    EXHAUSTED = "recovery exhausted"
    HELPLESS = "needs attention"
    """Nothing that this program may do would help; the scanner's status says what would."""


@dataclass(frozen=True, slots=True)
class CareStatus:
    """`resets` counts power cycles and what is beyond since the start; `resets_left` how many are still
    allowed now. `last` is the latest event, None as long as there was none. `trouble` says what is wrong
    though the radio scans, and what to do about it; empty otherwise."""

    state: CareState = CareState.WELL
    rungs: int = 0
    resets: int = 0
    resets_left: int = 0
    last: RadioEvent | None = None
    trouble: str = ""


class ResetRefusedError(RenogyBTError):
    """The adapter is not reset; the text says why, and what would overrule that."""


class ResetFailedError(RenogyBTError):
    """The adapter was to be reset and is not back; the text says what was tried."""


class RestartNeededError(RenogyBTError):
    """The last rung: the process is to end, so that systemd starts another one."""


CareListener = Callable[[CareStatus], None]


class RadioCare(Protocol):
    """Watches over one radio. Listeners are called in the event loop, must not block and must not raise."""

    @property
    def looks(self) -> "Subscribers[None]":
        """Told at each look at the radio: a sign of life."""
        ...

    @property
    def look_limit_s(self) -> float:
        """Within this time there is a look while the radio runs; infinity where there are none."""
        ...

    @property
    def status(self) -> CareStatus:
        """The truth at this moment."""
        ...

    def watch(self, listener: CareListener) -> Unsubscribe:
        """Tell `listener` every further change of `status`, until the answer is called."""
        ...

    async def reset(self, cause: str, *, force: bool = False) -> RadioEvent:
        """Power-cycle the adapter because somebody asks for it (`cause`, for the log).

        Takes seconds, at the worst LONGEST_RESET_S. It counts as any other power cycle; `force` does it also
        where the budget is used up. Raises ResetRefusedError or ResetFailedError.
        """
        ...
