"""What a report becomes on D-Bus."""

from collections.abc import AsyncIterator

import pytest
from dbus_fast import Variant
from fakes.bluez import FakeBlueZ
from fakes.bus_client import ADAPTER_PATH, BusClient, Signal, until
from fakes.fixtures import ADAPTER_ADDRESS
from fakes.private_bus import PrivateBus

ADDRESS = "6C:B2:FD:86:82:4D"
DEVICE_PATH = f"{ADAPTER_PATH}/dev_6C_B2_FD_86_82_4D"
TRANSPORT = {"Transport": Variant("s", "le")}
DUPLICATES = {**TRANSPORT, "DuplicateData": Variant("b", True)}


def changes(signals: list[Signal]) -> list[dict[str, object]]:
    return [signal.body[1] for signal in signals if signal.member == "PropertiesChanged"]


@pytest.fixture
async def brief_bluez(private_bus: PrivateBus) -> AsyncIterator[FakeBlueZ]:
    """A bluetoothd that forgets temporary devices quickly."""
    fake = FakeBlueZ(private_bus.address, temporary_timeout_s=0.3)
    fake.add_adapter("hci0", ADAPTER_ADDRESS)
    async with fake:
        yield fake


async def test_without_discovery_nothing_becomes_an_object(bluez: FakeBlueZ, client: BusClient) -> None:
    bluez.advertise(ADDRESS)
    assert await client.take_signals() == []
    assert DEVICE_PATH not in await client.tree()


