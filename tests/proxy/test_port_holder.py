import os
import socket
import subprocess
import sys

import pytest

from renogybt.proxy.port_holder import port_holder

LISTEN = """
import socket, sys
sock = socket.create_server((sys.argv[1], 0), family=int(sys.argv[2]))
print(sock.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)], ids=["IPv4", "IPv6"]
)
def test_the_process_that_listens_is_named_with_its_id_and_its_command(host: str, family: int) -> None:
    command = [sys.executable, "-c", LISTEN, host, str(int(family)), "--named", "\x1b[31mred"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line and family == socket.AF_INET6:
            pytest.skip("this host has no IPv6")

        holder = port_holder(int(line))

        process.communicate(timeout=10)
    assert holder is not None
    assert holder.startswith(f"PID {process.pid} (python")
    assert "itself" not in holder
    assert holder.isprintable()


def test_this_program_itself_is_named_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        holder = port_holder(sock.getsockname()[1])

    assert holder is not None
    assert f"PID {os.getpid()}" in holder
    assert "itself" in holder


def test_a_port_that_nobody_listens_on_has_no_holder() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))

        assert port_holder(sock.getsockname()[1]) is None


def test_a_connection_from_that_port_does_not_hold_it() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert port_holder(client.getsockname()[1]) is None
