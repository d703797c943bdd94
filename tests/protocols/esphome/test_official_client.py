"""Against the frame helpers of aioesphomeapi, fed in memory."""

import asyncio
import base64
from collections.abc import Iterable

import pytest
from aioesphomeapi import HandshakeAPIError, InvalidEncryptionKeyAPIError, RequiresEncryptionAPIError
from aioesphomeapi._frame_helper.noise import APINoiseFrameHelper
from aioesphomeapi._frame_helper.plain_text import APIPlaintextFrameHelper
from aioesphomeapi.connection import APIConnection, ConnectionParams
from aioesphomeapi.core import EncryptionPlaintextAPIError
from aioesphomeapi.zeroconf import ZeroconfManager
from protocols.esphome.initiator import KEY, LOW_ORDER, MAC, NAME, OTHER_KEY, Initiator
from protocols.esphome.streams import byte_by_byte, cut

from renogybt.protocols.esphome.connection import Connection, Encryption
from renogybt.protocols.esphome.errors import ProtocolError
from renogybt.protocols.esphome.messages import Message, api, type_of
from renogybt.protocols.esphome.noise import ZERO_KEY

HELLO = api.HelloRequest(client_info="aioesphomeapi", api_version_major=1, api_version_minor=19)


class Wire(asyncio.Transport):
    """Keeps what the client writes."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def writelines(self, chunks: Iterable[bytes]) -> None:
        self.written += b"".join(chunks)

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        written, self.written = self.written, b""
        return written


class Record(APIConnection):  # type: ignore[misc]
    """The client's connection above its frame helper: keeps what comes in."""

    def __init__(self) -> None:
        nobody = ConnectionParams([], 0, None, "test", 20.0, ZeroconfManager(), None, None, None)
        super().__init__(nobody, None, False, None)
        self.messages: list[tuple[int, bytes]] = []
        self.errors: list[Exception] = []

    def process_packet(self, number: int, payload: bytes) -> None:
        self.messages.append((number, payload))

    def report_fatal_error(self, error: Exception) -> None:
        self.errors.append(error)


class Client:
    """A frame helper with its wire."""

    def __init__(self, key: bytes | None) -> None:
        self.record = Record()
        self.wire = Wire()
        self.helper = (
            APIPlaintextFrameHelper(self.record, "test", "test")
            if key is None
            else APINoiseFrameHelper(self.record, base64.b64encode(key).decode(), NAME, MAC, "test", "test")
        )
        self.helper.connection_made(self.wire)

    def say(self, *messages: Message) -> bytes:
        self.helper.write_packets([(type_of(each), each.SerializeToString()) for each in messages], False)
        return self.wire.take()

    def refused_with(self) -> Exception:
        if self.helper.ready_future.done():
            self.helper.ready_future.exception()
        return self.record.errors[0]


def talk(server: Connection, client: Client) -> None:
    """A session from its first message on, both ways, split anywhere."""
    answers = [(2, b"hello"), (8, b""), (93, bytes(300))]
    assert list(server.receive(client.say(HELLO))) == [HELLO]
    stream = client.say(api.PingRequest(), api.DeviceInfoRequest(), api.SubscribeLogsRequest(level=5))
    found = [message for piece in byte_by_byte(stream) for message in server.receive(piece)]
    assert found == [api.PingRequest(), api.DeviceInfoRequest(), api.SubscribeLogsRequest(level=5)]

    for piece in cut(b"".join(server.frame(*each) for each in answers), range(0, 400, 11)):
        client.helper.data_received(piece)

    assert client.record.messages == answers
    assert client.record.errors == []
    client.helper.close()


@pytest.mark.parametrize("key", [KEY, ZERO_KEY], ids=["key", "zeros"])
async def test_the_official_client_talks_encrypted(key: bytes) -> None:
    server, client = Connection(Encryption(key, plaintext=False), NAME, MAC), Client(key)

    assert list(server.receive(client.wire.take())) == []
    for piece in byte_by_byte(server.take_outgoing()):
        client.helper.data_received(piece)
    await client.helper.ready_future

    talk(server, client)


async def test_the_official_client_talks_in_clear() -> None:
    server, client = Connection(Encryption(ZERO_KEY, plaintext=True), NAME, MAC), Client(None)

    talk(server, client)


def refuse(server: Connection, client: Client, data: bytes) -> Exception:
    """What the client makes of being refused."""
    with pytest.raises(ProtocolError) as caught:
        list(server.receive(data))
    client.helper.data_received(server.take_outgoing() + caught.value.reply)
    assert client.wire.closed
    return client.refused_with()


async def test_the_official_client_understands_that_its_key_is_wrong() -> None:
    server, client = Connection(Encryption(KEY, plaintext=False), NAME, MAC), Client(OTHER_KEY)

    assert isinstance(refuse(server, client, client.wire.take()), InvalidEncryptionKeyAPIError)


async def test_the_official_client_takes_another_failure_for_another_failure() -> None:
    server, client = Connection(Encryption(KEY, plaintext=False), NAME, MAC), Client(KEY)

    error = refuse(server, client, Initiator(public_key=LOW_ORDER[0]).opening)

    assert isinstance(error, HandshakeAPIError)
    assert not isinstance(error, InvalidEncryptionKeyAPIError)


async def test_the_official_client_understands_that_it_needs_a_key() -> None:
    server, client = Connection(Encryption(KEY, plaintext=False), NAME, MAC), Client(None)

    assert isinstance(refuse(server, client, client.say(HELLO)), RequiresEncryptionAPIError)


async def test_the_official_client_understands_that_there_is_no_encryption() -> None:
    server, client = Connection(Encryption(None, plaintext=True), NAME, MAC), Client(KEY)

    assert isinstance(refuse(server, client, client.wire.take()), EncryptionPlaintextAPIError)
