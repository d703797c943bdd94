"""systemd's side is a real datagram socket; time is virtual."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from proxy.virtual_time import VirtualLoop

from renogybt.service.notify import FEEDS, RETRY_S, STATUS_EVERY_S, Notifier

WATCHDOG_S = 30.0


class Systemd:
    """Listens at NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.address = str(path)
        self._socket: socket.socket | None = None
        self.start()

    def start(self, *, abstract: bool = False) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        if abstract:
            self.address = f"@renogybt-test-{os.getpid()}"
            self._socket.bind("\0" + self.address[1:])
        else:
            self._socket.bind(str(self.path))

    def stop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            self.path.unlink(missing_ok=True)

    def told(self) -> list[list[str]]:
        """The lines of each datagram since this was asked last."""
        assert self._socket is not None
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self._socket.recv(65_536).decode().split("\n"))
        return found

    def lines(self) -> list[str]:
        return [line for each in self.told() for line in each]


class Bench:
    def __init__(self, loop: VirtualLoop, systemd: Systemd, **environment: str) -> None:
        self.loop = loop
        self.stuck = ""
        environment = {"NOTIFY_SOCKET": systemd.address, **environment}
        self.notifier = Notifier(environment, clock=loop.time)
        self.task = loop.create_task(self.notifier.run(lambda: self.stuck))

    def close(self) -> None:
        self.task.cancel()
        self.loop.advance(0.0)
        self.notifier.__exit__()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    systemd = Systemd(tmp_path / "notify")
    yield systemd
    systemd.stop()


@pytest.fixture
def bench(virtual_loop: VirtualLoop, systemd: Systemd) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**environment: str) -> Bench:
        made.append(Bench(virtual_loop, systemd, **environment))
        return made[-1]

    yield make
    for each in made:
        each.close()


def microseconds(seconds: float) -> str:
    return str(round(seconds * 1e6))


# what is told


def test_that_it_is_ready_is_told_once_together_with_how_it_goes(
    bench: Callable[..., Bench], systemd: Systemd
) -> None:
    made = bench()
    made.notifier.status("starting")
    made.loop.advance(0.1)
    made.notifier.status("scanning")
    made.notifier.ready()
    made.loop.advance(100.0)

    assert systemd.told() == [["STATUS=starting"], ["READY=1", "STATUS=scanning"]]


def test_the_status_is_told_on_change_and_not_more_often_than_promised(
    bench: Callable[..., Bench], systemd: Systemd
) -> None:
    made = bench()
    for number in range(100):
        made.notifier.status(f"{number}")
        made.loop.advance(0.12)
    made.loop.advance(1_000.0)

    assert systemd.lines() == ["STATUS=0", "STATUS=41", "STATUS=83", "STATUS=99"]
    assert STATUS_EVERY_S == 5.0


def test_a_status_that_is_back_to_what_was_told_is_not_told_again(
    bench: Callable[..., Bench], systemd: Systemd
) -> None:
    made = bench()
    for text in ("a", "b", "a"):
        made.notifier.status(text)
        made.loop.advance(0.1)
    made.loop.advance(60.0)

    assert systemd.lines() == ["STATUS=a"]


def test_a_status_is_one_line_and_cannot_tell_anything_else(
    bench: Callable[..., Bench], systemd: Systemd
) -> None:
    made = bench()
    made.notifier.status("no adapter\nREADY=1\x1b[0m" + "x" * 10_000)
    made.loop.advance(1.0)

    ((line,),) = systemd.told()
    assert line.startswith("STATUS=no adapter?READY=1?[0mxxx")
    assert len(line) < 400


def test_the_stop_is_told_at_once_and_nothing_after_it(bench: Callable[..., Bench], systemd: Systemd) -> None:
    made = bench(WATCHDOG_USEC=microseconds(WATCHDOG_S))
    made.notifier.status("scanning")
    made.loop.advance(1.0)
    systemd.told()

    made.notifier.stopping()
    assert systemd.told() == [["STOPPING=1", "STATUS=stopping"]]

    made.notifier.stopping()
    made.notifier.status("stopped")
    made.notifier.ready()
    made.loop.advance(100.0)
    assert systemd.told() == []


def test_leaving_the_with_tells_the_stop(systemd: Systemd) -> None:
    with pytest.raises(ValueError, match="x"), Notifier({"NOTIFY_SOCKET": systemd.address}):
        raise ValueError("x")

    assert systemd.lines() == ["STOPPING=1", "STATUS=stopping"]


