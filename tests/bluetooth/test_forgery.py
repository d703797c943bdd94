"""Another process may address signals to our connections. They look like BlueZ's, but for the sender."""

from collections.abc import AsyncIterator

import pytest
from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from fakes.bluez_outbox import OBJECT_MANAGER, PROPERTIES
from fakes.bus_client import until
from fakes.listeners import ADAPTER_PATH, ADDRESS, OTHER, Intake
from fakes.private_bus import PrivateBus
from fakes.radio_world import World

from renogybt.bluetooth.bus import ADAPTER, DBUS, DBUS_PATH, DEVICE, Bus
from renogybt.bluetooth.dbus_intake import DbusIntake
from renogybt.bluetooth.tree import AdapterTree
from renogybt.model.advertisement import Advertisement
from renogybt.protocols.advertising.summary import describe

BLUEZ = "org.bluez"


class Forger:
    """A connection that sends whatever it likes to everybody on the bus."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus

    async def forge(self, path: str, interface: str, member: str, signature: str, body: list[object]) -> None:
        """Send a signal to each connection; it has arrived, or been lost, afterwards."""
        for name in (await self._ask("ListNames")).body[0]:
            if name.startswith(":"):
                await self._bus.send(
                    Message(
                        destination=name,
                        message_type=MessageType.SIGNAL,
                        path=path,
                        interface=interface,
                        member=member,
                        signature=signature,
                        body=body,
                    )
                )
        await self._ask("GetId")

    async def _ask(self, member: str) -> Message:
        return await self._bus.call(Message(DBUS, DBUS_PATH, DBUS, member))


@pytest.fixture
async def forger(world: World) -> AsyncIterator[Forger]:
    bus = await MessageBus(bus_address=world.bus.address).connect()
    yield Forger(bus)
    bus.disconnect()
    await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


@pytest.fixture
async def tree(world: World) -> AsyncIterator[AdapterTree]:
    async with Bus(world.bus.address) as bus:
        followed = AdapterTree(bus, lambda: None)
        await followed.follow()
        await followed.refresh()
        yield followed


def device_path(address: str) -> str:
    return f"{ADAPTER_PATH}/dev_{address.replace(':', '_')}"


# -- the tree of adapters


async def arrived(world: World, tree: AdapterTree) -> None:
    """A signal of the true BlueZ comes after all forged ones."""
    world.plug("hci5", "00:1A:7D:DA:71:55")
    await until(lambda: "hci5" in tree.names())


async def test_a_forged_adapter_does_not_appear(world: World, tree: AdapterTree, forger: Forger) -> None:
    properties = {"Address": Variant("s", "00:00:00:00:00:09"), "Powered": Variant("b", True)}
    body = ["/org/bluez/hci9", {ADAPTER: properties}]
    await forger.forge("/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", body)
    await arrived(world, tree)
    assert tree.select("hci9") is None


async def test_an_adapter_is_not_taken_away_by_a_forgery(
    world: World, tree: AdapterTree, forger: Forger
) -> None:
    await forger.forge("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", [ADAPTER_PATH, [ADAPTER]])
    await arrived(world, tree)
    assert tree.select("hci0") is not None


async def test_forged_properties_change_nothing(world: World, tree: AdapterTree, forger: Forger) -> None:
    body = [ADAPTER, {"Powered": Variant("b", False)}, []]
    await forger.forge(ADAPTER_PATH, PROPERTIES, "PropertiesChanged", "sa{sv}as", body)
    await arrived(world, tree)
    adapter = tree.select("hci0")
    assert adapter is not None
    assert adapter.powered


async def test_a_forged_end_of_bluetoothd_is_none(world: World, tree: AdapterTree, forger: Forger) -> None:
    await forger.forge(DBUS_PATH, DBUS, "NameOwnerChanged", "sss", [BLUEZ, ":1.1", ""])
    await arrived(world, tree)
    assert tree.running
    assert tree.select("hci0") is not None


async def test_after_a_restart_the_new_bluetoothd_is_believed(
    world: World, tree: AdapterTree, forger: Forger
) -> None:
    await world.bluez.stop()
    await world.bluez.start()
    await world.bluez.ready()
    await tree.refresh()
    await arrived(world, tree)
    await forger.forge(DBUS_PATH, DBUS, "NameOwnerChanged", "sss", [BLUEZ, "", ":1.9"])
    world.unplug("hci5")
    await until(lambda: "hci5" not in tree.names())


async def test_a_bluetoothd_that_comes_later_is_believed(world: World, forger: Forger) -> None:
    await world.bluez.stop()
    async with Bus(world.bus.address) as bus:
        tree = AdapterTree(bus, lambda: None)
        await tree.follow()
        await tree.refresh()
        assert not tree.running
        await world.bluez.start()
        await until(lambda: tree.running)
        await until(lambda: tree.names())


# -- the intake


async def test_a_forged_device_is_not_heard(world: World, intake: Intake, forger: Forger) -> None:
    properties = {"Address": Variant("s", ADDRESS), "RSSI": Variant("n", -1)}
    body = [device_path(ADDRESS), {DEVICE: properties}]
    await forger.forge("/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", body)
    await intake.hears_nothing_of(ADDRESS)


async def test_a_forged_advertisement_of_a_true_device_is_not_heard(
    world: World, intake: Intake, forger: Forger
) -> None:
    await intake.hear(name="Shed", rssi=-60)
    count = len(intake.heard)
    body = [DEVICE, {"RSSI": Variant("n", -1), "Name": Variant("s", "Bank")}, []]
    await forger.forge(device_path(ADDRESS), PROPERTIES, "PropertiesChanged", "sa{sv}as", body)
    await intake.hear(OTHER)
    assert len(intake.heard) == count + 1
    assert describe((await intake.hear(manufacturer_data={1: b"x"})).data).name == "Shed"


async def test_a_forged_end_of_bluetoothd_forgets_no_device(
    world: World, intake: Intake, forger: Forger
) -> None:
    await intake.hear(name="Shed")
    await forger.forge(DBUS_PATH, DBUS, "NameOwnerChanged", "sss", [BLUEZ, ":1.1", ""])
    found = await intake.hear(manufacturer_data={1: b"x"})
    assert describe(found.data).name == "Shed"


async def test_of_bluez_only_signals_of_the_right_interface_and_path_count(private_bus: PrivateBus) -> None:
    daemon = await MessageBus(bus_address=private_bus.address).connect()

    def serve(message: Message) -> bool:
        if message.member != "GetManagedObjects":
            return False
        tree = {device_path(ADDRESS): {DEVICE: {"Address": Variant("s", ADDRESS)}}}
        daemon.send(Message.new_method_return(message, "a{oa{sa{sv}}}", [tree]))
        return True

    daemon.add_message_handler(serve)
    await daemon.request_name(BLUEZ)
    heard: list[Advertisement] = []
    async with DbusIntake(private_bus.address, ADAPTER_PATH, heard.extend, lambda: None):
        send, path = Forger(daemon).forge, device_path(ADDRESS)
        for rssi, interface in ((-1, "org.example"), (-2, OBJECT_MANAGER), (-44, PROPERTIES)):
            properties = {"Address": Variant("s", OTHER), "RSSI": Variant("n", rssi)}
            added = [device_path(OTHER), {DEVICE: properties}]
            await send("/", "org.example", "InterfacesAdded", "oa{sa{sv}}", added)
            await send("/org/example", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", added)
            changed = [DEVICE, {"RSSI": Variant("n", rssi)}, []]
            await send(path, interface, "PropertiesChanged", "sa{sv}as", changed)
        await until(lambda: heard)
    assert [each.rssi for each in heard] == [-44]
    daemon.disconnect()
    await daemon.wait_for_disconnect()  # type: ignore[no-untyped-call]
