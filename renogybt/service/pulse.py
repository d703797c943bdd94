"""Signs of life of a task that could hang without dying."""

import time
from collections.abc import Callable


class Pulse:
    """Fresh while the last beat is not older than `limit_s`; being made counts as one.

    `name` says in the log what stands still; `clock` counts monotonic seconds.
    """

    def __init__(self, name: str, limit_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._limit_s = limit_s
        self._clock = clock
        self._last = clock()

    def beat(self, _value: object = None) -> None:
        """It goes on; may be subscribed to anything that is told when it does."""
        self._last = self._clock()

    @property
    def age_s(self) -> float:
        """Seconds since the last beat."""
        return self._clock() - self._last

    @property
    def fresh(self) -> bool:
        """Whether the last beat is young enough."""
        return self.age_s <= self._limit_s
