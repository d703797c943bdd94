"""Sends advertisements at a rate, on command. The line protocol of all processes of a benchmark:
a line of words comes in, one line of JSON is the answer."""

import json
import select
import sys
import time
from typing import Any, Protocol

_MOST_AT_ONCE = 60
"""As many as there are devices, so that no device sends twice in one piece."""
_LAG_S = 0.25
"""What was not sent by then is not made up for: the rate that was reached is reported."""


class Source(Protocol):
    """Where advertisements go."""

    heard_at_ns: int | None
    """When somebody began to listen (monotonic); nothing is sent before."""

    def fileno(self) -> int:
        """The descriptor that requests come from; -1: there are none."""
        ...

    def receive(self) -> None:
        """Answer requests that have come."""
        ...

    def emit(self, sequence: int, count: int) -> None:
        """Send the next `count` advertisements, the first with this number."""
        ...

    def rotate(self) -> None:
        """One device leaves, one with a new address comes."""
        ...


class Emitter:
    """Commands: `rate N` per second, `rotate N` advertisements per new address (0: none),
    `count`, `heard` (and forget), `open` (send though nobody asked)."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._sent = 0
        self._rotate_every = 0
        self._set_rate(0)

    def _set_rate(self, rate: int) -> None:
        self._rate = rate
        self._since = time.monotonic()
        self._done = 0

    def run(self) -> None:
        """Until stdin ends."""
        inputs = [sys.stdin.fileno()]
        if (requests := self._source.fileno()) >= 0:
            inputs.append(requests)
        while True:
            ready, _, _ = select.select(inputs, [], [], self._pause())
            if requests in ready:
                self._source.receive()
            if sys.stdin.fileno() in ready:
                line = sys.stdin.readline()
                if not line:
                    return
                print(json.dumps(self._obey(*line.split())), flush=True)
            self._emit()

    def _obey(self, command: str, number: str = "0") -> dict[str, Any]:
        match command:
            case "rate":
                self._set_rate(int(number))
            case "rotate":
                self._rotate_every = int(number)
            case "open":
                self._source.heard_at_ns = time.monotonic_ns()
            case "heard":
                heard_at_ns, self._source.heard_at_ns = self._source.heard_at_ns, None
                return {"at_ns": heard_at_ns}
        return {"sent": self._sent}

    def _idle(self) -> bool:
        return not self._rate or self._source.heard_at_ns is None

    def _pause(self) -> float | None:
        if self._idle():
            return None
        return max(0.0, self._since + (self._done + 1) / self._rate - time.monotonic())

    def _emit(self) -> None:
        if self._idle():
            self._since, self._done = time.monotonic(), 0
            return
        due = int((time.monotonic() - self._since) * self._rate) - self._done
        if due > self._rate * _LAG_S + _MOST_AT_ONCE:
            self._set_rate(self._rate)
            return
        count = min(due, _MOST_AT_ONCE)
        if count <= 0:
            return
        if (
            self._rotate_every
            and self._sent // self._rotate_every != (self._sent + count) // self._rotate_every
        ):
            self._source.rotate()
        self._source.emit(self._sent + 1, count)
        self._sent += count
        self._done += count
