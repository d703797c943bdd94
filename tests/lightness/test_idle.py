"""How often the program wakes in an hour in which nobody connects, in virtual time."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from lightness.counted_loop import CountedLoop
from lightness.program import Program

from renogybt import app
from renogybt.service.lag import LagProbe
from renogybt.service.notify import FEEDS, Notifier

HOUR_S = 3600
RHYTHM_S = 300
"""In which the watchdog learns how this place sounds."""
TICKS = 3600
"""Those of the probe of the loop's lateness: the one thing that wakes it each second, so that it meets
whatever holds up the loop."""
WAKINGS, STEPS = 185, 760
"""Of all others, with those of the start: the vitals and those who are read every 30 s, in the same moment
here, and the watchdog and the entities of its state every minute."""
STARTING = 5
ASKED = 3
"""Seconds between two questions to BlueZ: what it takes to notice within ten seconds that it hangs."""
WATCHDOG_S = 30

Run = Callable[..., Program]


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """The program, on a radio that hears by D-Bus or `past_bluez`."""
    with contextlib.ExitStack() as stack:

        def run(*, past_bluez: bool = False) -> Program:
            return stack.enter_context(Program(tmp_path, monkeypatch, past_bluez=past_bluez))

        yield run


@pytest.fixture
def without_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe ticks once in two hours."""
    monkeypatch.setattr(app, "LagProbe", partial(LagProbe, tick_s=2.0 * HOUR_S))


by_either_way = pytest.mark.parametrize("past_bluez", [False, True], ids=["dbus", "mgmt"])


@by_either_way
def test_nothing_wakes_the_program_more_than_once_a_second(running: Run, past_bluez: bool) -> None:
    program = running(past_bluez=past_bluez)

    program.loop.pass_time(HOUR_S)

    assert program.loop.wakings <= TICKS + STARTING
    assert program.loop.steps <= 2 * TICKS + STEPS


@by_either_way
@pytest.mark.usefixtures("without_ticks")
def test_but_for_the_probe_of_lateness_it_wakes_three_times_a_minute(running: Run, past_bluez: bool) -> None:
    program = running(past_bluez=past_bluez)

    program.loop.pass_time(HOUR_S)

    assert program.loop.wakings <= WAKINGS
    assert program.loop.steps <= STEPS


@pytest.mark.usefixtures("without_ticks")
@pytest.mark.parametrize(
    ("past_bluez", "most_asked", "most_steps"),
    [(False, 0, 2_400), (True, HOUR_S / ASKED, 3_000)],
    ids=["dbus", "mgmt"],
)
def test_bluez_is_asked_only_where_advertisements_come_past_it(
    running: Run, past_bluez: bool, most_asked: int, most_steps: int
) -> None:
    """While a device is heard each second; by D-Bus the watchdog looks every ten seconds whether it is."""
    program = running(past_bluez=past_bluez)
    program.hear(RHYTHM_S)
    asked, steps = program.radio.hands.asked, program.loop.steps

    program.hear(HOUR_S)

    assert program.radio.hands.asked - asked <= most_asked
    assert program.loop.steps - steps <= most_steps


def test_systemds_watchdog_is_fed_three_times_in_its_time_and_nothing_else_is_done_for_it(
    tmp_path: Path,
) -> None:
    address = str(tmp_path / "notify")
    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with systemd, contextlib.closing(CountedLoop()) as loop:
        systemd.setblocking(False)
        systemd.bind(address)
        environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000)}
        with Notifier(environment, clock=loop.time) as notifier:
            task = loop.create_task(notifier.run(lambda: ""))
            loop.add_reader(systemd, systemd.recv, 64)
            loop.pass_time(WATCHDOG_S)
            wakings = loop.wakings

            loop.pass_time(HOUR_S)

            assert 0 < loop.wakings - wakings <= FEEDS * HOUR_S / WATCHDOG_S
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(task)
