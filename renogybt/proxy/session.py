"""One client of the API, from its first byte to its last."""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable
from functools import partial
from typing import cast

from renogybt.model.radio import Unsubscribe
from renogybt.protocols.esphome.connection import Connection, Phase
from renogybt.protocols.esphome.errors import ProtocolError, WrongKeyError
from renogybt.protocols.esphome.messages import Message, api, type_of
from renogybt.proxy.log_stream import NONE, api_level, log_message
from renogybt.proxy.outbox import Outbox
from renogybt.proxy.requests import REQUESTS
from renogybt.proxy.services import Services
from renogybt.service.logs import printable

_LOGGER = logging.getLogger(__name__)

HANDSHAKE_DEADLINE_S = 10.0
PING_AFTER_S = 20.0
"""Silence after which a client is asked whether it is still there."""
DEAD_AFTER_S = 60.0
GOODBYE_S = 1.0
"""How long a client may take to answer a DisconnectRequest; Home Assistant needs milliseconds."""
_USER_TIMEOUT_MS = 45_000
"""A peer that no longer acknowledges is given up by the kernel (TCP_USER_TIMEOUT, tcp(7)); later than
by ourselves, because we can say what was lost."""
_UNSENT_LIMIT = 4 * 1024
"""Bytes that the kernel may hold unsent. What it holds grows old, so it is no more than two seconds
of an ordinary neighbourhood."""

_TURN_BYTES = 4 * 1024
"""What a client may have answered before the others get their turn: a flood of the smallest requests
in 256 KiB, which is what a transport reads otherwise, takes half a second."""


