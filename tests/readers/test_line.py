"""One transaction at a time, and never the answer to another one."""

from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proxy.virtual_time import VirtualLoop
from readers.fake_hub import ANSWER_S, FakeHub, FakeLink, damaged, later, nothing, straight

from renogybt.model.errors import RenogyBTError
from renogybt.model.gatt import LinkLostError
from renogybt.protocols.modbus.crc import with_crc
from renogybt.protocols.modbus.errors import ExceptionReplyError
from renogybt.readers.errors import DamagedAnswerError, LineError, NoAnswerError
from renogybt.readers.line import Line, open_line
from renogybt.readers.plan import Timing

T = TypeVar("T")
UNITS = (48, 49)


def truth(unit: int, register: int) -> int:
    """What a register holds: different in each register and unit."""
    return unit << 8 ^ register * 7 & 0xFFFF


class World:
    """A line to a hub, in virtual time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.hub = FakeHub(
            {unit: {register: truth(unit, register) for register in range(1000)} for unit in UNITS}
        )
        self.line = self.do(self.open())

    async def open(self) -> Line:
        self.hub.link = FakeLink(self.hub)
        return await open_line(self.hub.link)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def read(self, register: int, count: int, unit: int = 48, **how: Any) -> bytes:
        return self.do(self.line.read(unit, register, count, **how))


@pytest.fixture
def world(virtual_loop: VirtualLoop) -> World:
    return World(virtual_loop)


def expected(register: int, count: int, unit: int = 48) -> bytes:
    return b"".join(truth(unit, each).to_bytes(2) for each in range(register, register + count))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 19, 20, 21, 73, 200])
def test_a_reply_is_put_together_from_notifications_of_any_size(world: World, size: int) -> None:
    world.hub.bend = lambda _, reply: [
        (ANSWER_S + start / 1000, reply[start : start + size]) for start in range(0, len(reply), size)
    ]
    assert world.read(100, 34) == expected(100, 34)


def test_a_silent_unit_has_two_tries_of_two_seconds(world: World) -> None:
    with pytest.raises(NoAnswerError, match="unit 50 does not answer"):
        world.read(1, 2, unit=50)
    assert world.loop.time() == pytest.approx(4.0, abs=0.01)
    assert len(world.hub.requests) == 2


def test_patience_says_how_many_tries_may_pass_in_silence(world: World) -> None:
    with pytest.raises(NoAnswerError):
        world.read(1, 2, unit=50, patience=1)
    assert world.loop.time() == pytest.approx(2.0, abs=0.01)


def test_the_second_try_may_succeed(world: World) -> None:
    bends = iter([nothing, straight])
    world.hub.bend = lambda *frame: next(bends)(*frame)
    assert world.read(5, 3) == expected(5, 3)


def test_a_damaged_reply_is_asked_for_again_at_once(world: World) -> None:
    bends = iter([damaged, straight])
    world.hub.bend = lambda *frame: next(bends)(*frame)
    assert world.read(5, 3, patience=1) == expected(5, 3)
    assert world.loop.time() < 1.0


def test_two_damaged_replies_are_no_reply_and_the_fault_is_named(world: World) -> None:
    world.hub.bend = damaged
    with pytest.raises(DamagedAnswerError, match="unit 48: wrong CRC"):
        world.read(5, 3)
    assert world.loop.time() < 1.5


def test_a_reply_that_ends_early_is_said_to_be_cut_off(world: World) -> None:
    world.hub.bend = lambda request, reply: straight(request, reply[:-4])
    with pytest.raises(DamagedAnswerError, match="cut off"):
        world.read(5, 3)


def test_another_unit_is_not_listened_to(world: World) -> None:
    world.hub.bend = lambda _, reply: [
        (0.05, with_crc(bytes((49,)) + reply[1:-2])),
        (0.10, reply),
    ]
    assert world.read(5, 3) == expected(5, 3)


def test_noise_before_the_reply_does_no_harm(world: World) -> None:
    world.hub.bend = lambda _, reply: [(0.05, b"\x30\x03\xff\x00"), (0.06, reply[:5]), (0.07, reply[5:])]
    assert world.read(5, 3) == expected(5, 3)


def test_a_refusal_is_told_at_once_and_by_its_name(world: World) -> None:
    with pytest.raises(ExceptionReplyError, match="illegal data address"):
        world.read(5000, 34)
    assert world.loop.time() == pytest.approx(ANSWER_S, abs=0.01)
    assert len(world.hub.requests) == 1


def test_the_loss_of_the_link_ends_the_wait_at_once(world: World) -> None:
    world.loop.call_later(0.5, world.hub.drop)
    with pytest.raises(LinkLostError):
        world.read(1, 2, unit=50)
    assert world.loop.time() == pytest.approx(0.5, abs=0.01)


def test_a_late_reply_is_not_taken_for_that_of_another_length(world: World) -> None:
    world.hub.bend = later(2.5)
    with pytest.raises(NoAnswerError):
        world.read(100, 7, patience=1)
    world.hub.bend = straight
    world.loop.advance(0.45)  # the late reply comes while the next request is open
    assert world.read(300, 10) == expected(300, 10)


def test_where_a_late_reply_would_fit_another_request_the_line_refuses(world: World) -> None:
    world.hub.bend = later(2.5)
    with pytest.raises(NoAnswerError):
        world.read(100, 7, patience=1)
    world.hub.bend = straight
    with pytest.raises(LineError, match="late reply"):
        world.read(200, 7)
    assert world.read(200, 7, unit=49) == expected(200, 7, unit=49)


def test_what_is_later_than_a_link_can_live_is_not_waited_for(world: World) -> None:
    world.hub.bend = nothing
    with pytest.raises(NoAnswerError):
        world.read(100, 7, patience=1)
    world.hub.bend = straight
    world.loop.advance(33)
    assert world.read(200, 7) == expected(200, 7)


def test_a_late_reply_is_welcome_to_the_second_try_of_the_same_request(world: World) -> None:
    world.hub.bend = later(2.5)
    assert world.read(100, 7) == expected(100, 7)
    assert world.loop.time() == pytest.approx(2.58, abs=0.05)


def test_a_second_copy_of_a_reply_is_not_taken_for_the_next_one(world: World) -> None:
    world.hub.bend = lambda _, reply: [(ANSWER_S, reply), (ANSWER_S + 0.005, reply)]
    assert world.read(100, 10) == expected(100, 10)
    assert world.read(200, 10) == expected(200, 10)
    assert world.read(200, 3) == expected(200, 3)


def test_a_second_copy_that_takes_its_time_is_not_taken_for_a_later_request(world: World) -> None:
    world.hub.bend = lambda request, reply: [
        *straight(request, reply),
        *([(ANSWER_S + 0.25, reply)] if request[3] == 100 else []),
    ]
    assert world.read(100, 2) == expected(100, 2)
    assert world.read(300, 5) == expected(300, 5)
    assert world.read(200, 2) == expected(200, 2)


@pytest.mark.parametrize("delay", [0.02, 0.2])
def test_a_second_copy_of_a_refusal_does_not_refuse_the_next_request(world: World, delay: float) -> None:
    world.hub.bend = lambda request, reply: [
        *straight(request, reply),
        *([(ANSWER_S + delay, reply)] if reply[1] & 0x80 else []),
    ]
    with pytest.raises(ExceptionReplyError):
        world.read(5000, 2)
    assert world.read(300, 5) == expected(300, 5)


def test_a_refusal_that_comes_late_is_not_taken_for_that_of_another_request(world: World) -> None:
    world.hub.bend = lambda request, reply: later(2.2 if reply[1] & 0x80 else 0.0)(request, reply)
    with pytest.raises(NoAnswerError):
        world.read(5000, 2, patience=1)
    assert world.read(300, 5) == expected(300, 5)


def test_the_next_request_waits_until_a_late_reply_has_ended(world: World) -> None:
    world.hub.bend = lambda _, reply: [
        (2.1 + 0.1 * part, reply[part : part + 1]) for part in range(len(reply))
    ]
    with pytest.raises(NoAnswerError):
        world.read(100, 4, patience=1)
    world.hub.bend = straight
    world.loop.advance(0.2)
    assert world.read(300, 10) == expected(300, 10)
    assert world.hub.requests[-1][0] >= 2.1 + 0.1 * 12 + 0.29


def test_a_line_that_never_falls_quiet_is_given_up(world: World) -> None:
    async def chatter() -> None:
        assert world.hub.link is not None
        for number in range(1000):
            world.loop.call_later(0.1 * number, world.hub.link.notify, b"\x00")

    world.do(chatter())
    world.loop.advance(1)
    with pytest.raises(LineError, match="quiet"):
        world.read(100, 7)
    assert world.loop.time() < 5


def test_requests_of_several_tasks_go_one_after_the_other(world: World) -> None:
    import asyncio

    async def both() -> list[bytes]:
        return await asyncio.gather(world.line.read(48, 1, 5), world.line.read(49, 1, 5))

    assert world.do(both()) == [expected(1, 5), expected(1, 5, unit=49)]
    assert world.hub.requests[1][0] >= ANSWER_S


def test_a_pause_between_requests_is_kept(world: World) -> None:
    world.read(1, 5, timing=Timing(gap_s=0.3))
    world.read(1, 6, timing=Timing(gap_s=0.3))
    assert world.hub.requests[1][0] == pytest.approx(ANSWER_S + 0.3, abs=0.01)


def test_a_write_is_checked_by_its_echo(world: World) -> None:
    world.do(world.line.write(48, 0x010A, 1))
    assert world.hub.units[48][0x010A] == 1
    world.hub.bend = lambda _, reply: straight(b"", with_crc(reply[:4] + b"\0\7"))
    with pytest.raises(DamagedAnswerError, match="wrong echo"):
        world.do(world.line.write(48, 0x010A, 0))


def test_the_line_counts_how_long_nothing_was_heard(world: World) -> None:
    world.hub.deaf = True
    with pytest.raises(NoAnswerError):
        world.read(1, 2)
    assert world.line.silent == 2
    world.hub.deaf = False
    world.read(1, 2)
    assert world.line.silent == 0


FAULTS = st.one_of(
    st.just(straight),
    st.just(nothing),
    st.just(damaged),
    st.floats(0.0, 30.0).map(later),
    st.just(lambda request, reply: [*straight(request, reply), *later(0.01)(request, reply)]),
    st.binary(min_size=1, max_size=30).map(
        lambda noise: lambda request, reply: [(0.01, noise), *straight(request, reply)]
    ),
)
STEPS = st.tuples(
    FAULTS, st.sampled_from(UNITS), st.integers(0, 900), st.sampled_from([1, 7, 10]), st.floats(0.0, 3.0)
)


@given(st.lists(STEPS, min_size=2, max_size=12))
@settings(max_examples=150, deadline=None)
def test_whatever_is_answered_is_the_answer_to_what_was_asked(steps: list[Any]) -> None:
    loop = VirtualLoop()
    try:
        world = World(loop)
        for bend, unit, register, count, pause in steps:
            world.hub.bend = bend
            try:
                assert world.read(register, count, unit=unit) == expected(register, count, unit)
            except LineError:
                assert world.hub.link is not None
                world.hub.link.drop()
                world.line = world.do(world.open())
            except RenogyBTError:
                pass
            world.loop.advance(pause)
    finally:
        loop.close()
