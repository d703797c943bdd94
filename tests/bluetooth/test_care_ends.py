"""A program that ends in the middle of a power cycle leaves the adapter with its power, and in time."""

import asyncio
from pathlib import Path

import pytest
from fakes.bus_client import until
from fakes.hurried_loop import HurriedLoop
from fakes.radio_world import BY_DBUS, BY_MGMT, World

from renogybt.config import AdvertisementSource

IN_TIME_S = 3.0


async def ended_in_mid_reset(folder: Path, source: AdvertisementSource, after_s: float) -> tuple[float, bool]:
    """Seconds that the end took, and whether the adapter has its power then."""
    now = asyncio.get_running_loop().time
    async with World(folder) as world:
        world.every_s = 0.5
        radio = world.radio(source, clock=now)
        running = asyncio.create_task(radio.run())
        await asyncio.sleep(8.0)
        asking = asyncio.create_task(radio.care.reset("a person asks"))
        await asyncio.sleep(after_s)
        began = now()
        running.cancel()
        done, _ = await asyncio.wait([running], timeout=30.0)
        took_s = now() - began
        asking.cancel()
        await asyncio.wait([asking])
        if not asking.cancelled():
            asking.exception()
        assert done
        await asyncio.sleep(1.0)
        return took_s, world.bluez.adapters["hci0"].powered


@pytest.mark.parametrize("source", [BY_DBUS, BY_MGMT])
@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0])
def test_whenever_it_ends_the_power_is_back(
    tmp_path: Path, source: AdvertisementSource, after_s: float
) -> None:
    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        took_s, powered = runner.run(ended_in_mid_reset(tmp_path, source, after_s))
    assert powered
    assert took_s < IN_TIME_S


async def ended_in_mid_ladder(folder: Path) -> tuple[bool, bool]:
    async with World(folder) as world:
        world.every_s = 0.5
        world.senders = [f"C4:7C:8D:6A:3E:0{number}" for number in range(1, 5)]
        radio = world.radio(BY_MGMT, clock=asyncio.get_running_loop().time)
        running = asyncio.create_task(radio.run())
        await asyncio.sleep(100.0)
        world.on_air = False
        adapter = world.bluez.adapters["hci0"]
        await until(lambda: not adapter.powered, 60.0)
        running.cancel()
        done, _ = await asyncio.wait([running], timeout=30.0)
        return bool(done), adapter.powered


def test_a_ladder_that_is_cut_short_between_off_and_on_leaves_the_power_on(tmp_path: Path) -> None:
    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        assert runner.run(ended_in_mid_ladder(tmp_path)) == (True, True)
