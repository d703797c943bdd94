"""The records of an intake, and its connection."""

import asyncio
import gc

import pytest
from dbus_fast import Message, Variant
from dbus_fast.aio import MessageBus
from fakes.bluez import SERVICE
from fakes.bus_client import BusClient, until
from fakes.listeners import ADDRESS, OTHER, Intake
from fakes.private_bus import PrivateBus
from fakes.radio_world import World

from renogybt.bluetooth.dbus_intake import DbusIntake
from renogybt.bluetooth.device import DeviceRecord
from renogybt.model.advertisement import AddressType, Advertisement, format_address, parse_address
from renogybt.protocols.advertising.summary import describe

PATH = "/org/bluez/hci0"
DEVICE = "org.bluez.Device1"


# -- what must not grow


async def test_a_device_that_is_gone_is_forgotten(intake: Intake, world: World, client: BusClient) -> None:
    await intake.hear(name="Shed")
    path = f"{PATH}/dev_{ADDRESS.replace(':', '_')}"
    await client.adapter("RemoveDevice", "o", path)
    found = await intake.hear(manufacturer_data={1: b"x"})
    assert describe(found.data).name is None


async def test_addresses_that_rotate_do_not_gather(intake: Intake, world: World, client: BusClient) -> None:
    for number in range(60):
        address = f"C4:00:00:00:{number >> 8:02X}:{number & 255:02X}"
        await intake.hear(address)
        await client.adapter("RemoveDevice", "o", f"{PATH}/dev_{address.replace(':', '_')}")
    await intake.hear(OTHER)
    assert _records_in_memory() == 1


async def test_a_bluetoothd_that_crashed_leaves_no_devices_behind(world: World, intake: Intake) -> None:
    await intake.hear(name="Of an earlier life", manufacturer_data={1: b"x"})
    world.bluez.orphan_seconds = 0.0
    await world.bluez.crash()
    await world.bluez.start()
    await world.bluez.ready()
    async with BusClient(world.bus.address) as client:
        await client.start_discovery()
        found = await intake.hear(manufacturer_data={2: b"y"})
        assert describe(found.data).name is None
        assert _records_in_memory() == 1


def _records_in_memory() -> int:
    gc.collect()  # those of other tests
    return sum(isinstance(item, DeviceRecord) for item in gc.get_objects())


def test_a_device_with_no_address_is_never_told() -> None:
    device = DeviceRecord()
    assert device.hear({"Address": "nonsense", "RSSI": -40}) is None
    device.update({"Address": ADDRESS})
    assert device.hear({"RSSI": -41}) == (parse_address(ADDRESS), -41, AddressType.PUBLIC, b"")


def test_what_a_connection_tells_is_no_advertisement() -> None:
    device = DeviceRecord()
    device.update({"Address": ADDRESS})
    assert device.hear({"Name": "Shed", "UUIDs": [], "Connected": True}) is None


# -- the connection


@pytest.fixture(params=["_SOCKET", "_FINALIZE", "_PROCESS", "reader"])
def another_dbus_fast(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that has changed inside."""
    if request.param == "reader":
        monkeypatch.delattr("dbus_fast.aio.message_reader.build_message_reader")
    else:
        monkeypatch.setattr(f"renogybt.bluetooth.bus_internals.{request.param}", "no_more")


@pytest.mark.usefixtures("another_dbus_fast")
async def test_a_dbus_fast_that_cannot_be_paced_reads_by_itself(world: World, client: BusClient) -> None:
    intake = Intake(world.bluez, world.bus.address)
    async with intake.intake:
        assert not intake.intake.paced
        addresses = [f"C4:00:00:00:00:{number:02X}" for number in range(20)]
        for address in addresses:
            world.bluez.advertise(address, name="Shed")
        await until(lambda: len(intake.heard) == len(addresses))
        assert [format_address(each.address) for each in intake.heard] == addresses
        assert intake.intake.open
    assert not intake.ended.is_set()  # it was us


@pytest.mark.usefixtures("another_dbus_fast")
async def test_that_is_said_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with world.scanning(world.radio()) as heard:
        world.unplug("hci0")
        world.plug("hci1")
        await until(lambda: world.bluez.owners("hci1"))
        await heard.scanning()
    assert caplog.text.count("message by message") == 1


@pytest.mark.usefixtures("another_dbus_fast")
async def test_its_end_is_told_as_well(world: World, client: BusClient) -> None:
    intake = Intake(world.bluez, world.bus.address)
    async with intake.intake:
        await world.bus.kill()
        async with asyncio.timeout(1):
            await intake.ended.wait()
        assert not intake.intake.open


async def test_the_end_of_the_connection_is_told(world: World, intake: Intake) -> None:
    assert intake.intake.open
    await world.bus.kill()
    async with asyncio.timeout(1):
        await intake.ended.wait()
    assert not intake.intake.open


async def test_what_was_heard_while_the_tree_was_read_is_newer_than_the_tree(private_bus: PrivateBus) -> None:
    """BlueZ answers, and right after that tells of a change; both may be read in one go."""
    daemon = await MessageBus(bus_address=private_bus.address).connect()
    path = f"{PATH}/dev_{ADDRESS.replace(':', '_')}"

    def serve(message: Message) -> bool:
        if message.member != "GetManagedObjects":
            return False
        known = {"Address": Variant("s", ADDRESS), "Name": Variant("s", "old"), "RSSI": Variant("n", -1)}
        tree = {path: {DEVICE: known}, f"{path}9": {DEVICE: known}}
        properties = "org.freedesktop.DBus.Properties"
        manager = "org.freedesktop.DBus.ObjectManager"
        changed = {"RSSI": Variant("n", -77), "Name": Variant("s", "new")}
        daemon.send(Message.new_method_return(message, "a{oa{sa{sv}}}", [tree]))
        daemon.send(
            Message.new_signal(path, properties, "PropertiesChanged", "sa{sv}as", [DEVICE, changed, []])
        )
        daemon.send(Message.new_signal("/", manager, "InterfacesRemoved", "oas", [f"{path}9", [DEVICE]]))
        return True

    daemon.add_message_handler(serve)
    await daemon.request_name(SERVICE)
    heard: list[Advertisement] = []
    async with DbusIntake(private_bus.address, PATH, heard.extend, lambda: None):
        await until(lambda: heard)
        assert [each.rssi for each in heard] == [-77]
        assert describe(heard[0].data).name == "new"
        await until(lambda: _records_in_memory() == 1)
    daemon.disconnect()
    await daemon.wait_for_disconnect()  # type: ignore[no-untyped-call]
