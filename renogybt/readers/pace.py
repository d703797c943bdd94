"""When the next round is due: a grid in monotonic time that nothing shifts."""

from math import floor


class Pace:
    """Rounds at `start`, and every `interval_s` from then on.

    A round that is late does not move those after it; one that takes longer than the interval
    costs those that it covers, which are left out.
    """

    def __init__(self, interval_s: float, start: float) -> None:
        self._interval_s = interval_s
        self._start = start
        self._number = 0

    @property
    def due(self) -> float:
        """When the next round is due."""
        return self._start + self._number * self._interval_s

    def advance(self, now: float) -> None:
        """A round has just ended: the next one is the first that is not yet due."""
        if now >= self.due:
            self._number = max(self._number, self._covered(now)) + 1

    def end_of(self, now: float) -> float:
        """By when a round that begins now must have ended, or it costs the next one."""
        return self._start + (self._covered(now) + 1) * self._interval_s

    def _covered(self, now: float) -> int:
        return floor((now - self._start) / self._interval_s)
