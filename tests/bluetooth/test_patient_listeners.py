"""A radio to which nobody listens who would mind to hear late."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fakes.listeners import ADDRESS
from fakes.mgmt import FakeKernel
from fakes.radio_world import World, both

from renogybt.bluetooth.mgmt import MgmtSocket
from renogybt.bluetooth.pacing import PATIENT_TICK_S, TICK_S
from renogybt.bluetooth.radio import BlueZRadio
from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import ScannerState
from renogybt.protocols.advertising import mgmt

MARGIN_S = 0.1
"""For a loop that is late."""


class Batches:
    """What a patient listener is told."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def hear(self, batch: Sequence[Advertisement]) -> None:
        self.sizes.append(len(batch))

    async def of(self, seconds: float) -> list[int]:
        """The sizes of those that come in a time."""
        count = len(self.sizes)
        await asyncio.sleep(seconds)
        return self.sizes[count:]


@asynccontextmanager
async def patiently(folder: Path, source: AdvertisementSource) -> AsyncIterator[tuple[BlueZRadio, Batches]]:
    async with World(folder) as world:
        radio, batches = world.radio(source), Batches()
        radio.listen(batches.hear, patient=True)
        task = asyncio.create_task(radio.run())
        try:
            async with asyncio.timeout(5):
                while radio.status.state is not ScannerState.RUNNING or not batches.sizes:
                    await asyncio.sleep(0.01)
            yield radio, batches
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@both
async def test_it_looks_four_times_a_second_and_misses_nothing(
    tmp_path: Path, source: AdvertisementSource
) -> None:
    async with patiently(tmp_path, source) as (_radio, batches):
        told = await batches.of(2.0)
    assert 0 < len(told) <= 2.0 / PATIENT_TICK_S + 1
    assert sum(told) > 5 * len(told)


@both
async def test_who_waits_from_now_on_is_told_at_once(tmp_path: Path, source: AdvertisementSource) -> None:
    async with patiently(tmp_path, source) as (radio, batches):
        leave = radio.listen(lambda _batch: None)
        await batches.of(PATIENT_TICK_S + MARGIN_S)
        prompt = await batches.of(1.0)
        leave()
        await batches.of(TICK_S + MARGIN_S)
        patient = await batches.of(1.0)
    assert len(prompt) > 3 * len(patient)


async def test_an_answer_of_the_kernel_is_not_kept_waiting_as_long(kernel: FakeKernel) -> None:
    batches = Batches()
    sock = MgmtSocket(kernel.open(), batches.hear, lambda: None, lambda: False)
    sock.follow(0)
    now = asyncio.get_running_loop().time
    kernel.advertise(ADDRESS, b"\x02\x01\x06")
    while not batches.sizes:
        await asyncio.sleep(0)
    start = now()
    await sock.command(mgmt.GET_CONNECTIONS, 0)
    sock.close()
    assert now() - start < PATIENT_TICK_S - MARGIN_S
