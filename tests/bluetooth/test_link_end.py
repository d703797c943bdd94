"""Who has ended a link, as far as BlueZ tells; and that nothing of it is left."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest
from fakes import hub
from fakes.bus_client import until
from fakes.lamp import LAMP, lamp
from fakes.linking import HUB, QUICK, Reach, in_reach, match_rules, with_hub
from fakes.radio_world import BY_MGMT, World, both

from renogybt.bluetooth.peripheral import MATCHES
from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import parse_address
from renogybt.model.gatt import GattError, GattLink, LinkEnd
from renogybt.model.radio import ScannerState
from renogybt.simulator.lamp import LAMP_ADDRESS

OTHER_HUB = "6C:B2:FD:86:82:4E"
THREE = (HUB, parse_address(OTHER_HUB), LAMP_ADDRESS)


async def power_off(world: World) -> None:
    world.bluez.auto_enable = False
    world.bluez.power("hci0", False)


async def unplug(world: World) -> None:
    world.unplug()


async def drop(world: World) -> None:
    world.bluez.drop(hub.HUB)


async def crash(world: World) -> None:
    await world.bluez.crash()


async def stop(world: World) -> None:
    await world.bluez.stop()


async def kill_the_bus(world: World) -> None:
    await world.bus.kill()


@pytest.mark.parametrize(
    ("happens", "end"),
    [
        (drop, LinkEnd.PERIPHERAL),
        (power_off, LinkEnd.RADIO),
        (unplug, LinkEnd.RADIO),
        (crash, LinkEnd.RADIO),
        (stop, LinkEnd.RADIO),
        (kill_the_bus, LinkEnd.RADIO),
    ],
)
async def test_a_link_knows_who_has_ended_it(
    world: World, happens: Callable[[World], Awaitable[None]], end: LinkEnd
) -> None:
    async with in_reach(world) as reach:
        async with reach.radio.connect(HUB) as link:
            assert link.end is None
            await happens(world)
            await until(lambda: link.end is end)
            assert not link.open
        assert link.end is end


async def test_a_link_that_was_left_was_ended_by_ourselves(world: World) -> None:
    async with in_reach(world) as reach:
        async with reach.radio.connect(HUB) as link:
            pass
        world.bluez.drop(hub.HUB)
        world.unplug()
        await asyncio.sleep(0)
        assert link.end is LinkEnd.OURSELVES


async def test_a_radio_that_stops_has_ended_its_links(world: World) -> None:
    reach = Reach(world, world.radio(BY_MGMT, link_timing=QUICK), with_hub(world))
    running = asyncio.create_task(reach.radio.run())
    await until(lambda: reach.radio.status.state is ScannerState.RUNNING)
    async with reach.radio.connect(HUB) as link:
        running.cancel()
        await asyncio.wait([running])
        assert link.end is LinkEnd.RADIO


async def test_an_adapter_that_had_no_power_before_the_link_has_not_ended_it(world: World) -> None:
    async with in_reach(world) as reach:
        attempt = asyncio.create_task(end_of_a_link(reach))
        world.bluez.power("hci0", False)
        world.bluez.power("hci0", True)
        assert await attempt is LinkEnd.PERIPHERAL


async def end_of_a_link(reach: Reach) -> LinkEnd | None:
    """Of one that the hub ends, tried until there is one."""
    while True:
        with contextlib.suppress(GattError):
            async with reach.radio.connect(HUB) as link:
                reach.world.bluez.drop(hub.HUB)
                await until(lambda: not link.open)
                return link.end


# -- nothing is left


@contextlib.asynccontextmanager
async def three_links(reach: Reach) -> AsyncIterator[list[GattLink]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(reach.radio.connect(address)) for address in THREE]


@pytest.fixture
def crowd(world: World) -> World:
    """Two hubs and a lamp in reach."""
    with_hub(world)
    world.bluez.peripherals[OTHER_HUB] = hub.hub(OTHER_HUB)
    world.bluez.peripherals[LAMP] = lamp()
    return world


@both
@pytest.mark.parametrize("happens", [unplug, power_off, crash])
async def test_what_ends_three_links_is_told_once_each_and_leaves_neither_slot_nor_rule(
    crowd: World, source: AdvertisementSource, happens: Callable[[World], Awaitable[None]]
) -> None:
    told: list[int] = []
    async with in_reach(crowd, source) as reach:
        async with reach.radio.connect(HUB):
            pass
        before = Counter(await match_rules(crowd))
        free = reach.radio.slots.free
        async with three_links(reach) as links:
            assert reach.radio.slots.free == free - 3
            assert (Counter(await match_rules(crowd)) - before).total() == 3 * MATCHES
            for link in links:
                link.on_close(partial(told.append, link.address))
            await happens(crowd)
            await until(lambda: all(link.end is LinkEnd.RADIO for link in links))
        assert sorted(told) == sorted(THREE)
        assert reach.radio.slots.free == free
        assert not Counter(await match_rules(crowd)) - before


async def test_attempts_cancelled_at_any_point_leave_neither_slot_nor_rule(crowd: World) -> None:
    async with in_reach(crowd) as reach:
        async with reach.radio.connect(HUB):
            pass
        before = Counter(await match_rules(crowd))
        tasks = len(asyncio.all_tasks())
        for turns in range(0, 80, 4):
            attempts = [asyncio.create_task(linger(reach, address)) for address in THREE]
            for _ in range(turns):
                await asyncio.sleep(0)
            for attempt in attempts:
                attempt.cancel()
            await asyncio.wait(attempts)
        await until(lambda: reach.radio.slots.free == reach.radio.slots.limit)
        assert not Counter(await match_rules(crowd)) - before
        assert len(asyncio.all_tasks()) == tasks
        assert not any(each.connected for each in crowd.bluez.peripherals.values())


async def linger(reach: Reach, address: int) -> None:
    async with reach.radio.connect(address):
        await asyncio.Event().wait()


async def test_a_slot_is_given_back_when_the_link_is_gone_and_not_before(world: World) -> None:
    async with in_reach(world, timing=replace(QUICK, goodbye_s=0.02)) as reach:
        world.kernel.hang_up = lambda *_: False
        reach.hub.disconnect_s = 0.2
        slots = reach.radio.slots
        async with reach.radio.connect(HUB):
            pass
        assert reach.hub.connected
        assert slots.holder(HUB) is not None
        await until(lambda: slots.holder(HUB) is None)
        assert not reach.hub.connected
