"""A connection to a bus that writes ready-made messages, which no library does fast enough."""

import io
import os
import socket
from typing import Any, Literal

from dbus_fast import Message
from dbus_fast._private.unmarshaller import Unmarshaller

_DAEMON, _DAEMON_PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"
_FIXED_HEADER = 16
_READ = 65_536


def marshal(message: Message, serial: int) -> bytearray:
    """The message as it goes over the wire."""
    message.serial = serial
    return bytearray(message._marshall(False))  # noqa: SLF001 - the public way is to send it


def unmarshal(octets: bytes | bytearray) -> Message:
    """One complete message, read by dbus-fast."""
    message = Unmarshaller(io.BytesIO(octets)).unmarshall()  # type: ignore[arg-type]
    if message is None:
        raise ValueError("an incomplete message")
    return message


class Wire:
    """A blocking connection; `messages` cuts what comes in."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(address.removeprefix("unix:path="))
        self._serial = 0
        self._buffer = bytearray()
        self._authenticate()
        self.call("Hello")

    def _authenticate(self) -> None:
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
        if not self.socket.recv(_READ).startswith(b"OK"):
            raise ConnectionError("the bus refuses this user")
        self.socket.sendall(b"BEGIN\r\n")

    def call(self, member: str, signature: str = "", body: tuple[Any, ...] = ()) -> None:
        """Call the bus itself; the answer comes with the other messages."""
        self.send(Message(_DAEMON, _DAEMON_PATH, _DAEMON, member, signature=signature, body=list(body)))

    def send(self, message: Message) -> None:
        """Send one message."""
        self._serial += 1
        self.socket.sendall(marshal(message, self._serial))

    def messages(self) -> list[Message]:
        """Wait for something, and take all messages that are complete."""
        chunk = self.socket.recv(_READ)
        if not chunk:
            raise ConnectionError("the bus is gone")
        self._buffer += chunk
        found = []
        while (length := self._length()) is not None:
            found.append(unmarshal(self._buffer[:length]))
            del self._buffer[:length]
        return found

    def _length(self) -> int | None:
        buffer = self._buffer
        if len(buffer) < _FIXED_HEADER:
            return None
        order: Literal["little", "big"] = "little" if buffer[0] == ord("l") else "big"
        body = int.from_bytes(buffer[4:8], order)
        fields = int.from_bytes(buffer[12:16], order)
        length = _FIXED_HEADER + (fields + 7) // 8 * 8 + body
        return length if len(buffer) >= length else None
