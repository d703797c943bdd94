import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from dbus_fast import Variant
from fakes.bus_client import BusClient
from fakes.fixtures import private_bus as private_bus
from fakes.listeners import Channel, Intake
from fakes.mgmt import FakeKernel
from fakes.radio_world import World


@pytest.fixture(autouse=True)
def no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever happens to the hardware, nobody is shown a traceback."""
    yield
    records = caplog.get_records("call") + caplog.get_records("setup")
    loud = [record for record in records if record.exc_info or record.levelno >= logging.ERROR]
    assert [record.getMessage() for record in loud] == []


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A bus, bluetoothd with hci0, the kernel, and one sender."""
    async with World(tmp_path) as machine:
        yield machine


@pytest.fixture
async def client(world: World) -> AsyncIterator[BusClient]:
    world.on_air = False
    async with BusClient(world.bus.address) as connection:
        await connection.start_discovery(Transport=Variant("s", "le"), DuplicateData=Variant("b", True))
        yield connection


@pytest.fixture
async def intake(world: World, client: BusClient) -> AsyncIterator[Intake]:
    heard = Intake(world.bluez, world.bus.address)
    async with heard.intake:
        yield heard


@pytest.fixture
async def kernel() -> AsyncIterator[FakeKernel]:
    fake = FakeKernel()
    fake.controllers[0].add_monitor()
    yield fake
    fake.cut()


@pytest.fixture
async def channel(kernel: FakeKernel) -> AsyncIterator[Channel]:
    opened = Channel(kernel)
    yield opened
    opened.socket.close()
