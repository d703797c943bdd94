"""What is asked of BlueZ and of systemd, on a real bus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fakes.hurried_loop import in_a_hurry
from fakes.radio_world import World

from renogybt.bluetooth.bus import Bus
from renogybt.bluetooth.errors import MissingUnitError
from renogybt.bluetooth.rungs import Machine, Permissions, Rungs
from renogybt.bluetooth.tree import AdapterTree
from renogybt.model.recovery import Rung


@asynccontextmanager
async def hands(world: World) -> AsyncIterator[tuple[Rungs, Bus]]:
    """With the adapter of this world, and the connection that they use."""
    async with Bus(world.bus.address) as bus:
        tree = AdapterTree(bus, lambda: None)
        await tree.follow()
        await tree.refresh()
        scanner: Any = SimpleNamespace(found=tree.select(None))
        machine = Machine(lambda: None, world.bus.address, bus=bus, scanner=scanner)
        yield Rungs(machine, Permissions(restart_bluetoothd=True)), bus


@pytest.mark.parametrize("anew", [False, True])
@pytest.mark.parametrize(
    ("error", "answers"),
    [
        ("", True),
        ("org.bluez.Error.NotReady", True),
        ("org.freedesktop.DBus.Error.LimitsExceeded", False),
        ("org.freedesktop.DBus.Error.NoReply", False),
        ("org.freedesktop.DBus.Error.ServiceUnknown", False),
    ],
)
async def test_what_the_bus_says_in_the_place_of_bluez_is_no_answer(
    world: World, error: str, answers: bool, anew: bool
) -> None:
    async with hands(world) as (rungs, _):
        if error:
            world.bluez.fail_next("Get", error, "no")
        assert await rungs.answers(anew=anew) is answers
        if error:
            world.bluez.fail_next("Get", error, "no")
        assert await rungs.probe() is answers


@in_a_hurry
async def test_who_hangs_does_not_answer_within_three_seconds(folder: Path) -> None:
    async with World(folder) as world, hands(world) as (rungs, bus):
        world.bluez.swallow("*")
        now = asyncio.get_running_loop().time
        began = now()
        assert await rungs.answers(anew=False) is False
        assert now() - began < 4.0
        for _ in range(30):
            assert await rungs.answers(anew=True) is False
        assert bus.open  # those left nothing behind on it


async def test_without_a_connection_it_is_not_known(world: World) -> None:
    async with hands(world) as (rungs, bus):
        bus.leave()
        assert await rungs.answers(anew=False) is None
        assert await rungs.answers(anew=True) is None


async def test_a_unit_that_systemd_does_not_start_is_missing(world: World) -> None:
    async with hands(world) as (rungs, _):
        with pytest.raises(MissingUnitError, match="--with-recovery-units"):
            await rungs.take(Rung.RESTART_BLUETOOTHD)
