"""scripts/cleanup_port.sh with real processes on a real port."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cli.program import MODULE, ROOT, UNIFIED_PROXY, Ended, free_port, run, settings, started

CLEANUP = ("bash", str(ROOT / "scripts/cleanup_port.sh"))
LISTENER = (
    "import socket, time; s = socket.create_server(('127.0.0.1', {port})); print('ready', flush=True); "
)
WAITS = LISTENER + "time.sleep(60)"


async def clean(port: int | str, cwd: Path) -> Ended:
    return await run(str(port), cwd=cwd, command=CLEANUP)


@asynccontextmanager
async def listener(*command: str, cwd: Path, text: str = "") -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that says when it listens, with this text as its input."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": ""},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(text.encode())
        process.stdin.write_eof()
        async with asyncio.timeout(10.0):
            assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def test_a_free_port_is_no_error(tmp_path: Path) -> None:
    ended = await clean(free_port(), tmp_path)

    assert ended.code == 0
    assert "is free" in ended.err


@pytest.mark.parametrize(
    "command",
    [
        UNIFIED_PROXY,
        (sys.executable, "-X", "dev", "unified_proxy.py"),
        MODULE,
        (str(Path(sys.executable).with_name("renogybt")),),
    ],
    ids=["unified_proxy.py", "relative", "-m renogybt", "renogybt"],
)
async def test_a_run_that_was_left_behind_is_asked_to_end(tmp_path: Path, command: tuple[str, ...]) -> None:
    port = free_port()
    arguments = ["run", "--demo", *settings(tmp_path, port)]
    async with started(*arguments, cwd=ROOT, command=command) as program:
        await program.line("ready:")
        cleaned = await clean(port, tmp_path)
        ended = await program.end()

    assert cleaned.code == 0
    assert f"ending process {program.pid}" in cleaned.err
    assert (ended.code, "stopping" in ended.err) == (0, True)


async def test_a_run_that_does_not_end_is_killed(tmp_path: Path) -> None:
    """Stopped, so that it does not hear what it is asked."""
    port = free_port()
    async with started("--demo", *settings(tmp_path, port), cwd=tmp_path) as program:
        await program.line("ready:")
        program.signal(signal.SIGSTOP)
        cleaned = await clean(port, tmp_path)
        ended = await program.end()

    assert cleaned.code == 0
    assert "killed" in cleaned.err
    assert cleaned.took_s >= 5.0
    assert ended.code == -signal.SIGKILL


@pytest.mark.parametrize("name", ["listener.py", "unified_proxy.py", "renogybt"])
async def test_another_program_is_named_and_left_alone(tmp_path: Path, name: str) -> None:
    """Also one that only has our name, and stands in another folder."""
    port = free_port()
    script = tmp_path / name
    script.write_text(WAITS.format(port=port))
    async with listener(sys.executable, str(script), cwd=tmp_path) as process:
        cleaned = await clean(port, tmp_path)
        assert process.returncode is None

    assert cleaned.code == 1
    assert f"process {process.pid}" in cleaned.err
    assert "left alone" in cleaned.err


@pytest.mark.parametrize("way", ["script", "-c", "-"])
async def test_our_name_as_an_argument_makes_no_program_ours(tmp_path: Path, way: str) -> None:
    port = free_port()
    text = WAITS.format(port=port)
    script = tmp_path / "editor.py"
    script.write_text(text)
    program = {"script": [str(script)], "-c": ["-c", text], "-": ["-"]}[way]
    ours = str(ROOT / "unified_proxy.py")
    async with listener(sys.executable, *program, ours, cwd=ROOT, text=text) as process:
        cleaned = await clean(port, tmp_path)
        assert process.returncode is None

    assert cleaned.code == 1
    assert f"process {process.pid}" in cleaned.err


async def test_nothing_is_ended_when_another_program_holds_the_port_as_well(tmp_path: Path) -> None:
    """A socket may have several owners; ours would be ended in vain."""
    port = free_port()
    (tmp_path / "scripts").mkdir()
    for name in ("cleanup_port.sh", "lib.sh"):
        (tmp_path / "scripts" / name).write_text((ROOT / "scripts" / name).read_text())
    (tmp_path / "heir.py").write_text("import time; print('ready', flush=True); time.sleep(60)")
    ours = tmp_path / "unified_proxy.py"
    ours.write_text(
        f"import socket, subprocess, sys\nsock = socket.create_server(('127.0.0.1', {port}))\n"
        "sock.set_inheritable(True)\n"
        "subprocess.run([sys.executable, 'heir.py'], close_fds=False)\n"
    )
    async with listener(sys.executable, str(ours), cwd=tmp_path) as process:
        command = ("bash", str(tmp_path / "scripts/cleanup_port.sh"))
        cleaned = await run(str(port), cwd=tmp_path, command=command)
        assert process.returncode is None

    assert cleaned.code == 1
    assert "heir.py" in cleaned.err
    assert "ending" not in cleaned.err


async def test_of_another_user_it_says_sudo(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("to be two users takes root")
    port = free_port()
    async with started("--demo", *settings(tmp_path, port), cwd=tmp_path) as program:
        await program.line("ready:")
        as_nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *CLEANUP)
        cleaned = await run(str(port), cwd=Path("/"), command=as_nobody)
        ended = await program.stop()

    assert cleaned.code == 1
    assert "sudo" in cleaned.err
    assert ended.code == 0


async def test_a_part_of_a_service_is_left_to_systemd(tmp_path: Path) -> None:
    """Which would start it anew."""
    group = cgroup("renogybt-test.service")
    port = free_port()
    try:
        async with started("--demo", *settings(tmp_path, port), cwd=tmp_path) as program:
            await program.line("ready:")
            (group / "cgroup.procs").write_text(f"{program.pid}\n")
            cleaned = await clean(port, tmp_path)
            assert (await program.stop()).code == 0
    finally:
        group.rmdir()

    assert cleaned.code == 1
    assert "systemctl stop renogybt-test.service" in cleaned.err


def cgroup(name: str) -> Path:
    """As systemd makes them, in the unified hierarchy; skips where that cannot be written."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    for _device, point, kind, *_rest in mounts:
        if kind == "cgroup2":
            try:
                (Path(point) / name).mkdir(exist_ok=True)
            except OSError:
                continue
            return Path(point) / name
    pytest.skip("no cgroup can be made here")


@pytest.mark.parametrize("port", ["0", "65536", "x", "-1", "6053 6054", "08"])
async def test_what_is_no_port_is_a_usage_error(tmp_path: Path, port: str) -> None:
    ended = await run(*port.split(), cwd=tmp_path, command=CLEANUP)

    assert ended.code == 64
    assert "cleanup_port.sh [PORT]" in ended.err
