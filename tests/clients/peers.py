"""Peers that are no client of anybody's making: bare sockets, to do what no client should."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator

from aioesphomeapi import api_pb2
from clients.serving import DEADLINE_S, HOST
from google.protobuf.message import Message

from renogybt.protocols.esphome.messages import type_of
from renogybt.protocols.esphome.plaintext import PlaintextFraming, plaintext_frame

STRANGER = "127.0.0.66"
"""Another address of this machine, so that a test can tell attackers and clients apart."""


def frame(message: Message) -> bytes:
    """A message in clear."""
    return plaintext_frame(type_of(message), message.SerializeToString())


HELLO = frame(api_pb2.HelloRequest(client_info="a bare socket", api_version_major=1, api_version_minor=19))
SUBSCRIBE = frame(api_pb2.SubscribeBluetoothLEAdvertisementsRequest(flags=1))
SUBSCRIBE_STATES = frame(api_pb2.SubscribeStatesRequest())
SUBSCRIBE_LOGS = frame(api_pb2.SubscribeLogsRequest(level=api_pb2.LOG_LEVEL_INFO))
LIST_ENTITIES = frame(api_pb2.ListEntitiesRequest())
PING = frame(api_pb2.PingRequest())


class Peer:
    """A TCP connection that reads only when it is told to."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._framing = PlaintextFraming()

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(DEADLINE_S):
            await self._loop.sock_sendall(self._socket, data)

    async def _read(self) -> bytes:
        async with asyncio.timeout(DEADLINE_S):
            return await self._loop.sock_recv(self._socket, 65_536)

    async def rest(self) -> bytes:
        """All bytes until the server closes."""
        data = b""
        with contextlib.suppress(ConnectionResetError):
            while more := await self._read():
                data += more
        return data

    async def messages(self, *, until: type[Message]) -> list[tuple[int, bytes]]:
        """Type numbers and payloads, up to one of this type; raises EOFError."""
        found: list[tuple[int, bytes]] = []
        while not any(number == type_of(until) for number, _ in found):
            data = await self._read()
            if not data:
                raise EOFError
            found += self._framing.receive(data)
        return found

    def end_sending(self) -> None:
        """Say that nothing more will come; what the server sends still can."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close as a crashed peer does, with a RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        self._socket.close()


@contextlib.asynccontextmanager
async def peer(port: int, *, source: str = HOST, receive_buffer: int | None = None) -> AsyncIterator[Peer]:
    """A connection from `source`; a small receive buffer makes a peer that soon stops the sender."""
    sock = await _socket(port, source, receive_buffer)
    try:
        yield Peer(sock)
    finally:
        sock.close()


async def _socket(port: int, source: str, receive_buffer: int | None) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.bind((source, 0))
    try:
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.get_running_loop().sock_connect(sock, (HOST, port))
    except BaseException:
        sock.close()
        raise
    return sock


class Wire:
    """Carries connections to a server, and holds back what it answers while `flowing` is not set."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.port = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until both sides are closed."""
        sock = await _socket(self._server_port, HOST, 4_096)
        server_reader, server_writer = await asyncio.open_connection(sock=sock, limit=4_096)
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(
                self._pump(reader, server_writer), self._pump(server_reader, writer, self.flowing)
            )

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event | None = None
    ) -> None:
        try:
            while data := await reader.read(4_096):
                if gate is not None:
                    await gate.wait()
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def wire(server_port: int) -> AsyncIterator[Wire]:
    """A wire to the server; it ends when its connections have."""
    carrier = Wire(server_port)
    async with await asyncio.start_server(carrier.carry, HOST, 0, limit=4_096) as listener:
        carrier.port = listener.sockets[0].getsockname()[1]
        yield carrier
