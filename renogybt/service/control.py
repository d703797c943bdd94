"""A door for commands to a process that runs: a Unix socket, one line of JSON each way."""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from renogybt.model.errors import RenogyBTError
from renogybt.service.control_wire import (
    EX_TEMPORARY,
    EX_USAGE,
    SOCKET_KIND,
    ControlError,
    Reply,
    receive,
    send,
)
from renogybt.service.logs import printable

_LOGGER = logging.getLogger(__name__)

READ_S = 5.0
WRITE_S = 5.0
PAUSE_S = 1.0
MOST_PEERS = 4
"""At the same time: one person has one terminal, or two. Some more are told so, all others are cut off."""
_MOST_REFUSALS = 12
_BACKLOG = 16

_CREDENTIALS = struct.Struct("=iII")
"""struct ucred: process, user, group (unix(7), SO_PEERCRED)."""
_ROOT = 0

Handler = Callable[[Mapping[str, object]], Awaitable[Reply]]
"""Carries out one command, given the whole request; a RenogyBTError of it becomes a reply that says why."""


class ControlServer:
    """Answers at `path` while the `async with` lasts; entering raises ControlError.

    A request is an object with `command`, the name of one of the handlers; a reply is an object with the
    fields of `Reply`. The peer must be root or of the user of this process. Leaving cancels handlers that
    are under way; their peers see the end of the connection.
    """

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._handlers = handlers
        self._inode: tuple[int, int] | None = None
        self._peers: set[asyncio.Task[None]] = set()
        self._group = asyncio.TaskGroup()
        self._pause: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> "ControlServer":
        self._loop = asyncio.get_running_loop()
        self._socket = self._listen()
        await self._group.__aenter__()
        self._loop.add_reader(self._socket, self._admit)
        return self

    async def __aexit__(self, *exception: Any) -> None:
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._socket)
        self._remove()  # before the end of the socket, which keeps its inode from being another one's
        self._socket.close()
        for peer in self._peers:
            peer.cancel()
        await self._group.__aexit__(*exception)

    # the door

    def _listen(self) -> socket.socket:
        path = str(self._path)
        sock = socket.socket(socket.AF_UNIX, SOCKET_KIND)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _alone_in(self._path.parent):
                self._make_way()
                sock.bind(path)
                self._path.chmod(0o600)  # nobody can connect before `listen`
                status = self._path.stat()
                self._inode = status.st_dev, status.st_ino
                sock.listen(_BACKLOG)
        except OSError as error:
            sock.close()
            raise ControlError(f"{path} cannot be opened for commands ({error.strerror or error})") from error
        except BaseException:
            sock.close()
            raise
        return sock

    def _make_way(self) -> None:
        """Remove what a dead process has left; raises ControlError where a living one listens."""
        try:
            if not stat.S_ISSOCK(self._path.lstat().st_mode):
                raise ControlError(f"{self._path} is in the way: it is no socket")
            with socket.socket(socket.AF_UNIX, SOCKET_KIND) as probe:
                probe.connect(str(self._path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            self._path.unlink()
            return
        except BlockingIOError:  # so many peers are waiting that somebody must be there
            pass
        raise ControlError(f"another process answers at {self._path}")

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            status = self._path.lstat()
            if (status.st_dev, status.st_ino) == self._inode:
                self._path.unlink()

    # a peer

    def _admit(self) -> None:
        try:
            sock, _address = self._socket.accept()
        except BlockingIOError:  # the peer has gone again
            return
        except OSError as error:  # there are no descriptors left, and the peer goes on knocking
            _LOGGER.warning("%s: %s", self._path, error.strerror)
            self._loop.remove_reader(self._socket)
            self._pause = self._loop.call_later(PAUSE_S, self._loop.add_reader, self._socket, self._admit)
            return
        if len(self._peers) >= MOST_PEERS + _MOST_REFUSALS:
            sock.close()
            return
        sock.setblocking(False)
        peer = self._group.create_task(self._serve(sock))
        self._peers.add(peer)
        peer.add_done_callback(lambda _: sock.close())  # also if it was ended before it began
        peer.add_done_callback(self._peers.discard)

    async def _serve(self, sock: socket.socket) -> None:
        try:
            reply = await self._reply(sock)
            async with asyncio.timeout(WRITE_S):
                await send(sock, asdict(reply))
        except (OSError, TimeoutError) as error:  # the peer has gone, or does not take its answer
            _LOGGER.debug("%s: %r", self._path, error)

    async def _reply(self, sock: socket.socket) -> Reply:
        busy = len(self._peers) > MOST_PEERS
        process, user = _credentials(sock)
        try:
            async with asyncio.timeout(READ_S):
                # also of those who are refused: who is still writing would not see the answer
                line = await receive(sock)
            if user not in (_ROOT, os.geteuid()):
                _LOGGER.warning("%s: process %d of user %d is refused", self._path, process, user)
                return Reply(False, f"only root and user {os.geteuid()} may give commands, not user {user}")
            command, request = _parse(line)
        except (ValueError, EOFError) as error:
            return Reply(False, f"not understood: {error}", EX_USAGE)
        except TimeoutError:
            return Reply(False, f"no request within {READ_S:g} s", EX_USAGE)
        if busy:
            return Reply(False, "too many commands at the same time; try again", EX_TEMPORARY)
        return await self._carry_out(command, request)

    async def _carry_out(self, command: str, request: Mapping[str, object]) -> Reply:
        handler = self._handlers.get(command)
        if handler is None:
            known = ", ".join(self._handlers)
            return Reply(False, f"unknown command {printable(command)!r}; there is: {known}", EX_USAGE)
        try:
            return await handler(request)
        except RenogyBTError as error:
            return Reply(False, str(error))


def _parse(line: bytes) -> tuple[str, Mapping[str, object]]:
    """Raises ValueError."""
    try:
        request = json.loads(line)
    except RecursionError as error:
        raise ValueError("the request is nested too deep") from error
    if not isinstance(request, dict) or not isinstance(command := request.get("command"), str):
        raise ValueError("the request is no object with a command")
    return command, request


def _credentials(sock: socket.socket) -> tuple[int, int]:
    """Process and user of the peer, as the kernel knows them."""
    given = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _group = _CREDENTIALS.unpack(given)
    return process, user


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """No other process opens a door in this folder meanwhile; raises ControlError where one is at it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ControlError(f"another process opens a door in {folder} just now") from error
        yield
    finally:
        os.close(descriptor)
