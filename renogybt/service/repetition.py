"""Log lines that would come again and again for years.

`Repetition(clock, *, first=3, every_s=600.0, forget_s=3600.0, most=64)`

* `allows(topic) -> bool`: something of this topic happened; whether it is worth a line.
* `suppressed(topic) -> int`: how many were held back before the line that was allowed last.
* `remark(topic) -> str`: the same as the end of a line: ` (and 7 more before)`, or nothing.

    if repetition.allows(topic):
        _LOGGER.warning("not scanning: %s%s", reason, repetition.remark(topic))
    else:
        _LOGGER.debug("not scanning: %s", reason)

* `log(logger, level, text, topic="")`: just that.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

FIRST = 3
"""Lines that a topic gets at once: one may be chance, three are a pattern that a reader sees."""
EVERY_S = 600.0
"""From then on one line in this time: 144 a day at the worst, which a journal keeps for months."""
FORGET_S = 3600.0
"""A topic that was quiet for so long is a new one when it comes back."""
MOST_TOPICS = 64
"""Topics may hold names that a peer chose. Those beyond share one."""

_OTHERS = "\0"


@dataclass(slots=True)
class _Topic:
    last: float
    """When it happened last."""
    line: float
    """When it was allowed last."""
    lines: int = 0
    held_back: int = 0
    suppressed: int = 0


class Repetition:
    """Lets the first few occurrences of a topic through, then one from time to time, with a count.

    `clock` counts monotonic seconds. At most `first + 1` lines per topic come in any `every_s`, of at
    most `most + 1` topics, whatever happens.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        first: int = FIRST,
        every_s: float = EVERY_S,
        forget_s: float = FORGET_S,
        most: int = MOST_TOPICS,
    ) -> None:
        self._clock = clock
        self._first = first
        self._every_s = every_s
        self._forget_s = forget_s
        self._most = most
        self._topics: dict[str, _Topic] = {}

    def allows(self, topic: str) -> bool:
        """Count an occurrence; True when it is worth a line."""
        now = self._clock()
        record = self._record(topic, now)
        record.last = now
        if record.lines >= self._first and now - record.line < self._every_s:
            record.held_back += 1
            return False
        record.line = now
        record.lines += 1
        record.suppressed, record.held_back = record.held_back, 0
        return True

    def suppressed(self, topic: str) -> int:
        """How many occurrences were held back before the one that was allowed last."""
        record = self._topics.get(topic) or self._topics.get(_OTHERS)
        return record.suppressed if record is not None else 0

    def remark(self, topic: str) -> str:
        """The end of a line that was just allowed."""
        count = self.suppressed(topic)
        return f" (and {count} more before)" if count else ""

    def log(self, logger: logging.Logger, level: int, text: str, topic: str = "") -> None:
        """Log `text`, at DEBUG when its topic (by default the text) comes again and again."""
        topic = topic or text
        if self.allows(topic):
            logger.log(level, "%s%s", text, self.remark(topic))
        else:
            logger.debug("%s", text)

    def _record(self, topic: str, now: float) -> _Topic:
        record = self._topics.get(topic)
        if record is not None and now - record.last < self._forget_s:
            return record
        if record is None and len(self._topics) >= self._most:
            self._forget(now)
            if len(self._topics) >= self._most and topic != _OTHERS:
                return self._record(_OTHERS, now)
        self._topics[topic] = record = _Topic(now, now)
        return record

    def _forget(self, now: float) -> None:
        quiet = [name for name, each in self._topics.items() if now - each.last >= self._forget_s]
        for name in quiet:
            del self._topics[name]
