"""Unmodified bleak works on the fake."""

import pytest
from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakDBusError
from fakes.bluez import FakeBlueZ
from fakes.bus_client import until

ADDRESS = "6C:B2:FD:86:82:4D"

pytestmark = pytest.mark.usefixtures("system_bus")


class Listener:
    """Keeps what bleak reports."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, AdvertisementData]] = []

    def __call__(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        self.heard.append((device.address, advertisement))


async def test_a_bleak_scanner_hears_an_advertised_device(bluez: FakeBlueZ) -> None:
    listener = Listener()
    async with BleakScanner(listener):
        (discovery_filter,) = bluez.owners().values()
        assert discovery_filter is not None
        assert discovery_filter.transport == "le"
        bluez.advertise(ADDRESS, name="BT-TH", rssi=-50, manufacturer_data={0x02E1: b"\x01"})
        await until(lambda: listener.heard)
    address, advertisement = listener.heard[0]
    assert address == ADDRESS
    assert advertisement.local_name == "BT-TH"
    assert advertisement.rssi == -50
    assert advertisement.manufacturer_data == {0x02E1: b"\x01"}
    assert bluez.owners() == {}


async def test_a_second_bleak_scanner_of_the_process_is_in_progress(bluez: FakeBlueZ) -> None:
    async with BleakScanner(Listener()):
        with pytest.raises(BleakDBusError, match="InProgress"):
            await BleakScanner(Listener()).start()


async def test_a_bleak_scanner_stays_silent_after_a_restart_of_bluetoothd(bluez: FakeBlueZ) -> None:
    listener = Listener()
    scanner = BleakScanner(listener)
    await scanner.start()
    await bluez.stop()
    await bluez.start()
    await bluez.ready()
    assert bluez.owners() == {}
    bluez.advertise(ADDRESS)
    with pytest.raises(BleakDBusError, match="No discovery started"):
        await scanner.stop()
    assert listener.heard == []
