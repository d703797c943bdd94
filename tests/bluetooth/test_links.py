"""How links come about and end on BlueZ, whatever happens to it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from dbus_fast import Message
from fakes import hub
from fakes.bus_client import BusClient, until
from fakes.linking import ABSENT, HUB, QUICK, REQUEST, WRITE, Reach, in_reach, serves, with_hub
from fakes.mgmt import BUSY, DISCONNECT, NOT_CONNECTED
from fakes.radio_world import BY_DBUS, BY_MGMT, World, both

from renogybt.bluetooth.bus import DEVICE, MAX_UNANSWERED
from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import parse_address
from renogybt.model.gatt import ConnectError, GattTimeoutError, LinkLostError, NotHeardError
from renogybt.model.radio import ScanMode, ScannerState

ONCE = replace(QUICK, pauses_s=(), attempt_s=0.02)
OTHER_HUB = "6C:B2:FD:86:82:4E"
PATH = "/org/bluez/hci0/dev_6C_B2_FD_86_82_4D"


async def refused(reach: Reach, address: int = HUB) -> str:
    """Why there is no link."""
    with pytest.raises(ConnectError) as failure:
        async with reach.radio.connect(address):
            pytest.fail("there is a link")
    return str(failure.value)


# -- attempts


async def test_attempts_that_break_off_are_repeated_soon(world: World) -> None:
    async with in_reach(world) as reach:
        reach.hub.failures = ["le-connection-abort-by-local"] * 3
        async with reach.radio.connect(HUB) as link:
            assert await serves(link) == [hub.answer(REQUEST)]
        assert reach.calls("Connect") == 4


async def test_after_four_attempts_the_last_reason_is_told(world: World) -> None:
    async with in_reach(world) as reach:
        reach.hub.failures = ["le-connection-abort-by-local"] * 4
        assert "in 4 attempts: org.bluez.Error.Failed: le-connection-abort-by-local" in await refused(reach)
        assert not reach.hub.connected


async def test_an_attempt_that_hangs_is_ended_and_answered(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """More of them than calls may stay unanswered on one connection."""
    async with in_reach(world, timing=ONCE) as reach:
        reach.hub.hangs = True
        for _ in range(MAX_UNANSWERED + 1):
            assert "no link within 0.02 s" in await refused(reach)
            assert not reach.link.pending
    assert "never answered" not in caplog.text


async def test_all_attempts_together_have_a_deadline(world: World) -> None:
    async with in_reach(world, timing=replace(QUICK, attempt_s=0.1, total_s=0.15)) as reach:
        reach.hub.hangs = True
        assert "no link within 0.1 s" in await refused(reach)
        assert reach.calls("Connect") == 2
        await until(lambda: not reach.link.pending)


async def test_a_link_whose_services_are_never_known_is_given_up(world: World) -> None:
    async with in_reach(world, timing=ONCE) as reach:
        reach.hub.resolves = False
        assert "no link within" in await refused(reach)
        assert not reach.hub.connected


async def test_a_link_that_breaks_before_its_services_are_known_is_tried_again(world: World) -> None:
    async with in_reach(world) as reach:
        reach.hub.resolves = False
        attempt = asyncio.create_task(refused_or_not(reach))
        await until(lambda: reach.hub.connected)
        reach.hub.resolves = True
        world.bluez.drop(hub.HUB)
        assert await attempt == ""


async def refused_or_not(reach: Reach) -> str:
    try:
        async with reach.radio.connect(HUB) as link:
            assert await serves(link)
    except ConnectError as error:
        return str(error)
    return ""


async def test_what_cannot_help_is_not_tried_again(world: World) -> None:
    async with in_reach(world) as reach:
        world.bluez.fail_next("Connect", "org.freedesktop.DBus.Error.AccessDenied", "no")
        assert "usermod -aG bluetooth" in await refused(reach)
        assert reach.calls("Connect") == 1


async def test_the_attempt_of_a_dead_process_is_ended(world: World) -> None:
    async with in_reach(world) as reach:
        reach.hub.hangs = True
        async with BusClient(world.bus.address) as dead:
            attempt = asyncio.create_task(call(dead, "Connect"))
            await until(lambda: reach.link.pending)
            attempt.cancel()
        reach.hub.hangs = False
        async with reach.radio.connect(HUB) as link:
            assert await serves(link)


async def test_the_link_of_a_dead_process_is_used_on(world: World) -> None:
    async with in_reach(world) as reach:
        async with BusClient(world.bus.address) as dead:
            await call(dead, "Connect")
        await until(lambda: reach.link.resolved)
        async with reach.radio.connect(HUB) as link:
            assert reach.calls("Connect") == 1
            assert await serves(link)
        assert not reach.hub.connected


async def call(client: BusClient, member: str) -> None:
    await client.bus.call(Message(destination="org.bluez", path=PATH, interface=DEVICE, member=member))


async def test_one_attempt_at_a_time(world: World) -> None:
    world.bluez.peripherals[OTHER_HUB] = hub.hub(OTHER_HUB)
    async with in_reach(world) as reach:
        reach.hub.hangs = True
        first = asyncio.create_task(refused(reach))
        await until(lambda: reach.link.pending)
        second = asyncio.create_task(refused_or_linked(reach, OTHER_HUB))
        await asyncio.sleep(0.05)
        assert reach.calls("Connect") == 1
        await first
        assert await second


async def refused_or_linked(reach: Reach, address: str) -> bool:
    async with reach.radio.connect(parse_address(address)) as link:
        return bool(await serves(link))


async def test_one_who_is_away_keeps_nobody_waiting(world: World) -> None:
    async with in_reach(world, timing=replace(QUICK, hear_s=5.0)) as reach:
        vain = asyncio.create_task(refused(reach, ABSENT))
        await asyncio.sleep(0)
        async with reach.radio.connect(HUB) as link:
            assert await serves(link)
        assert not vain.done()
        vain.cancel()


# -- who is heard


async def test_not_heard_says_what_it_may_be(world: World) -> None:
    async with in_reach(world) as reach:
        reach.hub.taken = True
        world.bluez.adapters["hci0"].devices.clear()
        with pytest.raises(
            NotHeardError, match=r"82:4D was not heard within 0\.2 s: away, switched off, or in"
        ):
            async with reach.radio.connect(HUB):
                pytest.fail("another one holds it")
        assert reach.calls("Connect") == 0


async def test_where_every_repeat_is_heard_an_old_report_is_no_proof(world: World) -> None:
    async with in_reach(world) as reach:
        await until(lambda: world.bluez.device(hub.HUB))
        world.bluez.switch(hub.HUB, on=False)
        with pytest.raises(NotHeardError):
            async with reach.radio.connect(HUB):
                pytest.fail("it is switched off")


async def test_scanning_passively_an_object_is_made_and_the_scan_stays_passive(world: World) -> None:
    async with in_reach(world, mode=ScanMode.PASSIVE) as reach:
        assert world.bluez.device(hub.HUB) is None
        async with reach.radio.connect(HUB) as link:
            assert world.owners == []
            assert await serves(link)
        assert reach.calls("StartDiscovery") == 1
        assert reach.radio.status.mode is ScanMode.PASSIVE


async def test_with_a_filter_of_repeats_the_scan_is_begun_anew(world: World) -> None:
    """The kernel connects at the next report of the peripheral."""
    async with in_reach(world, BY_DBUS) as reach:
        world.bluez.adapters["hci0"].repeats_after_s = 10.0
        await until(lambda: world.bluez.device(hub.HUB))
        before = reach.calls("StartDiscovery")
        async with asyncio.timeout(1), reach.radio.connect(HUB) as link:
            assert await serves(link)
        assert reach.calls("StartDiscovery") == before + 1
        assert len(world.owners) == 1


async def test_without_such_a_filter_the_scan_is_left_alone(world: World) -> None:
    async with in_reach(world) as reach:
        before = reach.calls("StartDiscovery"), reach.calls("StopDiscovery")
        async with reach.radio.connect(HUB) as link:
            assert await serves(link)
        assert (reach.calls("StartDiscovery"), reach.calls("StopDiscovery")) == before


async def test_others_have_their_turn_between_the_attempts_of_one_that_hangs(world: World) -> None:
    other = world.bluez.peripherals[OTHER_HUB] = hub.hub(OTHER_HUB)
    other.hangs = True
    async with in_reach(world) as reach:
        attempt = asyncio.create_task(refused(reach, parse_address(OTHER_HUB)))
        await until(lambda: reach.calls("Connect") == 1)
        async with reach.radio.connect(HUB) as link:
            assert not attempt.done()
            assert await serves(link)
        assert "attempts" in await attempt


# -- the end


@both
async def test_the_end_of_the_radio_ends_links_and_attempts(
    world: World, source: AdvertisementSource
) -> None:
    other = world.bluez.peripherals[OTHER_HUB] = hub.hub(OTHER_HUB)
    other.hangs = True
    reach = Reach(world, world.radio(source, link_timing=QUICK), with_hub(world))
    running = asyncio.create_task(reach.radio.run())
    await until(lambda: reach.radio.status.state is ScannerState.RUNNING)
    closed: list[bool] = []
    async with reach.radio.connect(HUB) as link:
        link.on_close(lambda: closed.append(link.open))
        attempt = asyncio.create_task(refused(reach, parse_address(OTHER_HUB)))
        await until(lambda: reach.calls("Connect") == 2)
        running.cancel()
        await asyncio.wait([running])
        assert closed == [False]
        assert not reach.hub.connected
        assert "the radio has stopped" in await attempt
        with pytest.raises(LinkLostError, match="the radio has stopped"):
            await link.write(WRITE, REQUEST, response=False)
    assert "not running" in await refused(reach)


async def seconds_to_leave(reach: Reach) -> float:
    """How long the end of a link takes; afterwards there must be none."""
    now = asyncio.get_running_loop().time
    async with reach.radio.connect(HUB) as link:
        assert await serves(link)
        start = now()
    took_s = now() - start
    assert not reach.hub.connected
    return took_s


@pytest.mark.parametrize("address_type", ["public", "random"])
async def test_where_the_kernel_listens_to_us_a_link_ends_at_once(world: World, address_type: str) -> None:
    with_hub(world).address_type = address_type
    async with in_reach(world) as reach:
        reach.hub.disconnect_s = 60.0
        assert await seconds_to_leave(reach) < 0.2
        assert await seconds_to_leave(reach) < 0.2
        assert world.kernel.commands[DISCONNECT] == 2


async def test_bluez_is_told_first_so_that_it_knows_what_is_wanted(world: World) -> None:
    told: list[int] = []
    hang_up = world.kernel.hang_up
    async with in_reach(world) as reach:

        def look(index: int, address: str, kind: int) -> bool:
            told.append(reach.calls("Disconnect"))
            return hang_up(index, address, kind)

        world.kernel.hang_up = look
        await seconds_to_leave(reach)
    assert told == [1]


async def test_by_dbus_a_link_ends_when_bluez_ends_it(world: World) -> None:
    async with in_reach(world, BY_DBUS) as reach:
        reach.hub.disconnect_s = 0.1
        assert await seconds_to_leave(reach) >= 0.1
    assert world.kernel.commands[DISCONNECT] == 0


@pytest.mark.parametrize("status", [NOT_CONNECTED, 0x0F, 0x14])
async def test_where_the_kernel_refuses_a_link_ends_when_bluez_ends_it(
    world: World, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    world.kernel.refusals[DISCONNECT] = [status] * 100
    async with in_reach(world) as reach:
        reach.hub.disconnect_s = 0.1
        assert await seconds_to_leave(reach) >= 0.1
        assert world.kernel.opened == 1
    assert [each for each in caplog.records if each.levelname == "WARNING"] == []


async def test_a_kernel_that_does_not_answer_costs_neither_the_link_nor_the_scan(world: World) -> None:
    world.kernel.mute.add(DISCONNECT)
    async with in_reach(world) as reach:
        reach.hub.disconnect_s = 0.1
        assert await seconds_to_leave(reach) >= 0.1
        assert await seconds_to_leave(reach) >= 0.1
        assert world.kernel.opened == 1


async def test_a_kernel_that_ends_another_link_just_now_is_asked_again(world: World) -> None:
    world.kernel.refusals[DISCONNECT] = [BUSY]
    async with in_reach(world) as reach:
        reach.hub.disconnect_s = 60.0
        assert await seconds_to_leave(reach) < 0.4
        assert world.kernel.commands[DISCONNECT] == 2


async def test_a_link_ends_though_bluez_hangs(world: World) -> None:
    async with in_reach(world, timing=replace(QUICK, goodbye_s=1.0)) as reach, asyncio.timeout(3):
        async with reach.radio.connect(HUB):
            world.bluez.swallow("*")
        assert not reach.hub.connected
        world.bluez.answer("*")


async def test_the_end_of_the_radio_does_not_wait_for_bluez_where_the_kernel_listens(world: World) -> None:
    other = world.bluez.peripherals[OTHER_HUB] = hub.hub(OTHER_HUB)
    reach = Reach(world, world.radio(BY_MGMT, link_timing=QUICK), with_hub(world))
    reach.hub.disconnect_s = other.disconnect_s = 60.0
    running = asyncio.create_task(reach.radio.run())
    await until(lambda: reach.radio.status.state is ScannerState.RUNNING)
    async with reach.radio.connect(HUB), reach.radio.connect(parse_address(OTHER_HUB)):
        running.cancel()
        await asyncio.wait([running], timeout=0.4)
        assert running.done()
        assert not reach.hub.connected
        assert not other.connected


async def test_a_cancelled_attempt_is_ended_in_bluez(world: World) -> None:
    async with in_reach(world) as reach:
        reach.hub.hangs = True
        attempt = asyncio.create_task(refused(reach))
        await until(lambda: reach.link.pending)
        attempt.cancel()
        await asyncio.wait([attempt])
        assert attempt.cancelled()
        assert not reach.link.pending


async def test_a_link_left_by_cancellation_is_ended_in_bluez(world: World) -> None:
    async with in_reach(world) as reach:
        linked = asyncio.Event()

        async def stay() -> None:
            async with reach.radio.connect(HUB):
                linked.set()
                await asyncio.Event().wait()

        staying = asyncio.create_task(stay())
        await linked.wait()
        staying.cancel()
        await asyncio.sleep(0)
        staying.cancel()  # somebody is impatient
        await asyncio.wait([staying])
        assert staying.cancelled()
        assert not reach.hub.connected


async def test_leaving_is_bounded_when_bluez_hangs(world: World) -> None:
    timing = replace(QUICK, goodbye_s=0.05)
    async with in_reach(world, BY_DBUS, timing=timing) as reach, asyncio.timeout(1), reach.radio.connect(HUB):
        world.bluez.swallow("Disconnect")


async def test_the_next_link_waits_until_the_last_one_is_gone(world: World) -> None:
    """BlueZ ends a link two seconds after it was asked to, and until then would hand out the old one."""
    async with in_reach(world, BY_DBUS, timing=replace(QUICK, goodbye_s=0.02)) as reach:
        reach.hub.disconnect_s = 0.2
        async with reach.radio.connect(HUB):
            pass
        assert reach.hub.connected
        async with reach.radio.connect(HUB) as link:
            assert reach.calls("Connect") == 2
            assert await serves(link)


async def test_a_crash_of_bluetoothd_ends_the_link_at_once(world: World) -> None:
    async with in_reach(world) as reach:
        async with reach.radio.connect(HUB) as link:
            closed = asyncio.Event()
            link.on_close(closed.set)
            await world.bluez.crash()
            async with asyncio.timeout(1):
                await closed.wait()
            with pytest.raises(LinkLostError, match="bluetoothd has ended"):
                await link.write(WRITE, REQUEST, response=False)
        await world.bluez.start()
        await world.bluez.ready()
        await until(lambda: reach.radio.status.state is ScannerState.RUNNING)
        async with reach.radio.connect(HUB) as link:
            assert await serves(link)


async def test_the_end_of_the_bus_ends_the_link(world: World) -> None:
    async with in_reach(world) as reach:
        async with reach.radio.connect(HUB) as link:
            closed = asyncio.Event()
            link.on_close(closed.set)
            await world.bus.kill()
            async with asyncio.timeout(1):
                await closed.wait()
            with pytest.raises(LinkLostError):
                await link.write(WRITE, REQUEST, response=False)
        await world.bluez.crash()
        await world.bus.start()
        await world.bluez.start()
        await world.bluez.ready()
        await until(lambda: reach.radio.status.state is ScannerState.RUNNING)
        async with reach.radio.connect(HUB) as link:
            assert await serves(link)


async def test_no_power_ends_the_link(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        world.bluez.auto_enable = False
        world.bluez.power("hci0", False)
        await until(lambda: not link.open)


async def test_without_an_adapter_there_is_a_reason_at_once(world: World) -> None:
    async with in_reach(world) as reach:
        async with reach.radio.connect(HUB) as link:
            world.unplug()
            await until(lambda: not link.open)
        await until(lambda: reach.radio.status.reason)
        async with asyncio.timeout(0.1):
            assert "is gone; waiting for it to come back" in await refused(reach)


async def test_before_it_runs_there_is_no_link(world: World) -> None:
    with pytest.raises(ConnectError, match="not running"):
        async with world.radio().connect(HUB):
            pytest.fail("it does not run")


async def test_when_the_connection_is_replaced_the_device_is_disconnected_by_the_new_one(
    world: World,
) -> None:
    async with in_reach(world, timing=replace(QUICK, operation_s=0.002)) as reach:
        world.bluez.swallow("WriteValue")
        async with reach.radio.connect(HUB) as link:
            for _ in range(MAX_UNANSWERED - 1):
                with pytest.raises(GattTimeoutError):
                    await link.write(WRITE, REQUEST, response=False)
            with pytest.raises(LinkLostError):
                await link.write(WRITE, REQUEST, response=False)
        await until(lambda: not reach.hub.connected)
        assert reach.radio.status.reason == ""


# -- nothing piles up


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_two_hundred_links_leave_nothing_behind(world: World) -> None:
    """A match rule too many would be refused long before."""
    async with in_reach(world) as reach:
        reach.hub.connect_s = reach.hub.resolve_s = reach.hub.disconnect_s = 0.0
        async with reach.radio.connect(HUB):
            pass
        before = descriptors(), len(asyncio.all_tasks())
        for _ in range(200):
            async with reach.radio.connect(HUB):
                pass
        await asyncio.sleep(0)
        assert (descriptors(), len(asyncio.all_tasks())) == before


async def test_each_of_several_links_gets_its_own_notifications(world: World) -> None:
    world.bluez.peripherals[OTHER_HUB] = hub.hub(OTHER_HUB)
    with_hub(world)
    async with in_reach(world) as reach, reach.radio.connect(HUB) as first:
        async with reach.radio.connect(parse_address(OTHER_HUB)) as second:
            told: list[bytes] = []
            await first.subscribe(hub.NOTIFY + 1, told.append)
            assert await serves(second) == [hub.answer(REQUEST)]
            assert told == []
        assert first.open
        assert await serves(first) == [hub.answer(REQUEST)]


@pytest.mark.parametrize("source", [BY_MGMT, BY_DBUS], ids=["mgmt", "dbus"])
async def test_the_scan_goes_on_during_a_link(world: World, source: AdvertisementSource) -> None:
    async with in_reach(world, source) as reach:
        radio = reach.radio
        heard = asyncio.Event()
        async with radio.connect(HUB):
            radio.listen(lambda _batch: heard.set())
            async with asyncio.timeout(1):
                await heard.wait()
            assert radio.status.reason == ""


async def test_a_leave_that_was_cancelled_does_not_stand_in_the_way_of_the_next_one(world: World) -> None:
    async with in_reach(world, BY_DBUS) as reach:
        reach.hub.disconnect_s = 0.05

        async def use(linked: asyncio.Event, hold: asyncio.Event) -> None:
            async with reach.radio.connect(HUB):
                linked.set()
                await hold.wait()

        hold = asyncio.Event()
        hold.set()
        for _ in range(3):
            linked = asyncio.Event()
            task = asyncio.create_task(use(linked, hold))
            await linked.wait()
            await asyncio.sleep(0.01)  # it is leaving now
            task.cancel()
            await asyncio.wait([task])
        linked = asyncio.Event()
        task = asyncio.create_task(use(linked, asyncio.Event()))
        await linked.wait()
    # the radio has ended while the link was in use
    await asyncio.sleep(0.1)
    assert not reach.hub.connected
    task.cancel()
    await asyncio.wait([task])
