import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.bluetooth.pacing import ALONE_MOST, FULL, PATIENT_TICK_S, TICK_S, PacedReader


class VirtualLoop:
    """The four things that the reader needs of a loop, with a clock that stands still by itself."""

    def __init__(self) -> None:
        self.now = 0.0
        self.readable: Callable[[], None] | None = None
        self.timers: list[tuple[float, Callable[[], None], asyncio.TimerHandle]] = []

    def time(self) -> float:
        return self.now

    def add_reader(self, _descriptor: int, callback: Callable[[], None]) -> None:
        assert self.readable is None
        self.readable = callback

    def remove_reader(self, _descriptor: int) -> bool:
        removed, self.readable = self.readable is not None, None
        return removed

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> "_Timer":
        return _Timer(self, self.now + delay_s, callback)


class _Timer:
    def __init__(self, loop: VirtualLoop, when: float, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._when = when
        self._entry = (when, callback, self)
        loop.timers.append(self._entry)  # type: ignore[arg-type]

    def when(self) -> float:
        return self._when

    def cancel(self) -> None:
        if self._entry in self._loop.timers:
            self._loop.timers.remove(self._entry)  # type: ignore[arg-type]


class Stream:
    """Records that come at certain times, and who reads them; a look takes `look_s`, and what else the loop
    does after it `turn_s`."""

    def __init__(self, look_s: float = 0.0, turn_s: float = 0.0) -> None:
        self.look_s = look_s
        self.turn_s = turn_s
        self.loop = VirtualLoop()
        self.waiting: list[float] = []
        self.looks: list[tuple[float, int]] = []
        self.delays: list[float] = []
        self.whole = 0
        """Looks for everything there is."""
        self.prompt = True
        self.reader = PacedReader(7, self._drain, self.loop, lambda: self.prompt)  # type: ignore[arg-type]

    def _drain(self, everything: bool) -> int:
        self.whole += everything
        most = len(self.waiting) if everything else 1
        taken, self.waiting = self.waiting[:most], self.waiting[most:]
        self.looks.append((self.loop.now, len(taken)))
        self.delays += [self.loop.now - came for came in taken]
        self.loop.now += self.look_s
        return len(taken)

    def play(self, arrivals: list[float], until: float) -> None:
        """Let these come, and time pass."""
        coming = iter([*sorted(arrivals), float("inf")])
        following = next(coming)
        while True:
            timer = min((when for when, _, _ in self.loop.timers), default=float("inf"))
            self.loop.now = max(self.loop.now, min(timer, following, until))
            if min(timer, following) > until:
                return
            if following <= timer:
                while following <= self.loop.now:
                    self.waiting.append(following)
                    following = next(coming)
                while self.waiting and self.loop.readable is not None:
                    self.loop.readable()
                    self.loop.now += self.turn_s
                    while following <= self.loop.now:
                        self.waiting.append(following)
                        following = next(coming)
            else:
                entry = min(self.loop.timers, key=lambda each: each[0])
                self.loop.timers.remove(entry)
                entry[1]()

    def steady(self, per_s: float, start: float, end: float) -> list[float]:
        return [start + number / per_s for number in range(int((end - start) * per_s))]

    def looks_between(self, start: float, end: float) -> int:
        return sum(start <= when < end for when, _ in self.looks)


def test_when_little_comes_each_record_is_read_at_once() -> None:
    stream = Stream()
    stream.play(stream.steady(50, 0, 10), 10)
    assert len(stream.delays) == 500
    assert max(stream.delays) == 0


def test_one_that_comes_alone_is_taken_without_a_look_for_more() -> None:
    stream = Stream()
    stream.play(stream.steady(100, 1, 10), 10)
    assert len(stream.looks) == 900
    assert stream.whole == 900 // (ALONE_MOST + 1)


def test_what_is_right_behind_another_one_is_told_as_one() -> None:
    stream = Stream()
    stream.play([1.0] * 12, 2)
    assert [count for _, count in stream.looks] == [1, 11]


@pytest.mark.parametrize("look_s", [0.003, 0.008, 0.02])
@pytest.mark.parametrize("per_s", [200, 300, 1_000])
def test_a_slow_machine_does_not_fall_behind(per_s: int, look_s: float) -> None:
    """Where a look takes longer than the records need to come, whatever a look brings."""
    stream = Stream(look_s)
    stream.play(stream.steady(per_s, 0, 10), 11)
    assert len(stream.delays) == 10 * per_s
    assert max(stream.delays) <= TICK_S + 2 * look_s
    assert stream.looks_between(2, 10) / 8 <= 25


@pytest.mark.parametrize("turn_s", [0.005, 0.01, 0.02, 0.05])
def test_a_loop_that_is_late_does_not_fall_behind(turn_s: float) -> None:
    """Each of its turns takes longer than the next record needs to come."""
    stream = Stream(turn_s=turn_s)
    stream.play(stream.steady(140, 0, 10), 11)
    assert len(stream.delays) == 1_400
    assert max(stream.delays) <= TICK_S + 2 * ALONE_MOST * turn_s


def test_when_much_comes_it_looks_in_ticks() -> None:
    stream = Stream()
    stream.play(stream.steady(1000, 0, 10), 10.1)
    assert len(stream.delays) == 10_000
    assert stream.looks_between(1, 10) / 9 <= 25
    assert max(stream.delays) <= TICK_S + 1e-9


def test_it_becomes_prompt_again_when_it_is_calm() -> None:
    stream = Stream()
    stream.play(stream.steady(1000, 0, 2), 2.2)
    assert stream.loop.timers == []
    stream.delays.clear()
    stream.play(stream.steady(20, 3, 5), 5)
    assert max(stream.delays) == 0


def test_when_nothing_comes_it_does_nothing() -> None:
    stream = Stream()
    stream.play([], 3600)
    assert stream.looks == []


def test_between_calm_and_busy_it_does_not_go_to_and_fro() -> None:
    stream = Stream()
    stream.play(stream.steady(1000, 0, 1) + stream.steady(125, 1, 10), 10)
    assert stream.looks_between(2, 10) / 8 <= 21


@pytest.mark.parametrize("per_s", [4_000, 5_200, 10_000])
def test_a_bigger_load_shortens_the_tick(per_s: int) -> None:
    """So that what waits never fills the sender's queue."""
    stream = Stream()
    stream.play(stream.steady(per_s, 0, 3), 3.1)
    settled = [count for when, count in stream.looks if 1 < when < 3]
    assert max(settled) <= FULL * 1.05
    assert stream.looks_between(1, 3) / 2 <= per_s / FULL * 1.1 + 1


def test_a_flood_leaves_time_for_other_things() -> None:
    stream = Stream()
    stream.play(stream.steady(60_000, 0, 1), 1)
    assert stream.looks_between(0.5, 1) / 0.5 <= 201


def patient() -> Stream:
    stream = Stream()
    stream.prompt = False
    return stream


@pytest.mark.parametrize("per_s", [10, 100, 500])
def test_while_nobody_waits_it_looks_four_times_a_second(per_s: int) -> None:
    stream = patient()
    stream.play(stream.steady(per_s, 0, 10), 10.5)
    assert len(stream.delays) == 10 * per_s
    assert max(stream.delays) <= PATIENT_TICK_S + 1e-9
    assert stream.looks_between(1, 10) / 9 <= 1 / PATIENT_TICK_S + 0.2


@pytest.mark.parametrize("every_s", [PATIENT_TICK_S + 0.01, 1.0, 20.0])
def test_who_is_rare_is_read_at_once_and_by_one_look_though_nobody_waits(every_s: float) -> None:
    stream = patient()
    stream.play([every_s * number for number in range(1, 20)], 20 * every_s)
    assert [count for _, count in stream.looks] == [1] * 19
    assert max(stream.delays) == 0


def test_while_nobody_waits_and_nothing_comes_any_more_it_does_nothing() -> None:
    stream = patient()
    stream.play(stream.steady(100, 0, 1), 2)
    looks = len(stream.looks)
    stream.play([], 3600)
    assert stream.loop.timers == []
    assert len(stream.looks) == looks


@pytest.mark.parametrize("per_s", [1_000, 4_000, 10_000])
def test_no_patience_lets_the_queue_of_the_sender_fill(per_s: int) -> None:
    """Not even when it begins."""
    stream = patient()
    stream.play(stream.steady(per_s, 1, 4), 4.1)
    assert max(count for _, count in stream.looks) <= FULL * 1.05


@pytest.mark.parametrize("hurried", [True, False])
def test_it_becomes_prompt_when_somebody_waits(hurried: bool) -> None:
    """At once where it is told, else with the next look."""
    stream = patient()
    stream.play(stream.steady(50, 0, 1.85), 1.85)
    stream.prompt = True
    if hurried:
        stream.reader.hurry()
        assert stream.waiting == []
        stream.delays.clear()
    stream.play(stream.steady(50, 1.85, 2.2), 2.2)
    assert (max(stream.delays) > TICK_S) is not hurried
    stream.delays.clear()
    stream.play(stream.steady(50, 2.3, 5), 5)
    assert max(stream.delays) == 0


def test_who_hurries_does_not_make_it_later() -> None:
    """However often: when nothing is due at all, and in the midst of ticks."""
    stream = patient()
    stream.reader.hurry()
    assert stream.loop.timers == stream.looks == []
    stream.prompt = True
    for number in range(200):
        start = number / 100
        stream.play(stream.steady(1000, start, start + 0.01), start + 0.01)
        stream.reader.hurry()
    assert max(stream.delays) <= TICK_S + 1e-9


@given(
    st.lists(st.floats(0, 5, allow_nan=False), max_size=400),
    st.lists(st.tuples(st.floats(0, 5), st.integers(1, 300)), max_size=4),
)
def test_nothing_is_left_lying(arrivals: list[float], bursts: list[tuple[float, int]]) -> None:
    stream = Stream()
    arrivals = arrivals + [when for when, count in bursts for _ in range(count)]
    stream.play(arrivals, 10)
    assert len(stream.delays) == len(arrivals)
    assert max(stream.delays, default=0) <= TICK_S + 1e-9
    assert stream.loop.timers == []


@pytest.mark.parametrize("busy", [False, True])
def test_it_may_be_closed_from_inside_a_reading(busy: bool) -> None:
    loop = VirtualLoop()
    counts = iter([100, 5] if busy else [5])
    left = 1 if busy else 0

    def drain(_everything: bool) -> int:
        nonlocal left
        if left == 0:
            reader.close()
        left -= 1
        return next(counts)

    reader = PacedReader(7, drain, loop)  # type: ignore[arg-type]
    assert loop.readable is not None
    loop.readable()
    if busy:
        ((_when, tick, _timer),) = loop.timers
        loop.timers.clear()
        tick()
    assert loop.readable is None
    assert loop.timers == []
    reader.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    yield ours, theirs
    ours.close()
    theirs.close()


async def test_on_a_real_loop_and_a_real_socket(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    got: list[bytes] = []
    looks = 0
    complete = asyncio.Event()

    def drain(everything: bool) -> int:
        nonlocal looks
        looks += 1
        before = len(got)
        try:
            got.append(ours.recv(64))
            while everything:
                got.append(ours.recv(64))
        except BlockingIOError:
            assert everything
        if len(got) == 400:
            complete.set()
        return len(got) - before

    reader = PacedReader(ours.fileno(), drain, asyncio.get_running_loop())
    for number in range(400):
        theirs.send(number.to_bytes(2, "big"))
        if number % 5 == 4:
            await asyncio.sleep(0.002)
    async with asyncio.timeout(1):
        await complete.wait()
    reader.close()
    assert [int.from_bytes(each, "big") for each in got] == list(range(400))
    assert looks < 40


async def test_a_busy_reader_whose_drain_fails_once_reads_on(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """What it calls ends with listeners, which are not its own."""
    loop, failed, seen = asyncio.get_running_loop(), list[BaseException](), 0
    loop.set_exception_handler(lambda _loop, context: failed.append(context["exception"]))
    busy, done = 400, asyncio.Event()
    receiver, sender = pair

    def drain(everything: bool) -> int:
        nonlocal seen
        count = 0
        with contextlib.suppress(BlockingIOError):
            while receiver.recv(16):
                count += 1
                if not everything:
                    break
        seen += count
        if busy < seen < busy + 10:
            raise LookupError("a listener fails")
        if seen >= busy + 20:
            done.set()
        return count

    reader = PacedReader(receiver.fileno(), drain, loop)
    sender.setblocking(False)
    sent = 0
    while sent < busy:
        try:
            sent += sender.send(b"x")
        except BlockingIOError:  # full until it is read
            await asyncio.sleep(0)
    await asyncio.sleep(0.02)
    sender.send(b"x")
    async with asyncio.timeout(5):
        while not failed:
            await asyncio.sleep(0.01)
        for _ in range(20):
            sender.send(b"x")
        await done.wait()
    reader.close()
    assert [type(error) for error in failed][:1] == [LookupError]
