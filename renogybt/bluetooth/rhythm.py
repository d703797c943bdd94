"""How often advertisements come in this place, learnt while it is listened to."""

import math
from collections.abc import Sequence

from renogybt.model.advertisement import Advertisement

MONITORED_FLOOR_S, FLOOR_S = 10.0, 25.0
"""No silence shorter than this means anything. Without an advertisement monitor the controller reports
each device once per scan run, which takes 10.7 s, so that two runs may pass."""
CEILING_S = 60.0
"""A place with a steady rhythm has something to say within this time."""
GAPS = 20
"""A silence of so many mean gaps is no chance any more: with a random flow it comes once in 5e8 gaps."""
UNSTEADY_S, LONGEST_S = 120.0, 3600.0
"""The same in a place without a steady rhythm, at least and at most."""
ENOUGH_ADVERTISERS = 3
"""So many do not leave in the same moment."""

SLOT_S = 15.0
"""Longer than a scan run: without a monitor each run brings one burst of reports."""
_STEADY_SHARE = 0.9
_FEWEST_SLOTS = 4
_KEEP = math.exp(-SLOT_S / 600.0)
"""The weight of a slot falls to 1/e in ten minutes: who passes by leaves no trace in the rhythm."""
_MOST_COUNTED = 8


class Rhythm:
    """The mean gap between advertisements, how steadily they come, and from how many devices.

    Time is cut into slots, of which each counts once, whether one device was heard in it or a hundred. All
    times are seconds of one monotonic clock. Time in which nobody listened does not count.
    """

    def __init__(self, now: float) -> None:
        self.ever = False
        """Whether anything was ever heard."""
        self._slots = 0
        self._weight = self._occupied = self._heard = 0.0  # sums over the slots, the latest weighing most
        self._slot_began = now
        self._fresh = 0
        self._advertisers: set[int] = set()
        self._before: set[int] = set()

    def hear(self, now: float, batch: Sequence[Advertisement]) -> None:
        """Take in what was heard now."""
        self.ever = True
        if now - self._slot_began >= SLOT_S:
            self._close_slots(int((now - self._slot_began) / SLOT_S))
        self._fresh += len(batch)
        if len(self._advertisers) < _MOST_COUNTED:
            self._advertisers.update(each.address for each in batch[: 4 * _MOST_COUNTED])

    def begin(self, now: float) -> None:
        """Listening begins, or begins anew: the silence before says nothing about the place."""
        if self._fresh and now - self._slot_began >= SLOT_S:
            self._close_slots(1)
        self._slot_began, self._fresh = now, 0

    def _close_slots(self, count: int) -> None:
        """The first of these had what is fresh, the others had nothing."""
        fade = _KEEP**count
        once = _KEEP ** (count - 1)
        self._weight = self._weight * fade + (1 - fade) / (1 - _KEEP)
        self._occupied = self._occupied * fade + (once if self._fresh else 0.0)
        self._heard = self._heard * fade + once * self._fresh
        self._slots += count
        self._slot_began += count * SLOT_S
        self._fresh = 0
        self._before = self._advertisers if count <= 2 else set()
        self._advertisers = set()

    @property
    def rate(self) -> float:
        """Advertisements per second, in the slots that are over."""
        return self._heard / (self._weight * SLOT_S) if self._weight else 0.0

    @property
    def steady(self) -> bool:
        """Whether a silence is something special here."""
        return self.known and self._occupied >= _STEADY_SHARE * self._weight

    @property
    def known(self) -> bool:
        """Whether it was listened to for long enough."""
        return self._slots >= _FEWEST_SLOTS

    @property
    def promising(self) -> bool:
        """Whether it is not known yet, but several devices were heard in the first minute."""
        return not self.known and self._crowded

    @property
    def _crowded(self) -> bool:
        return max(len(self._advertisers), len(self._before)) >= ENOUGH_ADVERTISERS

    @property
    def lively(self) -> bool:
        """Whether it is steady, and so many devices advertise that they cannot all have left at once."""
        return self.steady and self._crowded

    def limit_s(self, *, monitored: bool, ceiling_s: float = CEILING_S) -> float:
        """How long a silence may last before something is done about it."""
        floor = MONITORED_FLOOR_S if monitored else FLOOR_S
        if not self.ever:
            return floor
        gaps_s = GAPS / self.rate if self.rate else math.inf
        if self.steady:
            return max(floor, min(gaps_s, ceiling_s))
        if self.promising:
            return max(floor, ceiling_s)
        return max(UNSTEADY_S, min(gaps_s, LONGEST_S))
