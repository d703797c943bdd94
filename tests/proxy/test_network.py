import asyncio
import errno
import shutil
import socket
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from renogybt.proxy.network import address_changes, host_addresses

DEADLINE_S = 10.0

IN_ITS_OWN_NETWORK = """
import asyncio, subprocess
from renogybt.proxy.network import address_changes, host_addresses

def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)

async def changed_by(changed, *arguments):
    ip(*arguments)
    async with asyncio.timeout(10):
        await changed.wait()
    changed.clear()
    print(*host_addresses())

async def main():
    ip("link", "set", "lo", "up")
    print(*host_addresses())
    changed = asyncio.Event()
    with address_changes(changed) as told:
        assert told
        await changed_by(changed, "address", "add", "192.0.2.7/24", "dev", "lo")
        await changed_by(changed, "address", "add", "2001:db8::7/64", "dev", "lo", "nodad")
        await changed_by(changed, "address", "del", "192.0.2.7/24", "dev", "lo")

asyncio.run(main())
"""


def test_no_address_is_one_that_only_this_host_or_this_wire_knows() -> None:
    addresses = host_addresses()

    assert len(set(addresses)) == len(addresses)
    assert [each for each in addresses if each.is_loopback or each.is_link_local or each.is_unspecified] == []
    assert [each.version for each in addresses] == sorted(each.version for each in addresses)


def test_addresses_that_come_and_go_are_told() -> None:
    namespace = ["unshare", "--user", "--map-root-user", "--net"]
    if not (shutil.which("unshare") and shutil.which("ip")):
        pytest.skip("there is no unshare or no ip on this host")
    if subprocess.run([*namespace, "true"], capture_output=True, timeout=DEADLINE_S).returncode:
        pytest.skip("this host gives us no network of our own")

    done = subprocess.run(
        [*namespace, sys.executable, "-c", textwrap.dedent(IN_ITS_OWN_NETWORK)],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["", "192.0.2.7", "192.0.2.7 2001:db8::7", "2001:db8::7"]


class Netlink:
    """A socket of the kernel that tells what the test says; a pair of real ones makes it readable."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._answers: list[bytes | OSError] = []

    def tell(self, *answers: bytes | OSError) -> None:
        self._answers += answers
        self._theirs.send(b"x")

    def bind(self, _address: object) -> None:
        """It is let."""

    def recv(self, size: int) -> bytes:
        answer = self._answers.pop(0) if self._answers else self._ours.recv(size)
        if isinstance(answer, OSError):
            raise answer
        return answer

    def fileno(self) -> int:
        return self._ours.fileno()

    def __enter__(self) -> "Netlink":
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ours.close()
        self._theirs.close()


@pytest.mark.parametrize("answer", [b"message", OSError(errno.ENOBUFS, "No buffer space available")])
async def test_changes_that_came_too_fast_to_be_told_one_by_one_are_changes(
    monkeypatch: pytest.MonkeyPatch, answer: bytes | OSError
) -> None:
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: errors.append(context))
    netlink = Netlink()
    monkeypatch.setattr(socket, "socket", lambda *_arguments: netlink)
    changed = asyncio.Event()

    with address_changes(changed) as told:
        assert told
        assert not changed.is_set()
        netlink.tell(answer)
        async with asyncio.timeout(DEADLINE_S):
            await changed.wait()
        await asyncio.sleep(0)

    assert errors == []


@pytest.mark.parametrize("call", ["socket", "bind"])
async def test_where_the_kernel_does_not_let_us_listen_the_caller_is_told_to_look_itself(
    monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_arguments: Any) -> Any:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if call == "socket":
        monkeypatch.setattr(socket, "socket", refuse)
    else:
        monkeypatch.setattr(socket.socket, "bind", refuse, raising=False)

    with address_changes(asyncio.Event()) as told:
        assert not told
