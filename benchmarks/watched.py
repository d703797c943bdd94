"""The program on a loop that is watched: how long each of its steps keeps all others waiting.

`python -m benchmarks.watched ARGUMENT ...` is the program with these arguments. When it ends, stdout has a
JSON list of its steps: when each began (monotonic), its processor time and its duration, all in ns.
"""

import json
import selectors
import sys
import time
from array import array

from renogybt import cli


class _Watching(selectors.DefaultSelector):
    """Between two calls of `select` the loop does one step."""

    steps = array("q")

    def __init__(self) -> None:
        super().__init__()
        self._began_ns, self._spent_ns = time.monotonic_ns(), time.thread_time_ns()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        took_ns = time.monotonic_ns() - self._began_ns
        self.steps.extend((self._began_ns, time.thread_time_ns() - self._spent_ns, took_ns))
        ready = super().select(timeout)
        self._began_ns, self._spent_ns = time.monotonic_ns(), time.thread_time_ns()
        return ready


def main() -> int:
    """Run until SIGTERM."""
    selectors.DefaultSelector = _Watching  # type: ignore[misc]
    code = cli.main(sys.argv[1:])
    steps = _Watching.steps
    print(json.dumps([steps[at : at + 3].tolist() for at in range(0, len(steps), 3)]))
    return code


if __name__ == "__main__":
    sys.exit(main())
