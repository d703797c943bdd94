"""What happens to the hardware and to bluetoothd, and how soon advertisements come again."""

import asyncio

from fakes.bus_client import BusClient, until
from fakes.radio_world import BY_MGMT, OTHER_ADDRESS, World, bindings, both

from renogybt.config import AdvertisementSource

# -- bluetoothd


@both
async def test_after_a_restart_of_bluetoothd_it_scans_within_a_second(
    world: World, source: AdvertisementSource
) -> None:
    async with world.scanning(world.radio(source)) as heard:
        await world.bluez.stop()
        assert "systemctl start bluetooth" in await heard.failed()
        await world.bluez.start()
        await world.bluez.ready()
        assert await heard.scanning(within_s=1.0) < 1.0
        assert len(world.owners) == 1


@both
async def test_a_restart_quicker_than_a_look_is_noticed(world: World, source: AdvertisementSource) -> None:
    world.bluez.adapters_after_s = 0.0
    async with world.scanning(world.radio(source)) as heard:
        await world.bluez.stop()
        await world.bluez.start()
        await until(lambda: world.owners, 1.0)
        await heard.scanning(within_s=1.0)


async def test_a_discovery_that_a_crash_left_is_ended_by_the_management_socket(world: World) -> None:
    async with world.scanning(world.radio(BY_MGMT)) as heard:
        await world.bluez.crash()
        await heard.failed()
        world.hear()
        await world.bluez.start()
        await world.bluez.ready()
        assert await heard.scanning(within_s=1.5) < 1.5
        assert world.kernel.commands[0x0024] >= 1
        assert not world.bluez.adapters["hci0"].sessions.orphaned


async def test_a_discovery_of_all_types_that_a_crash_left_is_ended_too(world: World) -> None:
    async with world.scanning(world.radio(BY_MGMT)) as heard:
        await world.bluez.crash()
        world.kernel.controllers[0].discover(7)
        await heard.failed()
        await world.bluez.start()
        await world.bluez.ready()
        await heard.scanning(within_s=1.5)


async def test_a_bluetoothd_that_starts_is_given_the_time_to(world: World) -> None:
    await world.bluez.stop()
    radio = world.radio()
    async with world.run(radio) as heard:
        assert "apt install bluez" in await heard.failed()
        await world.bluez.start()
        await world.bluez.ready()
        await heard.scanning(within_s=1.0)
        assert len(heard.reasons) == 1  # neither the adapter nor its power comes at the same moment


async def test_a_bluetoothd_that_is_slow_to_show_its_adapters_is_read_again(world: World) -> None:
    world.bluez.fail_next("GetManagedObjects", "org.freedesktop.DBus.Error.UnknownObject", "not yet", times=2)
    radio = world.radio()
    async with world.run(radio) as heard:
        await heard.failed()
        radio.set_mode(radio.status.mode)  # any reason to look again
        radio.set_mode(radio.status.mode)
        await heard.scanning(within_s=6.0)


# -- the adapter


@both
async def test_an_adapter_that_comes_back_under_another_name_is_found_by_its_address(
    world: World, source: AdvertisementSource
) -> None:
    radio = world.radio(source)
    async with world.scanning(radio) as heard:
        address = radio.status.adapter
        world.unplug("hci0")
        assert "waiting for it to come back" in await heard.failed(within_s=1.0)
        world.plug("hci1")
        assert await heard.scanning(within_s=3.0) < 3.0
        assert radio.status.adapter == address
        assert list(world.bluez.owners("hci1")) != []


async def test_a_change_of_name_quicker_than_a_look_is_noticed(world: World) -> None:
    async with world.scanning(world.radio()) as heard:
        world.unplug("hci0")
        world.plug("hci1")
        await until(lambda: world.bluez.owners("hci1"), 2.0)
        await heard.scanning()


async def test_an_adapter_pulled_and_put_back_under_its_name_is_scanned_again(world: World) -> None:
    async with world.scanning(world.radio()) as heard:
        world.unplug("hci0")
        world.plug("hci0")
        world.bluez.power("hci0", True)
        await until(lambda: world.owners, 0.7)
        await heard.scanning(0.7)


