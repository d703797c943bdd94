"""What takes minutes: with a clock that runs ahead."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from fakes import hub
from fakes.bus_client import until
from fakes.hurried_loop import in_a_hurry
from fakes.radio_world import Heard, World

from renogybt.bluetooth.bus import MAX_UNANSWERED
from renogybt.bluetooth.errors import BusError
from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import parse_address
from renogybt.model.gatt import ConnectError
from renogybt.model.radio import Radio, ScannerState


async def _senders(world: World, member: str, seconds: float) -> tuple[set[str], int]:
    """Who has set a filter in this time, and how often `member` was called."""
    before, senders = world.bluez.calls[member], set[str]()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                senders |= set(world.bluez.filters())
                await asyncio.sleep(0.5)
    return senders, world.bluez.calls[member] - before


@in_a_hurry
async def test_a_start_that_is_never_answered_is_told_and_tried_on_new_connections(folder: Path) -> None:
    """Whether it begins after all cannot be known on the old one."""
    async with World(folder) as world:
        world.bluez.swallow("StartDiscovery")
        radio = world.radio()
        async with world.run(radio) as heard:
            reason = await heard.failed(30)
            assert reason == "BlueZ did not answer StartDiscovery within 5 s"
            senders, calls = await _senders(world, "StartDiscovery", 60)
            assert 5 <= calls <= 20
            assert len(senders) >= calls - 1
            assert set(heard.reasons) == {reason}  # it is said once, and not taken back in between
            assert len(heard.reasons) == 1
            world.bluez.answer("StartDiscovery")
            await heard.running(60)


@in_a_hurry
async def test_a_bluetoothd_that_hangs_is_asked_sixteen_times_per_connection(folder: Path) -> None:
    async with World(folder) as world:
        world.bluez.swallow("*")
        radio = world.radio()
        async with world.run(radio) as heard:
            assert "did not answer" in await heard.failed(30)
            before = world.bluez.calls["GetManagedObjects"]
            await asyncio.sleep(120)
            calls = world.bluez.calls["GetManagedObjects"] - before
            assert MAX_UNANSWERED < calls <= 24  # it goes on, without a storm
            assert len(heard.reasons) == 1
            world.bluez.answer("*")
            await heard.running(60)


@in_a_hurry
async def test_a_bluetoothd_that_is_away_is_called_now_and_then(folder: Path) -> None:
    """Where D-Bus may start it, a call does; and it is no storm where D-Bus may not."""
    async with World(folder) as world:
        await world.bluez.stop()
        radio = world.radio()
        async with world.run(radio) as heard:
            await heard.failed(30)
            await asyncio.sleep(60)
            assert len(heard.reasons) == 1
            assert radio.status.state is ScannerState.FAILED
            await world.bluez.start()
            await heard.running(60)


@in_a_hurry
async def test_while_nothing_changes_no_look_is_taken(folder: Path) -> None:
    async with World(folder) as world:
        for source in (AdvertisementSource.DBUS, AdvertisementSource.MGMT):
            radio = world.radio(source)
            heard = Heard(radio)
            task = asyncio.create_task(radio.run())
            await heard.running(60)
            await asyncio.sleep(5)
            world.on_air = False
            calls, commands = world.bluez.calls.copy(), world.kernel.commands.copy()
            await asyncio.sleep(40)
            assert (world.bluez.calls, world.kernel.commands) == (calls, commands)
            world.on_air = True
            task.cancel()
            await asyncio.wait([task])


@in_a_hurry
async def test_a_bus_that_is_away_is_tried_at_growing_intervals(folder: Path) -> None:
    async with World(folder, bus=False, bluetoothd=False) as world:
        radio = world.radio()
        async with world.run(radio) as heard:
            await heard.failed(30)
            await asyncio.sleep(40)
            assert len(heard.reasons) == 1
            await world.bus.start()
            await world.bluez.start()
            await heard.running(120)


@in_a_hurry
async def test_a_bus_that_lets_in_one_connection_only_is_no_storm(folder: Path) -> None:
    """The second one, for the advertisements, is refused each time."""
    async with World(folder) as world:
        radio = world.radio()
        opened = 0

        class Refusing:
            def __init__(self, *_: object) -> None:
                nonlocal opened
                opened += 1

            async def __aenter__(self) -> None:
                raise BusError("the maximum number of connections is reached")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("renogybt.bluetooth.intake.DbusIntake", Refusing)
            async with world.run(radio) as heard:
                await heard.failed(30)
                await asyncio.sleep(60)
                assert 5 < opened < 25
                patch.undo()
                await heard.running(60)


@in_a_hurry
async def test_a_dead_kernel_does_not_keep_it_from_ending(folder: Path) -> None:
    async with World(folder) as world:
        radio = world.radio(AdvertisementSource.MGMT)
        async with world.run(radio) as heard:
            await heard.running(60)
            world.kernel.mute |= {0x0024, 0x0051, 0x0052, 0x0053}
            world.bluez.power("hci0", False)
            world.bluez.power("hci0", True)
            await until(lambda: "did not answer" in radio.status.reason, 60)
            world.kernel.mute.clear()
            await heard.running(60)


@in_a_hurry
async def test_without_the_management_socket_it_waits_for_the_end_of_a_foreign_discovery(
    folder: Path,
) -> None:
    """As a crash of bluetoothd leaves it in the kernel."""
    async with World(folder) as world:
        world.bluez.orphan_seconds = 8.0
        async with world.run(world.radio()) as heard:
            await heard.running(60)
            await world.bluez.crash()
            await world.bluez.start()
            await world.bluez.ready()
            world.bluez.orphan_seconds = 0.0
            await heard.status(lambda status: "discovery that is not ours" in status.reason, 6.0)
            starts = world.bluez.calls["StartDiscovery"]
            await heard.running(8.0)
            assert world.bluez.calls["StartDiscovery"] - starts <= 16


@in_a_hurry
async def test_a_short_one_is_no_fault(folder: Path) -> None:
    async with World(folder) as world:
        world.bluez.fail_next("StartDiscovery", "org.bluez.Error.InProgress", "", times=3)
        async with world.run(world.radio()) as heard:
            await heard.running(3.0)
            assert heard.reasons == []


@in_a_hurry
async def test_a_refused_start_is_tried_again(folder: Path) -> None:
    async with World(folder) as world:
        for error in ("Failed", "NotReady", "NotAuthorized"):
            before = world.bluez.calls["StartDiscovery"]
            world.bluez.fail_next("StartDiscovery", f"org.bluez.Error.{error}", "no luck")
            async with world.run(world.radio()) as heard:
                await heard.running(3.0)
                assert world.bluez.calls["StartDiscovery"] - before == 2


@in_a_hurry
async def test_an_adapter_that_the_kernel_never_shows_is_told(folder: Path) -> None:
    async with World(folder) as world:
        world.on_air = False
        world.kernel.controllers.clear()
        async with world.run(world.radio(AdvertisementSource.AUTO)) as heard:
            assert "kernel is not ready" in await heard.failed(5.0)
            opened = world.kernel.opened
            await asyncio.sleep(20)
            assert world.kernel.opened - opened <= 45
            assert len(heard.reasons) == 1
            world.on_air = True
            await heard.running(60)


async def _reason(radio: Radio, address: str) -> str:
    """Why there is no link."""
    with pytest.raises(ConnectError) as failure:
        async with radio.connect(parse_address(address)):
            pytest.fail("there is a link")
    return str(failure.value)


@in_a_hurry
async def test_thirty_seconds_are_all_that_a_link_may_take_the_wait_for_others_included(
    folder: Path,
) -> None:
    """By D-Bus each attempt is given ten seconds, and one is made at a time."""
    addresses = [f"6C:B2:FD:86:82:{number:02X}" for number in range(3)]
    async with World(folder) as world:
        for address in addresses:
            world.bluez.peripherals[address] = hub.hub(address)
            world.bluez.peripherals[address].hangs = True
        radio = world.radio()
        async with world.run(radio) as heard:
            await heard.running(60)
            await until(lambda: all(world.bluez.device(address) for address in addresses), 60)
            begin = asyncio.get_running_loop().time()
            reasons = await asyncio.gather(*(_reason(radio, address) for address in addresses))
            assert asyncio.get_running_loop().time() - begin < 31.0
            # each has had its turn
            assert all("attempt" in reason and "waited for" not in reason for reason in reasons), reasons
            await until(lambda: radio.slots.free == radio.slots.limit, 60)