def test_an_abstract_socket_is_reached(virtual_loop: VirtualLoop, systemd: Systemd) -> None:
    systemd.stop()
    systemd.start(abstract=True)
    with Notifier({"NOTIFY_SOCKET": systemd.address}) as notifier:
        assert notifier.wanted

    assert systemd.lines() == ["STOPPING=1", "STATUS=stopping"]


# the watchdog


def test_the_watchdog_is_fed_three_times_in_the_time_it_allows(
    bench: Callable[..., Bench], systemd: Systemd
) -> None:
    made = bench(WATCHDOG_USEC=microseconds(WATCHDOG_S))
    made.loop.advance(0.1)
    assert systemd.told() == [["WATCHDOG=1"]]
    for _ in range(20):
        made.loop.advance(WATCHDOG_S / FEEDS)
        assert systemd.told() == [["WATCHDOG=1"]]
    assert FEEDS == 3


def test_changes_of_the_status_neither_feed_the_watchdog_nor_keep_it_waiting(
    bench: Callable[..., Bench], systemd: Systemd
) -> None:
    made = bench(WATCHDOG_USEC=microseconds(WATCHDOG_S))
    for number in range(99):
        made.notifier.status(f"{number}")
        made.loop.advance(WATCHDOG_S / 100)

    assert systemd.lines().count("WATCHDOG=1") == FEEDS


def test_the_watchdog_starves_while_something_is_stuck_and_that_is_logged_once(
    bench: Callable[..., Bench], systemd: Systemd, caplog: pytest.LogCaptureFixture
) -> None:
    made = bench(WATCHDOG_USEC=microseconds(WATCHDOG_S))
    made.loop.advance(1.0)
    systemd.told()

    made.stuck = "vitals has not moved on for 101 s"
    made.loop.advance(200.0)
    assert systemd.told() == []
    made.stuck = ""
    made.loop.advance(WATCHDOG_S / FEEDS)
    assert systemd.lines() == ["WATCHDOG=1"]

    assert [record.getMessage() for record in caplog.records] == [
        "systemd's watchdog is fed no more: vitals has not moved on for 101 s",
        "systemd's watchdog is fed again",
    ]


@pytest.mark.parametrize(
    ("environment", "expected_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid() + 1)}, None),
        ({"WATCHDOG_PID": str(os.getpid())}, None),
        ({"WATCHDOG_USEC": ""}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
    ],
)
def test_the_watchdog_is_wanted_as_systemd_says(
    systemd: Systemd, environment: dict[str, str], expected_s: float | None
) -> None:
    with Notifier({"NOTIFY_SOCKET": systemd.address, **environment}) as notifier:
        assert notifier.watchdog_s == expected_s


# nobody, and trouble


@pytest.mark.parametrize("address", [None, "", "relative/path", "vsock:2:1234"])
def test_nothing_happens_where_nobody_has_asked(virtual_loop: VirtualLoop, address: str | None) -> None:
    environment = {"WATCHDOG_USEC": "1000"} | ({} if address is None else {"NOTIFY_SOCKET": address})
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Notifier(environment, clock=virtual_loop.time) as notifier:
        assert (notifier.wanted, notifier.watchdog_s) == (False, None)
        assert len(list(Path("/proc/self/fd").iterdir())) == before
        notifier.ready()
        notifier.status("x")
        virtual_loop.run_until_complete(notifier.run(lambda: ""))


def test_what_systemd_does_not_take_is_told_again_and_one_line_says_so(
    bench: Callable[..., Bench], systemd: Systemd, caplog: pytest.LogCaptureFixture
) -> None:
    systemd.stop()
    made = bench()
    made.notifier.status("scanning")
    made.notifier.ready()
    made.loop.advance(60.0)
    assert 1 <= len([each for each in caplog.records if each.levelname == "WARNING"]) <= 3

    systemd.start()
    made.loop.advance(RETRY_S)
    assert systemd.lines() == ["READY=1"]
    made.loop.advance(STATUS_EVERY_S)
    assert systemd.lines() == ["STATUS=scanning"]


def test_a_systemd_that_does_not_listen_for_a_while_blocks_nobody(
    bench: Callable[..., Bench], systemd: Systemd
) -> None:
    made = bench()
    for number in range(2_000):  # more than any queue holds
        made.notifier.status(f"{number}")
        made.loop.advance(STATUS_EVERY_S)
    made.notifier.ready()
    made.loop.advance(1.0)
    assert "READY=1" not in systemd.lines()[:-1]

    made.loop.advance(STATUS_EVERY_S)
    lines = systemd.lines()
    assert lines.count("READY=1") == 1
    assert lines[-1] == "STATUS=1999"
