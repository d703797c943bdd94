"""A radio to which nobody listens who would mind to hear late."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fakes.listeners import ADDRESS, Channel
from fakes.mgmt import FakeKernel
from fakes.radio_world import World, both, payload

from renogybt.bluetooth.dbus_intake import DbusIntake
from renogybt.bluetooth.monitor import AdvertisementMonitor
from renogybt.bluetooth.pacing import PATIENT_TICK_S, TICK_S
from renogybt.bluetooth.radio import BlueZRadio
from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import ScannerState
from renogybt.protocols.advertising import mgmt

DATA = b"\x02\x01\x06"
MARGIN_S = 0.15
"""For a loop that is late."""


class Batches:
    """What a patient listener is told."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.data: set[bytes] = set()

    def hear(self, batch: Sequence[Advertisement]) -> None:
        self.sizes.append(len(batch))
        self.data.update(each.data for each in batch)

    async def of(self, seconds: float) -> list[int]:
        """The sizes of those that come in a time."""
        count = len(self.sizes)
        await asyncio.sleep(seconds)
        return self.sizes[count:]


@asynccontextmanager
async def patiently(
    folder: Path, source: AdvertisementSource
) -> AsyncIterator[tuple[World, BlueZRadio, Batches]]:
    async with World(folder) as world:
        radio, batches = world.radio(source), Batches()
        radio.listen(batches.hear, patient=True)
        task = asyncio.create_task(radio.run())
        try:
            async with asyncio.timeout(5):
                while radio.status.state is not ScannerState.RUNNING or not batches.sizes:
                    await asyncio.sleep(0.01)
            yield world, radio, batches
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@both
async def test_it_looks_four_times_a_second_and_misses_nothing(
    tmp_path: Path, source: AdvertisementSource
) -> None:
    async with patiently(tmp_path, source) as (world, _radio, batches):
        first = world.sent
        told = await batches.of(2.0)
        last = world.sent
        await batches.of(PATIENT_TICK_S + MARGIN_S)
    assert 0 < len(told) <= 2.0 / PATIENT_TICK_S + 1
    assert last - first > 10 * len(told)
    assert {payload(number) for number in range(first, last)} <= {each[-4:] for each in batches.data}


@both
async def test_who_waits_from_now_on_is_told_at_once(tmp_path: Path, source: AdvertisementSource) -> None:
    async with patiently(tmp_path, source) as (_world, radio, batches):
        leave = radio.listen(lambda _batch: None)
        assert await batches.of(PATIENT_TICK_S / 2)
        prompt = await batches.of(1.0)
        leave()
        await batches.of(TICK_S + MARGIN_S)
        patient = await batches.of(1.0)
    assert len(prompt) > 3 * len(patient)


@asynccontextmanager
async def crowded(kernel: FakeKernel) -> AsyncIterator[Channel]:
    """A socket that is read in ticks, because somebody advertises all the time and nobody waits for it."""

    async def advertise() -> None:
        while True:
            kernel.advertise(ADDRESS, DATA)
            await asyncio.sleep(0.02)

    channel = Channel(kernel, prompt=False)
    air = asyncio.create_task(advertise())
    try:
        while len(channel.batches) < 3:
            await asyncio.sleep(0.01)
        yield channel
    finally:
        air.cancel()
        channel.socket.close()


@pytest.mark.parametrize("late_s", [0.0, 0.06, 0.15])
async def test_answers_of_the_kernel_do_not_wait_for_a_patient_tick(
    kernel: FakeKernel, late_s: float
) -> None:
    kernel.late[mgmt.GET_CONNECTIONS] = late_s
    now = asyncio.get_running_loop().time
    async with crowded(kernel) as channel:
        start = now()
        for _ in range(3):
            await channel.flush()
        took_s = now() - start
    assert took_s < 3 * late_s + MARGIN_S


async def test_a_monitor_that_is_added_late_is_known_though_nobody_waits(kernel: FakeKernel) -> None:
    """Who cancels waits 0.3 s for its handle, all of which is the kernel's."""
    kernel.late[mgmt.ADD_ADV_PATTERNS_MONITOR] = 0.15
    async with crowded(kernel) as channel:
        monitor = AdvertisementMonitor(channel.socket)
        ensuring = asyncio.create_task(monitor.ensure(0, None))
        while not kernel.commands[mgmt.ADD_ADV_PATTERNS_MONITOR]:
            await asyncio.sleep(0)
        ensuring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ensuring
        assert monitor.handle == kernel.monitors[-1]


async def test_the_calls_by_which_an_intake_begins_are_answered_at_once(world: World) -> None:
    now = asyncio.get_running_loop().time
    start = now()
    async with DbusIntake(world.bus.address, "/org/bluez/hci0", lambda _: None, lambda: None, lambda: False):
        assert now() - start < 2 * PATIENT_TICK_S