async def test_a_mute_radio_hears_nothing(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery()
    await client.take_signals()
    bluez.mute = True
    bluez.advertise(ADDRESS)
    assert await client.take_signals() == []


async def test_the_first_report_adds_the_object_with_all_properties(
    bluez: FakeBlueZ, client: BusClient
) -> None:
    await client.start_discovery(**DUPLICATES)
    await client.take_signals()
    bluez.advertise(
        ADDRESS,
        address_type="public",
        rssi=-71,
        manufacturer_data={0x02E1: b"\x10\x02"},
        service_data={"180f": b"\x64"},
        service_uuids=["ffd0"],
        tx_power=4,
    )
    (added,) = await client.take_signals()
    assert (added.path, added.member, added.body[0]) == ("/", "InterfacesAdded", DEVICE_PATH)
    device = added.body[1]["org.bluez.Device1"]
    assert device["Address"] == ADDRESS
    assert device["AddressType"] == "public"
    assert device["RSSI"] == -71
    assert device["TxPower"] == 4
    assert device["ManufacturerData"] == {0x02E1: b"\x10\x02"}
    assert device["ServiceData"] == {"0000180f-0000-1000-8000-00805f9b34fb": b"\x64"}
    assert device["UUIDs"] == ["0000ffd0-0000-1000-8000-00805f9b34fb"]


async def test_a_device_without_a_name_has_its_address_as_alias(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery()
    bluez.advertise(ADDRESS)
    device = (await client.tree())[DEVICE_PATH]["org.bluez.Device1"]
    assert device["Alias"] == "6C-B2-FD-86-82-4D"
    assert "Name" not in device
    assert "ManufacturerData" not in device


async def test_a_name_that_comes_later_is_signalled_with_the_alias(
    bluez: FakeBlueZ, client: BusClient
) -> None:
    await client.start_discovery()
    bluez.advertise(ADDRESS)
    await client.take_signals()
    bluez.advertise(ADDRESS, name="BT-TH")
    assert changes(await client.take_signals()) == [{"Name": "BT-TH", "Alias": "BT-TH"}]


async def test_with_a_filter_rssi_is_signalled_at_every_report(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery(**TRANSPORT)
    for _ in range(4):
        bluez.advertise(ADDRESS, rssi=-60, manufacturer_data={1: b"same"})
    assert changes(await client.take_signals())[1:] == [{"RSSI": -60}] * 3


async def test_without_a_filter_rssi_is_signalled_at_steps_of_8_db(
    bluez: FakeBlueZ, client: BusClient
) -> None:
    await client.start_discovery()
    for rssi in (-60, -60, -67, -68, -61):
        bluez.advertise(ADDRESS, rssi=rssi)
    assert changes(await client.take_signals())[1:] == [{"RSSI": -68}]


async def test_a_report_that_changes_nothing_gives_no_signal(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery()
    bluez.advertise(ADDRESS, name="BT-TH", manufacturer_data={1: b"a"})
    await client.take_signals()
    bluez.advertise(ADDRESS, name="BT-TH", manufacturer_data={1: b"a"})
    assert await client.take_signals() == []


async def test_duplicate_data_repeats_equal_data(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery(**DUPLICATES)
    for _ in range(3):
        bluez.advertise(ADDRESS, manufacturer_data={1: b"a"}, service_data={"180f": b"b"})
    repeats = changes(await client.take_signals())[1:]
    assert [set(repeat) for repeat in repeats] == [{"RSSI", "ManufacturerData", "ServiceData"}] * 2


async def test_duplicate_data_clears_old_company_ids(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery(**DUPLICATES)
    bluez.advertise(ADDRESS, manufacturer_data={1: b"a"})
    bluez.advertise(ADDRESS, manufacturer_data={2: b"b"})
    assert changes(await client.take_signals())[-1]["ManufacturerData"] == {2: b"b"}


async def test_without_duplicate_data_company_ids_accumulate(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery(**TRANSPORT)
    bluez.advertise(ADDRESS, manufacturer_data={1: b"a"})
    bluez.advertise(ADDRESS, manufacturer_data={2: b"b"})
    assert changes(await client.take_signals())[-1]["ManufacturerData"] == {1: b"a", 2: b"b"}


async def test_duplicate_data_of_any_owner_counts_for_all(
    bluez: FakeBlueZ, client: BusClient, second_client: BusClient
) -> None:
    await client.start_discovery(**TRANSPORT)
    await second_client.start_discovery(**DUPLICATES)
    bluez.advertise(ADDRESS, manufacturer_data={1: b"a"})
    await client.take_signals()
    bluez.advertise(ADDRESS, manufacturer_data={1: b"a"})
    assert changes(await client.take_signals()) == [{"RSSI": -60, "ManufacturerData": {1: b"a"}}]


async def test_a_uuid_filter_starves_every_listener(
    bluez: FakeBlueZ, client: BusClient, second_client: BusClient
) -> None:
    await client.start_discovery(UUIDs=Variant("as", ["ffd0"]))
    bluez.advertise(ADDRESS)
    assert DEVICE_PATH not in await second_client.tree()
    bluez.advertise(ADDRESS, service_uuids=["ffd0"])
    assert DEVICE_PATH in await second_client.tree()


async def test_one_owner_without_filter_clears_the_filters_of_all(
    bluez: FakeBlueZ, client: BusClient, second_client: BusClient
) -> None:
    await client.start_discovery(UUIDs=Variant("as", ["ffd0"]))
    await second_client.start_discovery()
    bluez.advertise(ADDRESS)
    assert DEVICE_PATH in await client.tree()


async def test_an_rssi_filter_drops_weak_reports(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery(RSSI=Variant("n", -70))
    bluez.advertise(ADDRESS, rssi=-71)
    assert DEVICE_PATH not in await client.tree()
    bluez.advertise(ADDRESS, rssi=-70)
    assert DEVICE_PATH in await client.tree()


async def test_without_a_filter_only_discoverable_devices_are_shown(
    bluez: FakeBlueZ, client: BusClient
) -> None:
    await client.start_discovery()
    bluez.advertise(ADDRESS, flags=0x04)
    assert DEVICE_PATH not in await client.tree()
    await client.adapter("SetDiscoveryFilter", "a{sv}", TRANSPORT)
    bluez.advertise(ADDRESS, flags=0x04)
    assert DEVICE_PATH in await client.tree()


async def test_rssi_and_tx_power_are_invalidated_when_discovery_stops(
    bluez: FakeBlueZ, client: BusClient
) -> None:
    await client.start_discovery()
    bluez.advertise(ADDRESS, tx_power=0)
    await client.take_signals()
    await client.adapter("StopDiscovery")
    device, adapter = await client.take_signals()
    assert (device.path, device.body) == (DEVICE_PATH, ["org.bluez.Device1", {}, ["RSSI", "TxPower"]])
    assert adapter.body[1] == {"Discovering": False}
    assert "RSSI" not in (await client.tree())[DEVICE_PATH]["org.bluez.Device1"]


async def test_a_device_that_cannot_be_connected_goes_as_soon_as_discovery_ends(
    bluez: FakeBlueZ, client: BusClient
) -> None:
    await client.start_discovery()
    bluez.advertise(ADDRESS, connectable=False)
    await client.adapter("StopDiscovery")
    assert DEVICE_PATH not in await client.tree()


async def test_a_temporary_device_goes_some_time_after_it_was_heard_last(
    brief_bluez: FakeBlueZ, private_bus: PrivateBus
) -> None:
    async with BusClient(private_bus.address) as client:
        await client.start_discovery()
        brief_bluez.advertise(ADDRESS)
        await client.adapter("StopDiscovery")
        assert DEVICE_PATH in await client.tree()
        await until(lambda: client.signals[-1].member == "InterfacesRemoved")
        assert client.signals[-1].body[0] == DEVICE_PATH
        assert "org.bluez.Device1" in client.signals[-1].body[1]
