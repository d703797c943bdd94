"""What dbus-fast has no public way for: closing a connection at once, and reading it in ticks.

All of it is looked for at run time, and where a release of dbus-fast has it no more the public ways do:
a little slower, and nothing is missing.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dbus_fast import Message
from dbus_fast.aio import MessageBus

from renogybt.bluetooth.errors import BusError

_LOGGER = logging.getLogger(__name__)


_SOCKET, _FINALIZE, _PROCESS, _WRITER = "_sock", "_finalize", "_process_message", "_writer"
"""Attributes of dbus-fast's MessageBus: its socket, its immediate end, what it does with a message, and
what sends."""


class QuietMessageBus(MessageBus):
    """dbus-fast's connection, that dies in silence.

    When sending finds the bus dead, those who wait for a reply are told. dbus-fast's own `send` then
    raises as well, so that nobody can look at what they were told, and asyncio complains.
    """

    def send(self, msg: Message) -> asyncio.Future[None]:  # type: ignore[override]
        """The end of the sending, which nobody has to wait for."""
        writer: Any = getattr(self, _WRITER, None)
        if writer is None:
            future: asyncio.Future[None] = super().send(msg)
            return future
        if not msg.serial:
            msg.serial = self.next_serial()
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sent.add_done_callback(_look_at)
        with contextlib.suppress(OSError):
            writer.schedule_write(msg, sent)
        return sent


def _look_at(sent: asyncio.Future[None]) -> None:
    if not sent.cancelled():
        sent.exception()


def disconnect(bus: MessageBus) -> None:
    """End the connection, at once where that is possible.

    The public way leaves the descriptor open until somebody reads the end of the stream.
    """
    finalize: Callable[[Exception | None], None] | None = getattr(bus, _FINALIZE, None)
    if finalize is None:
        bus.disconnect()
    else:
        finalize(None)


@dataclass(frozen=True, slots=True)
class Reading:
    """A connection whose messages wait until `read` is called: one recv, and all messages in it.

    `process` is what dbus-fast does with a message: replies find those who wait for them.
    """

    descriptor: int
    read: Callable[[], None]
    process: Callable[[Message], None]


def take_over_reading(bus: MessageBus, on_message: Callable[[Message], None]) -> Reading | None:
    """Hand every message to `on_message`, and only when asked to; raises BusError when it is closed.

    None: this dbus-fast does not let us, and goes on reading by itself. Right after the connection is
    made there is nothing half-read that could get lost.
    """
    try:
        from dbus_fast.aio.message_reader import build_message_reader

        sock, finalize, process = (getattr(bus, name) for name in (_SOCKET, _FINALIZE, _PROCESS))
        if sock is None:
            raise BusError("the connection to the D-Bus system bus is gone")
        read = build_message_reader(sock, on_message, finalize, False)
    except (AttributeError, ImportError, TypeError) as error:
        _LOGGER.debug("reading as dbus-fast does: %s", error)
        return None
    asyncio.get_running_loop().remove_reader(sock.fileno())
    return Reading(sock.fileno(), read, process)
