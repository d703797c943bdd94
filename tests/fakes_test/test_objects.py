"""The object tree, properties and introspection."""

import pytest
from dbus_fast import Variant
from dbus_fast.introspection import Node
from fakes.bluez import FakeBlueZ
from fakes.bluez_errors import CallError
from fakes.bus_client import ADAPTER_PATH, BusClient, until
from fakes.fixtures import ADAPTER_ADDRESS

DEVICE_PATH = f"{ADAPTER_PATH}/dev_6C_B2_FD_86_82_4D"
DEVICE_ADDRESS = "6C:B2:FD:86:82:4D"


async def test_the_tree_shows_adapters_with_their_properties(client: BusClient) -> None:
    tree = await client.tree()
    adapter = tree[ADAPTER_PATH]["org.bluez.Adapter1"]
    assert adapter["Address"] == ADAPTER_ADDRESS
    assert adapter["Powered"] is True
    assert adapter["Discovering"] is False
    assert adapter["AddressType"] == "public"
    assert "org.freedesktop.DBus.Properties" in tree[ADAPTER_PATH]


async def test_the_tree_shows_devices_that_were_heard(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery()
    bluez.advertise(DEVICE_ADDRESS, name="BT-TH")
    device = (await client.tree())[DEVICE_PATH]["org.bluez.Device1"]
    assert device["Adapter"] == ADAPTER_PATH
    assert device["Name"] == device["Alias"] == "BT-TH"
    assert device["AddressType"] == "random"
    assert device["Connected"] is device["Paired"] is device["ServicesResolved"] is False


async def test_get_and_get_all_answer_the_same(client: BusClient) -> None:
    body = await client.properties("GetAll", "s", "org.bluez.Adapter1", path=ADAPTER_PATH)
    assert body[0]["Address"].value == await client.get("Address") == ADAPTER_ADDRESS


async def test_a_read_only_property_cannot_be_set(client: BusClient) -> None:
    with pytest.raises(CallError, match="PropertyReadOnly"):
        await client.set("Discovering", Variant("b", True))


async def test_a_property_of_the_wrong_type_is_refused(client: BusClient) -> None:
    with pytest.raises(CallError, match="InvalidSignature"):
        await client.set("Powered", Variant("s", "on"))


async def test_an_unknown_property_is_refused(client: BusClient) -> None:
    with pytest.raises(CallError, match="No such property"):
        await client.get("Colour")


async def test_a_written_alias_is_signalled(client: BusClient) -> None:
    await client.set("Alias", Variant("s", "shed"))
    signals = await client.take_signals()
    assert [signal.body for signal in signals] == [["org.bluez.Adapter1", {"Alias": "shed"}, []]]


async def test_an_unknown_object_is_refused_as_libdbus_does(client: BusClient) -> None:
    with pytest.raises(CallError, match="UnknownObject"):
        await client.adapter("StartDiscovery", path="/org/bluez/hci7")


async def test_an_unknown_method_is_refused_as_libdbus_does(client: BusClient) -> None:
    with pytest.raises(CallError, match="UnknownMethod"):
        await client.adapter("Dance")


async def test_introspection_names_the_interfaces_and_children(client: BusClient) -> None:
    node = Node.parse(await client.introspect(ADAPTER_PATH))
    assert "org.bluez.Adapter1" in {interface.name for interface in node.interfaces}
    parent = Node.parse(await client.introspect("/org/bluez"))
    assert [child.name for child in parent.nodes] == ["hci0"]


async def test_a_removed_adapter_goes_after_its_devices(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery()
    bluez.advertise(DEVICE_ADDRESS)
    await client.take_signals()
    bluez.remove_adapter("hci0")
    signals = await client.take_signals()
    assert [(signal.member, signal.body[0]) for signal in signals] == [
        ("InterfacesRemoved", DEVICE_PATH),
        ("InterfacesRemoved", ADAPTER_PATH),
    ]
    assert ADAPTER_PATH not in await client.tree()


async def test_an_added_adapter_appears_without_power_and_is_powered_later(
    bluez: FakeBlueZ, client: BusClient
) -> None:
    bluez.powered_after_s = 0.3
    bluez.remove_adapter("hci0")
    await client.take_signals()
    bluez.add_adapter("hci1", ADAPTER_ADDRESS)
    (added,) = await client.take_signals()
    assert added.body[0] == "/org/bluez/hci1"
    assert added.body[1]["org.bluez.Adapter1"]["Powered"] is False
    await until(lambda: client.signals)
    assert client.signals[0].body == ["org.bluez.Adapter1", {"Powered": True}, []]


async def test_remove_device_removes_the_object(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery()
    bluez.advertise(DEVICE_ADDRESS)
    await client.adapter("RemoveDevice", "o", DEVICE_PATH)
    assert DEVICE_PATH not in await client.tree()
    with pytest.raises(CallError, match="DoesNotExist"):
        await client.adapter("RemoveDevice", "o", DEVICE_PATH)
