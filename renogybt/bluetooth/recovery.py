"""Which rung of the ladder is next: by what is the matter, what was done already, and what is still allowed.

Pure: it is told the time, and does nothing itself.
"""

import math
from dataclasses import dataclass
from enum import Enum

from renogybt.bluetooth.budget import Budget
from renogybt.bluetooth.health import Finding, Symptom, Weight
from renogybt.model.recovery import CareState, Result, Rung
from renogybt.service.reset_limit import SHORTEST_GAP_S, WINDOW_S, Window

LONGEST_GAP_S = 320.0
"""The gap between two resets doubles while they do not help, up to this. So the budget of an hour is used up
after half an hour, and what comes next is rare enough."""
AGAIN_S = 60.0
"""How often the free rungs are tried again where nothing else is left."""
LONGEST_AGAIN_S = 3600.0
"""The same in a quiet place, where they are most likely not needed: the pause doubles up to this."""


class Price(Enum):
    """What a rung is paid with."""

    FREE = "free"
    RESET = "reset"
    HARDWARE = "hardware reset"
    RESTART = "restart of the program"


@dataclass(frozen=True, slots=True)
class Step:
    """A row of the table: how long its effect may take, and how long its success may then."""

    price: Price
    deadline_s: float
    verify_s: float


STEPS: dict[Rung, Step] = {
    Rung.POKE: Step(Price.FREE, 5.0, 3.0),
    Rung.RESTART_SCAN: Step(Price.FREE, 5.0, 4.0),
    Rung.STOP_KERNEL_SCAN: Step(Price.FREE, 4.0, 2.0),
    Rung.REOPEN_BUS: Step(Price.FREE, 5.0, 4.0),
    # without power nobody has a link that could be lost
    Rung.POWER_ON: Step(Price.FREE, 15.0, 4.0),
    Rung.UNBLOCK: Step(Price.FREE, 5.0, 5.0),
    Rung.POWER_CYCLE: Step(Price.RESET, 25.0, 5.0),
    Rung.POWER_CYCLE_BY_KERNEL: Step(Price.RESET, 16.0, 5.0),
    Rung.RESET_HARDWARE: Step(Price.HARDWARE, 20.0, 20.0),
    # systemd kills it after 10 s if it does not end by itself
    Rung.RESTART_BLUETOOTHD: Step(Price.RESET, 20.0, 15.0),
    Rung.RESTART_PROGRAM: Step(Price.RESTART, 5.0, 60.0),
}

_POWER_CYCLES = (Rung.POWER_CYCLE, Rung.POWER_CYCLE_BY_KERNEL)
_RESETS = (
    Rung.POWER_CYCLE,
    Rung.POWER_CYCLE_BY_KERNEL,
    Rung.RESET_HARDWARE,
    Rung.RESTART_BLUETOOTHD,
    Rung.RESTART_PROGRAM,
)

