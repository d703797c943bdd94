import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocols.esphome.initiator import KEY, LOW_ORDER, MAC, NAME, OTHER_KEY, Initiator, bodies, noise_frame
from protocols.esphome.streams import byte_by_byte, cut, outcome

from renogybt.protocols.esphome.errors import (
    FrameError,
    HandshakeError,
    ProtocolError,
    TamperedFrameError,
    WrongKeyError,
)
from renogybt.protocols.esphome.noise import (
    MAX_HANDSHAKE_BODY,
    MAX_PAYLOAD,
    ZERO_KEY,
    NoiseFraming,
)
from renogybt.protocols.esphome.plaintext import Frame

HELLO = b"\x01" + NAME.encode() + b"\0" + MAC.encode() + b"\0"
MAC_FAILURE = b"\x01\x00\x16\x01Handshake MAC failure"

messages = st.lists(
    st.tuples(st.integers(min_value=0, max_value=65_535), st.binary(max_size=60)), min_size=1, max_size=4
)


def responder(key: bytes = KEY) -> NoiseFraming:
    return NoiseFraming(key, NAME, MAC)


def take(framing: NoiseFraming) -> bytes:
    out = bytes(framing.outgoing)
    framing.outgoing.clear()
    return out


def established(key: bytes = KEY) -> tuple[NoiseFraming, Initiator]:
    framing, initiator = responder(key), Initiator(key)
    assert list(framing.receive(initiator.opening)) == []
    initiator.finish(take(framing))
    return framing, initiator


def refused(framing: NoiseFraming, data: bytes) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        list(framing.receive(data))
    return caught.value


# the handshake


@pytest.mark.parametrize("key", [KEY, ZERO_KEY, b"0" * 32], ids=["key", "zeros", "the character 0"])
def test_both_ends_with_one_key_understand_each_other(key: bytes) -> None:
    framing, initiator = established(key)

    assert framing.established
    assert list(framing.receive(initiator.frame(7, b"ping"))) == [(7, b"ping")]
    assert initiator.read(framing.frame(8, b"pong") + framing.frame(9, b"")) == [(8, b"pong"), (9, b"")]


def test_the_servers_hello_holds_the_choice_the_name_and_the_address() -> None:
    framing, initiator = responder(), Initiator()

    list(framing.receive(initiator.opening))

    assert initiator.finish(take(framing)) == HELLO


def test_the_hello_is_answered_before_the_handshake_comes() -> None:
    framing, initiator = responder(), Initiator()

    list(framing.receive(initiator.hello))
    assert bodies(take(framing)) == [HELLO]
    assert not framing.established
    list(framing.receive(initiator.handshake))

    assert len(bodies(take(framing))) == 1
    assert framing.established


@pytest.mark.parametrize("hello", [b"x", b"a client hello with contents", bytes(MAX_HANDSHAKE_BODY)])
def test_the_clients_hello_is_part_of_the_prologue(hello: bytes) -> None:
    framing, initiator = responder(), Initiator(hello=hello)

    list(framing.receive(initiator.opening))
    initiator.finish(take(framing))

    assert list(framing.receive(initiator.frame(7, b""))) == [(7, b"")]


def test_a_hello_that_was_altered_on_the_way_ends_the_handshake() -> None:
    initiator = Initiator(hello=b"what the client said")

    error = refused(responder(), noise_frame(b"what an attacker made of it") + initiator.handshake)

    assert isinstance(error, WrongKeyError)


def test_the_opening_may_be_split_anywhere() -> None:
    for place in range(len(Initiator(hello=b"hello").opening)):
        framing, initiator = responder(), Initiator(hello=b"hello")
        for piece in cut(initiator.opening, [place]):
            assert list(framing.receive(piece)) == []
        initiator.finish(take(framing))
        assert list(framing.receive(initiator.frame(1, b"x"))) == [(1, b"x")]


def test_a_message_of_another_connection_is_refused() -> None:
    _framing, initiator = established()

    error = refused(responder(), Initiator().opening + initiator.frame(7, b""))

    assert isinstance(error, TamperedFrameError)


