"""What is the matter with the radio, judged by what is heard and by what keeps it from scanning."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from renogybt.bluetooth.rhythm import CEILING_S, Rhythm
from renogybt.model.advertisement import Advertisement

PROBE_AFTER_S = 4.0
"""In a place with a steady rhythm this much silence is reason enough to ask whether BlueZ still answers."""
EMPTY_SPAN_S, EMPTY_SPANS, EMPTY_DEVICES = 10.0, 3, 3
"""A controller whose reports have lost their data tells nothing else. One device or two may well send no
data; a room of three in which nobody does, for 20 s, though somebody did before, is ill."""
_MOST_WITH_DATA = 8
LAST_BOUND_S = 120.0
"""A scan without a single advertisement for so long is none, however often it was begun anew meanwhile."""
TROUBLE_S = 10.0
"""Trouble that has lasted for so long needs no more patience, though it has another name now."""
SOUND_S = 60.0
"""A scan that has run for so long has ended the trouble before it, also where nobody was heard."""


class Fault(Enum):
    """What keeps the radio from scanning, as the scanner sees it."""

    NO_BUS = "no D-Bus"
    NO_SERVICE = "bluetoothd is not there"
    HUNG = "BlueZ does not answer"
    ABSENT = "there is no adapter"
    POWERED_OFF = "the adapter is powered off"
    SOFT_BLOCK = "Bluetooth is blocked by software"
    HARD_BLOCK = "Bluetooth is blocked by a switch"
    NOT_READY = "the adapter is not ready"
    BUSY = "another discovery is in the way"
    REFUSED = "BlueZ or the kernel refuses"
    DENIED = "no permission"
    NOT_OURS = "another process has the scan"
    NO_SOURCE = "the configured source cannot be used"


class Symptom(Enum):
    """What recovery has a ladder for; the value is the cause in a log line."""

    SILENT = "nothing was heard"
    GARBLED = "advertisements came without data"
    BUSY = "another discovery was in the way"
    HUNG = "BlueZ did not answer"
    DEAF = "BlueZ did not answer, though advertisements came"
    NO_SERVICE = "bluetoothd was not there"
    POWERED_OFF = "the adapter was powered off"
    BLOCKED = "Bluetooth was blocked by software"
    REFUSED = "BlueZ or the kernel refused"
    HELPLESS = "nothing here can help"


class Weight(IntEnum):
    """How far the evidence carries."""

    FREE = 0
    """Steps that disturb nobody."""
    ONE_RESET = 1
    """One power cycle; if that does not help, it was perhaps only silent here."""
    ALL = 2
    """The whole ladder, as long as the budget lasts."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something is wrong. `cause` says what in the words of a log line."""

    symptom: Symptom
    weight: Weight
    cause: str


@dataclass(frozen=True, slots=True)
class _Patience:
    """A fault that lasts for `after_s` is a symptom."""

    symptom: Symptom
    after_s: float
    weight: Weight = Weight.ALL


FAULTS: dict[Fault, _Patience | None] = {
    Fault.NO_BUS: _Patience(Symptom.HELPLESS, 10.0),  # the radio itself tries again all the time
    Fault.NO_SERVICE: _Patience(Symptom.NO_SERVICE, 2.0),  # a restart takes 0.2 s
    Fault.HUNG: _Patience(Symptom.HUNG, 5.0),  # it is told after one call of 5 s
    Fault.ABSENT: _Patience(Symptom.HELPLESS, 10.0),  # BlueZ tells when it is back
    Fault.POWERED_OFF: _Patience(Symptom.POWERED_OFF, 1.0),  # BlueZ switches on by itself within 0.2 s
    Fault.SOFT_BLOCK: _Patience(Symptom.BLOCKED, 1.0),
    Fault.HARD_BLOCK: _Patience(Symptom.HELPLESS, 0.0),
    Fault.NOT_READY: _Patience(Symptom.REFUSED, 3.0),
    Fault.BUSY: _Patience(Symptom.BUSY, 1.5),  # two more attempts were in vain
    Fault.REFUSED: _Patience(Symptom.REFUSED, 4.0),
    Fault.DENIED: _Patience(Symptom.HELPLESS, 0.0),
    Fault.NOT_OURS: None,
    Fault.NO_SOURCE: _Patience(Symptom.HELPLESS, 0.0),
}