LADDERS: dict[Symptom, tuple[Rung, ...]] = {
    Symptom.SILENT: (Rung.RESTART_SCAN, Rung.STOP_KERNEL_SCAN, Rung.REOPEN_BUS, *_RESETS),
    Symptom.GARBLED: (Rung.RESTART_SCAN, *_RESETS),
    Symptom.BUSY: (Rung.REOPEN_BUS, *_RESETS),
    Symptom.REFUSED: (Rung.RESTART_SCAN, Rung.REOPEN_BUS, *_RESETS),
    # a power cycle is a call as well, and would not be answered either
    Symptom.HUNG: (Rung.REOPEN_BUS, Rung.RESTART_BLUETOOTHD),
    # nothing milder would reach it, and all of it would end what still works
    Symptom.DEAF: (Rung.RESTART_BLUETOOTHD,),
    Symptom.NO_SERVICE: (Rung.POKE, Rung.RESTART_BLUETOOTHD),
    Symptom.POWERED_OFF: (Rung.POWER_ON, *_RESETS),
    Symptom.BLOCKED: (Rung.UNBLOCK,),
    Symptom.HELPLESS: (),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """The rung to take now, or None and when to ask again (seconds, infinity: when something happens)."""

    rung: Rung | None
    again_at: float = math.inf


class Recovery:
    """`able` are the rungs that exist here and are allowed; others cost nothing and are passed over.

    Whoever takes a rung says so with `took`, and with `ended` what came of it; `well` ends the episode.
    What was taken in an episode counts though its symptom changes. `budget` has a clock of its own, which
    runs as fast as the one whose times are told here.
    """

    def __init__(self, budget: Budget, able: frozenset[Rung]) -> None:
        self.able = able
        self.state = CareState.WELL
        self.symptom: Symptom | None = None
        """What the ladder is climbed for, None while all is well."""
        self.owes_reset = False
        """Whether the last power cycle was begun and could not be done. A controller that was dead during it
        and lives again is heard, but makes no links until it is reset (seen on a virtual one)."""
        self._budget = budget
        self._weight = Weight.FREE
        self._free_done: set[Rung] = set()
        self._resets_taken = self._kinds_of_reset = 0
        self._in_vain = 0
        self._passed_over: dict[Rung, float] = {}
        """Rungs that turned out not to exist here, and until when they are not thought of."""
        self._proven = False
        self._lonely_reset = False
        self._next_reset_at = self._free_again_at = -math.inf
        self._pause_s = AGAIN_S

    def decide(self, now: float, finding: Finding | None) -> Decision:
        """What to do about the finding of now."""
        if finding is None:
            return Decision(None)
        self.symptom, self._weight = finding.symptom, finding.weight
        ladder = [
            rung
            for rung in LADDERS[finding.symptom]
            if rung in self.able and now >= self._passed_over.get(rung, now)
        ]
        if not ladder:
            self.state = CareState.HELPLESS
            return Decision(None)
        if self.state in (CareState.WELL, CareState.HELPLESS) and finding.weight is not Weight.FREE:
            self.state = CareState.RECOVERING
        free = [rung for rung in ladder if STEPS[rung].price is Price.FREE]
        left = [rung for rung in free if rung not in self._free_done]
        if left:
            return Decision(left[0])
        reset, reset_at = self._reset(now, ladder[len(free) :])
        if reset is not None and now >= reset_at:
            return Decision(reset)
        if not free:
            return Decision(None, reset_at)
        if now < self._free_again_at:
            return Decision(None, min(reset_at, self._free_again_at))
        self._free_done.clear()
        return Decision(free[0])

    def _reset(self, now: float, resets: list[Rung]) -> tuple[Rung | None, float]:
        """The next of these that is allowed at all, and when."""
        if self._weight is Weight.FREE:
            return None, math.inf
        if not resets:
            self.state = CareState.HELPLESS
            return None, math.inf
        if self._weight is Weight.ONE_RESET and self._lonely_reset and not self._proven:
            self.state = CareState.QUIET
            return None, math.inf
        self._kinds_of_reset = len(resets)
        self._budget.refresh()
        start = self._resets_taken % len(resets)
        for rung in (*resets[start:], *resets[:start]):
            if self._window(rung).left(self._budget.now):
                return rung, max(self._next_reset_at, now + self._gap_s())
        self.state = CareState.EXHAUSTED
        self._next_reset_at = max(self._next_reset_at, now + WINDOW_S)
        free_s = min(self._window(rung).free_at(self._budget.now) for rung in resets) - self._budget.now
        return None, max(self._next_reset_at, now + free_s)

    def _gap_s(self) -> float:
        """What is left of the shortest gap after the last reset, which another process may have done."""
        if self._next_reset_at == -math.inf and self._in_vain:
            return 0.0  # the last one could not be done
        spent = self._budget.resets.spent
        return SHORTEST_GAP_S - (self._budget.now - spent[-1]) if spent else 0.0

    def took(self, now: float, rung: Rung) -> None:
        """This rung is taken now; what it costs is spent."""
        if STEPS[rung].price is Price.FREE:
            if not self._free_done:
                self._free_again_at = now + self._pause_s
                if self._weight is not Weight.ALL:
                    self._pause_s = min(2 * self._pause_s, LONGEST_AGAIN_S)
            self._free_done.add(rung)
            return
        if self.state is CareState.WELL:
            self.state = CareState.RECOVERING
        self._resets_taken += 1
        self._lonely_reset = True
        self._budget.refresh()
        self._window(rung).spend(self._budget.now)
        self._budget.save()
        doubled_s = min(SHORTEST_GAP_S * 2 ** min(self._in_vain, 10), LONGEST_GAP_S)
        self._next_reset_at = now + (WINDOW_S if self.state is CareState.EXHAUSTED else doubled_s)
        self._in_vain += 1

    def ended(self, rung: Rung, result: Result) -> None:
        """What came of it. A power cycle that cannot be done proves that the silence is none of the place."""
        if STEPS[rung].price is Price.FREE:
            return
        failed = result is Result.NOT_DONE
        self.owes_reset = failed and (self.owes_reset or rung in _POWER_CYCLES)
        if failed:
            self._proven = self._proven or rung in _POWER_CYCLES
            if self._resets_taken < self._kinds_of_reset:
                # nothing has happened to the adapter that it would need time for; try the next kind
                self._next_reset_at = -math.inf

    def impossible(self, now: float, rung: Rung) -> None:
        """It was taken and turned out not to exist here: it cost nothing, and is passed over for an hour."""
        self._passed_over[rung] = now + WINDOW_S
        self._window(rung).take_back()
        self._budget.save()
        self._resets_taken -= 1
        self._in_vain -= 1
        self._next_reset_at = -math.inf

    def well(self, *, heard: bool) -> None:
        """The fault is over, so that the next one begins at the first rung; `heard`: advertisements come."""
        self.state = CareState.WELL
        self.symptom = None
        self._free_done.clear()
        self._resets_taken = self._in_vain = 0
        self._proven = False
        self._lonely_reset = self._lonely_reset and not heard
        self._pause_s = AGAIN_S
        self._next_reset_at = self._free_again_at = -math.inf  # the shortest gap stays

    def _window(self, rung: Rung) -> Window:
        budget = self._budget
        match STEPS[rung].price:
            case Price.HARDWARE:
                return budget.hardware_resets
            case Price.RESTART:
                return budget.restarts
            case _:
                return budget.resets
