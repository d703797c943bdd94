"""The fakes as fixtures: import the names into a conftest."""

from collections.abc import AsyncIterator

import pytest

from fakes.bluez import FakeBlueZ
from fakes.bus_client import BusClient
from fakes.private_bus import PrivateBus

ADAPTER_ADDRESS = "00:1A:7D:DA:71:13"


@pytest.fixture
async def private_bus() -> AsyncIterator[PrivateBus]:
    """An empty bus with the limits of the system bus."""
    async with PrivateBus() as bus:
        yield bus


@pytest.fixture
async def bluez(private_bus: PrivateBus) -> AsyncIterator[FakeBlueZ]:
    """A bluetoothd with one powered adapter, hci0."""
    fake = FakeBlueZ(private_bus.address)
    fake.add_adapter("hci0", ADAPTER_ADDRESS)
    async with fake:
        yield fake


@pytest.fixture
def system_bus(private_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch) -> str:
    """The private bus as the system bus of this process, for bleak; gives its address."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", private_bus.address)
    return private_bus.address


@pytest.fixture
async def client(bluez: FakeBlueZ, private_bus: PrivateBus) -> AsyncIterator[BusClient]:
    """A connection that listens to all signals of the fake."""
    async with BusClient(private_bus.address) as connection:
        yield connection


@pytest.fixture
async def second_client(bluez: FakeBlueZ, private_bus: PrivateBus) -> AsyncIterator[BusClient]:
    """Another connection, as another program has."""
    async with BusClient(private_bus.address) as connection:
        yield connection