# refusals of the handshake


def test_another_key_is_refused_with_the_very_text_that_makes_the_client_ask_for_the_key() -> None:
    error = refused(responder(), Initiator(OTHER_KEY).opening)

    assert type(error) is WrongKeyError
    assert error.reply == MAC_FAILURE


def test_a_server_with_a_key_refuses_the_key_of_zeros() -> None:
    assert isinstance(refused(responder(), Initiator(ZERO_KEY).opening), WrongKeyError)


def assert_is_no_matter_of_the_key(error: ProtocolError) -> None:
    assert type(error) is HandshakeError
    (body,) = bodies(error.reply)
    assert body[0] == 1
    assert len(body) > 1
    assert b"MAC failure" not in body


@pytest.mark.parametrize("public_key", LOW_ORDER, ids=lambda key: key[:4].hex())
def test_a_public_key_of_low_order_is_no_matter_of_the_key(public_key: bytes) -> None:
    framing = responder()

    assert_is_no_matter_of_the_key(refused(framing, Initiator(public_key=public_key).opening))
    assert not framing.established


@pytest.mark.parametrize("length", range(1, 49))
def test_a_handshake_that_is_cut_short_is_no_matter_of_the_key(length: int) -> None:
    (body,) = bodies(Initiator().handshake)

    assert_is_no_matter_of_the_key(refused(responder(), noise_frame(b"") + noise_frame(body[:length])))


@pytest.mark.parametrize("body", [b"", b"\x01Handshake MAC failure", b"\x02" + bytes(48)])
def test_a_handshake_that_begins_with_an_error_is_no_matter_of_the_key(body: bytes) -> None:
    assert_is_no_matter_of_the_key(refused(responder(), noise_frame(b"") + noise_frame(body)))


@pytest.mark.parametrize("before", [b"", noise_frame(b"")], ids=["hello", "handshake"])
@pytest.mark.parametrize("length", [MAX_HANDSHAKE_BODY + 1, 65_535])
def test_a_long_frame_in_the_handshake_is_refused_at_its_header(before: bytes, length: int) -> None:
    framing = responder()
    list(framing.receive(before))

    error = refused(framing, b"\x01" + length.to_bytes(2, "big"))

    assert isinstance(error, FrameError)
    assert str(length) in str(error)
    assert bodies(error.reply)[0][0] == 1


# messages


@given(messages)
@settings(max_examples=40)
def test_messages_in_one_chunk_or_byte_by_byte_are_the_same(originals: list[Frame]) -> None:
    for pieces in (lambda stream: [stream], byte_by_byte):
        framing, initiator = established()
        stream = b"".join(initiator.frame(*each) for each in originals)
        assert outcome(framing, pieces(stream)) == (originals, "")


def test_messages_split_at_every_single_place_arrive() -> None:
    framing, initiator = established()
    originals = [(1, b"first"), (162, b""), (93, bytes(40))]
    for place in range(85):  # one connection: the frame counters go on
        stream = b"".join(initiator.frame(*each) for each in originals)
        assert len(stream) == 114
        assert outcome(framing, cut(stream, [place, place + 29])) == (originals, "")


@given(messages)
@settings(max_examples=40)
def test_the_client_reads_what_the_server_frames_in_that_order(originals: list[Frame]) -> None:
    framing, initiator = established()

    assert initiator.read(b"".join(framing.frame(*each) for each in originals)) == originals


def test_the_largest_message_goes_both_ways() -> None:
    framing, initiator = established()
    payload = bytes(MAX_PAYLOAD)

    assert list(framing.receive(initiator.frame(1, payload))) == [(1, payload)]
    assert initiator.read(framing.frame(2, payload)) == [(2, payload)]


@pytest.mark.parametrize("inner", [b"", b"\0", b"\0\x07\0"])
def test_an_encrypted_message_without_a_whole_header_is_refused(inner: bytes) -> None:
    framing, initiator = established()

    assert isinstance(refused(framing, initiator.raw_frame(inner)), FrameError)


