import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocols.esphome.initiator import KEY, MAC, NAME, OTHER_KEY, Initiator, bodies
from protocols.esphome.streams import cut

from renogybt.protocols.esphome.connection import Connection, Encryption, Phase
from renogybt.protocols.esphome.errors import (
    EncryptionRefusedError,
    FrameError,
    MalformedMessageError,
    OutOfOrderError,
    PlaintextRefusedError,
    ProtocolError,
    TamperedFrameError,
    WrongKeyError,
)
from renogybt.protocols.esphome.messages import TYPES, Message, api, type_of
from renogybt.protocols.esphome.noise import ZERO_KEY
from renogybt.protocols.esphome.plaintext import plaintext_frame

KEYED = Encryption(key=KEY, plaintext=False)
KEYLESS = Encryption(key=ZERO_KEY, plaintext=True)
OFF = Encryption(key=None, plaintext=True)

HELLO = api.HelloRequest(client_info="a client", api_version_major=1, api_version_minor=10)
PING = api.PingRequest()


def connection(encryption: Encryption = KEYLESS) -> Connection:
    return Connection(encryption, NAME, MAC)


def clear(*messages: Message) -> bytes:
    return b"".join(plaintext_frame(type_of(each), each.SerializeToString()) for each in messages)


def greeted() -> Connection:
    server = connection()
    assert list(server.receive(clear(HELLO))) == [HELLO]
    return server


def encrypted(key: bytes = KEY) -> tuple[Connection, Initiator]:
    server, client = connection(Encryption(key=key, plaintext=False)), Initiator(key)
    assert list(server.receive(client.opening)) == []
    client.finish(server.take_outgoing())
    return server, client


def secret(client: Initiator, *messages: Message) -> bytes:
    return b"".join(client.frame(type_of(each), each.SerializeToString()) for each in messages)


def refused(server: Connection, data: bytes) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        list(server.receive(data))
    assert server.phase is Phase.CLOSED
    return caught.value


# the first byte


def test_nothing_received_is_no_choice() -> None:
    server = connection()

    assert list(server.receive(b"")) == []
    assert server.phase is Phase.OPENING
    assert server.take_outgoing() == b""


def test_zero_as_the_first_byte_is_plaintext() -> None:
    server = connection()

    assert list(server.receive(b"\0")) == []
    assert server.phase is Phase.GREETING
    assert not server.encrypted


def test_one_as_the_first_byte_is_noise() -> None:
    server = connection()

    assert list(server.receive(b"\x01")) == []
    assert server.phase is Phase.HANDSHAKE
    assert server.encrypted


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"\x02", b"\xff"])
def test_another_first_byte_is_refused_without_a_word(first: bytes) -> None:
    server = connection()

    error = refused(server, first)

    assert isinstance(error, FrameError)
    assert error.reply == b""
    assert server.take_outgoing() == b""


def test_plaintext_to_a_keyed_server_is_answered_so_that_the_client_asks_for_the_key() -> None:
    server = connection(KEYED)

    error = refused(server, clear(HELLO))

    assert isinstance(error, PlaintextRefusedError)
    answer = server.take_outgoing() + error.reply
    assert answer[0] == 0x01
    assert len(bodies(answer)) == 1
    for telling in (NAME, MAC, MAC.upper(), "proxy", "renogy", "0.1", "Handshake MAC failure"):
        assert telling.encode() not in answer


def test_noise_to_a_server_without_encryption_is_answered_in_clear_so_that_the_client_notices() -> None:
    server = connection(OFF)

    error = refused(server, Initiator().opening)

    assert isinstance(error, EncryptionRefusedError)
    assert error.reply[0] == 0x00
    assert server.take_outgoing() == b""


def test_a_server_without_a_key_takes_plaintext_and_noise_with_the_key_of_zeros() -> None:
    assert greeted().phase is Phase.OPEN

    server, client = connection(KEYLESS), Initiator(ZERO_KEY)
    list(server.receive(client.opening))
    client.finish(server.take_outgoing())
    assert list(server.receive(secret(client, HELLO))) == [HELLO]


def test_a_wrong_key_is_answered_after_the_servers_hello() -> None:
    server = connection(KEYED)

    error = refused(server, Initiator(OTHER_KEY).opening)

    assert isinstance(error, WrongKeyError)
    hello, refusal = bodies(server.take_outgoing() + error.reply)
    assert hello.startswith(b"\x01" + NAME.encode())
    assert refusal == b"\x01Handshake MAC failure"


def test_the_key_is_not_in_the_repr_of_what_a_server_accepts() -> None:
    assert repr(KEY) not in repr(KEYED)
    assert "plaintext=False" in repr(KEYED)


# the order of messages


def test_hello_opens_the_session() -> None:
    server = connection()

    assert list(server.receive(clear(HELLO, PING))) == [HELLO, PING]
    assert server.phase is Phase.OPEN


def test_an_encrypted_session_begins_with_hello_too() -> None:
    server, client = encrypted()
    assert server.phase is Phase.GREETING

    assert list(server.receive(secret(client, HELLO, PING))) == [HELLO, PING]
    assert server.phase is Phase.OPEN


@pytest.mark.parametrize("early", [PING, api.DeviceInfoRequest(), api.DisconnectRequest()])
def test_another_message_before_hello_is_refused(early: Message) -> None:
    assert isinstance(refused(connection(), clear(early)), OutOfOrderError)


@pytest.mark.parametrize("number", [0, 2, 9_999])
def test_before_hello_even_an_unknown_type_is_refused(number: int) -> None:
    assert isinstance(refused(connection(), plaintext_frame(number, b"")), OutOfOrderError)


