"""What a link does beyond the rules of the port: BlueZ's errors, deadlines, notifications."""

import asyncio

import pytest
from fakes import hub
from fakes.bus_client import until
from fakes.linking import HUB, NOTIFY, REQUEST, WRITE, in_reach, serves
from fakes.radio_world import World

from renogybt.model.gatt import AttError, GattTimeoutError, LinkLostError, Property

READABLE = 0x0014


async def test_a_write_without_response_is_a_command_and_one_with_response_a_request(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        await link.write(WRITE, b"\x01", response=False)
        await link.write(WRITE, b"\x02", response=True)
        assert reach.hub.written == [(hub.WRITE, b"\x01", "command"), (hub.WRITE, b"\x02", "request")]


async def test_a_value_is_read(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        assert await link.read(READABLE) == b"BT-2"


async def test_flags_become_properties_and_the_mtu_is_told(world: World) -> None:
    async with in_reach(world) as reach:
        reach.hub.mtu = 247
        async with reach.radio.connect(HUB) as link:
            found = [each for service in link.services for each in service.characteristics]
            flags = {each.handle: each.properties for each in found}
            assert flags[WRITE] == Property.WRITE_WITHOUT_RESPONSE | Property.WRITE
            assert flags[NOTIFY] == Property.NOTIFY
            assert flags[READABLE] == Property.READ
            assert link.mtu == 247


async def test_a_bluez_that_does_not_tell_the_mtu_leaves_the_least(world: World) -> None:
    async with in_reach(world) as reach:
        reach.hub.mtu = None
        async with reach.radio.connect(HUB) as link:
            assert link.mtu == 23


async def test_equal_notifications_at_once_all_arrive_in_order(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        told: list[bytes] = []
        await link.subscribe(NOTIFY, told.append)
        sent = [b"same", b"same", b"other", b"same"] * 20
        for each in sent:
            reach.link.notify(hub.NOTIFY, each)
        await until(lambda: len(told) >= len(sent))
        assert told == sent


@pytest.mark.parametrize("member", ["WriteValue", "ReadValue", "StartNotify", "StopNotify"])
async def test_an_operation_that_is_not_answered_has_a_deadline(world: World, member: str) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        if member == "StopNotify":
            await link.subscribe(NOTIFY, lambda _value: None)
        operation = {
            "WriteValue": lambda: link.write(WRITE, REQUEST, response=False),
            "ReadValue": lambda: link.read(READABLE),
            "StartNotify": lambda: link.subscribe(NOTIFY, lambda _value: None),
            "StopNotify": lambda: link.unsubscribe(NOTIFY),
        }[member]
        world.bluez.swallow(member)
        with pytest.raises(GattTimeoutError, match=rf"{member} within 0\.1 s"):
            await operation()
        assert link.open


async def test_a_subscription_that_failed_can_be_tried_again(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        text = "Operation failed with ATT error: 0x0e"
        world.bluez.fail_next("StartNotify", "org.bluez.Error.Failed", text)
        with pytest.raises(AttError, match="ATT error: 0x0e"):
            await link.subscribe(NOTIFY, lambda _value: None)
        assert await serves(link) == [hub.answer(REQUEST)]


async def test_a_subscription_under_way_is_used(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        world.bluez.fail_next("StartNotify", "org.bluez.Error.InProgress", "In Progress")
        told: list[bytes] = []
        await link.subscribe(NOTIFY, told.append)
        await link.unsubscribe(NOTIFY)
        assert await serves(link) == [hub.answer(REQUEST)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("org.bluez.Error.NotConnected", "Not Connected"),
        ("org.bluez.Error.Failed", "Not connected"),
        ("org.freedesktop.DBus.Error.UnknownObject", "no such object"),
    ],
)
async def test_errors_that_mean_that_the_link_is_gone(world: World, name: str, text: str) -> None:
    async with in_reach(world) as reach:
        async with reach.radio.connect(HUB) as link:
            world.bluez.fail_next("WriteValue", name, text)
            with pytest.raises(LinkLostError):
                await link.write(WRITE, REQUEST, response=False)
            assert not link.open
        assert not reach.hub.connected


async def test_an_operation_under_way_fails_when_bluetoothd_ends(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        world.bluez.swallow("ReadValue")
        read = asyncio.create_task(link.read(READABLE))
        await until(lambda: reach.calls("ReadValue"))
        await world.bluez.crash()
        with pytest.raises(LinkLostError):
            await read


async def test_other_properties_of_a_characteristic_are_no_notification(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        told: list[bytes] = []
        await link.subscribe(NOTIFY, told.append)  # Notifying becomes true, and is signalled
        await link.read(READABLE)
        assert told == []


async def test_many_links_one_after_the_other_each_hear_their_own_only(world: World) -> None:
    async with in_reach(world) as reach:
        for _ in range(5):
            async with reach.radio.connect(HUB) as link:
                assert await serves(link) == [hub.answer(REQUEST)]