@dataclass(slots=True)
class _Count:
    """Who was heard in one span: with data, and without."""

    since: float
    full: set[int] = field(default_factory=set)
    empty: set[int] = field(default_factory=set)


class Health:
    """Takes in what happens, with its time (monotonic seconds), and tells what is the matter.

    `was_lively`: the last run of the program heard many devices here; `was_stuck`: it ended for want of
    another cure. `ceiling_s`: the longest silence that passes for normal in a place with a steady rhythm.
    """

    def __init__(
        self,
        now: float,
        *,
        was_lively: bool = False,
        was_stuck: bool = False,
        ceiling_s: float = CEILING_S,
    ) -> None:
        self.rhythm = Rhythm(now)
        self.heard_at = -math.inf
        self.reports = 0
        """How often a fault was told."""
        self.deaf = False
        """Whether BlueZ does not answer, though advertisements come past it; told by who asks it."""
        self._was_lively = was_lively
        self._was_stuck = was_stuck
        self._had_data = False
        self._tried_at = -math.inf
        self._trouble_since: float | None = None
        self._ceiling_s = ceiling_s
        self._began_at = now
        self._scanning = False
        self._monitored = False
        self._fault: Fault | None = None
        self._fault_since = now
        self._counts: deque[_Count] = deque((_Count(now),), maxlen=EMPTY_SPANS)
        self._silent = self._garbled = False  # found, and not over yet

    # what happens

    def hear(self, now: float, batch: Sequence[Advertisement]) -> None:
        """Advertisements have come."""
        self.rhythm.hear(now, batch)
        self.heard_at = now
        self._silent = False
        if now - self._counts[-1].since >= EMPTY_SPAN_S:
            self._counts.append(_Count(now))
        count = self._counts[-1]
        if len(count.full) < _MOST_WITH_DATA:  # else all is well with this span
            for each in batch:
                (count.full if each.data else count.empty).add(each.address)
            self._had_data = self._had_data or bool(count.full)
        self._trouble_since = None

    def begin(self, now: float, *, monitored: bool) -> None:
        """A scan of ours has begun, or begun anew; `monitored`: with every repeat."""
        self.rhythm.begin(max(now, self._began_at))
        self._scanning, self._monitored = True, monitored
        if self.heard_at >= self._tried_at:
            self._tried_at = now
        self._began_at = now
        self._fault = None
        self._count_anew(now)

    def go_on(self) -> None:
        """The scan is well as far as BlueZ tells."""
        self._fault = None

    def rest(self, now: float) -> None:
        """We do not scan, and that is as it should be."""
        self._scanning = False
        self._fault = self._trouble_since = None
        self._fault_since = now
        self._tried_at = -math.inf

    def fail(self, now: float, fault: Fault) -> None:
        """Scanning is not possible, or not yet."""
        sound = self._scanning and now - self._began_at >= SOUND_S
        if self._trouble_since is None or sound:
            self._trouble_since = now
        self._scanning = False
        self.reports += 1
        if fault is not self._fault:
            self._fault, self._fault_since = fault, now

    # what it means

    def look(self, now: float, known: Symptom | None = None) -> Finding | None:
        """What is the matter now, None where nothing is. What is `known` already needs no more patience."""
        if self._fault is not None:
            return self._judge_fault(now, self._fault, known)
        if not self._scanning:
            return None
        self._silent = self._silent or now >= self._silent_at
        if self._silent:
            return self._silence(now)
        if self.deaf:
            return Finding(Symptom.DEAF, Weight.ALL, Symptom.DEAF.value)
        return self._judge_data(now)

    @property
    def next_look(self) -> float:
        """When `look` may first find something else, if nothing happens until then."""
        if self._fault is not None:
            patience = FAULTS[self._fault]
            return math.inf if patience is None else self._patience_ends(patience)
        if not self._scanning:
            return math.inf
        empty = any(count.empty and not count.full for count in self._counts)
        return min(self._silent_at, self._counts[-1].since + EMPTY_SPAN_S if empty else math.inf)

    def well_since(self, moment: float) -> bool:
        """Whether it scans and has heard something after this moment, with data in it."""
        return self.scanning and self.heard_at > moment and not self._mostly_empty

    @property
    def silent_since(self) -> float:
        """Since when nothing was heard in this scan."""
        return max(self.heard_at, self._began_at)

    @property
    def probe_at(self) -> float:
        """When to ask whether all still answers, if nothing is heard until then; infinity: not for that."""
        return self.silent_since + PROBE_AFTER_S if self.rhythm.steady else math.inf

    def failed_again(self, since: int) -> bool:
        """Whether the fault of now was told once more after `reports` was `since`."""
        return self._fault is not None and self.reports > since

    @property
    def well(self) -> bool:
        """Whether the scan that runs has heard something since it began."""
        return self.well_since(self._began_at)

    @property
    def resting(self) -> bool:
        """Whether nobody expects a scan of ours."""
        return not self._scanning and self._fault is None

    @property
    def scanning(self) -> bool:
        """Whether a scan of ours runs, as far as BlueZ tells."""
        return self._scanning and self._fault is None

    @property
    def verify_s(self) -> float:
        """How long an advertisement may take after a cure: several gaps of this place."""
        rate = self.rhythm.rate
        return min(6 / rate, 30.0) if rate else 0.0

    @property
    def _silent_at(self) -> float:
        rhythm = self.rhythm
        limit_s = rhythm.limit_s(monitored=self._monitored, ceiling_s=self._ceiling_s)
        if not rhythm.steady:
            return self.silent_since + limit_s
        last_bound = max(self.heard_at, self._tried_at) + max(limit_s, LAST_BOUND_S)
        return min(self.silent_since + limit_s, last_bound)

    def _silence(self, now: float) -> Finding:
        rhythm = self.rhythm
        if not rhythm.ever:
            known = Weight.ALL if self._was_stuck else Weight.ONE_RESET
            weight = known if self._was_lively else Weight.FREE
            cause = f"{Symptom.SILENT.value} within {now - self._began_at:.0f} s of scanning"
        else:
            alone = Weight.ONE_RESET if rhythm.steady or rhythm.promising else Weight.FREE
            weight = Weight.ALL if rhythm.lively else alone
            cause = f"{Symptom.SILENT.value} for {now - self.heard_at:.0f} s"
        return Finding(Symptom.SILENT, weight, cause)

    def _patience_ends(self, patience: "_Patience") -> float:
        usual = self._fault_since + patience.after_s
        if self._trouble_since is None:
            return usual
        return min(usual, max(self._fault_since, self._trouble_since + TROUBLE_S))

    def _judge_fault(self, now: float, fault: Fault, known: Symptom | None) -> Finding | None:
        patience = FAULTS[fault]
        if patience is None:
            return None
        if patience.symptom is not known and now < self._patience_ends(patience):
            return None
        return Finding(patience.symptom, patience.weight, fault.value)

    def _judge_data(self, now: float) -> Finding | None:
        """Found after all spans are full of it, and over with the first that has data."""
        spans = now - self._counts[0].since >= (EMPTY_SPANS - 1) * EMPTY_SPAN_S  # the last one is not over
        if spans and self._mostly_empty:
            self._garbled = True
        elif self._garbled and self.well:
            self._garbled = False
        if not self._garbled:
            return None
        weight = Weight.ALL if self._had_data else Weight.FREE
        return Finding(Symptom.GARBLED, weight, Symptom.GARBLED.value)

    @property
    def _mostly_empty(self) -> bool:
        """Whether several devices were heard, and none of them with data."""
        if any(count.full for count in self._counts):
            return False
        return len(set().union(*(count.empty for count in self._counts))) >= EMPTY_DEVICES

    def _count_anew(self, now: float) -> None:
        self._counts.clear()
        self._counts.append(_Count(now))
