"""`scan`: what is in the air, as a table, as lines of JSON, on a terminal."""

import asyncio
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from cli.program import DEADLINE_S, MODULE, NO_BUS, ROOT, run

HUB = "BT-TH-FD86824D"


async def test_json_lines_and_nothing_else_on_stdout(tmp_path: Path) -> None:
    ended = await run("scan", "--demo", "--seconds", "1", "--json", cwd=tmp_path)

    assert ended.code == 0
    heard = [json.loads(line) for line in ended.out.splitlines()]
    assert len(heard) >= 20
    assert all(
        set(each) - {"renogy"} == {"monotonic_s", "address", "address_type", "rssi", "name", "data"}
        for each in heard
    )
    assert all(re.fullmatch(r"([0-9A-F]{2}:){5}[0-9A-F]{2}", each["address"]) for each in heard)
    assert all(bytes.fromhex(each["data"]) for each in heard)
    assert HUB in {each["name"] for each in heard}
    assert "simulated" in ended.err


async def test_what_is_of_renogy_is_marked_and_nothing_else(tmp_path: Path) -> None:
    ended = await run("scan", "--demo", "--seconds", "1", "--json", cwd=tmp_path)

    heard = [json.loads(line) for line in ended.out.splitlines()]
    marked = {each["name"] for each in heard if "renogy" in each}
    assert marked == {HUB}
    assert "mac_addr = 6C:B2:FD:86:82:4D" in ended.err.splitlines()[-1]


async def test_what_is_configured_needs_no_hint(tmp_path: Path) -> None:
    (tmp_path / "config.ini").write_text("[device]\nmac_addr = 6C:B2:FD:86:82:4D\ntype = RNG_BATT\n")
    ended = await run("scan", "--demo", "--seconds", "1", cwd=tmp_path)

    assert "Renogy" in ended.out
    assert "mac_addr" not in ended.err


async def test_a_table_with_the_hub(tmp_path: Path) -> None:
    ended = await run("scan", "--demo", "--seconds", "1", cwd=tmp_path, command=MODULE)

    assert ended.code == 0
    row = next(line for line in ended.out.splitlines() if HUB in line)
    assert "6C:B2:FD:86:82:4D" in row
    assert "services ffd0" in row
    assert "Renogy" in row
    assert "\x1b" not in ended.out
    assert ended.out.count("advertisements") == 1


@pytest.mark.parametrize("extra", ["", "--json"])
@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
async def test_a_terminal_without_unicode_gets_what_it_can_show(
    tmp_path: Path, encoding: str, extra: str
) -> None:
    ended = await run(
        "scan",
        *("--demo", "--seconds", "0.5", *extra.split()),
        cwd=tmp_path,
        environment={"PYTHONIOENCODING": encoding, "LC_ALL": "C"},
    )

    assert ended.code == 0
    assert HUB in ended.out
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("width", [80, 120])
async def test_a_terminal_of_usual_width_shows_who_and_how_near(tmp_path: Path, width: int) -> None:
    code, sent = await asyncio.to_thread(
        _on_terminal, tmp_path, "scan", "--demo", "--seconds", "1", width=width
    )

    assert code == 0
    row = next(line for line in reversed(sent.split("\r\n")) if "6C:B2:FD:86:82:4D" in line)
    assert re.search(r"[▁▂▃▄▅▆▇█] -\d\d .* \d+ ", row)


@pytest.mark.parametrize("extra", ["", "--json"])
async def test_without_d_bus_one_clear_line(tmp_path: Path, extra: str) -> None:
    arguments = ["scan", "--seconds", "5", *extra.split()]
    ended = await run(*arguments, cwd=tmp_path, environment=NO_BUS)

    assert (ended.code, ended.out) == (69, "")
    assert len(ended.err.splitlines()) == 1
    assert "dbus" in ended.err
    assert ended.took_s < 3


@pytest.mark.parametrize("extra", ["--json", ""])
async def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path, extra: str) -> None:
    program = " ".join((*MODULE, "scan --demo --seconds 1.5", extra))
    process = await asyncio.create_subprocess_shell(
        f"set -o pipefail; {program} | head -1",
        executable="/bin/bash",
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(DEADLINE_S):
        out, err = await process.communicate()

    assert len(out.splitlines()) == 1
    assert b"Traceback" not in err
    assert b"rror" not in err
    assert process.returncode == 0


async def test_an_interrupted_scan_shows_what_it_has(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(*MODULE, "scan", "--demo", "--seconds", "60"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(DEADLINE_S):
        assert b"demo" in await process.stderr.readline()  # it has begun, however slow its start was
        await asyncio.sleep(4)
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()

    assert b"Traceback" not in err
    assert b"advertisements" in out


def _on_terminal(tmp_path: Path, *arguments: str, width: int = 160) -> tuple[int, str]:
    """Exit code, and all that a terminal of 60 lines was sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, width, 0, 0))
    process = subprocess.Popen(
        [*MODULE, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    data = b""
    with open(ours, "rb", buffering=0) as terminal:  # noqa: PTH123
        while chunk := _read(terminal.fileno()):
            data += chunk
    return process.wait(DEADLINE_S), data.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # EIO: the other side has closed
        return b""


async def test_on_a_terminal_the_table_lives(tmp_path: Path) -> None:
    code, sent = await asyncio.to_thread(_on_terminal, tmp_path, "scan", "--demo", "--seconds", "2")

    assert code == 0
    counts = [int(count) for count in re.findall(r"(\d+) advertisements", sent)]
    assert len(counts) >= 3
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]
    assert HUB in sent
    assert sent.count("\x1b[?25l") == sent.count("\x1b[?25h") == 1  # the cursor is hidden, and comes back
