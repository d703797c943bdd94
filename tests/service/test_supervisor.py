import asyncio
from collections.abc import Callable
from copy import copy

import pytest
from proxy.virtual_time import VirtualLoop

from renogybt.cli import sole_error
from renogybt.model.errors import RenogyBTError
from renogybt.model.recovery import RestartNeededError
from renogybt.service.pulse import Pulse
from renogybt.service.supervisor import LATELY_S, PAUSES_S, Supervisor, TaskFailedError

MOST = len(PAUSES_S) + 1


class Task:
    """Works for `works_s`, then dies of `error`, or returns where there is none; over and over."""

    def __init__(
        self, loop: VirtualLoop, error: BaseException | None = None, *, works_s: float = 1.0
    ) -> None:
        self.starts: list[float] = []
        self.alive = False
        self.error = error
        self.works_s = works_s
        self._loop = loop

    async def run(self) -> None:
        self.starts.append(self._loop.time())
        self.alive = True
        try:
            await asyncio.sleep(self.works_s)
            if self.error is not None:
                raise copy(self.error)  # its traceback would grow with each raise
        finally:
            self.alive = False


class House:
    """A supervisor at work beside a body that waits to be told to end."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.supervisor = Supervisor(loop.time)
        self.stop = asyncio.Event()
        self.run: asyncio.Task[None] | None = None

    def start(self, **tasks: Callable[[], object]) -> None:
        for name, run in tasks.items():
            self.supervisor.add(name, run)  # type: ignore[arg-type]
        self.run = self.loop.create_task(self._run())

    async def _run(self) -> None:
        async with self.supervisor.running():
            await self.stop.wait()

    @property
    def over(self) -> bool:
        assert self.run is not None
        return self.run.done()

    def end(self) -> BaseException | None:
        """Stop it; what came out of it."""
        assert self.run is not None
        self.stop.set()
        return self.outcome()

    def outcome(self) -> BaseException | None:
        assert self.run is not None
        self.loop.run_until_complete(asyncio.wait([self.run]))
        return self.run.exception()


@pytest.fixture
def house(virtual_loop: VirtualLoop) -> House:
    return House(virtual_loop)


def steady(loop: VirtualLoop) -> Task:
    return Task(loop, works_s=1e9)


def error_records(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = (record for record in caplog.records if record.name.startswith("renogybt"))
    return [record.getMessage() for record in ours if record.levelname == "ERROR"]


# restarts


def test_a_task_that_dies_is_back_within_a_second_and_the_others_notice_nothing(
    virtual_loop: VirtualLoop, house: House
) -> None:
    weak, other = Task(virtual_loop, ValueError("x"), works_s=10.0), steady(virtual_loop)
    house.start(weak=weak.run, other=other.run)

    virtual_loop.advance(11.0)

    assert weak.alive
    assert weak.starts[1] - 10.0 <= 1.0
    assert other.alive
    assert other.starts == [0.0]
    assert house.end() is None


def test_its_death_is_told_once_with_the_traceback(
    virtual_loop: VirtualLoop, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.start(weak=Task(virtual_loop, ValueError("a surprise"), works_s=50.0).run)

    virtual_loop.advance(55.0)
    house.end()

    assert error_records(caplog) == ["weak has failed and is started again in 0.5 s"]
    assert "ValueError: a surprise" in caplog.text
    assert "in run" in caplog.text


def test_an_error_that_comes_again_and_again_does_not_fill_the_log(
    virtual_loop: VirtualLoop, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.start(weak=Task(virtual_loop, ValueError("x"), works_s=LATELY_S + 1.0).run)

    virtual_loop.advance(86_400.0)

    assert not house.over
    assert len(error_records(caplog)) < 6 * 24 + 10
    house.end()


def test_the_pauses_grow_with_the_failures_of_the_last_minute(
    virtual_loop: VirtualLoop, house: House
) -> None:
    weak = Task(virtual_loop, ValueError("x"), works_s=0.0)
    house.start(weak=weak.run)

    house.outcome()

    gaps = [later - earlier for earlier, later in zip(weak.starts, weak.starts[1:], strict=False)]
    assert gaps == pytest.approx(PAUSES_S)


def test_a_task_that_has_worked_for_a_minute_begins_with_the_shortest_pause_again(
    virtual_loop: VirtualLoop, house: House
) -> None:
    weak = Task(virtual_loop, ValueError("x"), works_s=0.0)
    house.start(weak=weak.run)
    virtual_loop.advance(5.0)
    weak.works_s = LATELY_S + 1.0
    virtual_loop.advance(4.0)
    before = len(weak.starts)

    virtual_loop.advance(LATELY_S + 2.0)

    assert weak.starts[-1] == pytest.approx(weak.starts[before - 1] + weak.works_s + PAUSES_S[0])
    house.end()


def test_a_group_of_errors_is_the_failure_of_its_task(virtual_loop: VirtualLoop, house: House) -> None:
    async def owner() -> None:
        starts.append(virtual_loop.time())
        async with asyncio.TaskGroup() as group:
            group.create_task(Task(virtual_loop, ValueError("x"), works_s=30.0).run())
            await asyncio.sleep(1e9)

    starts: list[float] = []
    house.start(owner=owner)

    virtual_loop.advance(31.0)

    assert starts == [0.0, 30.5]
    assert house.end() is None


def test_a_task_that_returns_has_come_to_its_end(virtual_loop: VirtualLoop, house: House) -> None:
    short, other = Task(virtual_loop), steady(virtual_loop)
    house.start(short=short.run, other=other.run)

    virtual_loop.advance(1_000.0)

    assert short.starts == [0.0]
    assert other.alive
    assert house.end() is None


def test_a_task_dies_too_when_what_it_waits_for_is_cancelled_by_others(
    virtual_loop: VirtualLoop, house: House
) -> None:
    async def waits() -> None:
        starts.append(virtual_loop.time())
        awaited = virtual_loop.create_future()
        virtual_loop.call_later(20.0, awaited.cancel)
        await awaited

    starts: list[float] = []
    house.start(waits=waits)

    virtual_loop.advance(21.0)

    assert starts == [0.0, 20.5]
    assert house.end() is None


# the end of the process


def test_five_failures_within_a_minute_end_all(
    virtual_loop: VirtualLoop, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    weak, other = Task(virtual_loop, ValueError("no\nmore"), works_s=5.0), steady(virtual_loop)
    house.start(weak=weak.run, other=other.run)

    group = house.outcome()

    assert isinstance(group, BaseExceptionGroup)
    error = sole_error(group)
    assert isinstance(error, TaskFailedError)
    assert str(error) == "weak has failed 5 times within 60 s: ValueError('no\\nmore')"
    assert isinstance(error.__cause__, ValueError)
    assert len(weak.starts) == MOST == 5
    assert not other.alive
    assert error_records(caplog)[-1] == "weak has failed"


def test_five_failures_in_more_than_a_minute_end_nothing(virtual_loop: VirtualLoop, house: House) -> None:
    weak = Task(virtual_loop, ValueError("x"), works_s=14.9)
    house.start(weak=weak.run)

    virtual_loop.advance(3_600.0)

    assert not house.over
    assert len(weak.starts) > 10 * MOST
    house.end()


def test_failures_of_different_tasks_are_counted_apart(virtual_loop: VirtualLoop, house: House) -> None:
    weak = [Task(virtual_loop, ValueError("x"), works_s=100.0) for _ in range(2 * MOST)]
    house.start(**{f"weak {number}": each.run for number, each in enumerate(weak)})

    virtual_loop.advance(101.0)

    assert not house.over
    assert all(len(each.starts) == 2 for each in weak)
    house.end()


@pytest.mark.parametrize(
    "error",
    [
        RestartNeededError("enough"),
        ExceptionGroup("", [ExceptionGroup("", [ValueError("x"), RestartNeededError("enough")])]),
    ],
    ids=["bare", "in groups"],
)
def test_the_wish_for_another_process_passes_at_once(
    virtual_loop: VirtualLoop, house: House, error: Exception
) -> None:
    weak, other = Task(virtual_loop, error), steady(virtual_loop)
    house.start(weak=weak.run, other=other.run)

    group = house.outcome()

    assert isinstance(group, BaseExceptionGroup)
    assert str(sole_error(group)) == "enough"
    assert isinstance(sole_error(group), RestartNeededError)
    assert (len(weak.starts), other.alive) == (1, False)


def test_other_errors_of_the_house_are_failures_like_any_other(
    virtual_loop: VirtualLoop, house: House
) -> None:
    weak = Task(virtual_loop, RenogyBTError("nobody has caught this"), works_s=30.0)
    house.start(weak=weak.run)

    virtual_loop.advance(31.0)

    assert len(weak.starts) == 2
    assert house.end() is None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_what_is_no_error_is_not_held_up(error: BaseException) -> None:
    async def ends() -> None:
        raise error

    async def run() -> None:
        supervisor = Supervisor()
        supervisor.add("ends", ends)
        async with supervisor.running():
            await asyncio.Event().wait()

    with pytest.raises((type(error), BaseExceptionGroup)) as caught:
        asyncio.run(run())
    if isinstance(caught.value, BaseExceptionGroup):
        assert caught.group_contains(type(error))


# the end of the body


def test_the_end_of_the_body_ends_a_task_that_waits_for_its_restart(
    virtual_loop: VirtualLoop, house: House
) -> None:
    weak = Task(virtual_loop, ValueError("x"), works_s=1.0)
    house.start(weak=weak.run)
    virtual_loop.advance(1.1)
    assert not weak.alive

    assert house.end() is None

    assert virtual_loop.time() == pytest.approx(1.1)
    assert len(weak.starts) == 1


def test_a_task_that_fails_while_it_is_ended_is_told_and_does_not_spoil_the_end(
    virtual_loop: VirtualLoop, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    async def clumsy() -> None:
        try:
            await asyncio.sleep(1e9)
        finally:
            raise ValueError("the goodbye")

    house.start(clumsy=clumsy)
    virtual_loop.advance(1.0)

    assert house.end() is None

    assert error_records(caplog) == ["clumsy has failed at its end"]
    assert "ValueError: the goodbye" in caplog.text


def test_an_error_of_the_body_ends_the_tasks_and_comes_out(virtual_loop: VirtualLoop) -> None:
    task = steady(virtual_loop)
    supervisor = Supervisor(virtual_loop.time)
    supervisor.add("task", task.run)

    async def run() -> None:
        async with supervisor.running():
            await asyncio.sleep(1.0)
            raise ValueError("the body")

    with pytest.raises(ExceptionGroup) as caught:
        virtual_loop.run_until_complete(run())
    assert caught.group_contains(ValueError, match="the body")
    assert not task.alive


def test_cancelling_the_owner_ends_the_tasks_and_nothing_swallows_it(
    virtual_loop: VirtualLoop, house: House
) -> None:
    tasks = [steady(virtual_loop), Task(virtual_loop, ValueError("x"), works_s=0.9)]
    house.start(steady=tasks[0].run, weak=tasks[1].run)
    virtual_loop.advance(1.0)
    assert house.run is not None

    house.run.cancel()
    virtual_loop.run_until_complete(asyncio.wait([house.run]))

    assert house.run.cancelled()
    assert not any(task.alive for task in tasks)


# signs of life


def test_a_task_that_hangs_is_named(virtual_loop: VirtualLoop, house: House) -> None:
    pulse = Pulse("vitals", 100.0, clock=virtual_loop.time)
    house.supervisor.add("task", steady(virtual_loop).run, pulse)
    house.start()

    virtual_loop.advance(99.0)
    assert house.supervisor.stuck() == ""
    virtual_loop.advance(2.0)
    assert house.supervisor.stuck() == "vitals has not moved on for 101 s"
    pulse.beat()
    assert house.supervisor.stuck() == ""
    house.end()


def test_a_task_that_has_ended_or_waits_for_its_restart_needs_no_sign_of_life(
    virtual_loop: VirtualLoop, house: House
) -> None:
    weak = Task(virtual_loop, ValueError("x"), works_s=2.0)
    for name, task in (("ended", Task(virtual_loop)), ("weak", weak)):
        house.supervisor.add(name, task.run, Pulse(name, 2.5, clock=virtual_loop.time))
    house.start()
    virtual_loop.advance(12.0)  # in the third pause

    assert not weak.alive
    assert house.supervisor.stuck() == ""
    house.end()


def test_a_start_counts_as_a_sign_of_life(virtual_loop: VirtualLoop, house: House) -> None:
    weak = Task(virtual_loop, ValueError("x"), works_s=8.0)
    house.supervisor.add("weak", weak.run, Pulse("weak", 10.0, clock=virtual_loop.time))
    virtual_loop.advance(50.0)
    house.start()

    for _ in range(16):
        virtual_loop.advance(1.0)
        assert house.supervisor.stuck() == ""

    assert len(weak.starts) == 2
    house.end()


def test_a_pulse_is_fresh_up_to_its_limit(virtual_loop: VirtualLoop) -> None:
    pulse = Pulse("it", 10.0, clock=virtual_loop.time)

    virtual_loop.advance(10.0)
    assert (pulse.fresh, pulse.age_s) == (True, 10.0)
    virtual_loop.advance(0.5)
    assert not pulse.fresh
