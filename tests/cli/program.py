"""The program as a user starts it."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
UNIFIED_PROXY = (sys.executable, str(ROOT / "unified_proxy.py"))
MODULE = (sys.executable, "-m", "renogybt")
DEADLINE_S = 20.0
NO_BUS = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}


@dataclass(frozen=True)
class Ended:
    """What a program left behind."""

    code: int
    out: str
    err: str
    took_s: float


class Program:
    """A running one; its stderr is read as it comes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._began = time.monotonic()
        self.err = ""

    @property
    def pid(self) -> int:
        return self._process.pid

    async def line(self, pattern: str) -> re.Match[str]:
        """Wait for a line on stderr that matches."""
        assert self._process.stderr is not None
        async with asyncio.timeout(DEADLINE_S):
            while (found := re.search(pattern, self.err)) is None:
                line = await self._process.stderr.readline()
                assert line, f"ended without {pattern!r}:\n{self.err}"
                self.err += line.decode()
        return found

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def end(self) -> Ended:
        """Wait for the end."""
        began = time.monotonic()
        async with asyncio.timeout(DEADLINE_S):
            out, err = await self._process.communicate()
        self.err += err.decode()
        code = self._process.returncode
        assert code is not None
        return Ended(code, out.decode(), self.err, time.monotonic() - began)

    async def stop(self) -> Ended:
        self.signal(signal.SIGTERM)
        return await self.end()


@contextlib.asynccontextmanager
async def started(
    *arguments: str,
    cwd: Path,
    command: Sequence[str] = UNIFIED_PROXY,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Program]:
    """Start it in a folder without a config.ini; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *command,
        *arguments,
        cwd=cwd,
        env={**os.environ, "HOME": str(cwd), "PYTHONPATH": str(ROOT), **(environment or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    program = Program(process)
    try:
        yield program
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def run(
    *arguments: str,
    cwd: Path,
    command: Sequence[str] = UNIFIED_PROXY,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Start it and wait for its end."""
    async with started(*arguments, cwd=cwd, command=command, environment=environment) as program:
        return await program.end()


def settings(state_dir: Path, port: int, **more: object) -> list[str]:
    """`--set` for a proxy on this port that keeps to itself."""
    values = {
        "native_api_host": "127.0.0.1",
        "native_api_port": port,
        "state_dir": state_dir,
        "mdns": "false",
        "scan_lock": state_dir / "scan.lock",
        **more,
    }
    return [
        each for key, value in values.items() for each in ("--set", f"home_assistant_proxy.{key}={value}")
    ]


def free_port() -> int:
    """One that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
