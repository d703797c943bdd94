"""Faults on request: calls that fail, and calls that are never answered."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

ANY_MEMBER = "*"


@dataclass(slots=True)
class Failure:
    """An error for the next `times` calls, each answered `after_s` later."""

    name: str
    text: str
    times: int
    after_s: float


class CallFaults:
    """Counts calls and decides their fate by their names."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._failures: dict[str, list[Failure]] = {}
        self._swallowed: set[str] = set()

    def fail_next(
        self, member: str, error_name: str, text: str, *, times: int = 1, after_s: float = 0.0
    ) -> None:
        """Refuse the next calls of `member` (or `Set Powered`, or `*`), each after `after_s`."""
        failure = Failure(error_name, text, times, after_s)
        self._failures.setdefault(member, []).append(failure)

    def swallow(self, member: str) -> None:
        """Neither carry out nor answer `member` (or `Set Powered`, or `*`), until `answer`."""
        self._swallowed.add(member)

    def answer(self, member: str) -> None:
        """End `swallow`; calls that were swallowed stay without answer."""
        self._swallowed.discard(member)

    def count(self, names: Iterable[str]) -> None:
        """Remember a call under each of its names."""
        self.calls.update(names)

    def swallows(self, names: Iterable[str]) -> bool:
        """Whether the call stays without any answer."""
        return not self._swallowed.isdisjoint((ANY_MEMBER, *names))

    def failure(self, names: Iterable[str]) -> Failure | None:
        """The failure that is due, which is used up by asking."""
        for name in (ANY_MEMBER, *names):
            queue = self._failures.get(name)
            if not queue:
                continue
            failure = queue[0]
            failure.times -= 1
            if failure.times <= 0:
                queue.pop(0)
            return failure
        return None
