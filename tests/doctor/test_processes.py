"""Who runs already, who has the port, who has the scan lock: real processes."""

import contextlib
import socket
import sys
from pathlib import Path
from unittest import mock

import pytest
from doctor.place import LISTEN, LOCK, REST, Place, problems_in, running, script, start

from renogybt.doctor import port
from renogybt.doctor.findings import Verdict
from renogybt.doctor.programs import configured_by, script_of


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python3 -u /opt/x/unified_proxy.py c.ini", ("/opt/x/unified_proxy.py", ["c.ini"])),
        ("/v/bin/python3.11 -X dev -m renogybt run", ("renogybt", ["run"])),
        ("/v/bin/python /v/bin/renogybt doctor", ("/v/bin/renogybt", ["doctor"])),
        ("python example.py config.ini", ("example.py", ["config.ini"])),
        ("python -m http.server", None),
        ("python -c import-renogybt", None),
        ("nano unified_proxy.py", None),
        ("sudo /v/bin/renogybt run", None),
        ("python", None),
        ("", None),
    ],
)
def test_a_process_is_known_by_what_python_runs(command: str, expected: object) -> None:
    assert script_of(command.split()) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", "config.ini"),
        ("run", "config.ini"),
        ("run --demo", "config.ini"),
        ("/etc/renogybt/config.ini", "/etc/renogybt/config.ini"),
        ("--set a.b=c --log-level DEBUG mine.ini", "mine.ini"),
        ("--set a.b=c.ini", "config.ini"),
        ("doctor", None),
        ("scan --json", None),
    ],
)
def test_a_run_is_told_from_other_commands_by_its_arguments(arguments: str, expected: str | None) -> None:
    assert configured_by(arguments.split()) == expected


async def test_a_free_port_and_no_process_are_fine(bare: Place) -> None:
    rows = await bare.rows()

    assert rows["port"].text == f"{bare.port} is free"
    assert rows["processes"].text == "this program is not running"


async def test_the_port_of_a_foreign_program_comes_with_its_name(bare: Place) -> None:
    with running(sys.executable, "-c", LISTEN, f"--port={bare.port}", cwd=bare.home) as pid:
        row = (await bare.rows())["port"]

    assert row.verdict is Verdict.PROBLEM
    assert f"{bare.port} is held by another program, PID {pid} (python" in row.text
    assert "native_api_port" in row.advice


async def test_the_running_service_is_no_problem_and_shows_no_secret(bare: Place) -> None:
    own = script(bare.home, LISTEN, own=True)
    secret = ("--set", "home_assistant_proxy.encryption_key=U1NTU1NTU1M")
    with start(Path(own.name), "run", *secret, f"--port={bare.port}", cwd=bare.home) as pid:
        rows = await bare.rows()

    assert "port" not in problems_in(rows)
    assert rows["port"].text.startswith(f"{bare.port} is held by this program, PID {pid} (")
    assert rows["processes"].text.startswith(f"this program is running, PID {pid} (")
    assert "encryption_key=..." in rows["processes"].text
    assert "U1NT" not in str(rows)


async def test_a_demo_keeps_the_service_from_its_port(bare: Place) -> None:
    own = script(bare.home, LISTEN, own=True)
    with start(own, "--demo", f"--port={bare.port}", cwd=bare.home) as pid:
        rows = await bare.rows()

    assert (rows["port"].verdict, rows["port"].advice) == (Verdict.PROBLEM, f"kill {pid}")
    assert rows["processes"].text == "this program is not running"


async def test_the_earlier_program_is_named_as_such(bare: Place) -> None:
    earlier = script(bare.home / "old", LISTEN, own=False)
    with start(earlier, f"--port={bare.port}", cwd=bare.home / "old") as pid:
        rows = await bare.rows()

    assert "port" in problems_in(rows)
    assert "held by the earlier program" in rows["port"].text
    assert "processes" in problems_in(rows)
    assert rows["processes"].advice.startswith(f"sudo kill {pid}")


