"""A bus that goes, comes, or refuses, and what must not grow meanwhile."""

import asyncio
import getpass
import os
from pathlib import Path

import pytest
from dbus_fast import Message
from fakes.bus_client import BusClient, until
from fakes.radio_world import BY_DBUS, World, both

from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import parse_address
from renogybt.model.radio import Intake, ScannerState

# -- the bus


@both
async def test_a_restart_of_the_bus_is_over_within_two_seconds(
    world: World, source: AdvertisementSource
) -> None:
    async with world.scanning(world.radio(source)) as heard:
        world.bluez.orphan_seconds = 0.0  # it notices, and ends properly
        await world.bus.kill()
        assert "apt install dbus" in await heard.failed()
        await world.bus.start()
        await world.bluez.start()
        await world.bluez.ready()
        assert await heard.scanning(within_s=2.0) < 2.0


async def test_a_bus_that_dies_while_much_comes_in_leaves_no_trace(world: World) -> None:
    radio = world.radio(BY_DBUS)
    async with world.scanning(radio) as heard:
        flood = asyncio.create_task(_flood(world))
        for _ in range(10):
            await heard.advertisement()
        flood.cancel()
        world.bluez.orphan_seconds = 0.0  # it notices, and ends properly
        await world.bus.kill()
        await heard.failed()
        await world.bus.start()
        await world.bluez.start()
        await heard.scanning(within_s=3.0)


async def _flood(world: World) -> None:
    while True:
        for _ in range(10):
            world.hear()
        await asyncio.sleep(0.005)


async def test_without_a_bus_it_says_so_and_starts_when_there_is_one(tmp_path: Path) -> None:
    async with World(tmp_path, bus=False, bluetoothd=False) as world:
        radio = world.radio()
        async with world.run(radio) as heard:
            reason = await heard.failed()
            assert "apt install dbus" in reason
            assert "system_bus_socket" in reason
            await world.bus.start()
            await world.bluez.start()
            await heard.scanning(within_s=3.0)


@pytest.mark.parametrize("member", ["GetManagedObjects", "StartDiscovery"])
async def test_who_may_not_talk_to_bluez_is_told_the_group(world: World, member: str) -> None:
    denied = "org.freedesktop.DBus.Error.AccessDenied"
    world.bluez.fail_next(member, denied, "Rejected send message", times=1000)
    async with world.run(world.radio()) as heard:
        assert "usermod -aG bluetooth" in await heard.failed()


async def test_a_user_without_a_name_is_told_the_group_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr(getpass, "getuser", nameless)
    world.bluez.fail_next("StartDiscovery", "org.freedesktop.DBus.Error.AccessDenied", "", times=1000)
    async with world.run(world.radio()) as heard:
        assert f"-aG bluetooth {os.getuid()}" in await heard.failed()


async def test_the_port_works_while_everything_is_away(tmp_path: Path) -> None:
    async with World(tmp_path, bluetoothd=False) as world:
        radio = world.radio()
        assert radio.status.state is ScannerState.IDLE
        async with world.run(radio) as heard:
            await heard.failed()
            assert radio.status.intake is Intake.NONE
            assert radio.status.adapter is None
            for mode in type(radio.status.mode):
                radio.set_mode(mode)
            radio.listen(lambda _batch: None)()
            radio.watch(lambda _status: None)()
            await world.bluez.start()
            await heard.scanning()
            assert radio.status.adapter == parse_address(world.bluez.adapters["hci0"].address)
        assert [status.state for status in heard.statuses][-2:] == [
            ScannerState.STOPPING,
            ScannerState.STOPPED,
        ]


# -- what must not grow


async def _rules(client: BusClient) -> list[int]:
    """Match rules of every connection of the bus but the client's own."""
    bus = "org.freedesktop.DBus"
    reply = await client.bus.call(
        Message(bus, "/org/freedesktop/DBus", f"{bus}.Debug.Stats", "GetAllMatchRules")
    )
    return sorted(len(rules) for name, rules in reply.body[0].items() if name != client.name)


async def test_fifty_restarts_of_everything_leave_the_match_rules_as_they_were(world: World) -> None:
    async with world.scanning(world.radio()) as heard, BusClient(world.bus.address) as client:
        world.bluez.powered_after_s = world.bluez.adapters_after_s = 0.0
        before = await _rules(client)
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        name, other = "hci0", "hci1"
        for _ in range(50):
            world.unplug(name)
            world.plug(other)
            name, other = other, name
            await until(lambda hci=name: world.bluez.owners(hci), 2.0)
        await heard.scanning()
        assert await _rules(client) == before
        assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors
