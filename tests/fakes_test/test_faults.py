"""Restart, crash and calls that go wrong."""

import asyncio
import contextlib

import pytest
from dbus_fast import Variant
from fakes.bluez import FakeBlueZ
from fakes.bluez_errors import CallError
from fakes.bus_client import ADAPTER_PATH, BusClient, Signal, until

ADDRESS = "6C:B2:FD:86:82:4D"


def name_gone(signals: list[Signal]) -> bool:
    return any(signal.member == "NameOwnerChanged" and signal.body[2] == "" for signal in signals)


async def restart(bluez: FakeBlueZ) -> None:
    await bluez.start()
    await bluez.ready()


async def test_a_clean_stop_signals_power_off_before_the_name_goes(
    bluez: FakeBlueZ, client: BusClient
) -> None:
    await client.start_discovery()
    await client.take_signals()
    await bluez.stop()
    await until(lambda: name_gone(client.signals))
    power, name = client.signals
    assert power.body == ["org.bluez.Adapter1", {"Powered": False, "Discovering": False}, []]
    assert name.body[0] == "org.bluez"


async def test_after_a_start_adapters_appear_and_are_powered(bluez: FakeBlueZ, client: BusClient) -> None:
    await bluez.stop()
    await until(lambda: name_gone(client.signals))
    client.signals.clear()
    await restart(bluez)
    name, added, power = await client.take_signals()
    assert name.member == "NameOwnerChanged"
    assert (added.member, added.body[0]) == ("InterfacesAdded", ADAPTER_PATH)
    assert power.body[1] == {"Powered": True}


async def test_after_a_clean_restart_discovery_starts_at_once(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery()
    await bluez.stop()
    await restart(bluez)
    assert bluez.owners() == {}
    await client.start_discovery()


async def test_without_bluetoothd_a_call_fails_at_once(bluez: FakeBlueZ, client: BusClient) -> None:
    await bluez.stop()
    with pytest.raises(CallError, match="ServiceUnknown"):
        await client.tree()


async def test_a_crash_takes_the_name_without_any_other_signal(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery()
    await client.take_signals()
    await bluez.crash()
    await until(lambda: client.signals)
    (name,) = client.signals
    assert name.member == "NameOwnerChanged"


async def test_a_crash_ends_pending_calls_with_no_reply(bluez: FakeBlueZ, client: BusClient) -> None:
    bluez.swallow("StartDiscovery")
    call = asyncio.create_task(client.start_discovery())
    await until(lambda: bluez.calls["StartDiscovery"])
    await bluez.crash()
    with pytest.raises(CallError, match="NoReply"):
        await call


async def test_after_a_crash_devices_are_forgotten(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery()
    bluez.advertise(ADDRESS)
    await bluez.crash()
    await restart(bluez)
    assert list(await client.tree()) == ["/org/bluez", ADAPTER_PATH]


async def test_a_crash_in_discovery_leaves_an_orphan_that_blocks_start(
    bluez: FakeBlueZ, client: BusClient
) -> None:
    await client.start_discovery()
    await bluez.crash()
    await restart(bluez)
    assert await client.get("Powered") is True
    assert await client.get("Discovering") is False
    with pytest.raises(CallError, match=r"org\.bluez\.Error\.InProgress"):
        await client.start_discovery()
    assert bluez.owners() == {}


async def test_an_orphan_ends_after_its_time(bluez: FakeBlueZ, client: BusClient) -> None:
    bluez.orphan_seconds = 0.02
    await client.start_discovery()
    await bluez.crash()
    await restart(bluez)
    bluez.orphan_seconds = 10.0
    async with asyncio.timeout(2):
        while not bluez.owners():
            with contextlib.suppress(CallError):
                await client.start_discovery()


async def test_mgmt_stop_discovery_ends_an_orphan(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery()
    await bluez.crash()
    await restart(bluez)
    bluez.end_orphan()
    await client.start_discovery()


async def test_a_power_cycle_ends_an_orphan(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery()
    await bluez.crash()
    await restart(bluez)
    await client.set("Powered", Variant("b", False))
    await client.set("Powered", Variant("b", True))
    await client.start_discovery()


async def test_a_crash_without_discovery_leaves_no_orphan(bluez: FakeBlueZ, client: BusClient) -> None:
    await bluez.crash()
    await restart(bluez)
    await client.start_discovery()


async def test_fail_next_refuses_as_often_as_asked(bluez: FakeBlueZ, client: BusClient) -> None:
    bluez.fail_next("StartDiscovery", "org.bluez.Error.InProgress", "Operation already in progress", times=2)
    for _ in range(2):
        with pytest.raises(CallError, match="InProgress"):
            await client.start_discovery()
    assert bluez.owners() == {}
    await client.start_discovery()


async def test_fail_next_can_answer_late(bluez: FakeBlueZ, client: BusClient) -> None:
    bluez.fail_next("StartDiscovery", "org.bluez.Error.InProgress", "", after_s=0.3)
    call = asyncio.create_task(client.start_discovery())
    await client.tree()
    assert not call.done()
    with pytest.raises(CallError, match="InProgress"):
        await call


async def test_setting_one_property_can_fail(bluez: FakeBlueZ, client: BusClient) -> None:
    bluez.power("hci0", False)
    bluez.fail_next("Set Powered", "org.bluez.Error.Blocked", "Blocked through rfkill")
    await client.set("Alias", Variant("s", "shed"))
    with pytest.raises(CallError, match="Blocked"):
        await client.set("Powered", Variant("b", True))
    await client.set("Powered", Variant("b", True))


async def test_a_swallowed_call_is_never_answered_nor_carried_out(
    bluez: FakeBlueZ, client: BusClient
) -> None:
    bluez.swallow("StartDiscovery")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.start_discovery(), 0.05)
    assert bluez.calls["StartDiscovery"] == 1
    assert bluez.owners() == {}
    bluez.answer("StartDiscovery")
    await client.start_discovery()


async def test_everything_can_be_swallowed(bluez: FakeBlueZ, client: BusClient) -> None:
    bluez.swallow("*")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.tree(), 0.05)


async def test_calls_are_counted_by_member(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery()
    await client.adapter("StopDiscovery")
    await client.set("Powered", Variant("b", False))
    assert bluez.calls["StartDiscovery"] == bluez.calls["StopDiscovery"] == 1
    assert bluez.calls["Set"] == bluez.calls["Set Powered"] == 1
