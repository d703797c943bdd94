import tracemalloc
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.protocols.modbus.crc import with_crc
from renogybt.protocols.modbus.errors import (
    CrcError,
    EchoError,
    ExceptionReplyError,
    ModbusError,
    TruncatedError,
    WrongByteCountError,
    WrongFunctionError,
    WrongUnitError,
)
from renogybt.protocols.modbus.framer import Framer
from renogybt.protocols.modbus.replies import Reply
from renogybt.protocols.modbus.requests import ReadRequest, Request, WriteRequest

READ = ReadRequest(48, 5000, 34)
DATA = bytes(range(100, 168))
FRAME = with_crc(bytes((48, 3, 68)) + DATA)
REPLY = Reply(48, 3, DATA)
WRITE = WriteRequest(48, 0x010A, 1)
OTHER_UNIT = with_crc(bytes((49, 3, 68)) + DATA)
OTHER_COUNT = with_crc(bytes((48, 3, 14)) + DATA[:14])
REFUSED = with_crc(bytes((48, 0x83, 2)))

Outcome = tuple[Reply | str | None, str, bool]


def outcome(request: Request, chunks: list[bytes]) -> Outcome:
    """What came out, the fault that is told at the end, and whether there is something to wait for."""
    framer = Framer(request)
    found: Reply | str | None = None
    for chunk in chunks:
        try:
            found = framer.feed(chunk) or found
        except ExceptionReplyError as error:
            found = str(error)
    fault = framer.fault
    return found, "" if fault is None else f"{type(fault).__name__}: {fault}", framer.pending


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(stream) + 1) for place in places})
    return [stream[start:end] for start, end in zip([0, *ends], [*ends, len(stream)], strict=True)]


def one_by_one(stream: bytes) -> list[bytes]:
    return [bytes((octet,)) for octet in stream]


places = st.lists(st.integers(0, 2_000), max_size=8)
frames = st.sampled_from([FRAME, OTHER_UNIT, OTHER_COUNT, REFUSED, with_crc(b"\x30\x06\x01\x0a\0\1")])
pieces = st.lists(frames | st.binary(max_size=12) | st.sampled_from([b"0", b"0\x03", b"0\x03D", FRAME[:40]]))


@given(pieces, places)
def test_the_outcome_does_not_depend_on_how_the_stream_is_cut(stream: list[bytes], ends: list[int]) -> None:
    octets = b"".join(stream)
    for request in (READ, WRITE):
        whole = outcome(request, [octets])
        assert outcome(request, one_by_one(octets)) == whole
        assert outcome(request, cut(octets, ends)) == whole


@given(st.integers(1, 125), st.data(), places)
def test_a_reply_split_anywhere_comes_out(words: int, data: st.DataObject, ends: list[int]) -> None:
    registers = data.draw(st.binary(min_size=2 * words, max_size=2 * words))
    frame = with_crc(bytes((255, 3, 2 * words)) + registers)

    found = outcome(ReadRequest(255, 0, words), cut(frame, ends))

    assert found == (Reply(255, 3, registers), "", False)


@pytest.mark.parametrize("size", [1, 2, 19, 20, 21, 72, 73, 244])
def test_notifications_of_any_size_make_a_reply(size: int) -> None:
    chunks = [FRAME[at : at + size] for at in range(0, len(FRAME), size)]
    framer = Framer(READ)

    assert [framer.feed(chunk) for chunk in chunks] == [None] * (len(chunks) - 1) + [REPLY]
    assert framer.fault is None


def test_an_echo_is_a_reply() -> None:
    assert Framer(WRITE).feed(WRITE.encode()) == Reply(48, 6, bytes.fromhex("010a0001"))


@pytest.mark.parametrize(
    ("before", "fault"),
    [
        (b"main recv data[14] [", WrongUnitError),
        (OTHER_UNIT, WrongUnitError),
        (OTHER_UNIT[:20], WrongUnitError),
        (OTHER_COUNT, WrongByteCountError),
        (with_crc(bytes((48, 4, 2, 0, 1))), WrongFunctionError),
        (FRAME[:-1], TruncatedError),
        (FRAME[:1], TruncatedError),
        (FRAME[:30] + b"\xff" + FRAME[31:], CrcError),
        (OTHER_COUNT[:-1] + b"\xff", CrcError),
        (OTHER_UNIT + OTHER_COUNT + FRAME[:50], WrongUnitError),
    ],
)
def test_what_stands_before_the_reply_is_passed_over_and_named(
    before: bytes, fault: type[ModbusError]
) -> None:
    framer = Framer(READ)

    assert framer.feed(before) is None
    assert framer.feed(FRAME) == REPLY
    assert type(framer.fault) is fault


