"""Services of the earlier program, by systemd's word and by its files."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from dbus_fast import Message
from dbus_fast.aio import MessageBus
from doctor.place import Place, problems_in
from fakes.private_bus import PrivateBus
from fakes.radio_world import World

from renogybt.doctor.findings import Verdict

OLD, OURS = "renogy-bt-old.service", "renogy-bt-proxy.service"
NO_FILE = "org.freedesktop.DBus.Error.FileNotFound"


class FakeSystemd:
    """Two calls of org.freedesktop.systemd1(5); `units` by name: whether enabled, and the active state."""

    def __init__(self, bus: MessageBus) -> None:
        self.units: dict[str, tuple[str, str]] = {OURS: ("enabled", "active")}
        self._bus = bus
        bus.add_message_handler(self._serve)

    def _serve(self, call: Message) -> bool:
        match call.member, call.body:
            case "ListUnitsByNames", [list(names)]:
                rows = [self._row(name) for name in names]
                reply = Message.new_method_return(call, "a(ssssssouso)", [rows])
            case "GetUnitFileState", [str(name)] if name in self.units:
                reply = Message.new_method_return(call, "s", [self.units[name][0]])
            case "GetUnitFileState", _:
                reply = Message.new_error(call, NO_FILE, "No such file or directory")
            case _:
                return False
        self._bus.send(reply)
        return True

    def _row(self, name: str) -> list[Any]:
        _, state = self.units.get(name, ("", "inactive"))
        load = "loaded" if name in self.units else "not-found"
        return [name, name, load, state, "dead", "", "/unit", 0, "", "/"]


@pytest.fixture
async def systemd(world: World) -> AsyncIterator[FakeSystemd]:
    bus = await MessageBus(bus_address=world.bus.address).connect()
    served = FakeSystemd(bus)
    await bus.request_name("org.freedesktop.systemd1")
    yield served
    bus.disconnect()
    await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


async def test_no_earlier_service_is_fine(systemd: FakeSystemd, place: Place) -> None:
    rows = await place.rows()

    assert rows["earlier programs"].text == "none"
    assert rows["service"].text == f"{OURS} is enabled and active"


@pytest.mark.parametrize(
    ("enabled", "state", "said"),
    [
        ("enabled", "active", "enabled and active"),
        ("enabled", "inactive", "enabled"),
        ("disabled", "active", "active"),
    ],
)
async def test_an_earlier_service_that_starts_or_runs_is_to_be_disabled(
    systemd: FakeSystemd, place: Place, enabled: str, state: str, said: str
) -> None:
    systemd.units[OLD] = enabled, state
    rows = await place.rows()

    assert problems_in(rows) == ["earlier programs"]
    assert rows["earlier programs"].text == f"{OLD} is {said}"
    assert rows["earlier programs"].advice == f"sudo systemctl disable --now {OLD}"


async def test_one_that_is_only_installed_is_not_in_the_way(systemd: FakeSystemd, place: Place) -> None:
    systemd.units[OLD] = "disabled", "inactive"
    rows = await place.rows()

    assert problems_in(rows) == []
    assert OLD in rows["earlier programs"].text


@pytest.mark.parametrize(
    ("enabled", "state", "verdict"),
    [
        ("enabled", "failed", Verdict.PROBLEM),
        ("disabled", "inactive", Verdict.NOTE),
        (None, "", Verdict.NOTE),
    ],
)
async def test_our_own_service_is_a_problem_where_it_has_failed(
    systemd: FakeSystemd, place: Place, enabled: str | None, state: str, verdict: Verdict
) -> None:
    systemd.units = {} if enabled is None else {OURS: (enabled, state)}
    row = (await place.rows())["service"]

    assert row.verdict is verdict
    assert row.advice


async def test_a_bus_without_systemd_is_made_up_for_by_its_files(place: Place) -> None:
    place.enable(OLD)
    place.write("usr/lib/systemd/system/renogy-bt.service", "[Service]\n")
    rows = await place.rows()

    assert problems_in(rows) == ["earlier programs"]
    assert rows["earlier programs"].text == f"{OLD} is enabled"
    assert rows["service"].text == f"{OURS} is enabled"


async def test_without_bus_and_with_a_link_to_nowhere_it_is_still_enabled(bare: Place) -> None:
    bare.enable("renogy-bt-unified.service")
    (bare.root / "etc/systemd/system/renogy-bt-unified.service").unlink()

    assert "earlier programs" in problems_in(await bare.rows())


async def test_a_systemd_that_does_not_answer_is_not_waited_for(
    private_bus: PrivateBus, place: Place
) -> None:
    mute = await MessageBus(bus_address=place.machine.bus_address).connect()
    mute.add_message_handler(lambda message: message.member == "ListUnitsByNames")
    await mute.request_name("org.freedesktop.systemd1")
    async with asyncio.timeout(9):
        rows = await place.rows()
    mute.disconnect()
    await mute.wait_for_disconnect()  # type: ignore[no-untyped-call]

    assert rows["service"].text == f"{OURS} is enabled"


async def test_recovery_that_needs_units_which_are_not_there_is_a_problem(bare: Place) -> None:
    bare.configure(recovery_restart_bluetooth="true")
    row = (await bare.rows())["recovery units"]
    assert row.verdict is Verdict.PROBLEM
    assert "recovery_restart_bluetooth" in row.text
    assert "--with-recovery-units" in row.advice

    folder = bare.machine.root / "etc/systemd/system"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "renogy-bt-restart-bluetooth.service").touch()
    assert (await bare.rows())["recovery units"].verdict is Verdict.OK


async def test_where_recovery_needs_no_units_none_are_missed(bare: Place) -> None:
    assert (await bare.rows())["recovery units"].text == "not wanted"
