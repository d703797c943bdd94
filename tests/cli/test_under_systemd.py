"""The program as a service: what it tells systemd, and how it ends when it cannot go on."""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.program import NO_BUS, UNIFIED_PROXY, free_port, settings, started
from clients.serving import connected

WATCHDOG_S = 0.6
FEED_S = WATCHDOG_S / 3
SCRIPT = """
import asyncio, sys, time
import renogybt.service.supervisor as supervisor
from renogybt.cli import main
from renogybt.model.recovery import RestartNeededError
from renogybt.simulator.radio import DemoRadio
from renogybt.readers.reader import Reader

supervisor.PAUSES_S = (0.02, 0.02, 0.02, 0.02)
{body}
sys.exit(main(sys.argv[1:]))
"""


def bent(body: str) -> tuple[str, ...]:
    """The program with short pauses, and something in it that goes wrong."""
    return (sys.executable, "-c", SCRIPT.format(body=body))


class Systemd:
    """Listens at NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self.lines: list[str] = []

    def environment(self, *, watchdog: bool = True) -> dict[str, str]:
        wanted = {"WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6))} if watchdog else {}
        return {"NOTIFY_SOCKET": str(self._path), **wanted}

    async def hear(self) -> list[str]:
        """The next lines."""
        lines = (await asyncio.get_running_loop().sock_recv(self._socket, 65_536)).decode().split("\n")
        self.lines += lines
        return lines

    async def hear_for(self, seconds: float) -> list[str]:
        """All lines of this time."""
        before = len(self.lines)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await self.hear()
        except TimeoutError:
            return self.lines[before:]

    async def until(self, line: str) -> None:
        async with asyncio.timeout(10.0):
            while line not in await self.hear():
                pass

    @property
    def statuses(self) -> list[str]:
        return [line.removeprefix("STATUS=") for line in self.lines if line.startswith("STATUS=")]

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    systemd = Systemd(tmp_path / "notify")
    yield systemd
    systemd.close()


async def test_it_is_ready_once_when_clients_can_connect_and_stops_with_a_word(
    tmp_path: Path, systemd: Systemd
) -> None:
    port = free_port()
    environment = systemd.environment(watchdog=False)
    async with started("--demo", *settings(tmp_path, port), cwd=tmp_path, environment=environment) as program:
        await systemd.until("READY=1")
        assert systemd.statuses[-1] == "scanning (active, demo); no clients"
        async with connected(port) as client:
            await client.round_trip()
            # a status may wait for the end of the pause after the one before it
            await systemd.until("STATUS=scanning (active, demo); 1 client")
            program.signal(signal.SIGTERM)
            await systemd.until("STOPPING=1")
            assert await client.end() is True
        ended = await program.end()

    await systemd.hear_for(0.1)
    assert ended.code == 0
    assert systemd.lines.count("READY=1") == systemd.lines.count("STOPPING=1") == 1
    assert systemd.lines[-1] == "STATUS=stopping"
    assert "WATCHDOG=1" not in systemd.lines


async def test_it_feeds_the_watchdog_unless_it_stands_still(tmp_path: Path, systemd: Systemd) -> None:
    environment = systemd.environment()
    async with started(
        "--demo", *settings(tmp_path, free_port()), cwd=tmp_path, environment=environment
    ) as program:
        await systemd.until("READY=1")
        fed = await systemd.hear_for(10 * FEED_S)
        assert 5 <= fed.count("WATCHDOG=1") <= 11

        program.signal(signal.SIGSTOP)
        await systemd.hear_for(0.1)
        assert await systemd.hear_for(3 * FEED_S) == []
        program.signal(signal.SIGCONT)
        assert "WATCHDOG=1" in await systemd.hear_for(3 * FEED_S)
        ended = await program.stop()

    assert ended.code == 0


async def test_without_a_radio_it_is_ready_all_the_same_and_says_so(tmp_path: Path, systemd: Systemd) -> None:
    began = time.monotonic()
    (tmp_path / "config.ini").write_text("[home_assistant_proxy]\ndevice_name = a.b\n")
    environment = {**systemd.environment(), **NO_BUS}
    async with started(*settings(tmp_path, free_port()), cwd=tmp_path, environment=environment) as program:
        await systemd.until("READY=1")
        took_s = time.monotonic() - began
        await systemd.hear_for(3 * FEED_S)
        assert (await program.stop()).code == 0

    assert took_s < 5.0
    assert any(status.startswith("not scanning: ") and "dbus" in status for status in systemd.statuses)
    assert "WATCHDOG=1" in systemd.lines


async def test_a_radio_that_does_not_come_about_keeps_the_start_waiting_for_five_seconds_at_most(
    tmp_path: Path, systemd: Systemd
) -> None:
    body = "async def run(radio): await asyncio.Event().wait()\nDemoRadio.run = run"
    async with started(
        "--demo",
        *settings(tmp_path, free_port()),
        cwd=tmp_path,
        command=bent(body),
        environment=systemd.environment(),
    ) as program:
        await program.line("ready:")
        began = time.monotonic()
        await systemd.until("READY=1")
        took_s = time.monotonic() - began
        assert (await program.stop()).code == 0

    assert 4.0 < took_s < 6.0
    assert systemd.statuses[0] == "not scanning yet; no clients"


async def test_a_loop_that_is_stuck_starves_the_watchdog_whose_signal_tells_where(
    tmp_path: Path, systemd: Systemd
) -> None:
    body = """
