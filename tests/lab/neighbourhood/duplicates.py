"""The duplicate filter of a controller."""

from neighbourhood.broadcast import Broadcast


class DuplicateFilter:
    """Lets each combination of address and payload pass once per scan.

    Core Specification vol 4 part E 7.8.11, Filter_Duplicates. Real controllers forget the oldest
    entries when their memory is full; this one remembers everything until the next scan.
    """

    def __init__(self) -> None:
        self.enabled = False
        self._seen: set[Broadcast] = set()

    def start(self, enabled: bool) -> None:
        """A scan begins, or ends."""
        self.enabled = enabled
        self._seen.clear()

    def passes(self, broadcast: Broadcast) -> bool:
        """Whether this one is to be reported."""
        if not self.enabled:
            return True
        if broadcast in self._seen:
            return False
        self._seen.add(broadcast)
        return True
