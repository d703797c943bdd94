"""The door for commands: who may come in, what is said to nonsense, and whose door it is."""

import asyncio
import contextlib
import json
import os
import resource
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from proxy.virtual_time import VirtualLoop

from renogybt.model.errors import RenogyBTError
from renogybt.service.control import MOST_PEERS, PAUSE_S, READ_S, ControlServer
from renogybt.service.control_wire import (
    LONGEST_LINE,
    ControlError,
    NobodyThereError,
    NotAllowedError,
    Reply,
    ask,
)

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


async def echo(request: Mapping[str, object]) -> Reply:
    return Reply(True, f"did {request.get('what')}", 0)


async def refuse(_request: Mapping[str, object]) -> Reply:
    raise RenogyBTError("not today")


async def never(_request: Mapping[str, object]) -> Reply:
    await asyncio.Event().wait()
    raise AssertionError


HANDLERS = {"echo": echo, "refuse": refuse, "never": never}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@contextlib.asynccontextmanager
async def raw(path: Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A peer that says what it likes."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def say(path: Path, line: bytes, *, end: bool = False) -> Reply:
    """The answer to these bytes."""
    async with raw(path) as (reader, writer):
        writer.write(line)
        if end:
            writer.write_eof()
        async with asyncio.timeout(READ_S + 5):
            return Reply(**json.loads(await reader.readline()))


# -- a request and its reply


async def test_a_command_is_carried_out_and_answered(path: Path) -> None:
    async with ControlServer(path, HANDLERS):
        assert await ask(path, {"command": "echo", "what": "grüß\n"}, 1.0) == Reply(True, "did grüß\n", 0)


async def test_an_error_of_the_house_is_a_reply(path: Path) -> None:
    async with ControlServer(path, HANDLERS):
        assert await ask(path, {"command": "refuse"}, 1.0) == Reply(False, "not today", 1)


async def test_several_commands_come_one_after_the_other_and_together(path: Path) -> None:
    async with ControlServer(path, HANDLERS):
        for round_ in range(3 * MOST_PEERS):
            assert (await ask(path, {"command": "echo", "what": round_}, 1.0)).text == f"did {round_}"
        replies = await asyncio.gather(
            *(ask(path, {"command": "echo", "what": each}, 1.0) for each in range(MOST_PEERS))
        )
    assert [each.text for each in replies] == [f"did {each}" for each in range(MOST_PEERS)]


# -- nonsense


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"\n", "not understood"),
        (b"hello\n", "not understood"),
        (b"\xff\xfe\n", "not understood"),
        (b"[" * 30_000 + b"\n", "nested too deep"),
        (b"[1, 2]\n", "no object with a command"),
        (b"{}\n", "no object with a command"),
        (b'{"command": 7}\n', "no object with a command"),
        (b'{"command": "fly\\u0007"}\n', "unknown command 'fly?'; there is: echo, refuse, never"),
        (b'{"what": "' + b"x" * (LONGEST_LINE + 100) + b'"}\n', "not understood"),
        (b'{"n": 1' + b"0" * 5000 + b"}\n", "not understood"),
    ],
    ids=["empty", "words", "bytes", "deep", "list", "nothing", "number", "unknown", "long", "digits"],
)
async def test_nonsense_gets_an_answer_that_says_so(path: Path, line: bytes, text: str) -> None:
    async with ControlServer(path, HANDLERS):
        reply = await say(path, line)
        assert (reply.ok, reply.code) == (False, 64)
        assert text in reply.text
        assert len(reply.text) < 300
        assert (await ask(path, {"command": "echo"}, 1.0)).ok


async def test_half_a_line_is_no_request(path: Path) -> None:
    async with ControlServer(path, HANDLERS):
        reply = await say(path, b'{"command": "echo"}', end=True)
        assert (reply.ok, reply.text) == (False, "not understood: no whole line")


async def test_a_peer_that_goes_without_a_word_is_no_matter(path: Path) -> None:
    async with ControlServer(path, HANDLERS):
        async with raw(path):
            pass
        async with raw(path) as (_reader, writer):
            writer.write(b'{"command": "echo"}\n')
        assert (await ask(path, {"command": "echo"}, 1.0)).ok


