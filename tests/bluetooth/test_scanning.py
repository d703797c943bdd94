"""The discovery, the two scan modes, and how the radio leaves the adapter."""

import asyncio
import contextlib

import pytest
from fakes.bus_client import until
from fakes.radio_world import BY_DBUS, BY_MGMT, GOODBYE_S, Heard, World, both

from renogybt.config import AdvertisementSource
from renogybt.model.radio import ScanMode, ScannerState

AUTO = AdvertisementSource.AUTO
PASSIVE, ACTIVE = ScanMode.PASSIVE, ScanMode.ACTIVE
SECOND = "00:1A:7D:DA:71:99"


async def in_mode(heard: Heard, mode: ScanMode, within_s: float = 2.0) -> float:
    return await heard.status(
        lambda status: status.mode is mode and status.state is ScannerState.RUNNING, within_s
    )


# -- active


@both
async def test_there_is_one_discovery_with_a_filter_that_leaves_no_gap(
    world: World, source: AdvertisementSource
) -> None:
    async with world.scanning(world.radio(source)):
        (wanted,) = world.owners
        assert wanted is not None
        assert (wanted.transport, wanted.duplicate_data) == ("le", True)
        assert (wanted.uuids, wanted.rssi, wanted.pathloss, wanted.pattern) == ((), None, None, None)


async def test_by_dbus_it_stays_active_and_says_why_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    radio = world.radio(BY_DBUS)
    async with world.scanning(radio) as heard:
        for mode in (PASSIVE, ACTIVE, PASSIVE):
            radio.set_mode(mode)
            await heard.advertisement()
        assert radio.status.mode is ACTIVE
        assert len(world.owners) == 1
        assert caplog.text.count("passive scanning needs the management socket") == 1


# -- passive


async def test_a_passive_scan_holds_no_discovery_and_hears_everything(world: World) -> None:
    radio = world.radio(BY_MGMT, mode=PASSIVE)
    async with world.scanning(radio) as heard:
        assert radio.status.mode is PASSIVE
        assert world.owners == []
        assert world.bluez.calls["StartDiscovery"] == 0
        assert len(world.kernel.monitors) == 1
        await heard.advertisement(0.5)


async def test_an_active_window_and_back_are_quick(world: World) -> None:
    radio = world.radio(BY_MGMT, mode=PASSIVE)
    async with world.scanning(radio) as heard:
        for mode, discoveries in ((ACTIVE, 1), (PASSIVE, 0)) * 3:
            radio.set_mode(mode)
            assert await in_mode(heard, mode, 0.5) < 0.5
            assert len(world.owners) == discoveries
            await heard.advertisement(0.5)
        assert heard.reasons == []


async def test_of_many_wishes_the_last_one_comes_true(world: World) -> None:
    radio = world.radio(BY_MGMT)
    async with world.scanning(radio) as heard:
        for mode in (PASSIVE, ACTIVE) * 10:
            radio.set_mode(mode)
            await asyncio.sleep(0)
        radio.set_mode(PASSIVE)
        await in_mode(heard, PASSIVE)
        await until(lambda: not world.owners)


async def test_a_controller_that_reports_matches_only_is_scanned_actively(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    world.kernel.controllers[0].offloaded = 1
    radio = world.radio(BY_MGMT, mode=PASSIVE)
    async with world.scanning(radio):
        assert radio.status.mode is ACTIVE
        assert len(world.owners) == 1
        assert caplog.text.count("cannot report everything passively") == 1


async def test_a_stop_that_is_never_answered_ends_the_connection_instead(world: World) -> None:
    """To say passive while BlueZ may still discover for us would not be the truth."""
    radio = world.radio(BY_MGMT)
    async with world.scanning(radio) as heard:
        world.bluez.swallow("StopDiscovery")
        radio.set_mode(PASSIVE)
        await until(lambda: not world.owners, 2.0)
        await in_mode(heard, PASSIVE)
        await heard.advertisement()


# -- leaving


@both
@pytest.mark.parametrize("mode", list(ScanMode))
async def test_it_leaves_the_adapter_as_it_found_it(
    world: World, source: AdvertisementSource, mode: ScanMode
) -> None:
    radio = world.radio(source, mode=mode)
    async with world.scanning(radio):
        pass
    await until(lambda: not world.owners)
    assert world.kernel.monitors == []
    assert radio.status.state is ScannerState.STOPPED
    async with world.scanning(world.radio(source)):  # the lock is free
        assert len(world.owners) == 1


@both
@pytest.mark.parametrize("member", ["*", "StopDiscovery"])
async def test_a_bluetoothd_that_hangs_cannot_keep_it(
    world: World, source: AdvertisementSource, member: str
) -> None:
    radio = world.radio(source)
    async with world.scanning(radio):
        world.bluez.swallow(member)
    await until(lambda: not world.owners)
    assert world.kernel.monitors == []


@both
@pytest.mark.parametrize("member", ["GetManagedObjects", "SetDiscoveryFilter", "StartDiscovery", ""])
async def test_it_may_be_cancelled_at_any_step(
    world: World, source: AdvertisementSource, member: str
) -> None:
    """Whatever it waits for, nothing is left open (a descriptor left open is a warning, and an error)."""
    if member:
        world.bluez.swallow(member)
    radio = world.radio(source)
    for turns in (0, 1, 2, 3, 5, 8, 13, 21, 34):
        task = asyncio.create_task(radio.run())
        for _ in range(turns):
            await asyncio.sleep(0.001)
        task.cancel()
        async with asyncio.timeout(GOODBYE_S):
            with contextlib.suppress(asyncio.CancelledError):
                await task
        assert radio.status.state in (ScannerState.STOPPED, ScannerState.IDLE)
    await until(lambda: not world.owners)
    assert world.kernel.monitors == []


async def test_without_a_lock_file_the_monitor_is_removed_too(world: World) -> None:
    world.lock_path.touch()
    async with world.scanning(world.radio(BY_MGMT, lock_path=world.lock_path / "below a file")):
        assert len(world.kernel.monitors) == 1
    assert world.kernel.monitors == []