def test_an_encrypted_message_that_announces_more_than_it_holds_is_refused() -> None:
    framing, initiator = established()

    assert isinstance(refused(framing, initiator.raw_frame(b"\0\x07\0\x02x")), FrameError)


def test_bytes_after_an_encrypted_message_are_left_out() -> None:
    framing, initiator = established()

    assert list(framing.receive(initiator.raw_frame(b"\0\x07\0\x01xyz"))) == [(7, b"x")]


# attacks


@given(st.binary(max_size=20), st.data())
@settings(max_examples=60)
def test_a_frame_altered_in_any_bit_is_refused_at_once(payload: bytes, draw: st.DataObject) -> None:
    framing, initiator = established()
    frame = bytearray(initiator.frame(7, payload))
    place = draw.draw(st.integers(min_value=3, max_value=len(frame) - 1))
    frame[place] ^= 1 << draw.draw(st.integers(min_value=0, max_value=7))

    assert isinstance(refused(framing, bytes(frame)), TamperedFrameError)


def test_a_replayed_frame_is_refused_at_once() -> None:
    framing, initiator = established()
    frame = initiator.frame(7, b"")

    assert list(framing.receive(frame)) == [(7, b"")]
    assert isinstance(refused(framing, frame), TamperedFrameError)


def test_frames_out_of_order_are_refused_at_the_first() -> None:
    framing, initiator = established()
    first, second = initiator.frame(7, b"1"), initiator.frame(7, b"2")

    found, error = outcome(framing, [second + first])

    assert found == []
    assert error.startswith("TamperedFrameError")


def test_a_lost_frame_is_noticed_at_the_next() -> None:
    framing, initiator = established()
    initiator.frame(7, b"lost")

    assert isinstance(refused(framing, initiator.frame(7, b"next")), TamperedFrameError)


def test_a_frame_of_the_server_sent_back_to_it_is_refused() -> None:
    framing, _initiator = established()

    assert isinstance(refused(framing, framing.frame(7, b"")), TamperedFrameError)


@pytest.mark.parametrize("length", [0, 1, 15, 16])
def test_a_frame_that_is_too_short_for_its_tag_is_refused(length: int) -> None:
    framing, _initiator = established()

    assert isinstance(refused(framing, noise_frame(bytes(length))), TamperedFrameError)


# any bytes


@given(st.binary(max_size=120), st.lists(st.integers(min_value=0, max_value=120), max_size=5))
def test_any_bytes_have_one_outcome_however_they_are_split(data: bytes, ends: list[int]) -> None:
    whole = outcome(responder(), [data])

    assert whole[0] == []
    assert whole == outcome(responder(), byte_by_byte(data))
    assert whole == outcome(responder(), cut(data, ends))


@given(st.lists(st.binary(max_size=MAX_HANDSHAKE_BODY), max_size=3))
def test_any_bodies_instead_of_a_handshake_are_refused_or_wait(any_bodies: list[bytes]) -> None:
    framing = responder()

    outcome(framing, [noise_frame(body) for body in any_bodies])

    assert not framing.established


@given(st.binary(max_size=200))
@settings(max_examples=60)
def test_any_bytes_after_valid_messages_are_refused_or_wait(garbage: bytes) -> None:
    framing, initiator = established()

    found, error = outcome(framing, [initiator.frame(7, b"x") + garbage])

    assert found == [(7, b"x")]
    assert error.startswith(("TamperedFrameError", "FrameError")) or len(garbage) < 3 + int.from_bytes(
        garbage[1:3], "big"
    )


def test_what_was_delivered_is_not_kept() -> None:
    framing, initiator = established()
    chunks = [b"".join(initiator.frame(9, bytes(1_000)) for _ in range(50)) for _ in range(20)]  # 1 MB

    tracemalloc.start()
    try:
        count = sum(1 for chunk in chunks for _ in framing.receive(chunk))
        kept, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == 1_000
    assert kept < 128 * 1024
