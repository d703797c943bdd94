import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocols.esphome.streams import byte_by_byte, cut, numbers, outcome, payloads

from renogybt.model.errors import RenogyBTError
from renogybt.protocols.esphome.errors import FrameError
from renogybt.protocols.esphome.plaintext import MAX_PAYLOAD, Frame, PlaintextFraming, plaintext_frame
from renogybt.protocols.esphome.varint import encode_varint

frames = st.lists(st.tuples(numbers, payloads), max_size=6)
places = st.lists(st.integers(min_value=0, max_value=400), max_size=8)


def stream_of(messages: list[Frame]) -> bytes:
    return b"".join(plaintext_frame(number, payload) for number, payload in messages)


@given(frames)
def test_frames_in_one_chunk_come_out_as_they_went_in(messages: list[Frame]) -> None:
    assert outcome(PlaintextFraming(), [stream_of(messages)]) == (messages, "")


@given(frames, places)
def test_frames_split_anywhere_come_out_as_they_went_in(messages: list[Frame], ends: list[int]) -> None:
    assert outcome(PlaintextFraming(), cut(stream_of(messages), ends)) == (messages, "")


@given(st.lists(st.tuples(numbers, st.binary(max_size=200)), max_size=4))
def test_frames_byte_by_byte_come_out_as_they_went_in(messages: list[Frame]) -> None:
    assert outcome(PlaintextFraming(), byte_by_byte(stream_of(messages))) == (messages, "")


@given(st.lists(st.tuples(numbers, st.binary(max_size=8)), max_size=3), st.binary(max_size=40), places)
def test_frames_and_then_any_bytes_have_one_outcome_however_they_are_split(
    messages: list[Frame], garbage: bytes, ends: list[int]
) -> None:
    stream = stream_of(messages) + garbage

    whole = outcome(PlaintextFraming(), [stream])

    assert whole[0][: len(messages)] == messages
    assert whole == outcome(PlaintextFraming(), byte_by_byte(stream))
    assert whole == outcome(PlaintextFraming(), cut(stream, ends))


def test_a_frame_split_in_its_header_waits_for_the_rest() -> None:
    frame = plaintext_frame(300, bytes(200))
    for place in range(5):
        framing = PlaintextFraming()
        assert list(framing.receive(frame[:place])) == []
        assert list(framing.receive(frame[place:])) == [(300, bytes(200))]


def test_a_frame_without_payload_is_a_frame() -> None:
    assert list(PlaintextFraming().receive(b"\0\0\x07")) == [(7, b"")]


def test_the_largest_frame_is_taken() -> None:
    payload = bytes(MAX_PAYLOAD)

    assert list(PlaintextFraming().receive(plaintext_frame(1, payload))) == [(1, payload)]


@pytest.mark.parametrize("length", [MAX_PAYLOAD + 1, 2**28 - 1])
def test_a_frame_over_the_limit_is_refused_at_its_length_before_any_payload(length: int) -> None:
    with pytest.raises(FrameError, match=f"{length} bytes"):
        list(PlaintextFraming().receive(b"\0" + encode_varint(length)))


@pytest.mark.parametrize("header", ["0080808080", "000080808080", "00ffffffff"])
def test_a_varint_bomb_is_refused_at_its_fourth_byte(header: str) -> None:
    framing = PlaintextFraming()
    octets = bytes.fromhex(header)

    assert list(framing.receive(octets[:-1])) == []
    with pytest.raises(FrameError, match="varint"):
        list(framing.receive(octets[-1:]))


@pytest.mark.parametrize("first", [0x01, 0x16, 0xFF])
def test_another_first_byte_is_refused(first: int) -> None:
    with pytest.raises(FrameError, match=f"{first:#04x}"):
        list(PlaintextFraming().receive(bytes((first,))))


def test_frames_before_a_wrong_one_are_delivered() -> None:
    found = PlaintextFraming().receive(plaintext_frame(7, b"") + b"\xff")

    assert next(found) == (7, b"")
    with pytest.raises(FrameError):
        next(found)


def test_what_was_delivered_is_not_kept() -> None:
    framing = PlaintextFraming()
    chunk = plaintext_frame(9, bytes(1_000)) * 50

    tracemalloc.start()
    try:
        count = sum(1 for _ in range(40) for _ in framing.receive(chunk))  # 2 MB
        kept, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == 2_000
    assert kept < 128 * 1024


def test_its_errors_are_of_the_tree_and_value_errors() -> None:
    assert issubclass(FrameError, RenogyBTError)
    assert issubclass(FrameError, ValueError)
