"""How long a scan that is somebody else's has shown no sign of life."""

from collections.abc import Callable

LONGEST_S = 10.0
"""In a house somebody advertises every second or two; a scan that heard nothing for so long is none,
unless something else tells that there is one."""


class Silence:
    """From the first look that found no sign until one does. `now` is the clock, in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._batches = 0
        self._since: float | None = None

    def look(self, batches: int, *, discovering: bool, longest_s: float = LONGEST_S) -> bool:
        """Whether it is too long. `batches` counts all that was ever heard, whoever scanned."""
        if discovering or batches != self._batches:
            self._batches = batches
            self._since = None
            return False
        if self._since is None:
            self._since = self._now()
        return self._now() - self._since >= longest_s

    def end(self) -> None:
        """Somebody scans, or nobody is expected to."""
        self._since = None
