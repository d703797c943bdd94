"""What BlueZ pairs by itself, and who allows it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import pytest
from fakes.bluez_agent import RegisteredAgent
from fakes.bus_client import BusClient, until
from fakes.lamp import LAMP, lamp
from fakes.linking import HUB, Reach, in_reach
from fakes.peripheral import FakePeripheral
from fakes.radio_world import World

from renogybt.model.gatt import ConnectError, GattError, GattLink, GattTimeoutError, LinkLostError
from renogybt.simulator.lamp import LAMP_ADDRESS, SCHEDULE, SECRET

PATH = "/org/bluez/hci0/dev_6C_B2_FD_86_82_4D"
LAMP_PATH = "/org/bluez/hci0/dev_C4_4D_0A_10_5E_01"
OTHER_PATH = "/org/bluez/hci0/dev_C4_7C_8D_6A_3E_01"
NO_INPUT = "NoInputNoOutput"
OPEN_SESAME = b"open sesame"
PASSKEY = 42_007


@pytest.fixture
def shy(world: World) -> FakePeripheral:
    """A lamp whose secret takes a bond."""
    found = world.bluez.peripherals[LAMP] = lamp()
    return found


def agents(world: World) -> list[RegisteredAgent]:
    return world.bluez.agents.registered


def handle(link: GattLink, uuid: str) -> int:
    """Of the first characteristic with this UUID."""
    every = (each for service in link.services for each in service.characteristics)
    return next(each.handle for each in every if each.uuid == uuid)


@contextlib.asynccontextmanager
async def once_it_is_back(reach: Reach, address: int) -> AsyncIterator[GattLink]:
    """A link, as soon as there can be one again."""
    async with contextlib.AsyncExitStack() as stack:
        link: GattLink | None = None
        while link is None:
            with contextlib.suppress(ConnectError):
                link = await stack.enter_async_context(reach.radio.connect(address))
            await asyncio.sleep(0.01)
        yield link


async def allows(world: World, path: str, member: str = "RequestAuthorization") -> bool:
    """Whether the agent lets BlueZ pair a device."""
    (agent,) = agents(world)
    answers: list[object] = []
    signature, body = ("ou", [path, 123456]) if member == "RequestConfirmation" else ("o", [path])
    world.bluez.agents.ask(agent, member, signature, body, answers.append)
    await until(lambda: answers)
    return answers == [[]]


# -- operations that take a bond


async def test_what_takes_a_bond_is_answered_after_bluez_has_paired(
    world: World, shy: FakePeripheral
) -> None:
    async with in_reach(world) as reach, reach.radio.connect(LAMP_ADDRESS) as link:
        assert await link.read(handle(link, SECRET)) == OPEN_SESAME
        assert shy.paired
        await link.write(handle(link, SECRET), b"xyzzy", response=True)
        assert await link.read(handle(link, SECRET)) == b"xyzzy"
        assert reach.calls("Pair") == 0
        await link.pair()
        assert reach.calls("Pair") == 0


async def test_a_write_may_be_what_takes_a_bond(world: World, shy: FakePeripheral) -> None:
    async with in_reach(world) as reach, reach.radio.connect(LAMP_ADDRESS) as link:
        await link.write(handle(link, SECRET), b"xyzzy", response=True)
        assert shy.paired


async def test_where_another_program_decides_and_refuses_it_is_a_timeout_and_the_next_link_works(
    world: World, shy: FakePeripheral
) -> None:
    async with in_reach(world) as reach, BusClient(world.bus.address) as desktop:
        await desktop.call("/org/bluez", "org.bluez.AgentManager1", "RegisterAgent", "os", "/desktop", "")
        async with reach.radio.connect(LAMP_ADDRESS) as link:
            for wanted in (SECRET, SCHEDULE):
                with pytest.raises(GattTimeoutError):
                    await link.read(handle(link, wanted))
        async with reach.radio.connect(LAMP_ADDRESS) as link:
            assert await link.read(handle(link, SCHEDULE))
            await link.pair()
            assert await link.read(handle(link, SECRET)) == OPEN_SESAME


# -- who may pair


@pytest.mark.parametrize("member", ["RequestAuthorization", "RequestConfirmation"])
async def test_devices_may_pair_for_as_long_as_we_have_a_link_to_them(
    world: World, shy: FakePeripheral, member: str
) -> None:
    async with in_reach(world) as reach:
        async with reach.radio.connect(HUB):
            assert await allows(world, PATH, member)
            assert not await allows(world, LAMP_PATH, member)
            async with reach.radio.connect(LAMP_ADDRESS):
                assert await allows(world, LAMP_PATH, member)
                assert not await allows(world, OTHER_PATH, member)
            assert not await allows(world, LAMP_PATH, member)
        assert not await allows(world, PATH, member)


async def test_a_device_that_another_program_has_connected_may_not(world: World, shy: FakePeripheral) -> None:
    async with in_reach(world) as reach, BusClient(world.bus.address) as other, reach.radio.connect(HUB):
        await other.device("Connect", LAMP_PATH)
        assert not await allows(world, LAMP_PATH)


async def test_a_link_that_is_being_left_may_not(world: World) -> None:
    async with in_reach(world) as reach:
        reach.hub.disconnect_s = 0.1
        world.kernel.hang_up = lambda *_: False
        async with reach.radio.connect(HUB):
            leaving = asyncio.create_task(reach.radio.unpair(HUB))
            await until(lambda: reach.calls("Disconnect"))
            assert reach.hub.connected
            assert not await allows(world, PATH)
            await leaving


async def test_during_a_pairing_with_a_passkey_other_links_may_pair_as_always(
    world: World, shy: FakePeripheral
) -> None:
    async with in_reach(world) as reach, contextlib.AsyncExitStack() as stack:
        link = await stack.enter_async_context(reach.radio.connect(HUB))
        other = await stack.enter_async_context(reach.radio.connect(LAMP_ADDRESS))
        reach.hub.pairing_s = None
        pairing = asyncio.create_task(link.pair(PASSKEY))
        await until(lambda: reach.link.pairing.pending)
        assert await other.read(handle(other, SECRET)) == OPEN_SESAME
        assert not await allows(world, LAMP_PATH, "RequestPasskey")
        pairing.cancel()
        await asyncio.wait([pairing])


# -- the agent


async def test_one_agent_for_all_links_comes_with_the_first_and_goes_with_the_radio(
    world: World, shy: FakePeripheral
) -> None:
    async with in_reach(world) as reach:
        assert agents(world) == []
        for _ in range(3):
            async with reach.radio.connect(HUB), reach.radio.connect(LAMP_ADDRESS):
                assert [each.capability for each in agents(world)] == [NO_INPUT]
        assert reach.calls("RegisterAgent") == 1
    await until(lambda: agents(world) == [])


@pytest.mark.parametrize("passkey", [PASSKEY, PASSKEY + 1])
async def test_after_a_pairing_with_a_passkey_it_is_what_it_was(world: World, passkey: int) -> None:
    async with in_reach(world) as reach:
        reach.hub.passkey = PASSKEY
        async with reach.radio.connect(HUB) as link:
            try:
                await link.pair(passkey)
            except GattError:
                assert passkey != PASSKEY
            assert [each.capability for each in agents(world)] == [NO_INPUT]


async def test_pairing_without_a_passkey_does_with_the_agent_that_there_is(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        await link.pair()
        assert reach.calls("RegisterAgent") == 1
        assert reach.calls("UnregisterAgent") == 0


async def test_an_agent_that_bluez_does_not_take_is_no_error(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world.bluez.fail_next("RegisterAgent", "org.freedesktop.DBus.Error.AccessDenied", "not you")
    async with in_reach(world) as reach:
        for _ in range(2):
            async with reach.radio.connect(HUB) as link:
                assert link.open
        assert reach.calls("RegisterAgent") == 1
        (line,) = [each for each in caplog.records if "agent" in each.getMessage()]
        assert (line.levelno, "not you" in line.getMessage()) == (logging.DEBUG, True)
        async with reach.radio.connect(HUB) as link:
            await link.pair()
        assert reach.hub.paired


async def test_each_bluetoothd_gets_the_agent(world: World, shy: FakePeripheral) -> None:
    async with in_reach(world) as reach:
        async with reach.radio.connect(LAMP_ADDRESS) as link:
            await world.bluez.crash()
            await until(lambda: not link.open)
        assert agents(world) == []
        await world.bluez.start()
        async with once_it_is_back(reach, LAMP_ADDRESS) as link:
            assert await link.read(handle(link, SECRET)) == OPEN_SESAME
        assert [each.capability for each in agents(world)] == [NO_INPUT]


async def test_a_bluetoothd_that_ends_in_a_pairing_leaves_no_agent_that_can_type(world: World) -> None:
    async with in_reach(world) as reach:
        async with reach.radio.connect(HUB) as link:
            reach.hub.pairing_s = None
            pairing = asyncio.create_task(link.pair(PASSKEY))
            await until(lambda: reach.link.pairing.pending)
            await world.bluez.crash()
            with pytest.raises(LinkLostError):
                await pairing
        await world.bluez.start()
        async with once_it_is_back(reach, HUB):
            assert [each.capability for each in agents(world)] == [NO_INPUT]
