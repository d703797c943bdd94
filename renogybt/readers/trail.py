"""What is known of one quantity: the last value believed, and one that waits to be confirmed."""

from dataclasses import dataclass

from renogybt.readers.limits import Band

FORGET_S = 900.0
"""A battery that was away for so long may have any charge and any temperature."""


@dataclass(frozen=True, slots=True)
class _Seen:
    value: float
    at: float


class Trail:
    """Decides value by value, in the order of time, by one band."""

    def __init__(self, band: Band) -> None:
        self._band = band
        self._last: _Seen | None = None
        self._candidate: _Seen | None = None

    @property
    def last(self) -> float | None:
        """The value last believed."""
        return self._last.value if self._last else None

    def expects(self, value: float, now: float) -> bool:
        """Whether the value goes on from the one last believed."""
        return self._follows(self._last, value, now)

    def believes(self, value: float, now: float, *, doubtful: bool = False) -> bool:
        """Take the next value; False when it has to wait for the next one to confirm it.

        `doubtful`: the value needs to be confirmed, though it may go on from the last one.
        """
        confirmed = self._follows(self._candidate, value, now)
        trusted = not doubtful and (self.expects(value, now) or self._begins(value, now))
        seen = _Seen(value, now)
        # what is doubtful all the time confirms itself all the time
        self._candidate = None if trusted or (confirmed and not doubtful) else seen
        if not trusted and not confirmed:
            return False
        self._last = seen
        return True

    def _begins(self, value: float, now: float) -> bool:
        """Whether there is nothing to compare with and the value needs no confirmation."""
        if self._band.doubts(value):
            return False
        if self._last is None:
            return True
        return (
            not self._band.grows
            and not self._fresh(self._last, now)
            and not self._fresh(self._candidate, now)
        )

    def _follows(self, seen: _Seen | None, value: float, now: float) -> bool:
        return seen is not None and self._band.holds(seen.value, value, now - seen.at)

    def _fresh(self, seen: _Seen | None, now: float) -> bool:
        return seen is not None and now - seen.at <= FORGET_S
