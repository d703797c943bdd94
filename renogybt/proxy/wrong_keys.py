"""Who tries one key after the other has to wait for the answers, and costs next to no time."""

from collections import deque
from collections.abc import Callable

MOST = 10
"""More than a client that was given a wrong key tries; Home Assistant waits longer from time to time."""
WITHIN_S = 60.0
WAIT_S = 1.0
_MOST_HOSTS = 64
"""That are remembered; the one whose last try is the oldest is forgotten."""


class WrongKeys:
    """Counts the wrong keys of each host; `now` counts monotonic seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._tries: dict[str, deque[float]] = {}

    def wait_s(self, host: str) -> float:
        """A wrong key of this host has come: how long its answer is to wait."""
        now = self._now()
        tries = self._tries.pop(host, None) or deque(maxlen=MOST + 1)
        tries.append(now)
        self._tries[host] = tries
        if len(self._tries) > _MOST_HOSTS:
            del self._tries[next(iter(self._tries))]
        return WAIT_S if len(tries) > MOST and now - tries[0] < WITHIN_S else 0.0