class Session(asyncio.BufferedProtocol):
    """Receives, answers, and delivers what the client subscribed to.

    Nothing here waits: each message is answered before the next one is looked at.
    """

    def __init__(self, services: Services, loop: asyncio.AbstractEventLoop) -> None:
        self.services = services
        self._loop = loop
        self._encryption = services.keys.encryption
        self._connection = Connection(self._encryption, services.identity.name, services.identity.mac_digits)
        self._subscriptions: dict[str, Unsubscribe] = {}
        self._log_level = NONE
        self._received = bytearray(_TURN_BYTES)
        self._timer: asyncio.TimerHandle | None = None
        self._last_heard = loop.time()
        self._closed = False
        self.peer = "?"
        self.client = ""
        """What the client calls itself, fit for a log."""
        self.listed: int | None = None
        """The layout of the entities that the client has got, None before it asked."""

    # the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection; whether there is a place for the client is decided when it says hello."""
        self._transport = cast("asyncio.Transport", transport)
        self._outbox = Outbox(self._transport, self._connection.frame, self._give_up, self._loop)
        peer = transport.get_extra_info("peername")
        self.peer = peer[0] if peer else "?"
        _tune(transport.get_extra_info("socket"))
        self._timer = self._loop.call_later(HANDSHAKE_DEADLINE_S, self._handshake_overdue)
        self.services.clients.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Let go of everything that was held for this client."""
        self._closed = True
        self._connection.close()
        self._outbox.close()
        if self._timer is not None:
            self._timer.cancel()
        for unsubscribe in self._subscriptions.values():
            unsubscribe()
        self._subscriptions.clear()
        self.services.feed.unsubscribe(self)
        self._leave_links()
        self.services.clients.closed(self, error)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Where the transport puts what has come, so much and no more in one turn of the loop."""
        return self._received

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes have come."""
        self._take(bytes(memoryview(self._received)[:nbytes]))

    def _take(self, data: bytes) -> None:
        """Answer every message that is complete."""
        self._last_heard = self._loop.time()
        try:
            for message in self._connection.receive(data):
                self._say(self._connection.take_outgoing())
                if (answer := REQUESTS.get(type(message))) is not None:
                    answer(self, message)
        except ProtocolError as error:
            self._refuse(error)
        else:
            self._say(self._connection.take_outgoing())

    def _refuse(self, error: ProtocolError) -> None:
        last_words = self._connection.take_outgoing() + error.reply
        self.services.clients.complain(self, error)
        self._leave_links()
        wait_s = self.services.clients.wrong_key(self) if isinstance(error, WrongKeyError) else 0.0
        if wait_s:
            self._transport.pause_reading()
            self._set_timer(wait_s, partial(self._part, last_words))
        else:
            self._part(last_words)

    def _part(self, last_words: bytes) -> None:
        self._say(last_words)
        self._transport.close()

    def _say(self, data: bytes) -> None:
        if data:
            self._outbox.write(data)

    def eof_received(self) -> bool:
        """The peer will send nothing more: close."""
        self._leave_links()
        return False

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._outbox.pause()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._outbox.resume()

    # the server's side

    @property
    def greeted(self) -> bool:
        """Whether the client has said who it is, and therefore knows the key."""
        return bool(self.client)

    @property
    def encrypted(self) -> bool:
        """Whether the client speaks Noise."""
        return self._connection.encrypted

    @property
    def outdated(self) -> bool:
        """Whether the key has changed since this connection was made."""
        return self._encryption != self.services.keys.encryption

    @property
    def may_command(self) -> bool:
        """Whether the client may switch things."""
        return self.services.keys.trusts(self._encryption)

    @property
    def dropped(self) -> int:
        """Advertisements that this client lost because it was slow."""
        return self._outbox.dropped

    def send(self, message: Message) -> None:
        """Send one message; nothing happens once the connection is closed."""
        self.send_all((message,))

    def send_all(self, messages: Iterable[Message]) -> None:
        """Send several messages with one write."""
        if self._connection.phase is not Phase.OPEN:
            return
        frame = self._connection.frame
        self._outbox.write(b"".join(frame(type_of(each), each.SerializeToString()) for each in messages))

    def advertise(self, payload: bytes, count: int, framed: bytes | None) -> None:
        """Deliver a batch of advertisements."""
        if self._connection.phase is Phase.OPEN:
            self._outbox.advertise(payload, count, framed)

    def goodbye(self) -> None:
        """End the connection so that the client expects it, and does not wait for ever."""
        if not self.greeted or self._connection.phase is not Phase.OPEN:
            self._transport.abort()
            return
        self.send(api.DisconnectRequest())
        self._set_timer(GOODBYE_S, self._transport.abort)

    def drop(self) -> None:
        """End the connection at once."""
        self._connection.close()
        self._transport.abort()

    def _give_up(self, reason: str) -> None:
        self.drop()  # first, so that the line below is not due to a client that does not read
        _LOGGER.warning("%s is closed: %s (%d advertisements were lost)", self.label, reason, self.dropped)

    @property
    def label(self) -> str:
        """How the log calls this client."""
        return f"client {self.client or 'unknown'} at {self.peer}"

    # time

    def _set_timer(self, delay_s: float, action: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if self._closed else self._loop.call_later(delay_s, action)

    def _handshake_overdue(self) -> None:
        _LOGGER.debug("%s did not introduce itself within %.0f s", self.label, HANDSHAKE_DEADLINE_S)
        self.drop()

    def _look_alive(self) -> None:
        idle = self._loop.time() - self._last_heard
        if idle >= DEAD_AFTER_S:
            self._give_up(f"no sign of life for {idle:.0f} s")
        elif idle >= PING_AFTER_S:
            self.send(api.PingRequest())
            self._set_timer(min(PING_AFTER_S, DEAD_AFTER_S - idle), self._look_alive)
        else:
            self._set_timer(PING_AFTER_S - idle, self._look_alive)

    # what requests do to a session

    def introduce(self, name: str) -> bool:
        """The client says who it is; from now on it has to stay alive. False: there is no place for it."""
        self.client = printable(name) or "without a name"
        if not self.services.clients.admits(self):
            self.drop()
            return False
        self._set_timer(PING_AFTER_S, self._look_alive)
        self.services.clients.greeted(self)
        return True

    def follow_states(self) -> None:
        """Send every change of an entity from now on."""
        self._subscribe("states", lambda: self.services.entities.subscribe(self.send_all))

    def follow_logs(self, level: int) -> None:
        """Send log records up to this LogLevel of the API from now on; 0 ends it."""
        self._log_level = level
        self._subscribe("logs", lambda: self.services.logs.add(self._on_log_record))

    def _subscribe(self, what: str, subscribe: Callable[[], Unsubscribe]) -> None:
        if what not in self._subscriptions:
            self._subscriptions[what] = subscribe()

    def _on_log_record(self, record: logging.LogRecord) -> None:
        if api_level(record) <= self._log_level:
            self.send(log_message(record))

    def stop_advertisements(self) -> None:
        """Deliver no more advertisements, not even those that wait."""
        self._outbox.forget_advertisements()
        self.services.feed.unsubscribe(self)

    def leave(self) -> None:
        """The client is done: close as soon as everything is sent."""
        self._leave_links()
        self._connection.close()
        self._transport.close()

    def _leave_links(self) -> None:
        """At once, and not when everything is sent: a client that does not read would keep them."""
        if self.services.relay is not None:
            self.services.relay.left(self)


def _tune(sock: socket.socket | None) -> None:
    """Small writes leave at once, dead peers are noticed, and little is queued in the kernel."""
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_LIMIT)
