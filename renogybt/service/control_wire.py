"""What goes through the door of `control.py`: one line of JSON each way, and the one who asks."""

import asyncio
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from renogybt.model.errors import RenogyBTError

LONGEST_LINE = 64 * 1024
CONNECT_S = 5.0
EX_FAILED, EX_USAGE, EX_TEMPORARY = 1, 64, 75

SOCKET_KIND = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC


class ControlError(RenogyBTError):
    """The door cannot be opened, or nothing sensible comes out of it; the text says why."""


class NobodyThereError(ControlError):
    """No process listens at this door."""


class NotAllowedError(ControlError):
    """The door belongs to another user."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a command: whether it was done, a text for people, an exit code."""

    ok: bool
    text: str
    code: int = EX_FAILED


async def receive(sock: socket.socket) -> bytes:
    """One line without its end; raises OSError, EOFError, or ValueError where it is too long."""
    received = bytearray()
    while b"\n" not in received:
        if len(received) > LONGEST_LINE:
            raise ValueError(f"a line of more than {LONGEST_LINE} bytes")
        chunk = await asyncio.get_running_loop().sock_recv(sock, LONGEST_LINE)
        if not chunk:
            raise EOFError("no whole line")
        received += chunk
    return bytes(received.partition(b"\n")[0])


async def send(sock: socket.socket, content: Mapping[str, object]) -> None:
    """One line; raises OSError."""
    await asyncio.get_running_loop().sock_sendall(sock, json.dumps(dict(content)).encode() + b"\n")


async def ask(path: Path, request: Mapping[str, object], timeout_s: float) -> Reply:
    """The reply of the process that listens at `path`, within `timeout_s` of the request.

    Raises NobodyThereError, NotAllowedError or ControlError.
    """
    with socket.socket(socket.AF_UNIX, SOCKET_KIND) as sock:
        await _connect(sock, path)
        try:
            async with asyncio.timeout(timeout_s):
                await send(sock, request)
                line = await receive(sock)
        except TimeoutError as error:
            raise ControlError(f"the process at {path} did not answer within {timeout_s:g} s") from error
        except EOFError as error:
            raise ControlError(f"the process at {path} ended before it answered") from error
        except (OSError, ValueError) as error:
            raise ControlError(f"the process at {path} broke off ({error})") from error
    return _understand(line, path)


async def _connect(sock: socket.socket, path: Path) -> None:
    try:
        async with asyncio.timeout(CONNECT_S):
            await asyncio.get_running_loop().sock_connect(sock, str(path))
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
        raise NobodyThereError(f"nobody listens at {path}") from error
    except PermissionError as error:
        raise NotAllowedError(f"{path} belongs to another user") from error
    except TimeoutError as error:
        raise ControlError(f"the process at {path} takes no commands") from error
    except OSError as error:
        raise ControlError(f"{path} cannot be reached ({error.strerror or error})") from error


def _understand(line: bytes, path: Path) -> Reply:
    try:
        match json.loads(line):
            case {"ok": bool(ok), "text": str(text), "code": int(code)} if 0 <= code < 256:
                return Reply(ok, text, code)
    except (ValueError, RecursionError) as error:
        raise ControlError(f"the process at {path} does not speak this language ({error})") from error
    raise ControlError(f"the process at {path} does not speak this language")
