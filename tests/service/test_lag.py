"""On a real loop and a real alarm, with short times: what blocks is a real call."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from proxy.virtual_time import VirtualLoop

from renogybt.service.lag import LagProbe

TICK_S, LATE_S, BLOCK_S = 0.05, 0.15, 0.4
"""Late is what a busy machine does not do by itself."""
ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def running(probe: LagProbe) -> AsyncIterator[None]:
    task = asyncio.create_task(probe.run())
    await asyncio.sleep(0)
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def block_in_a_call() -> None:
    time.sleep(BLOCK_S)


def block_by_work() -> None:
    end = time.monotonic() + BLOCK_S
    while time.monotonic() < end:
        pass


def block_in_a_library() -> None:
    # it waits in `selectors`, as an event loop does
    subprocess.run(
        [sys.executable, "-c", f"import time; time.sleep({BLOCK_S})"], check=True, capture_output=True
    )


async def until_told(records: Callable[[], list[str]], what: str) -> str:
    async with asyncio.timeout(5.0):
        while not (found := [each for each in records() if what in each]):
            await asyncio.sleep(TICK_S)
    return found[0]


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    return lambda: [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]


@pytest.mark.parametrize("block", [block_in_a_call, block_by_work, block_in_a_library])
async def test_who_holds_the_loop_up_is_told_with_the_way_to_him(
    warnings: Callable[[], list[str]], block: Callable[[], None]
) -> None:
    async def inner() -> None:
        block()

    async def outer() -> None:
        await inner()

    probe = LagProbe(tick_s=TICK_S, late_s=LATE_S)
    async with running(probe):
        await asyncio.create_task(outer())
        line = await until_told(warnings, block.__name__)

    assert line.startswith("the event loop was held up for 0.")
    names = [each.rsplit(".", 1)[-1].rsplit(" ", 1)[-1] for each in line.split(" < ")]
    ours = names[names.index(block.__name__) :]
    assert ours == [block.__name__, "inner", "outer"]
    assert f"{__name__}:" in line
    assert "_run_once" not in line
    assert LATE_S < probe.take_worst_s() < 10 * BLOCK_S


async def test_the_worst_is_that_since_it_was_asked_for_last() -> None:
    probe = LagProbe(tick_s=TICK_S, late_s=10.0)
    async with running(probe):
        for _ in range(2):
            block_in_a_call()
            await asyncio.sleep(2 * TICK_S)
        first, second = probe.take_worst_s(), probe.take_worst_s()

    assert first >= BLOCK_S - TICK_S
    assert second == 0.0


def test_a_loop_that_is_in_time_gets_no_line(
    virtual_loop: VirtualLoop, caplog: pytest.LogCaptureFixture
) -> None:
    probe = LagProbe(virtual_loop.time)
    task = virtual_loop.create_task(probe.run())
    virtual_loop.advance(3_600.0)
    task.cancel()
    virtual_loop.advance(0.0)

    assert caplog.records == []
    assert probe.take_worst_s() < 0.001


async def test_what_holds_it_up_again_and_again_does_not_fill_the_log(
    warnings: Callable[[], list[str]],
) -> None:
    probe = LagProbe(tick_s=0.001, late_s=0.01)
    async with running(probe):
        for _ in range(20):
            time.sleep(0.02)
            await asyncio.sleep(0.003)

    # on a busy computer the process is not run for so long itself, which is another matter
    assert 1 <= len([each for each in warnings() if "was held up" in each and __name__ in each]) <= 4
    assert len([each for each in warnings() if "did not run" in each]) <= 4


async def test_nothing_of_the_program_is_called_while_the_alarm_rings(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A log line may go to clients: in the middle of whatever was interrupted that would mix two messages."""
    probe = LagProbe(tick_s=TICK_S, late_s=LATE_S)
    async with running(probe):
        block_in_a_call()
        assert caplog.records == []
        await asyncio.sleep(3 * TICK_S)

    assert len(caplog.records) == 1


async def test_signals_that_the_loop_handles_still_arrive() -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, told.set)
    try:
        descriptor = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(descriptor)
        async with running(LagProbe(tick_s=TICK_S, late_s=LATE_S)):
            block_in_a_call()
            os.kill(os.getpid(), signal.SIGUSR1)
            async with asyncio.timeout(5.0):
                await told.wait()
        after = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(after)
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)

    assert after == descriptor != -1


async def test_the_handler_and_the_timer_of_before_are_there_again() -> None:
    def before(_number: int, _frame: object) -> None:
        raise AssertionError("rang")

    old = signal.signal(signal.SIGALRM, before)
    signal.setitimer(signal.ITIMER_REAL, 1_000.0, 500.0)
    try:
        async with running(LagProbe(tick_s=TICK_S, late_s=LATE_S)):
            assert signal.getsignal(signal.SIGALRM) is not before
        assert signal.getsignal(signal.SIGALRM) is before
        left_s, interval_s = signal.getitimer(signal.ITIMER_REAL)
        assert (900.0 < left_s <= 1_000.0, interval_s) == (True, 500.0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, old)


async def test_no_alarm_rings_after_the_end() -> None:
    async with running(LagProbe(tick_s=TICK_S, late_s=LATE_S)):
        pass

    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_in_another_thread_it_measures_without_an_alarm(warnings: Callable[[], list[str]]) -> None:
    async def work() -> None:
        async with running(LagProbe(tick_s=TICK_S, late_s=LATE_S)):
            block_in_a_call()
            await asyncio.sleep(2 * TICK_S)

    handler = signal.getsignal(signal.SIGALRM)
    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    assert signal.getsignal(signal.SIGALRM) is handler
    thread.join()

    (line,) = warnings()
    assert "at an unknown place" in line


STOPPED = """
import asyncio, logging, sys
from renogybt.service.lag import LagProbe

async def main():
    probe = LagProbe(tick_s=0.05, late_s=0.1)
    task = asyncio.create_task(probe.run())
    print("running", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await asyncio.sleep(0.2)
    print(probe.take_worst_s())

logging.basicConfig(format="%(message)s", stream=sys.stdout)
asyncio.run(main())
"""


def test_a_process_that_was_stopped_blames_nobody() -> None:
    stopped_s = 0.5
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGSTOP)
        time.sleep(stopped_s)
        process.send_signal(signal.SIGCONT)
        out, _ = process.communicate("go on\n", timeout=10.0)

    line, worst_s = out.splitlines()
    assert line.startswith("this process did not run for 0.")
    assert line.endswith("it was stopped, or the computer is busy")
    assert stopped_s - 0.2 < float(worst_s) < stopped_s + 1.0