def test_a_peer_that_says_nothing_is_told_so_in_time(path: Path) -> None:
    async def peer() -> tuple[str, float]:
        async with ControlServer(path, HANDLERS):
            began = asyncio.get_running_loop().time()
            reply = await say(path, b'{"command": ')
            return reply.text, asyncio.get_running_loop().time() - began

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        text, took_s = runner.run(peer())
    assert "no request within" in text
    assert took_s == READ_S


# -- a crowd


async def test_one_too_many_is_told_to_try_again_and_leaving_ends_the_others(path: Path) -> None:
    arrived = asyncio.Semaphore(0)

    async def stay(request: Mapping[str, object]) -> Reply:
        arrived.release()
        return await never(request)

    async with ControlServer(path, {"stay": stay, "echo": echo}):
        waiting = [asyncio.create_task(ask(path, {"command": "stay"}, 30)) for _ in range(MOST_PEERS)]
        for _ in waiting:
            await arrived.acquire()
        reply = await ask(path, {"command": "echo"}, 1.0)
        assert (reply.ok, reply.code) == (False, 75)
        assert "try again" in reply.text
        assert not any(each.done() for each in waiting)
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {str(each) for each in results} == {f"the process at {path} ended before it answered"}


async def test_of_a_crowd_that_says_nothing_all_but_a_few_are_cut_off(path: Path) -> None:
    async with ControlServer(path, HANDLERS), contextlib.AsyncExitStack() as crowd:
        readers = []
        for _ in range(60):
            readers.append((await crowd.enter_async_context(raw(path)))[0])
            await asyncio.sleep(0)  # let it be admitted, or the queue of the socket is full
        async with asyncio.timeout(5):
            while sum(reader.at_eof() for reader in readers) < 44:
                await asyncio.sleep(0)
        assert sum(reader.at_eof() for reader in readers) == 44


def test_without_descriptors_it_waits_instead_of_spinning(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def knock() -> tuple[Reply, float]:
        async with ControlServer(path, HANDLERS):
            now = asyncio.get_running_loop().time
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(str(path))
                peer.sendall(b'{"command": "echo"}\n')
                peer.setblocking(False)
                limits = resource.getrlimit(resource.RLIMIT_NOFILE)
                resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
                await asyncio.sleep(PAUSE_S / 2)
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
                answer = await asyncio.get_running_loop().sock_recv(peer, 1000)
            return Reply(**json.loads(answer)), now()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        reply, took_s = runner.run(knock())
    assert (reply.ok, took_s) == (True, PAUSE_S)
    assert len(caplog.records) == 1


# -- who may come in


async def test_the_door_is_the_users_own(path: Path) -> None:
    async with ControlServer(path, HANDLERS):
        status = path.stat()
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert stat.S_ISSOCK(status.st_mode)


AS_ANOTHER = """
import os, socket, sys
os.setgroups([]); os.setgid({user}); os.setuid({user})
sock = socket.socket(socket.AF_UNIX); sock.connect({path!r})
sock.sendall(b'{{"command": "echo"}}\\n'); print(sock.makefile().readline())
"""


@as_root
async def test_another_user_is_refused_with_a_reason_though_the_door_stands_open(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with ControlServer(path, HANDLERS):
        path.chmod(0o666)
        for folder in path.parents:
            if not folder.stat().st_mode & 0o001:
                folder.chmod(0o711)
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", AS_ANOTHER.format(user=NOBODY, path=str(path)), stdout=subprocess.PIPE
        )
        out, _ = await child.communicate()
    reply = Reply(**json.loads(out))
    assert (reply.ok, reply.code) == (False, 1)
    assert reply.text == f"only root and user 0 may give commands, not user {NOBODY}"
    assert f"user {NOBODY} is refused" in caplog.text


@as_root
async def test_to_another_user_the_door_is_not_allowed(path: Path) -> None:
    script = (
        "import asyncio, os, pathlib; from renogybt.service.control_wire import *\n"
        f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        f"try: asyncio.run(ask(pathlib.Path({str(path)!r}), {{}}, 1.0))\n"
        "except NotAllowedError as error: print(error)\n"
    )
    async with ControlServer(path, HANDLERS):
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE)
        out, _ = await child.communicate()
    assert out.decode().strip() == f"{path} belongs to another user"