async def run(radio):
    await asyncio.sleep(0.5)
    stuck_for_good()
def stuck_for_good():
    while True:
        time.sleep(0.01)
DemoRadio.run = run
"""
    async with started(
        "--demo",
        *settings(tmp_path, free_port()),
        cwd=tmp_path,
        command=bent(body),
        environment=systemd.environment(),
    ) as program:
        await program.line("ready:")
        assert "WATCHDOG=1" in await systemd.hear_for(0.8)
        assert await systemd.hear_for(2 * WATCHDOG_S) == []
        program.signal(signal.SIGABRT)  # as systemd does
        ended = await program.end()

    assert ended.code == -signal.SIGABRT
    assert "in stuck_for_good" in ended.err


async def test_a_task_that_stands_still_starves_the_watchdog(tmp_path: Path, systemd: Systemd) -> None:
    body = "from renogybt.service.pulse import Pulse\nPulse.fresh = property(lambda pulse: False)"
    async with started(
        "--demo",
        *settings(tmp_path, free_port()),
        cwd=tmp_path,
        command=bent(body),
        environment=systemd.environment(),
    ) as program:
        await systemd.until("READY=1")
        await systemd.hear_for(2 * WATCHDOG_S)
        ended = await program.stop()

    assert "WATCHDOG=1" not in systemd.lines
    assert ended.err.count("systemd's watchdog is fed no more: the radio's watchdog has not moved on") == 1


DYING = """
deaths = 0
real = {subject}.run
async def run(self):
    global deaths
    deaths += 1
    if deaths <= {times}:
        await asyncio.sleep(0.1)
        raise {error}
    await real(self)
{subject}.run = run
"""


def dying(subject: str, times: int, error: str) -> tuple[str, ...]:
    return bent(DYING.format(subject=subject, times=times, error=error))


async def test_five_failures_of_one_task_end_it_with_the_code_for_another_try(
    tmp_path: Path, systemd: Systemd
) -> None:
    command = dying("DemoRadio", 5, "ValueError('broken')")
    async with started(
        "--demo",
        *settings(tmp_path, free_port()),
        cwd=tmp_path,
        command=command,
        environment=systemd.environment(),
    ) as program:
        await program.line("ready:")
        ended = await program.end()

    await systemd.hear_for(0.1)
    assert (ended.code, ended.out) == (75, "")
    assert "ValueError: broken" in ended.err
    assert ended.err.splitlines()[-1].endswith(": radio has failed 5 times within 60 s: ValueError('broken')")
    assert "STOPPING=1" in systemd.lines


@pytest.mark.parametrize("subject", ["DemoRadio", "Reader"])
async def test_a_task_that_fails_less_often_is_back_and_clients_notice_nothing(
    tmp_path: Path, subject: str
) -> None:
    port = free_port()
    command = dying(subject, 4, "ValueError('broken')")
    async with started("--demo", *settings(tmp_path, port), cwd=tmp_path, command=command) as program:
        await program.line("ready:")
        async with connected(port) as client:
            await program.line("(has failed and is started again(.|\n)*){3}")
            await program.line("hearing advertisements")
            await client.round_trip()
        ended = await program.stop()

    assert ended.code == 0
    assert " is gone (" not in ended.err


async def test_the_last_rung_is_a_line_and_the_code_for_another_try(tmp_path: Path) -> None:
    command = dying("DemoRadio", 1, "RestartNeededError('nothing else has helped')")
    async with started("--demo", *settings(tmp_path, free_port()), cwd=tmp_path, command=command) as program:
        ended = await program.end()

    assert (ended.code, ended.out) == (75, "")
    assert ended.err.splitlines()[-1].endswith(": nothing else has helped")
    assert "Traceback" not in ended.err


async def test_it_stops_while_a_task_waits_for_its_restart(tmp_path: Path) -> None:
    body = "supervisor.PAUSES_S = (1000.0,)\n" + DYING.format(
        subject="DemoRadio", times=1, error="ValueError('broken')"
    )
    async with started(
        "--demo", *settings(tmp_path, free_port()), cwd=tmp_path, command=bent(body)
    ) as program:
        await program.line("radio has failed and is started again in 1000 s")
        ended = await program.stop()

    assert ended.code == 0
    assert ended.took_s < 3.0


async def test_the_port_of_another_process_is_still_a_line_without_a_traceback(
    tmp_path: Path, systemd: Systemd
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        async with started(
            "--demo",
            *settings(tmp_path, port),
            cwd=tmp_path,
            command=UNIFIED_PROXY,
            environment=systemd.environment(),
        ) as program:
            ended = await program.end()

    await systemd.hear_for(0.1)
    assert ended.code == 75
    assert "Traceback" not in ended.err
    assert "READY=1" not in systemd.lines
