"""How many links there are at most, and how long one waits for one."""

import asyncio
from dataclasses import replace

import pytest
from fakes import hub
from fakes.bluez_link import ABORTED
from fakes.bus_client import until
from fakes.lamp import LAMP, lamp
from fakes.linking import HUB, QUICK, Reach, in_reach
from fakes.mgmt import LE_PUBLIC
from fakes.radio_world import BY_DBUS, World

from renogybt.model.advertisement import parse_address
from renogybt.model.gatt import ConnectError
from renogybt.model.slots import ConnectionSlots, Holder, NoSlotError
from renogybt.simulator.lamp import LAMP_ADDRESS

OTHER_HUB = "6C:B2:FD:86:82:4E"
OTHER = parse_address(OTHER_HUB)
NO_ROOM = "le-connection-concurrent-connection-limit"


@pytest.fixture
def crowd(world: World) -> World:
    """Beside the hub another one and a lamp."""
    world.bluez.peripherals[OTHER_HUB] = hub.hub(OTHER_HUB)
    world.bluez.peripherals[LAMP] = lamp()
    return world


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]


async def refused(reach: Reach, address: int) -> str:
    with pytest.raises(ConnectError) as failure:
        async with reach.radio.connect(address):
            pytest.fail("there is a link")
    return str(failure.value)


async def test_slots_are_those_that_were_given(crowd: World) -> None:
    slots = ConnectionSlots(1)
    async with in_reach(crowd, slots=slots) as reach:
        assert reach.radio.slots is slots
        async with reach.radio.connect(HUB):
            assert slots.holder(HUB) is Holder.READER
            with pytest.raises(NoSlotError):
                async with reach.radio.connect(LAMP_ADDRESS):
                    pytest.fail("there is one slot")
        async with reach.radio.connect(LAMP_ADDRESS) as link:
            assert link.open


