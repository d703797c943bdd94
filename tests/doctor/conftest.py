"""Machines for the doctor: with a bus, bluetoothd and a kernel, healthy until a test makes them ill."""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from doctor.place import Place
from fakes.fixtures import bluez as bluez
from fakes.fixtures import private_bus as private_bus
from fakes.radio_world import World


@pytest.fixture(autouse=True)
def no_error_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What the doctor finds stands in its report."""
    yield
    records = caplog.get_records("call") + caplog.get_records("setup")
    assert [each.getMessage() for each in records if each.levelno >= logging.ERROR] == []


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A bus, bluetoothd with hci0, and the kernel."""
    async with World(tmp_path) as machine:
        machine.on_air = False
        yield machine


@pytest.fixture
def place(world: World, tmp_path: Path) -> Place:
    """A healthy machine."""
    return Place(tmp_path, world.bus.address, world.kernel.open)


@pytest.fixture
def bare(tmp_path: Path) -> Place:
    """A machine whose bus nobody serves."""
    return Place(tmp_path)
