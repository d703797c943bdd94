"""How often an adapter may be reset, a real one or the demo's, and what is said where it may not."""

import math
import time
from collections import deque
from collections.abc import Iterable

WINDOW_S = 3600.0
SHORTEST_GAP_S = 20.0
"""Between two resets: so long an adapter may take until all who use it are at work again."""
_MARGIN_S = 5.0
"""What is spent is carried out a moment later; that moment must not fall out of the window."""


class Window:
    """At most `most` entries in any WINDOW_S; times are seconds of one clock, given in their order."""

    LENGTH_S = WINDOW_S + _MARGIN_S
    """How long an entry counts."""

    def __init__(self, most: int, spent: Iterable[float] = ()) -> None:
        self._most = most
        self._spent = deque(sorted(spent))

    def left(self, now: float) -> int:
        """How many are still allowed now."""
        while self._spent and now - self._spent[0] >= self.LENGTH_S:
            self._spent.popleft()
        return max(0, self._most - len(self._spent))

    def spend(self, now: float) -> None:
        """One was done; also beyond what is allowed, where a person asks for it."""
        self._spent.append(now)

    def take_back(self) -> None:
        """The last one was not done after all."""
        if self._spent:
            self._spent.pop()

    def free_at(self, now: float) -> float:
        """When the next one is allowed; infinity where none ever is."""
        if self.left(now):
            return now
        if not self._most:
            return float("inf")
        return self._spent[len(self._spent) - self._most] + self.LENGTH_S

    @property
    def spent(self) -> tuple[float, ...]:
        """When each was done."""
        return tuple(self._spent)


def refusal(count: int, wait_s: float) -> str:
    """`count`: the resets of the last hour; `wait_s`: until the next one, infinity where none ever is."""
    often = "once" if count == 1 else f"{count} times"
    return f"the adapter was reset {often} within the last hour; {_next(wait_s)}"


def _next(wait_s: float) -> str:
    if math.isinf(wait_s):
        return "none is allowed"
    if wait_s < 90:
        return f"the next one is allowed in {math.ceil(wait_s)} s"
    at = time.strftime("%H:%M", time.localtime(time.time() + wait_s))
    return f"the next one is allowed in {math.ceil(wait_s / 60)} min, at {at}"