async def test_a_foreign_adapter_is_never_used_instead(world: World) -> None:
    radio = world.radio()
    async with world.scanning(radio) as heard:
        address = radio.status.adapter
        world.unplug("hci0")
        await heard.failed()
        world.plug("hci0", OTHER_ADDRESS)
        await heard.status(lambda status: OTHER_ADDRESS in status.reason)
        await until(lambda: world.bluez.adapters["hci0"].powered)
        assert world.owners == []
        world.plug("hci1")
        await heard.scanning()
        assert bindings(heard) <= {None, address}


async def test_a_second_adapter_changes_nothing(world: World) -> None:
    async with world.scanning(world.radio()) as heard:
        told = len(heard.statuses)
        world.plug("hci1", OTHER_ADDRESS)
        await until(lambda: world.bluez.adapters["hci1"].powered)
        await heard.advertisement()
        assert len(heard.statuses) == told
        assert not world.bluez.owners("hci1")


@both
async def test_without_power_it_says_what_to_do_and_goes_on_when_there_is_power(
    world: World, source: AdvertisementSource
) -> None:
    async with world.scanning(world.radio(source)) as heard:
        world.bluez.power("hci0", False)
        assert "bluetoothctl power on" in await heard.failed()
        world.bluez.power("hci0", True)
        assert await heard.scanning(within_s=1.5) < 1.5
        assert len(world.owners) == 1


@both
async def test_a_power_cycle_by_somebody_else_is_over_at_once(
    world: World, source: AdvertisementSource
) -> None:
    """Both signals may come in one piece, so that power never seems to have been away."""
    async with world.scanning(world.radio(source)) as heard:
        world.bluez.power("hci0", False)
        world.bluez.power("hci0", True)
        await until(lambda: world.owners, 0.5)
        await heard.advertisement(within_s=0.5)


# -- the discovery


@both
async def test_a_discovery_that_bluez_drops_is_started_again(
    world: World, source: AdvertisementSource
) -> None:
    async with world.scanning(world.radio(source)) as heard:
        adapter = world.bluez.adapters["hci0"]
        adapter.vanish(next(iter(adapter.sessions.owners)))
        assert world.owners == []
        await until(lambda: world.owners, 1.5)
        await heard.scanning()


async def test_a_discovery_that_only_seemed_to_be_gone_is_taken_over(world: World) -> None:
    """BlueZ then answers InProgress, for the discovery is ours."""
    async with world.scanning(world.radio()) as heard:
        adapter = world.bluez.adapters["hci0"]
        sender = next(iter(adapter.sessions.owners))
        adapter.vanish(sender)  # tells of Discovering = false
        adapter.sessions.start(sender)  # tells nothing
        starts = world.bluez.calls["StartDiscovery"]
        await until(lambda: world.bluez.calls["StartDiscovery"] > starts, 2.0)
        await until(lambda: list(adapter.sessions.owners) == [sender])
        await heard.scanning(within_s=1.0)
        assert heard.reasons == []


async def test_a_blink_of_discovering_is_no_loss(world: World) -> None:
    async with world.scanning(world.radio()) as heard:
        adapter = world.bluez.adapters["hci0"]
        sender = next(iter(adapter.sessions.owners))
        starts, told = world.bluez.calls["StartDiscovery"], len(heard.statuses)
        adapter.vanish(sender)
        async with BusClient(world.bus.address) as client:
            await client.start_discovery()  # Discovering = true again
            await asyncio.sleep(1.2)  # longer than a lost discovery takes to be noticed
        assert world.bluez.calls["StartDiscovery"] == starts + 1
        assert len(heard.statuses) == told


async def test_an_error_at_the_stop_counts_as_done(world: World) -> None:
    radio = world.radio(BY_MGMT)
    async with world.scanning(radio) as heard:
        for error in ("Failed", "InProgress", "NotReady"):
            world.bluez.fail_next("StopDiscovery", f"org.bluez.Error.{error}", "No discovery started")
            stops = world.bluez.calls["StopDiscovery"]
            radio.set_mode(type(radio.status.mode).PASSIVE)
            await until(lambda stops=stops: world.bluez.calls["StopDiscovery"] > stops)
            radio.set_mode(type(radio.status.mode).ACTIVE)
            await heard.scanning()
        assert heard.reasons == []
