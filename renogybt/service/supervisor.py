"""Long tasks that are started again when they die of what nobody has expected."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from renogybt.model.errors import RenogyBTError
from renogybt.model.recovery import RestartNeededError
from renogybt.service.logs import printable
from renogybt.service.pulse import Pulse
from renogybt.service.repetition import Repetition

_LOGGER = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]
"""Something that runs until it is cancelled, and can be run again."""

PAUSES_S = (0.5, 2.0, 6.0, 15.0)
"""Before each restart of a task that has failed so often lately. The first is short, because most of what
goes wrong goes wrong once; together they leave 23 s to what passes by itself."""
LATELY_S = 60.0
"""One failure more than there are pauses in this time, and the process ends."""


class TaskFailedError(RenogyBTError):
    """A task dies again and again: another process may do better."""


@dataclass(frozen=True, slots=True)
class _LongTask:
    name: str
    run: Work
    pulses: tuple[Pulse, ...]


class Supervisor:
    """Runs long tasks beside each other; one that dies of an exception is started again, after a pause.

    One that returns has come to its end. `clock` counts monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tasks: list[_LongTask] = []
        self._running: set[str] = set()
        self._lines = Repetition(clock)

    def add(self, name: str, run: Work, *pulses: Pulse) -> None:
        """A task, before `running` is entered. Each start counts as a beat of its pulses."""
        self._tasks.append(_LongTask(name, run, pulses))

    def stuck(self) -> str:
        """Which task has shown no life for too long, for the log; empty when all go on.

        One that waits for its restart is not stuck.
        """
        for task in self._tasks:
            for pulse in task.pulses:
                if task.name in self._running and not pulse.fresh:
                    return f"{pulse.name} has not moved on for {pulse.age_s:.0f} s"
        return ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The tasks run beside the body, whose end is theirs.

        Raises a group with TaskFailedError when one fails too often, or with the RestartNeededError of one.
        """
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._keep(each), name=f"keep {each.name}") for each in self._tasks]
            yield
            for task in tasks:
                task.cancel()

    async def _keep(self, task: _LongTask) -> None:
        failures: deque[float] = deque()
        while (error := await self._fate(task)) is not None:
            if (last_rung := _last_rung(error)) is not None:
                raise last_rung
            await asyncio.sleep(self._pause_s(task.name, error, self._count(failures)))

    async def _fate(self, task: _LongTask) -> BaseException | None:
        """What it has died of; None where it has come to its end."""
        for pulse in task.pulses:
            pulse.beat()
        self._running.add(task.name)
        try:
            # an asyncio task for each run: a task group that fails while it is left does not take back the
            # cancellation of its owner (Python 3.11 and 3.12), which could not be told from a real one then
            async with asyncio.TaskGroup() as group:
                run = group.create_task(_end_of(task.run), name=task.name)
        except asyncio.CancelledError:
            if not run.cancelled() and (error := run.result()) is not None:
                self._tell(f"{task.name} has failed at its end", error)
            raise
        finally:
            self._running.discard(task.name)
        # a task that nobody has cancelled dies like that of something that it waited for
        return asyncio.CancelledError("not by us") if run.cancelled() else run.result()

    def _pause_s(self, name: str, error: BaseException, count: int) -> float:
        """How long to wait after so many failures; raises TaskFailedError when there is no point in that."""
        if count > len(PAUSES_S):
            self._tell(f"{name} has failed", error)
            why = f"{name} has failed {count} times within {LATELY_S:g} s"
            raise TaskFailedError(f"{why}: {printable(repr(error), 200)}") from error
        pause_s = PAUSES_S[count - 1]
        self._tell(f"{name} has failed and is started again in {pause_s:g} s", error)
        return pause_s

    def _count(self, failures: deque[float]) -> int:
        """How many there were lately, with one of now."""
        now = self._clock()
        failures.append(now)
        while now - failures[0] > LATELY_S:
            failures.popleft()
        return len(failures)

    def _tell(self, text: str, error: BaseException) -> None:
        """With its traceback, unless the same was told often enough."""
        topic = f"{text}: {type(error).__name__}"
        if self._lines.allows(topic):
            _LOGGER.error("%s%s", text, self._lines.remark(topic), exc_info=error)
        else:
            _LOGGER.debug("%s: %r", text, error)


async def _end_of(run: Work) -> Exception | None:
    """What it dies of; None where it comes to its end."""
    try:
        await run()
    except Exception as error:  # noqa: BLE001 - the one place: whatever it is, the others go on
        return error
    return None


def _last_rung(error: BaseException) -> RestartNeededError | None:
    """The wish for another process, be it in a group of errors."""
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_last_rung, error.exceptions)), None)
    return error if isinstance(error, RestartNeededError) else None
