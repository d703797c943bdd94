"""The kernel's management socket: raw advertisements, and commands that D-Bus does not have."""

import asyncio
import ctypes
import errno
import logging
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence

from renogybt.bluetooth.errors import CallTimeoutError, MgmtError, MgmtUnavailableError
from renogybt.bluetooth.pacing import PacedReader, always
from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import AdvertisementListener
from renogybt.protocols.advertising import mgmt

_LOGGER = logging.getLogger(__name__)

COMMAND_TIMEOUT_S = 2.0
"""The kernel answers at once what it knows itself; what takes the controller may take its own 2 s
(Linux include/net/bluetooth/hci.h, HCI_CMD_TIMEOUT)."""
_AF_BLUETOOTH = 31
_BTPROTO_HCI = 1
_HCI_CHANNEL_CONTROL = 3
_RECEIVE_BUFFER = 1 << 20
_LARGEST_PACKET = 2048
_MOST_AT_ONCE = 4_096
"""Packets of one reading, so that a flood cannot keep everything else waiting."""
_MOST_FAILURES = 32
"""More are of no use: one attempt is made at a time."""


def open_socket() -> socket.socket:
    """The control channel, non-blocking; raises MgmtUnavailableError."""
    try:
        sock = socket.socket(
            _AF_BLUETOOTH, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, _BTPROTO_HCI
        )
    except OSError as error:
        raise MgmtUnavailableError(
            f"the kernel offers no Bluetooth sockets here ({error.strerror})"
        ) from error
    try:
        # before 3.14 socket.bind() cannot set the channel
        libc = ctypes.CDLL(None, use_errno=True)
        address = struct.pack("<HHH", _AF_BLUETOOTH, mgmt.NO_INDEX, _HCI_CHANNEL_CONTROL)
        if libc.bind(sock.fileno(), address, len(address)):
            reason = os.strerror(ctypes.get_errno())
            raise MgmtUnavailableError(f"the management socket cannot be opened ({reason})")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    except BaseException:
        sock.close()
        raise
    return sock


def _require(packet: bytes) -> None:
    """An empty one is the end of the socket."""
    if not packet:
        raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


class MgmtSocket:
    """Delivers the advertisements of one adapter, and sends commands.

    `changed` is called when somebody removed an advertisement monitor, or the socket broke.
    The socket is this object's to close.
    """

    def __init__(
        self,
        sock: socket.socket,
        listener: AdvertisementListener,
        changed: Callable[[], None],
        prompt: Callable[[], bool] = always,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = sock
        self._listener = listener
        self._changed = changed
        self.open = True
        """Whether advertisements can still come."""
        self.batches = 0
        """How often some came."""
        self._index: int | None = None
        self._failures: deque[mgmt.ConnectFailure] = deque(maxlen=_MOST_FAILURES)
        self._replies: dict[tuple[int, int], asyncio.Future[mgmt.CommandReply]] = {}
        self._reader = PacedReader(
            sock.fileno(), self._drain, self._loop, lambda: bool(self._replies) or prompt()
        )

    def hurry(self) -> None:
        """Somebody waits for advertisements from now on."""
        self._reader.hurry()

    def follow(self, index: int | None) -> None:
        """Deliver what this adapter hears, and nothing of others."""
        self._index = index

    def connect_failures(self) -> Sequence[mgmt.ConnectFailure]:
        """The last attempts to connect that came to nothing, since this was asked last and until now."""
        if self.open:
            self._drain(True)  # the next reading may be due later only
        failures = tuple(self._failures)
        self._failures.clear()
        return failures

    def close(self) -> None:
        """Let go of the socket; commands under way raise MgmtUnavailableError."""
        self.open = False
        self._reader.close()
        self._socket.close()
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(MgmtUnavailableError("the management socket was closed"))

    def _drain(self, everything: bool) -> int:
        batch: list[Advertisement] = []
        count = 0
        most = _MOST_AT_ONCE if everything else 1
        receive, unpack, index = self._socket.recv, mgmt.HEADER.unpack_from, self._index
        try:
            while count < most:
                packet = receive(_LARGEST_PACKET)
                count += 1
                if len(packet) < mgmt.HEADER.size:
                    _require(packet)
                    continue
                event, where, _length = unpack(packet)
                if event not in mgmt.REPORTS:
                    self._on_event(event, where, packet)
                elif where == index and (found := mgmt.parse_found(event, packet)) is not None:
                    batch.append(found)
        except BlockingIOError:
            pass
        except OSError as error:
            self._on_broken(error)
        if batch:
            self.batches += 1
            self._listener(batch)
        return count

    def _on_broken(self, error: OSError) -> None:
        _LOGGER.warning("the management socket broke (%s)", error.strerror)
        self.close()
        self._changed()

    def _on_event(self, event: int, index: int, packet: bytes) -> None:
        if event in (mgmt.COMMAND_COMPLETE, mgmt.COMMAND_STATUS):
            try:
                reply = mgmt.parse_reply(event, packet)
            except mgmt.MgmtPacketError as error:
                _LOGGER.debug("%s", error)
                return
            waiting = self._replies.get((reply.opcode, index))
            if waiting is not None and not waiting.done():
                waiting.set_result(reply)
        elif index != self._index:
            return
        elif event == mgmt.ADV_MONITOR_REMOVED:
            self._changed()
        elif event == mgmt.CONNECT_FAILED and (failure := mgmt.parse_connect_failed(packet)) is not None:
            self._failures.append(failure)

    def send(self, opcode: int, index: int, parameters: bytes = b"") -> bool:
        """Send a command whose answer is not wanted, of a kind that `command` never sends; False: it is not
        sent."""
        try:
            return self.open and self._socket.send(mgmt.command(opcode, index, parameters)) > 0
        except OSError as error:
            _LOGGER.debug("management command %#06x: %s", opcode, error.strerror)
            return False

    async def command(
        self, opcode: int, index: int, parameters: bytes = b"", *, timeout_s: float | None = None
    ) -> bytes:
        """The data of the reply; raises MgmtError, CallTimeoutError, MgmtUnavailableError.

        A reply names nothing but opcode and adapter, so that a late one would answer the next command
        of the same kind: without a reply in time the socket is closed. One command of a kind at a time.
        """
        if not self.open:
            raise MgmtUnavailableError("the management socket was closed")
        key = (opcode, index)
        reply: asyncio.Future[mgmt.CommandReply] = self._loop.create_future()
        self._replies[key] = reply
        try:
            self._socket.send(mgmt.command(opcode, index, parameters))
            self._reader.hurry()
            async with asyncio.timeout(COMMAND_TIMEOUT_S if timeout_s is None else timeout_s):
                answer = await reply
        except TimeoutError as error:
            del self._replies[key]
            self.close()
            self._changed()
            raise CallTimeoutError(f"the kernel did not answer management command {opcode:#06x}") from error
        except OSError as error:
            del self._replies[key]
            self.close()
            self._changed()
            raise MgmtUnavailableError(f"the management socket broke ({error.strerror})") from error
        finally:
            if self._replies.get(key) is reply:
                del self._replies[key]
        if answer.status != mgmt.SUCCESS:
            raise MgmtError(opcode, answer.status)
        return answer.data
