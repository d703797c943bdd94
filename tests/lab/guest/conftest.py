"""Fixtures for tests in the guest. Each test finds the neighbourhood and BlueZ as after boot."""

import os
from collections.abc import AsyncIterator

import pytest
from bluez import ADAPTER, Bluez, BluezError
from mgmt import MgmtSocket
from world import ADAPTER_ADDRESS, bluetoothd, until, world

HCI = "hci0"
LONG = bool(os.environ.get("RENOGYBT_LAB_LONG"))
"""Whether what another test has shown is shown once more, under other circumstances."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: left out unless RENOGYBT_LAB_LONG is set")
    config.addinivalue_line("markers", "brief(rules): of this class all other rules are long")


def is_long(item: pytest.Item) -> bool:
    brief = item.get_closest_marker("brief")
    if brief and isinstance(item, pytest.Function) and item.function not in brief.kwargs["rules"]:
        return True
    return item.get_closest_marker("long") is not None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if is_long(item) and not LONG]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


async def settle(bluez: Bluez) -> None:
    """One powered adapter, hci0, with neither devices nor monitors nor discovery."""

    async def only_hci0() -> bool:
        return await bluez.adapters() == {ADAPTER_ADDRESS: HCI}

    try:
        await until(only_hci0)
        await bluez.power(True)
    except (TimeoutError, BluezError):
        await world("unplug 0")
        await world("plug 0")
        await until(only_hci0)
        await bluez.power(True)
    async with MgmtSocket() as mgmt:
        if await mgmt.monitors():
            await mgmt.remove_monitors()
        await mgmt.stop_discovery()
    for path in (await bluez.devices()).values():
        await bluez.call(f"/org/bluez/{HCI}", ADAPTER, "RemoveDevice", "o", path)


@pytest.fixture(autouse=True)
async def initial_state() -> None:
    """Undo whatever the test before has done."""
    await bluetoothd("start")
    await world("reset")
    async with Bluez() as bluez:
        await settle(bluez)


@pytest.fixture
async def bluez(initial_state: None) -> AsyncIterator[Bluez]:
    """A D-Bus connection; what it has started ends with the test."""
    async with Bluez() as connection:
        yield connection


@pytest.fixture
async def mgmt(initial_state: None) -> AsyncIterator[MgmtSocket]:
    """A management socket of hci0."""
    async with MgmtSocket() as opened:
        yield opened


@pytest.fixture
async def discovery(bluez: Bluez) -> None:
    """An active discovery without gaps, owned by `bluez`."""
    await bluez.start_discovery()


@pytest.fixture
async def unfiltered_discovery(mgmt: MgmtSocket, bluez: Bluez) -> None:
    """A discovery in which every repeat arrives: the monitor must be there when the scan starts."""
    await mgmt.add_monitor()
    await bluez.start_discovery()
