"""The life of the demo radio; the rules of the port itself are in test_conformance.py."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

import pytest

from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import Intake, Radio, ScanMode, ScannerState, ScannerStatus
from renogybt.simulator.radio import DEMO_ADAPTER, DemoRadio


@contextlib.asynccontextmanager
async def running(radio: Radio) -> AsyncIterator[None]:
    task = asyncio.create_task(radio.run())
    try:
        async with asyncio.timeout(5.0):
            yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def batches(radio: Radio, count: int) -> list[Sequence[Advertisement]]:
    heard: list[Sequence[Advertisement]] = []
    enough = asyncio.Event()

    def listen(batch: Sequence[Advertisement]) -> None:
        heard.append(batch)
        if len(heard) >= count:
            enough.set()

    unsubscribe = radio.listen(listen)
    await enough.wait()
    unsubscribe()
    return heard


def test_before_it_runs_it_is_idle_and_knows_its_adapter() -> None:
    assert DemoRadio().status == ScannerStatus(ScannerState.IDLE, ScanMode.ACTIVE, adapter=DEMO_ADAPTER)
    assert DemoRadio(0x0200_0000_0007).status.adapter == 0x0200_0000_0007


def test_its_own_address_is_locally_administered_and_of_one_station() -> None:
    assert DEMO_ADAPTER >> 40 & 0b11 == 0b10


async def test_its_life_is_told_to_watchers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    radio = DemoRadio()
    told: list[ScannerStatus] = []
    radio.watch(told.append)

    async with running(radio):
        await batches(radio, 1)

    assert [(status.state, status.intake) for status in told] == [
        (ScannerState.STARTING, Intake.NONE),
        (ScannerState.RUNNING, Intake.DEMO),
        (ScannerState.STOPPED, Intake.NONE),
    ]
    assert radio.status == told[-1]
    assert "simulated" in caplog.text


def test_a_radio_that_does_not_run_neither_fails_nor_recovers() -> None:
    radio = DemoRadio()
    radio.fail("somebody has unplugged it")
    radio.recover()

    assert radio.status.state is ScannerState.IDLE


async def test_cancellation_comes_out_of_run() -> None:
    task = asyncio.create_task(DemoRadio().run())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_it_may_run_again() -> None:
    radio = DemoRadio()
    for _ in range(2):
        async with running(radio):
            assert await batches(radio, 1)
        assert radio.status.state is ScannerState.STOPPED


async def test_a_mode_that_was_set_before_it_runs_counts_from_the_first_advertisement() -> None:
    radio = DemoRadio(rate=1000.0)
    radio.set_mode(ScanMode.PASSIVE)

    async with running(radio):
        heard = await batches(radio, 4)

    assert radio.status.mode is ScanMode.PASSIVE
    assert all(len(each.data) <= 31 for batch in heard for each in batch)


async def test_the_mode_is_visible_in_the_data_at_once() -> None:
    radio = DemoRadio(rate=1000.0)
    async with running(radio):
        assert any(len(each.data) > 31 for batch in await batches(radio, 4) for each in batch)
        radio.set_mode(ScanMode.PASSIVE)
        assert all(len(each.data) <= 31 for batch in await batches(radio, 4) for each in batch)


async def test_a_busy_radio_looks_at_most_every_50_ms() -> None:
    loop = asyncio.get_running_loop()
    radio = DemoRadio(rate=1000.0)
    times: list[float] = []
    radio.listen(lambda batch: times.append(loop.time()))

    async with running(radio):
        heard = await batches(radio, 5)

    assert all(later - earlier > 0.045 for earlier, later in pairwise(times))
    assert min(len(batch) for batch in heard[1:]) > 20


async def test_a_process_that_was_suspended_does_not_catch_up() -> None:
    loop = asyncio.get_running_loop()
    suspended_s = 0.0
    radio = DemoRadio(clock=lambda: loop.time() + suspended_s)

    async with running(radio):
        await batches(radio, 1)
        suspended_s = 3600.0
        heard = await batches(radio, 3)

    assert sum(map(len, heard)) < 50
