"""A client on a transport that counts writes."""

import asyncio
from collections.abc import Callable
from typing import Any

from protocols.esphome.initiator import Initiator

from renogybt.protocols.esphome.messages import Message, api, type_of
from renogybt.protocols.esphome.plaintext import plaintext_frame

_GREETING: tuple[Message, ...] = (
    api.HelloRequest(client_info="a test", api_version_major=1, api_version_minor=10),
    api.SubscribeBluetoothLEAdvertisementsRequest(flags=1),
)


class CountingTransport(asyncio.Transport):
    """Takes everything at once, and keeps only the number of writes and of octets, and the last piece."""

    def __init__(self, protocol: asyncio.BufferedProtocol, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.writes = self.octets = 0
        self.last = b""
        self.on_write: Callable[[], None] = lambda: None
        self._protocol = protocol
        self._loop = loop
        self._closing = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There is no buffer."""

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._closing

    def write(self, data: Any) -> None:
        self.writes += 1
        self.octets += len(data)
        self.last = bytes(data)
        self.on_write()

    def writelines(self, pieces: Any) -> None:
        self.write(b"".join(pieces))

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)

    abort = close


class Client:
    """Introduces itself and subscribes to advertisements, with a key by Noise; then it only listens."""

    def __init__(
        self, session: asyncio.BufferedProtocol, loop: asyncio.AbstractEventLoop, key: bytes | None
    ) -> None:
        self._session = session
        self.transport = CountingTransport(session, loop)
        session.connection_made(self.transport)
        frame = plaintext_frame if key is None else self._shake_hands(key).frame
        for message in _GREETING:
            self._say(frame(type_of(message), message.SerializeToString()))
        self.forget()

    def _shake_hands(self, key: bytes) -> Initiator:
        initiator = Initiator(key)
        self._say(initiator.hello)
        answer = self.transport.last
        self._say(initiator.handshake)
        initiator.finish(answer + self.transport.last)
        return initiator

    def _say(self, data: bytes) -> None:
        buffer = self._session.get_buffer(len(data))
        memoryview(buffer)[: len(data)] = data
        self._session.buffer_updated(len(data))

    def forget(self) -> None:
        """Count from now on."""
        self.transport.writes = self.transport.octets = 0
        self.transport.last = b""