# -- whose door it is


async def test_the_door_is_gone_afterwards(path: Path) -> None:
    async with ControlServer(path, HANDLERS):
        pass
    assert not path.exists()
    with pytest.raises(NobodyThereError):
        await ask(path, {"command": "echo"}, 1.0)


async def test_what_a_dead_process_left_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    with pytest.raises(NobodyThereError):
        await ask(path, {"command": "echo"}, 1.0)
    async with ControlServer(path, HANDLERS):
        assert (await ask(path, {"command": "echo"}, 1.0)).ok


async def test_the_door_of_a_living_process_is_never_taken(path: Path) -> None:
    async with ControlServer(path, HANDLERS):
        inode = path.stat().st_ino
        with pytest.raises(ControlError, match="another process answers at"):
            async with ControlServer(path, {}):
                pass
        assert path.stat().st_ino == inode
        assert (await ask(path, {"command": "echo"}, 1.0)).ok


async def test_a_busy_living_process_counts_as_living(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy, contextlib.ExitStack() as queue:
        busy.bind(str(path))
        busy.listen(0)
        with contextlib.suppress(BlockingIOError):
            for _ in range(5):
                peer = queue.enter_context(socket.socket(socket.AF_UNIX))
                peer.setblocking(False)
                peer.connect(str(path))
        with pytest.raises(ControlError, match="another process answers at"):
            async with ControlServer(path, {}):
                pass


async def test_a_door_that_somebody_else_has_put_there_meanwhile_stays(path: Path) -> None:
    async with ControlServer(path, HANDLERS):
        path.rename(path.with_name("moved"))  # so that its number is not given away again
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
    assert path.exists()


async def test_two_that_open_the_same_door_at_once_do_not_both_get_it(path: Path) -> None:
    """One is just between looking and opening."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        import fcntl

        fcntl.flock(folder, fcntl.LOCK_EX)
        with pytest.raises(ControlError, match="just now"):
            async with ControlServer(path, {}):
                pass
    finally:
        os.close(folder)
    async with ControlServer(path, HANDLERS):
        assert path.exists()


async def test_a_file_in_the_way_is_left_alone(path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(ControlError, match="is no socket"):
        async with ControlServer(path, {}):
            pass
    assert path.read_text() == "mine"


async def test_a_path_that_no_socket_can_have_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120)
    with pytest.raises(ControlError, match="cannot be opened for commands"):
        async with ControlServer(path, {}):
            pass
    with pytest.raises(ControlError, match="cannot be reached"):
        await ask(path, {}, 1.0)


async def test_a_missing_folder_is_made_for_the_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "run" / "control.sock"
    async with ControlServer(path, HANDLERS):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert (await ask(path, {"command": "echo"}, 1.0)).ok


# -- the one who asks


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"", "ended before it answered"),
        (b"hello\n", "does not speak this language"),
        (b"[]\n", "does not speak this language"),
        (b'{"ok": true, "text": 5, "code": 0}\n', "does not speak this language"),
        (b'{"ok": true, "text": "", "code": 4000}\n', "does not speak this language"),
        (b"[" * 30_000 + b"\n", "does not speak this language"),
        (b"x" * (LONGEST_LINE + 10), "broke off"),
    ],
    ids=["nothing", "words", "list", "text", "code", "deep", "long"],
)
async def test_an_answer_that_makes_no_sense_is_one_clear_error(path: Path, line: bytes, text: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(line)
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        with pytest.raises(ControlError, match=text):
            await ask(path, {"command": "echo"}, 1.0)
    finally:
        server.close()
        await server.wait_closed()


async def test_a_process_that_does_not_answer_is_not_waited_for(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stuck:
        stuck.bind(str(path))
        stuck.listen()
        with pytest.raises(ControlError, match=r"did not answer within 0\.05 s"):
            await ask(path, {"command": "echo"}, 0.05)


async def test_a_folder_that_is_none_means_nobody_is_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NobodyThereError):
        await ask(tmp_path / "file" / "control.sock", {}, 1.0)


def test_all_errors_are_one_kind() -> None:
    assert issubclass(NobodyThereError, ControlError)
    assert issubclass(NotAllowedError, ControlError)
