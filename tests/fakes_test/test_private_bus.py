"""The bus itself: limits, death, rebirth."""

import asyncio
from pathlib import Path

import pytest
from dbus_fast.aio import MessageBus
from fakes.bluez import FakeBlueZ
from fakes.bluez_errors import CallError
from fakes.bus_client import RULES, BusClient, until
from fakes.private_bus import PrivateBus


async def test_a_client_connects_to_the_address(private_bus: PrivateBus) -> None:
    async with BusClient(private_bus.address) as client:
        assert client.name.startswith(":1.")


async def test_clients_notice_the_death_of_the_bus(private_bus: PrivateBus) -> None:
    bus = await MessageBus(bus_address=private_bus.address).connect()
    await private_bus.kill()
    with pytest.raises(EOFError):
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
    assert not private_bus.running


async def test_a_dead_bus_refuses_connections(private_bus: PrivateBus) -> None:
    await private_bus.kill()
    with pytest.raises(OSError):
        await MessageBus(bus_address=private_bus.address).connect()


async def test_a_restarted_bus_has_the_same_address(private_bus: PrivateBus) -> None:
    before = private_bus.address
    await private_bus.restart()
    assert private_bus.address == before
    async with BusClient(before) as client:
        assert client.name


async def test_the_files_of_the_bus_go_with_it() -> None:
    async with PrivateBus() as bus:
        folder = Path(bus.address.removeprefix("unix:path=")).parent
        assert folder.is_dir()
    assert not folder.exists()


async def test_the_129th_pending_call_of_a_connection_fails(bluez: FakeBlueZ, client: BusClient) -> None:
    bluez.swallow("StartDiscovery")
    async with asyncio.TaskGroup() as group:
        pending = [group.create_task(client.adapter("StartDiscovery")) for _ in range(128)]
        await until(lambda: bluez.calls["StartDiscovery"] == len(pending))
        with pytest.raises(CallError, match="LimitsExceeded"):
            await client.adapter("StopDiscovery")
        for task in pending:
            task.cancel()


async def test_the_513th_match_rule_of_a_connection_fails(private_bus: PrivateBus) -> None:
    async with BusClient(private_bus.address) as client:
        for number in range(512 - len(RULES)):
            await client.add_match(f"type='signal',arg0='{number}'")
        with pytest.raises(CallError, match="LimitsExceeded"):
            await client.add_match("type='signal',arg0='one more'")


async def test_bluetoothd_starts_again_after_the_bus_is_back(
    bluez: FakeBlueZ, private_bus: PrivateBus
) -> None:
    await private_bus.restart()
    assert not bluez.running
    await bluez.start()
    await bluez.ready()
    async with BusClient(private_bus.address) as client:
        assert await client.get("Powered") is True
