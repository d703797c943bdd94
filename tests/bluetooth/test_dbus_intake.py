"""What arrives by D-Bus is what BlueZ tells, and nothing made up."""

import pytest
from dbus_fast import Variant
from fakes.bus_client import BusClient, until
from fakes.listeners import ADDRESS, OTHER, Intake
from fakes.radio_world import World

from renogybt.model.advertisement import AddressType, Advertisement, parse_address
from renogybt.protocols.advertising.rebuild import Advertised, rebuild
from renogybt.protocols.advertising.structures import ADType, split
from renogybt.protocols.advertising.summary import describe

PATH = "/org/bluez/hci0"
DEVICE = "org.bluez.Device1"


# -- what is told


async def test_everything_that_bluez_tells_is_there_and_no_more(intake: Intake) -> None:
    found = await intake.hear(
        name="LYWSD03MMC",
        rssi=-71,
        flags=0x06,
        manufacturer_data={0x0958: b"\x01\x02", 0x004C: b"\x10"},
        service_data={"fcd2": b"\x40\x01", "12345678-1234-5678-1234-56789abcdef0": b"\x07"},
        service_uuids=["180f", "12345678", "6e400001-b5a3-f393-e0a9-e50e24dcca9e"],
        tx_power=-4,
    )
    assert found == Advertisement(
        parse_address(ADDRESS),
        -71,
        AddressType.RANDOM,
        rebuild(
            Advertised(
                flags=b"\x06",
                uuids=("180f", "12345678", "6e400001-b5a3-f393-e0a9-e50e24dcca9e"),
                service_data={"fcd2": b"\x40\x01", "12345678-1234-5678-1234-56789abcdef0": b"\x07"},
                manufacturer={0x0958: b"\x01\x02", 0x004C: b"\x10"},
                tx_power=-4,
                name="LYWSD03MMC",
            )
        ),
    )
    summary = describe(found.data)
    assert summary.name == "LYWSD03MMC"
    assert dict(summary.manufacturer) == {0x0958: b"\x01\x02", 0x004C: b"\x10"}
    assert summary.service_uuids == ("180f", "12345678", "6e400001-b5a3-f393-e0a9-e50e24dcca9e")


async def test_uuids_are_in_their_shortest_form_in_lists_that_claim_to_be_incomplete(intake: Intake) -> None:
    found = await intake.hear(service_uuids=["0000fcd2-0000-1000-8000-00805f9b34fb"])
    assert [each for each in split(found.data) if each.type != ADType.FLAGS] == [
        (ADType.INCOMPLETE_UUIDS_16, b"\xd2\xfc")
    ]


async def test_a_device_without_a_name_gets_none(intake: Intake) -> None:
    """BlueZ fills Alias with the address then."""
    found = await intake.hear(manufacturer_data={1: b"x"})
    assert describe(found.data).name is None


async def test_flags_are_those_received(intake: Intake) -> None:
    for flags in (0x1A, 0x02, 0x06):
        assert describe((await intake.hear(flags=flags)).data).flags == flags


@pytest.mark.parametrize(
    ("told", "expected"), [("random", AddressType.RANDOM), ("public", AddressType.PUBLIC)]
)
async def test_the_address_type_is_told(intake: Intake, told: str, expected: AddressType) -> None:
    assert (await intake.hear(address_type=told)).address_type is expected


async def test_each_report_is_an_advertisement_with_its_own_rssi(intake: Intake) -> None:
    for rssi in (-60, -61, -60, -60, -90):
        assert (await intake.hear(rssi=rssi, manufacturer_data={1: b"same"})).rssi == rssi


async def test_a_company_that_is_heard_no_more_is_told_no_more(intake: Intake) -> None:
    await intake.hear(manufacturer_data={1: b"one"})
    found = await intake.hear(manufacturer_data={2: b"two"})
    assert describe(found.data).manufacturer == ((2, b"two"),)


async def test_a_name_that_comes_with_a_scan_response_stays_with_the_device(intake: Intake) -> None:
    await intake.hear(name="Shed")
    assert describe((await intake.hear(manufacturer_data={1: b"x"})).data).name == "Shed"


async def test_what_came_together_is_delivered_together(intake: Intake) -> None:
    addresses = [f"C4:00:00:00:00:{number:02X}" for number in range(20)]
    for address in addresses:
        intake.bluez.advertise(address)
    await until(lambda: len(intake.heard) == len(addresses))
    assert [each.address for each in intake.heard] == list(map(parse_address, addresses))
    assert len(intake.batches) < len(addresses)
    assert all(intake.batches)


# -- what is none


async def test_a_device_known_before_is_silent_until_it_is_heard(world: World, client: BusClient) -> None:
    world.bluez.advertise(ADDRESS, name="Shed", manufacturer_data={1: b"old"})
    intake = Intake(world.bluez, world.bus.address)
    async with intake.intake:
        await intake.hears_nothing_of(ADDRESS)
        found = await intake.hear(manufacturer_data={1: b"new"})
        assert describe(found.data).name == "Shed"  # what was known completes what is heard
        assert describe(found.data).manufacturer == ((1, b"new"),)


async def test_the_end_of_a_discovery_is_no_advertisement(
    world: World, intake: Intake, client: BusClient
) -> None:
    await intake.hear(tx_power=4, rssi=-50)
    count = len(intake.heard)
    await client.adapter("StopDiscovery")
    await client.start_discovery()
    found = await intake.hear(OTHER)
    assert intake.heard[count:] == [found]


async def test_values_that_were_invalidated_are_not_told_again(intake: Intake, client: BusClient) -> None:
    await intake.hear(tx_power=4, rssi=-50)
    await client.adapter("StopDiscovery")
    await client.start_discovery()
    found = await intake.hear(rssi=-52)
    assert found.rssi == -52
    assert describe(found.data).tx_power is None


@pytest.mark.parametrize(
    "changed",
    [
        {"Connected": Variant("b", True)},
        {"ServicesResolved": Variant("b", True), "Connected": Variant("b", True)},
        {"UUIDs": Variant("as", ["180a"])},
        {"Name": Variant("s", "Read after connecting"), "Alias": Variant("s", "x")},
        {},
    ],
)
async def test_what_changes_by_a_connection_is_no_advertisement(
    world: World, intake: Intake, changed: dict[str, Variant]
) -> None:
    await intake.hear()
    count = len(intake.heard)
    world.bluez.tell(f"{PATH}/dev_{ADDRESS.replace(':', '_')}", DEVICE, changed, ["RSSI"])
    assert count == len(intake.heard)
    await intake.hear(OTHER)
    assert len(intake.heard) == count + 1


async def test_signals_of_other_objects_are_ignored(world: World, intake: Intake) -> None:
    heard = {"RSSI": Variant("n", -40), "ManufacturerData": Variant("a{qv}", {})}
    world.bluez.tell(PATH, "org.bluez.Adapter1", heard, [])
    world.bluez.tell(f"{PATH}/dev_00_00_00_00_00_00", DEVICE, heard, [])
    world.bluez.tell("/org/bluez/hci1/dev_00_00_00_00_00_00", DEVICE, heard, [])
    world.bluez.tell(f"{PATH}/dev_00_00_00_00_00_00", "org.bluez.Battery1", heard, [])
    await intake.hears_nothing_of("00:00:00:00:00:00")
