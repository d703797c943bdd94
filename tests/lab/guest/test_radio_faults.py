"""What happens to Bluetooth in real life, on the real BlueZ: the feed has to go on."""

from pathlib import Path

import pytest
from bluez import ADAPTER, Bluez
from ears import Ears, listening
from mgmt import MgmtSocket
from world import bluetoothd, until, world

from renogybt.config import AdvertisementSource
from renogybt.model.radio import ScannerState

MGMT, DBUS = AdvertisementSource.MGMT, AdvertisementSource.DBUS
BOTH = pytest.mark.parametrize("source", [MGMT, DBUS])


async def hears_again(ears: Ears, timeout_s: float) -> float:
    start = len(ears.heard)
    return await ears.until(lambda: len(ears.heard) > start + 10, timeout_s)


@BOTH
async def test_a_restart_of_bluetoothd_does_not_end_the_feed(source: AdvertisementSource) -> None:
    await world("noise 100 10")
    async with listening(source) as ears:
        await ears.running()
        await bluetoothd("stop")
        await ears.until(lambda: ears.radio.status.state is not ScannerState.RUNNING)
        await bluetoothd("start")
        await ears.running(timeout_s=5)
        await hears_again(ears, 2)


@BOTH
async def test_a_crash_of_bluetoothd_does_not_end_the_feed(source: AdvertisementSource) -> None:
    await world("noise 100 10")
    async with listening(source) as ears:
        await ears.running()
        await bluetoothd("crash")
        await ears.until(lambda: ears.radio.status.state is not ScannerState.RUNNING)
        await bluetoothd("start")
        # without the management socket the kernel's orphaned discovery has to end by itself
        await ears.running(timeout_s=3 if source is MGMT else 15)
        await hears_again(ears, 2)


@BOTH
async def test_the_adapter_may_go_and_come_back(source: AdvertisementSource) -> None:
    await world("noise 100 10")
    async with listening(source) as ears:
        await ears.running()
        await world("unplug 0")
        await ears.until(lambda: ears.radio.status.state is ScannerState.FAILED)
        await world("plug 0")
        await ears.running()
        await hears_again(ears, 3)


@BOTH
async def test_the_adapter_is_known_by_its_address(source: AdvertisementSource, bluez: Bluez) -> None:
    async def scans_there() -> bool:
        # the status need not tell of it: the adapter is the same, and the way to it short
        return "hci1" in (await bluez.adapters()).values() and await bluez.get(
            "/org/bluez/hci1", ADAPTER, "Discovering"
        )

    await world("noise 100 10")
    async with listening(source) as ears:
        await ears.running()
        await world("move 0")
        await until(scans_there)
        await ears.running()
        await hears_again(ears, 3)


@BOTH
async def test_a_power_cycle_by_somebody_else_is_survived(source: AdvertisementSource, bluez: Bluez) -> None:
    await world("noise 100 10")
    async with listening(source) as ears:
        await ears.running()
        await bluez.power(False)
        await ears.until(lambda: ears.radio.status.state is ScannerState.FAILED)
        await bluez.power(True)
        await ears.running()
        await hears_again(ears, 3)


async def test_a_blocked_radio_says_how_to_unblock_it() -> None:
    switch = next(Path("/sys/class/rfkill").iterdir()) / "soft"
    async with listening(DBUS) as ears:
        await ears.running()
        switch.write_text("1")
        try:
            await ears.until(lambda: "rfkill unblock bluetooth" in ears.radio.status.reason)
        finally:
            switch.write_text("0")


async def test_the_monitor_is_there_again_after_a_power_cycle(bluez: Bluez, mgmt: MgmtSocket) -> None:
    async with listening(MGMT) as ears:
        await ears.running()
        await bluez.power(False)
        await ears.until(lambda: ears.radio.status.state is ScannerState.FAILED)
        await bluez.power(True)
        await ears.running()

        assert len(await mgmt.monitors()) == 1


async def test_a_monitor_that_somebody_removed_is_registered_again(mgmt: MgmtSocket) -> None:
    async with listening(MGMT) as ears:
        await ears.running()
        await mgmt.remove_monitors()
        await world("repeat 100 5")
        await ears.until(lambda: len(ears.heard) > 500, 30)

        assert len(await mgmt.monitors()) == 1


async def test_a_discovery_that_was_ended_behind_our_back_starts_again(
    bluez: Bluez, mgmt: MgmtSocket
) -> None:
    await world("noise 100 10")
    async with listening(MGMT) as ears:
        await ears.running()
        await mgmt.stop_discovery()
        await hears_again(ears, 5)
        assert await bluez.get("/org/bluez/hci0", ADAPTER, "Discovering") is True
