"""The care of the demo radio; the rules of the port itself are in test_care_conformance.py."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from simulator.world import World

from renogybt.config.table import MOST_RESETS
from renogybt.model.gatt import ConnectError, LinkEnd, LinkLostError
from renogybt.model.radio import Intake, ScannerState, ScannerStatus
from renogybt.model.recovery import CareState, CareStatus, ResetFailedError, ResetRefusedError, Result, Rung
from renogybt.service.reset_limit import SHORTEST_GAP_S, WINDOW_S, Window
from renogybt.simulator.care import REASON, RESET_S
from renogybt.simulator.hub import HUB_ADDRESS
from renogybt.simulator.radio import DemoRadio

pytestmark = pytest.mark.asyncio(loop_factories=["virtual"])

CAUSE = "somebody asked for it"


@pytest.fixture
async def seldom_heard() -> AsyncIterator[DemoRadio]:
    """A radio at work with little to hear, so that hours pass soon."""
    radio = DemoRadio(clock=asyncio.get_running_loop().time, rate=0.01)
    task = asyncio.create_task(radio.run())
    await asyncio.sleep(0.1)
    yield radio
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_reset_takes_about_a_second_and_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    told: list[ScannerStatus] = []
    world.radio.watch(told.append)
    before = world.radio.status

    event = await world.radio.care.reset(CAUSE)

    assert [(each.state, each.intake, each.reason) for each in told] == [
        (ScannerState.FAILED, Intake.NONE, REASON),
        (ScannerState.RUNNING, Intake.DEMO, ""),
    ]
    assert world.radio.status == before
    assert event.took_s == pytest.approx(RESET_S)
    assert [each.getMessage() for each in caplog.records] == [
        "power-cycled the adapter, because somebody asked for it: helped after 1.0 s (simulated)"
    ]


async def test_nothing_is_heard_meanwhile_and_all_again_afterwards(world: World) -> None:
    reset = asyncio.create_task(world.radio.care.reset(CAUSE))
    await asyncio.sleep(0.0)
    await world.listen(RESET_S - 0.1)
    assert world.heard == []

    await reset
    await world.listen(1.0)
    assert world.hub_is_heard


async def test_links_end_and_none_comes_about_meanwhile(world: World) -> None:
    async with world.radio.connect(HUB_ADDRESS) as link:
        reset = asyncio.create_task(world.radio.care.reset(CAUSE))
        await asyncio.sleep(RESET_S / 2)
        assert link.end is LinkEnd.RADIO
        with pytest.raises(LinkLostError):
            await link.read(1)
    with pytest.raises(ConnectError, match="does not run"):
        async with world.radio.connect(HUB_ADDRESS):
            pass

    await reset
    async with world.radio.connect(HUB_ADDRESS) as link:
        assert link.open
    assert world.radio.slots.free == world.radio.slots.limit


async def test_who_asks_too_soon_is_told_when_to_ask_again(world: World) -> None:
    await world.radio.care.reset(CAUSE)
    await asyncio.sleep(5.5 - RESET_S)
    with pytest.raises(ResetRefusedError, match="once within the last hour; the next one is allowed in 15 s"):
        await world.radio.care.reset(CAUSE)

    await asyncio.sleep(SHORTEST_GAP_S - 5.0)
    await world.radio.care.reset(CAUSE)

    assert world.radio.care.status.resets == 2


async def test_no_more_than_ten_in_any_hour(seldom_heard: DemoRadio) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    done: list[float] = []
    while loop.time() < began + 2 * WINDOW_S:
        with contextlib.suppress(ResetRefusedError):
            await seldom_heard.care.reset(CAUSE)
            done.append(loop.time())
        await asyncio.sleep(SHORTEST_GAP_S)

    assert len(done) == 2 * MOST_RESETS
    assert all(later - earlier >= WINDOW_S for earlier, later in zip(done, done[MOST_RESETS:], strict=False))


async def test_the_refusal_of_the_eleventh_says_when_it_is_possible(world: World) -> None:
    care = world.radio.care
    for _ in range(MOST_RESETS):
        await care.reset(CAUSE)
        await asyncio.sleep(SHORTEST_GAP_S)
    with pytest.raises(
        ResetRefusedError, match=r"10 times within the last hour; .* allowed in 57 min, at \d\d:\d\d"
    ):
        await care.reset(CAUSE)


async def test_what_is_possible_again_is_told(seldom_heard: DemoRadio) -> None:
    care = seldom_heard.care
    await care.reset(CAUSE)
    told: list[CareStatus] = []
    care.watch(told.append)
    assert care.status.resets_left == MOST_RESETS - 1

    await asyncio.sleep(Window.LENGTH_S + 1)

    assert told == [care.status]
    assert care.status.resets_left == MOST_RESETS


async def test_what_makes_no_further_reset_possible_is_not_told(seldom_heard: DemoRadio) -> None:
    care = seldom_heard.care
    loop = asyncio.get_running_loop()
    began = loop.time()
    await care.reset(CAUSE)
    await asyncio.sleep(SHORTEST_GAP_S)
    for _ in range(MOST_RESETS):
        await care.reset(CAUSE, force=True)
    told: list[CareStatus] = []
    care.watch(told.append)

    await asyncio.sleep(began + Window.LENGTH_S + SHORTEST_GAP_S / 2 - loop.time())
    assert (told, care.status.resets_left) == ([], 0)

    await asyncio.sleep(SHORTEST_GAP_S)
    assert told[-1] == care.status == replace(care.status, resets_left=MOST_RESETS)


async def test_its_care_tells_what_it_does(world: World) -> None:
    told: list[CareStatus] = []
    world.radio.care.watch(told.append)

    event = await world.radio.care.reset(CAUSE)

    left = MOST_RESETS - 1
    assert told == [
        CareStatus(CareState.RECOVERING, resets=1, resets_left=left),
        CareStatus(CareState.WELL, rungs=1, resets=1, resets_left=left, last=event),
    ]
    assert (event.rung, event.result) == (Rung.POWER_CYCLE, Result.HELPED)


async def test_where_there_is_no_adapter_nothing_is_reset(world: World) -> None:
    world.radio.fail("somebody has unplugged it")
    with pytest.raises(ResetRefusedError, match="somebody has unplugged it"):
        await world.radio.care.reset(CAUSE, force=True)
    with pytest.raises(ResetRefusedError, match="idle"):
        await DemoRadio().care.reset(CAUSE)

    assert world.radio.care.status == CareStatus(resets_left=MOST_RESETS)
    assert world.radio.status.reason == "somebody has unplugged it"


async def test_a_radio_that_is_stopped_meanwhile_is_not_back() -> None:
    radio = DemoRadio(clock=asyncio.get_running_loop().time)
    running = asyncio.create_task(radio.run())
    await asyncio.sleep(0.1)
    reset = asyncio.create_task(radio.care.reset(CAUSE))
    await asyncio.sleep(RESET_S / 2)
    running.cancel()

    with pytest.raises(ResetFailedError, match="stopped"):
        await reset
    assert radio.status.state is ScannerState.STOPPED
    assert radio.care.status.last is not None
    assert radio.care.status.last.result is Result.IN_VAIN