@given(st.binary(max_size=700), places)
def test_a_reply_after_any_bytes_comes_out_with_its_last_byte(garbage: bytes, ends: list[int]) -> None:
    framer = Framer(READ)
    for chunk in cut(garbage + FRAME[:-1], ends):
        assert framer.feed(chunk) is None
    assert framer.feed(FRAME[-1:]) == REPLY


def test_a_reply_is_found_behind_what_only_looks_like_its_beginning() -> None:
    assert Framer(READ).feed(FRAME[:3] * 20 + FRAME) == REPLY


def test_an_exception_of_the_unit_ends_the_request() -> None:
    framer = Framer(READ)
    assert framer.feed(REFUSED[:4]) is None
    with pytest.raises(ExceptionReplyError, match="exception 2: illegal data address"):
        framer.feed(REFUSED[4:])
    assert framer.feed(FRAME) is None


def test_an_exception_behind_a_leftover_is_seen_at_once() -> None:
    with pytest.raises(ExceptionReplyError):
        Framer(READ).feed(FRAME[:40] + REFUSED)


@pytest.mark.parametrize(
    ("stream", "fault"),
    [
        (OTHER_UNIT, WrongUnitError),
        (OTHER_COUNT, WrongByteCountError),
        (with_crc(bytes((49, 0x83, 2))), WrongUnitError),
        (with_crc(bytes((48, 0x86, 2))), WrongFunctionError),
        (with_crc(bytes((48, 4, 68)) + DATA), WrongFunctionError),
        (REFUSED[:-1] + b"\0", CrcError),
        (bytes(400), WrongUnitError),
        (b"main recv data[14] [" + Random(7).randbytes(5_000), WrongUnitError),
    ],
)
def test_what_is_not_the_reply_never_becomes_one(stream: bytes, fault: type[ModbusError]) -> None:
    framer = Framer(READ)

    assert framer.feed(stream) is None
    assert type(framer.fault) is fault


@pytest.mark.parametrize("request_", [READ, WRITE])
def test_no_single_wrong_bit_passes(request_: Request) -> None:
    good = FRAME if request_ is READ else WRITE.encode()
    for bit in range(8 * len(good)):
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << bit % 8
        found, fault, _pending = outcome(request_, [bytes(damaged)])
        assert found is None
        assert fault


@pytest.mark.parametrize("length", range(len(FRAME)))
def test_a_reply_without_its_end_is_waited_for(length: int) -> None:
    framer = Framer(READ)

    assert framer.feed(FRAME[:length]) is None
    assert framer.fault is None
    assert framer.pending == (length > 0)


@pytest.mark.parametrize(
    ("beginning", "fault"),
    [(b"1", WrongUnitError), (b"0\x04", WrongFunctionError), (b"0\x03\x0e", WrongByteCountError)],
)
def test_the_first_wrong_byte_is_told_without_waiting(beginning: bytes, fault: type[ModbusError]) -> None:
    framer = Framer(READ)
    for octet in beginning[:-1]:
        framer.feed(bytes((octet,)))
        assert framer.fault is None

    framer.feed(beginning[-1:])

    assert type(framer.fault) is fault
    assert not framer.pending


def test_a_reply_that_begins_behind_something_else_is_pending() -> None:
    framer = Framer(READ)
    framer.feed(OTHER_UNIT + FRAME[:50])

    assert framer.fault is not None
    assert framer.pending


def test_an_echo_of_another_value_is_not_the_reply() -> None:
    framer = Framer(WRITE)

    assert framer.feed(WriteRequest(48, 0x010A, 0).encode()) is None
    assert type(framer.fault) is EchoError


def test_after_the_reply_nothing_more_comes() -> None:
    framer = Framer(READ)
    framer.feed(FRAME)

    assert framer.feed(FRAME) is None
    assert framer.feed(b"noise") is None
    assert framer.fault is None


def test_an_endless_stream_takes_no_memory() -> None:
    framer = Framer(READ)
    chunk = bytes(1_000)

    tracemalloc.start()
    try:
        for _ in range(2_000):
            framer.feed(chunk)
        kept, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 8_192