def test_another_message_before_hello_is_refused_behind_encryption_too() -> None:
    server, client = encrypted()

    assert isinstance(refused(server, secret(client, PING)), OutOfOrderError)


def test_a_second_hello_is_refused() -> None:
    assert isinstance(refused(greeted(), clear(HELLO)), OutOfOrderError)


@pytest.mark.parametrize("number", [0, 163, 9_999, 2**28 - 1])
def test_an_unknown_type_is_ignored_whatever_it_holds(number: int) -> None:
    assert list(greeted().receive(plaintext_frame(number, b"\xff\xff") + clear(PING))) == [PING]


@pytest.mark.parametrize(
    "row", [row for row in TYPES.values() if not row.from_client], ids=lambda row: row.name
)
def test_a_message_that_only_servers_send_is_ignored_whatever_it_holds(row) -> None:  # type: ignore[no-untyped-def]
    assert list(greeted().receive(plaintext_frame(row.number, b"\xff\xff") + clear(PING))) == [PING]


@pytest.mark.parametrize("payload", ["ff", "0a05", "0a02c328", "08ffffffffffffffffffffff01", "0b"])
def test_a_payload_that_is_no_message_is_refused(payload: str) -> None:
    error = refused(connection(), plaintext_frame(1, bytes.fromhex(payload)))

    assert isinstance(error, MalformedMessageError)
    assert "HelloRequest" in str(error)
    assert error.reply == b""


def test_a_switch_of_the_framing_within_a_connection_is_refused() -> None:
    assert isinstance(refused(greeted(), Initiator().opening), FrameError)

    server, client = encrypted()
    list(server.receive(secret(client, HELLO)))
    assert isinstance(refused(server, clear(PING)), FrameError)


def test_the_first_wrong_thing_counts_however_the_stream_is_split() -> None:
    early = clear(PING) + b"\xff"

    assert isinstance(refused(connection(), early), OutOfOrderError)

    server, client = encrypted()
    assert isinstance(refused(server, secret(client, PING) + b"\x01\0\0"), OutOfOrderError)


# the end


def test_after_an_error_nothing_comes_any_more() -> None:
    server = greeted()
    refused(server, b"\xff")

    assert list(server.receive(clear(PING))) == []
    assert server.phase is Phase.CLOSED


def test_after_close_nothing_comes_any_more() -> None:
    server = greeted()
    server.close()

    assert list(server.receive(clear(PING))) == []
    assert list(server.receive(b"\xff")) == []


def test_an_altered_frame_ends_the_session() -> None:
    server, client = encrypted()
    list(server.receive(secret(client, HELLO)))
    frame = bytearray(secret(client, PING))
    frame[-1] ^= 1

    error = refused(server, bytes(frame))

    assert isinstance(error, TamperedFrameError)
    assert error.reply == b""


# sending


def test_answers_are_framed_as_the_client_speaks() -> None:
    assert greeted().frame(8, b"x") == plaintext_frame(8, b"x")

    server, client = encrypted()
    assert client.read(server.frame(8, b"x")) == [(8, b"x")]


def test_the_handshake_is_taken_out_once() -> None:
    server = connection()
    list(server.receive(Initiator(ZERO_KEY).opening))

    assert len(bodies(server.take_outgoing())) == 2
    assert server.take_outgoing() == b""


def test_nothing_can_be_sent_before_the_framing_stands() -> None:
    server = connection()
    with pytest.raises(OutOfOrderError):
        server.frame(8, b"")

    list(server.receive(Initiator(ZERO_KEY).hello))
    with pytest.raises(OutOfOrderError):
        server.frame(8, b"")


def test_nothing_can_be_sent_after_the_end() -> None:
    server = greeted()
    server.close()

    with pytest.raises(OutOfOrderError):
        server.frame(8, b"")


# any bytes

places = st.lists(st.integers(min_value=0, max_value=100), max_size=6)
encryptions = st.sampled_from((KEYED, KEYLESS, OFF))


def error_of(server: Connection, pieces: list[bytes]) -> str:
    try:
        for piece in pieces:
            list(server.receive(piece))
    except ProtocolError as error:
        return f"{type(error).__name__}: {error}"
    return ""


@given(encryptions, st.binary(max_size=100), places)
def test_any_bytes_end_in_one_way_however_they_are_split(
    encryption: Encryption, data: bytes, ends: list[int]
) -> None:
    assert error_of(connection(encryption), [data]) == error_of(connection(encryption), cut(data, ends))


valid = st.sampled_from(
    [PING, api.DeviceInfoRequest(), api.ListEntitiesRequest(), api.SubscribeStatesRequest()]
)


@given(st.lists(valid, max_size=3), st.binary(max_size=60), places)
def test_any_bytes_after_valid_messages_end_in_one_way(
    messages: list[Message], garbage: bytes, ends: list[int]
) -> None:
    stream = clear(HELLO, *messages) + garbage

    assert error_of(connection(), [stream]) == error_of(connection(), cut(stream, ends))


@given(st.sampled_from(sorted(TYPES)), st.binary(max_size=40))
@settings(max_examples=300)
def test_any_payload_of_any_type_is_a_message_is_ignored_or_malformed(number: int, payload: bytes) -> None:
    server = connection() if number == type_of(HELLO) else greeted()
    try:
        messages = list(server.receive(plaintext_frame(number, payload)))
    except MalformedMessageError:
        assert server.phase is Phase.CLOSED
    else:
        assert len(messages) == TYPES[number].from_client
