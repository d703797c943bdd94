"""A lock that is held by somebody who does not scan."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fakes.bus_client import BusClient
from fakes.hurried_loop import in_a_hurry
from fakes.mgmt import READ_MONITOR_FEATURES
from fakes.radio_world import BY_DBUS, BY_MGMT, Heard, World

from renogybt.bluetooth.scan_lock import ScanLock
from renogybt.config import AdvertisementSource
from renogybt.model.radio import ScanMode, ScannerState


@asynccontextmanager
async def listener(folder: Path, source: AdvertisementSource) -> AsyncIterator[tuple[World, Heard]]:
    """A radio beside an owner of the lock that does nothing else."""
    async with World(folder) as world:
        lock = ScanLock(world.lock_path)
        assert lock.acquire()
        try:
            async with world.run(world.radio(source)) as heard:
                await heard.running(5.0)
                yield world, heard
        finally:
            lock.release()


@in_a_hurry
async def test_it_is_a_fault_until_somebody_scans_by_the_management_socket(folder: Path) -> None:
    async with listener(folder, BY_MGMT) as (world, heard):
        reason = await heard.failed(15.0)
        assert "process " in reason
        assert f"holds the scan lock {world.lock_path} but does not scan" in reason
        assert "set another scan_lock" in reason
        assert world.owners == []
        await asyncio.sleep(10)
        assert len(heard.reasons) == 1
        async with BusClient(world.bus.address) as client:
            await client.start_discovery()
            assert await heard.running(3.0) < 3.0
            await asyncio.sleep(20)
            assert len(heard.reasons) == 1
        await heard.failed(20.0)


@in_a_hurry
async def test_by_dbus_it_discovers_beside_an_owner_that_does_not(folder: Path) -> None:
    """BlueZ tells of advertisements only while somebody discovers; the owner may scan passively."""
    async with listener(folder, BY_DBUS) as (world, heard):
        assert world.owners == []
        await heard.status(lambda status: status.mode is ScanMode.ACTIVE, 5.0)
        count = len(heard.batches)
        await heard.until(lambda: len(heard.batches) > count, 5.0)
        assert len(world.owners) == 1
        await asyncio.sleep(20)
        assert len(world.owners) == 1
        assert heard.reasons == []


@in_a_hurry
async def test_advertisements_alone_are_a_sign_of_life(folder: Path) -> None:
    """As those of an owner that scans passively, with an advertisement monitor."""
    async with listener(folder, BY_MGMT) as (world, heard):
        await heard.failed(15.0)
        world.kernel.controllers[0].add_monitor()
        await heard.running(3.0)
        await asyncio.sleep(20)
        assert len(heard.reasons) == 1


@in_a_hurry
async def test_a_passive_scan_where_nobody_advertises_is_no_fault(folder: Path) -> None:
    async with listener(folder, BY_MGMT) as (world, heard):
        world.on_air = False
        world.kernel.controllers[0].add_monitor()
        await asyncio.sleep(30)
        assert heard.reasons == []
        assert world.kernel.commands[READ_MONITOR_FEATURES] > 0


@in_a_hurry
async def test_it_takes_over_when_the_lock_is_free(folder: Path) -> None:
    async with World(folder) as world:
        lock = ScanLock(world.lock_path)
        assert lock.acquire()
        async with world.run(world.radio(BY_MGMT)) as heard:
            await heard.failed(20.0)
            lock.release()
            await heard.status(
                lambda status: status.mode is ScanMode.ACTIVE and status.state is ScannerState.RUNNING, 3.0
            )
            assert len(world.owners) == 1
