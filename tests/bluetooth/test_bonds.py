"""What BlueZ is made to forget: bonds at once, services when nobody needs them."""

import asyncio
from dataclasses import replace

import pytest
from fakes import hub
from fakes.bus_client import BusClient, until
from fakes.linking import ABSENT, HUB, QUICK, REQUEST, Reach, in_reach, serves
from fakes.radio_world import BY_DBUS, World, both

from renogybt.config import AdvertisementSource
from renogybt.model.gatt import ConnectError, LinkEnd, LinkLostError, PairingError

PATH = "/org/bluez/hci0/dev_6C_B2_FD_86_82_4D"


async def bonded(reach: Reach) -> None:
    async with reach.radio.connect(HUB) as link:
        await link.pair()


def without_air(reach: Reach) -> None:
    """Nothing is heard any more, so that what is removed stays so."""
    reach.world.on_air = False


# -- bonds


@both
async def test_a_bond_is_removed(world: World, source: AdvertisementSource) -> None:
    async with in_reach(world, source) as reach:
        await bonded(reach)
        await reach.radio.unpair(HUB)
        assert not reach.hub.paired
        async with reach.radio.connect(HUB) as link:
            assert not reach.hub.encrypted
            assert await serves(link) == [hub.answer(REQUEST)]


async def test_with_the_bond_the_link_ends_and_we_ended_it(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        await link.pair()
        await reach.radio.unpair(HUB)
        assert not link.open
        assert link.end is not LinkEnd.PERIPHERAL
        assert not reach.hub.paired
        with pytest.raises(LinkLostError, match="bond is being removed"):
            await link.pair()


@both
async def test_without_a_bond_the_link_ends(world: World, source: AdvertisementSource) -> None:
    async with in_reach(world, source) as reach, reach.radio.connect(HUB) as link:
        await reach.radio.unpair(HUB)
        assert not link.open
        assert not reach.hub.connected


async def test_without_bond_or_link_nothing_is_wrong(world: World) -> None:
    async with in_reach(world) as reach:
        await reach.radio.unpair(HUB)
        await reach.radio.unpair(ABSENT)


async def test_the_link_of_another_program_ends_with_the_bond(world: World) -> None:
    async with in_reach(world) as reach:
        await bonded(reach)
        async with BusClient(world.bus.address) as other:
            await connect(other)
            await reach.radio.unpair(HUB)
        assert not reach.hub.paired


async def test_a_pairing_under_way_ends_with_the_link(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        reach.hub.pairing_s = None
        task = asyncio.create_task(link.pair())
        await until(lambda: reach.link.pairing.pending)
        await reach.radio.unpair(HUB)
        with pytest.raises(LinkLostError):
            await task
        assert [each.capability for each in world.bluez.agents.registered] == ["NoInputNoOutput"]


async def test_an_attempt_to_connect_is_given_up(world: World) -> None:
    async with in_reach(world, timing=replace(QUICK, attempt_s=5.0, total_s=10.0)) as reach:
        reach.hub.hangs = True

        async def connected() -> None:
            async with reach.radio.connect(HUB):
                pytest.fail("there is a link")

        attempt = asyncio.create_task(connected())
        await until(lambda: reach.calls("Connect"))
        await reach.radio.unpair(HUB)
        with pytest.raises(ConnectError):
            await attempt


async def test_a_removal_that_is_carried_out_without_an_answer_is_one(world: World) -> None:
    async with in_reach(world) as reach:
        await bonded(reach)
        without_air(reach)
        world.bluez.swallow("RemoveDevice")
        removal = asyncio.create_task(reach.radio.unpair(HUB))
        await until(lambda: reach.calls("RemoveDevice"))
        world.bluez.answer("RemoveDevice")
        async with BusClient(world.bus.address) as other:
            await other.adapter("RemoveDevice", "o", PATH)
        await removal


async def test_a_removal_that_is_refused_says_why(world: World) -> None:
    async with in_reach(world) as reach:
        world.bluez.fail_next("RemoveDevice", "org.bluez.Error.NotReady", "Resource Not Ready")
        with pytest.raises(PairingError, match=r"6C:B2:FD:86:82:4D cannot be removed: .*Resource Not Ready"):
            await reach.radio.unpair(HUB)


async def test_without_bluetoothd_no_bond_is_removed(world: World) -> None:
    async with in_reach(world) as reach:
        await world.bluez.crash()
        with pytest.raises(PairingError):
            await reach.radio.unpair(HUB)


async def test_without_a_running_radio_nothing_is_removed(world: World) -> None:
    radio = world.radio()
    with pytest.raises(PairingError, match="not running"):
        await radio.unpair(HUB)
    with pytest.raises(ConnectError, match="not running"):
        await radio.forget(HUB)


# -- services


@both
async def test_services_are_forgotten_while_there_is_no_link(
    world: World, source: AdvertisementSource
) -> None:
    async with in_reach(world, source) as reach:
        async with reach.radio.connect(HUB):
            pass
        without_air(reach)
        await reach.radio.forget(HUB)
        assert world.bluez.device(hub.HUB) is None
        world.on_air = True
        async with reach.radio.connect(HUB) as link:
            assert await serves(link) == [hub.answer(REQUEST)]


async def test_services_of_a_link_are_forgotten_when_it_has_parted(world: World) -> None:
    async with in_reach(world) as reach:
        async with reach.radio.connect(HUB) as link:
            await reach.radio.forget(HUB)
            assert reach.calls("RemoveDevice") == 0
            assert await serves(link) == [hub.answer(REQUEST)]
        await until(lambda: reach.calls("RemoveDevice"))
        async with reach.radio.connect(HUB) as link:
            assert await serves(link) == [hub.answer(REQUEST)]
        assert reach.calls("RemoveDevice") == 1


async def test_services_are_forgotten_once_however_often_that_is_asked(world: World) -> None:
    async with in_reach(world) as reach:
        async with reach.radio.connect(HUB):
            await reach.radio.forget(HUB)
            await reach.radio.forget(HUB)
        async with reach.radio.connect(HUB):
            pass
        assert reach.calls("RemoveDevice") == 1


async def test_services_that_were_not_forgotten_are_before_the_next_link(world: World) -> None:
    async with in_reach(world) as reach:
        async with reach.radio.connect(HUB):
            await reach.radio.forget(HUB)
            world.bluez.fail_next("RemoveDevice", "org.bluez.Error.NotReady", "Resource Not Ready")
        assert reach.calls("RemoveDevice") == 1
        async with reach.radio.connect(HUB) as link:
            assert reach.calls("RemoveDevice") == 2
            assert await serves(link) == [hub.answer(REQUEST)]
        assert reach.calls("RemoveDevice") == 2


async def test_services_are_forgotten_after_an_attempt_too(world: World) -> None:
    async with in_reach(world) as reach:
        reach.hub.hangs = True

        async def connected() -> None:
            async with reach.radio.connect(HUB):
                pytest.fail("there is a link")

        attempt = asyncio.create_task(connected())
        await until(lambda: reach.calls("Connect"))
        await reach.radio.forget(HUB)
        assert reach.calls("RemoveDevice") == 0
        with pytest.raises(ConnectError):
            await attempt
        await until(lambda: reach.calls("RemoveDevice"))


async def test_a_bond_keeps_the_services(world: World) -> None:
    async with in_reach(world) as reach:
        async with reach.radio.connect(HUB) as link:
            await link.pair()
            await reach.radio.forget(HUB)
        await reach.radio.forget(HUB)
        assert reach.hub.paired
        assert reach.calls("RemoveDevice") == 0


async def test_what_bluez_does_not_know_is_forgotten(world: World) -> None:
    async with in_reach(world) as reach:
        await reach.radio.forget(ABSENT)
        assert reach.calls("RemoveDevice") == 0


async def test_the_link_of_another_program_is_not_broken(world: World) -> None:
    async with in_reach(world) as reach, BusClient(world.bus.address) as other:
        await connect(other)
        with pytest.raises(ConnectError, match="another program"):
            await reach.radio.forget(HUB)
        assert reach.hub.connected


async def test_an_unpaired_peripheral_is_removed_once(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB):
        await reach.radio.forget(HUB)
        await reach.radio.unpair(HUB)
        assert reach.calls("RemoveDevice") == 1


async def test_without_an_adapter_services_cannot_be_forgotten(world: World) -> None:
    async with in_reach(world, BY_DBUS) as reach:
        world.unplug()
        await until(lambda: reach.radio.status.reason)
        with pytest.raises(ConnectError):
            await reach.radio.forget(HUB)


async def connect(other: BusClient) -> None:
    """Another program makes a link."""
    await other.device("Connect", PATH)