@pytest.mark.parametrize("text", [NO_ROOM, "Too many links"])
async def test_a_controller_that_is_full_teaches_the_limit(
    crowd: World, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with in_reach(crowd) as reach:
        async with reach.radio.connect(HUB), reach.radio.connect(OTHER):
            crowd.bluez.peripherals[LAMP].failures = [text]
            calls = reach.calls("Connect")
            assert "the controller has all the links" in await refused(reach, LAMP_ADDRESS)
            assert reach.calls("Connect") == calls + 1
            assert reach.radio.slots.limit == 2
            assert "all 2 connection slots are in use" in await refused(reach, LAMP_ADDRESS)
        assert reach.radio.slots.free == 2
    assert warnings(caplog) == ["the number of links that this adapter allows at a time is 2, not 5"]


async def test_the_kernel_tells_of_a_controller_that_is_full(
    crowd: World, caplog: pytest.LogCaptureFixture
) -> None:
    """To BlueZ it is a connect that failed like any other."""
    crowd.bluez.adapters["hci0"].most_links = 2
    async with in_reach(crowd) as reach:
        async with reach.radio.connect(HUB), reach.radio.connect(OTHER):
            calls = reach.calls("Connect")
            assert "the controller has all the links" in await refused(reach, LAMP_ADDRESS)
            assert reach.calls("Connect") == calls + 1
            assert reach.radio.slots.limit == 2
            assert "all 2 connection slots are in use" in await refused(reach, LAMP_ADDRESS)
        async with reach.radio.connect(LAMP_ADDRESS) as link:
            assert link.open
    assert warnings(caplog) == ["the number of links that this adapter allows at a time is 2, not 5"]


async def test_by_dbus_a_controller_that_is_full_is_a_connect_that_failed(crowd: World) -> None:
    crowd.bluez.adapters["hci0"].most_links = 1
    async with in_reach(crowd, BY_DBUS) as reach, reach.radio.connect(HUB):
        assert "in 4 attempts: org.bluez.Error.Failed" in await refused(reach, LAMP_ADDRESS)
        assert reach.radio.slots.limit == 5


@pytest.mark.parametrize("status", [0x03, 0x07])
async def test_what_the_kernel_has_told_of_earlier_attempts_teaches_nothing(
    crowd: World, status: int
) -> None:
    """Nor does another reason, or an attempt to reach another peripheral."""
    async with in_reach(crowd) as reach:
        crowd.kernel.fail_connect(hub.HUB, LE_PUBLIC, 0x07)
        reach.hub.failures = [ABORTED]
        attempt = asyncio.create_task(linked(reach, HUB))
        await until(lambda: reach.calls("Connect"))
        crowd.kernel.fail_connect(hub.HUB, LE_PUBLIC, 0x03)
        crowd.kernel.fail_connect(OTHER_HUB, LE_PUBLIC, status)
        await attempt
        assert reach.calls("Connect") == 2
        assert reach.radio.slots.limit == 5


async def linked(reach: Reach, address: int) -> None:
    async with reach.radio.connect(address) as link:
        assert link.open


async def test_a_limit_that_is_known_is_not_told_again(
    crowd: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Another program has all links."""
    async with in_reach(crowd) as reach:
        for _ in range(3):
            reach.hub.failures = [NO_ROOM]
            await refused(reach, HUB)
        assert reach.radio.slots.limit == 1
        async with reach.radio.connect(HUB) as link:
            assert link.open
    assert len(warnings(caplog)) == 1


async def test_the_wait_for_another_connect_is_part_of_the_time_that_all_may_take(crowd: World) -> None:
    timing = replace(QUICK, attempt_s=1.0, link_s=1.0, total_s=0.3)
    async with in_reach(crowd, timing=timing) as reach:
        reach.hub.hangs = True
        first = asyncio.create_task(refused(reach, HUB))
        await until(lambda: reach.calls("Connect"))
        await asyncio.sleep(0.1)
        start = asyncio.get_running_loop().time()
        crowd.bluez.peripherals[OTHER_HUB].hangs = True
        second = asyncio.create_task(refused(reach, OTHER))
        await until(lambda: reach.calls("Connect") == 2)
        third = asyncio.create_task(refused(reach, LAMP_ADDRESS))
        assert "no link within 0.3 s" in await first
        assert "within 0.3 s" in await second
        assert asyncio.get_running_loop().time() - start < 0.4
        third.cancel()
        await asyncio.wait([third])


async def test_one_who_waits_in_vain_is_told_for_what(crowd: World) -> None:
    timing = replace(QUICK, attempt_s=10.0, link_s=10.0, total_s=10.0)
    async with in_reach(crowd, timing=timing) as reach:
        reach.hub.hangs = True
        first = asyncio.create_task(refused(reach, HUB))
        await until(lambda: reach.calls("Connect"))
        loop = asyncio.get_running_loop()
        second = asyncio.create_task(refused(reach, OTHER))
        with pytest.MonkeyPatch.context() as patch:
            await asyncio.sleep(0.05)
            patch.setattr(loop, "time", lambda real=loop.time: real() + 10.0)
            assert "within 10 s: waited for another connect to end (one at a time)" in await second
        await until(lambda: reach.radio.slots.holder(OTHER) is None)
        first.cancel()
        await asyncio.wait([first])


async def test_a_slot_of_a_client_is_left_to_it(crowd: World) -> None:
    async with in_reach(crowd) as reach:
        slots = reach.radio.slots
        slot = slots.reserve(HUB, Holder.CLIENT)
        reach.hub.failures = [NO_ROOM]
        with pytest.raises(NoSlotError):
            async with reach.radio.connect(HUB, slot):
                pytest.fail("there is no room")
        assert slots.holder(HUB) is Holder.CLIENT
        async with reach.radio.connect(HUB, slot) as link:
            assert link.open
        assert slots.holder(HUB) is Holder.CLIENT
        slot.release()
        assert slots.holder(HUB) is None
