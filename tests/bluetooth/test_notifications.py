"""What is told as a notification over BlueZ, which signals what was read in the same way."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fakes.bus_client import until
from fakes.lamp import LAMP, lamp
from fakes.linking import Reach, in_reach, match_rules
from fakes.radio_world import World

from renogybt.model.gatt import AttCode, AttError, GattLink, GattTimeoutError
from renogybt.simulator.lamp import LAMP_ADDRESS

TEMPERATURE, DECLARED = 0x22, 0x21
NOW = bytes.fromhex("6608")
EVENT, TICK = 0x37, 0x3F


class Room:
    """A link to the lamp, whose temperature has a listener."""

    def __init__(self, reach: Reach, link: GattLink) -> None:
        self.reach = reach
        self.link = link
        self.told: list[bytes] = []
        self.peripheral = reach.world.bluez.peripherals[LAMP]

    def notify(self, *values: bytes) -> None:
        for each in values:
            self.peripheral.notify(DECLARED, each)

    async def reading(self) -> asyncio.Task[bytes]:
        """BlueZ has been asked, and the lamp has not answered yet."""
        count = self.reach.calls("ReadValue")
        task = asyncio.create_task(self.link.read(TEMPERATURE))
        await until(lambda: self.reach.calls("ReadValue") > count)
        return task

    async def heard(self, *values: bytes) -> None:
        """These, and nothing else before what is notified now."""
        self.notify(b"end")
        await until(lambda: b"end" in self.told)
        assert self.told == [*values, b"end"]


@pytest.fixture
async def room(world: World) -> AsyncIterator[Room]:
    world.bluez.peripherals[LAMP] = lamp()
    async with in_reach(world) as reach, reach.radio.connect(LAMP_ADDRESS) as link:
        found = Room(reach, link)
        await link.subscribe(TEMPERATURE, found.told.append)
        found.peripheral.read_s = 0.02
        yield found


async def test_what_is_read_is_no_notification(room: Room) -> None:
    assert await room.link.read(TEMPERATURE) == NOW
    room.peripheral.read_s = 0.0
    assert await room.link.read(TEMPERATURE) == NOW
    await room.heard()


async def test_what_is_notified_during_a_read_is_told_in_order(room: Room) -> None:
    reading = await room.reading()
    room.notify(b"one", b"two", b"one")
    assert await reading == NOW
    await room.heard(b"one", b"two", b"one")


async def test_what_is_notified_during_a_read_is_told_though_it_is_the_same_as_what_was_read(
    room: Room,
) -> None:
    reading = await room.reading()
    room.notify(NOW, b"other", NOW)
    assert await reading == NOW
    await room.heard(NOW, b"other", NOW)


async def test_what_is_notified_during_a_read_that_fails_is_told(room: Room) -> None:
    room.reach.world.bluez.fail_next("ReadValue", "org.bluez.Error.Failed", "no", after_s=0.02)
    reading = await room.reading()
    room.notify(b"one", NOW)
    with pytest.raises(AttError):
        await reading
    await room.heard(b"one", NOW)


async def test_what_is_notified_during_a_read_that_is_given_up_is_told(room: Room) -> None:
    room.reach.world.bluez.swallow("ReadValue")
    for give_up in (True, False):
        room.told.clear()
        reading = await room.reading()
        room.notify(b"one")
        if give_up:
            reading.cancel()
        await asyncio.wait([reading])
        await room.heard(b"one")
    with pytest.raises(GattTimeoutError):
        await reading


async def test_reads_at_the_same_time_are_all_answered_and_none_is_a_notification(room: Room) -> None:
    reads = [asyncio.create_task(room.link.read(TEMPERATURE)) for _ in range(3)]
    await until(lambda: room.reach.calls("ReadValue"))
    room.notify(NOW, b"one")
    assert await asyncio.gather(*reads) == [NOW] * 3
    await room.heard(NOW, b"one")


async def test_a_read_that_waits_for_another_one_has_a_deadline(room: Room) -> None:
    room.reach.world.bluez.swallow("ReadValue")
    reads = [asyncio.create_task(room.link.read(TEMPERATURE)) for _ in range(20)]
    async with asyncio.timeout(1):
        await asyncio.wait(reads)
    for each in reads:
        with pytest.raises(GattTimeoutError):
            await each
    assert room.link.open


async def test_a_read_of_one_holds_back_no_other(room: Room) -> None:
    events: list[bytes] = []
    await room.link.subscribe(EVENT, events.append)
    room.peripheral.read_s = 10.0
    reading = await room.reading()
    room.peripheral.notify(EVENT - 1, b"\x28")
    await until(lambda: events == [b"\x28"])
    assert not reading.done()
    reading.cancel()


async def test_one_who_begins_to_listen_during_a_read_is_not_told_of_it(room: Room) -> None:
    late: list[bytes] = []
    reading = await room.reading()
    await room.link.subscribe(TEMPERATURE, late.append)
    assert await reading == NOW
    room.notify(b"one")
    await until(lambda: late == [b"one"])
    assert room.told == []


async def test_no_octets_are_a_notification_too(room: Room) -> None:
    """BlueZ tells that there is no value any more."""
    room.notify(b"one", b"", b"")
    await room.heard(b"one", b"", b"")


async def test_a_subscription_that_bluez_has_already_is_used(room: Room) -> None:
    room.reach.world.bluez.fail_next("StartNotify", "org.bluez.Error.Failed", "Already notifying")
    await room.link.subscribe(EVENT, lambda _value: None)


async def test_a_descriptor_cannot_be_subscribed_to(room: Room) -> None:
    with pytest.raises(AttError) as failure:
        await room.link.subscribe(0x24, lambda _value: None)
    assert failure.value.code is AttCode.REQUEST_NOT_SUPPORTED


async def test_subscriptions_take_no_match_rules(room: Room) -> None:
    before = await match_rules(room.reach.world)
    for handle in (EVENT, TICK):
        await room.link.subscribe(handle, lambda _value: None)
    assert sorted(await match_rules(room.reach.world)) == sorted(before)


async def test_a_subscription_does_not_outlive_its_link(world: World) -> None:
    """BlueZ would renew it at the next one."""
    peripheral = world.bluez.peripherals[LAMP] = lamp()
    async with in_reach(world) as reach:
        for ends in (lambda: None, lambda: world.bluez.drop(LAMP)):
            async with reach.radio.connect(LAMP_ADDRESS) as link:
                await link.subscribe(TEMPERATURE, lambda _value: None)
                await link.subscribe(EVENT, lambda _value: None)
                await link.unsubscribe(EVENT)
                assert await link.read(0x23) == b"\1\0"
                ends()
            async with reach.radio.connect(LAMP_ADDRESS) as link:
                assert await link.read(0x23) == b"\0\0"
        assert not peripheral.connected