async def test_two_of_one_configuration_are_one_too_many(bare: Place) -> None:
    own = script(bare.home, REST, own=True)
    with start(own, cwd=bare.home) as first, start(own, "run", bare.config, cwd=bare.root) as second:
        row = (await bare.rows())["processes"]

    assert row.verdict is Verdict.PROBLEM
    assert f"PID {first} (" in row.text
    assert f"PID {second} (" in row.text
    assert "sudo kill" in row.advice


async def test_two_of_two_configurations_may_be_meant(bare: Place) -> None:
    own = script(bare.home, REST, own=True)
    with start(own, cwd=bare.home), start(own, "second.ini", cwd=bare.home):
        row = (await bare.rows())["processes"]

    assert row.verdict is Verdict.NOTE
    assert "adapter" in row.advice


@pytest.mark.parametrize("runs", [True, False])
async def test_a_port_whose_process_may_not_be_seen_is_ours_if_we_run(bare: Place, runs: bool) -> None:
    own = script(bare.home, LISTEN if runs else REST, own=runs)
    with start(own, f"--port={bare.port}", cwd=bare.home), contextlib.ExitStack() as stack:
        if not runs:
            stack.enter_context(socket.create_server(("127.0.0.1", bare.port)))
        case = bare.case()
        with mock.patch.object(port, "port_holder", return_value=None):
            (row,) = port.port(case)

    assert row.verdict is (Verdict.OK if runs else Verdict.UNKNOWN)
    if not runs:
        assert row.advice.startswith(f"sudo ss -ltnp 'sport = :{bare.port}'")


async def test_a_connection_from_the_port_does_not_take_it(bare: Place) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), source_address=("127.0.0.1", bare.port)),
    ):
        assert (await bare.rows())["port"].text == f"{bare.port} is free"


async def test_a_free_scan_lock_is_not_even_made(bare: Place) -> None:
    row = (await bare.rows())["scan lock"]

    assert (row.verdict, row.text) == (Verdict.OK, "free")
    assert not (bare.state / "scan.lock").exists()


async def test_a_lock_file_that_its_owner_left_is_free(bare: Place) -> None:
    (bare.state / "scan.lock").write_text("1\n")
    row = (await bare.rows())["scan lock"]

    assert (row.verdict, row.text) == (Verdict.OK, "free")
    assert (bare.state / "scan.lock").read_text() == "1\n"


@pytest.mark.parametrize("own", [True, False])
async def test_the_holder_of_the_scan_lock_is_told(bare: Place, own: bool) -> None:
    lock = bare.state / "scan.lock"
    with contextlib.ExitStack() as stack:
        if own:
            path = script(bare.home, LOCK.replace("sys.argv[1]", repr(str(lock))), own=True)
            pid = stack.enter_context(start(path, cwd=bare.home))
        else:
            pid = stack.enter_context(running(sys.executable, "-c", LOCK, lock, cwd=bare.home))
        row = (await bare.rows())["scan lock"]

    assert row.verdict is (Verdict.OK if own else Verdict.NOTE)
    assert str(pid) in row.text


async def test_a_scan_lock_that_is_no_file_is_not_judged(bare: Place) -> None:
    (bare.state / "scan.lock").symlink_to("elsewhere")

    assert (await bare.rows())["scan lock"].verdict is Verdict.UNKNOWN


async def test_the_state_of_the_running_service_is_the_one_that_is_looked_at(
    bare: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = bare.home / "theirs"
    theirs.mkdir()
    bare.config.write_text(f"[home_assistant_proxy]\nnative_api_port = {bare.port}\n")
    own = script(bare.home, REST, own=True)
    monkeypatch.setenv("STATE_DIRECTORY", str(theirs))
    with start(own, cwd=bare.home):
        monkeypatch.setenv("STATE_DIRECTORY", str(bare.state))
        during = (await bare.rows())["state folder"].text
    after = (await bare.rows())["state folder"].text

    assert (Path(during), Path(after)) == (theirs, bare.state)
