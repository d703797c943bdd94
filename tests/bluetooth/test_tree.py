"""The tree of adapters, and signals that overtake it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from dbus_fast import Message, Variant
from dbus_fast.aio import MessageBus
from fakes.bluez import SERVICE
from fakes.private_bus import PrivateBus
from fakes.radio_world import World

from renogybt.bluetooth.bus import ADAPTER, OBJECT_MANAGER, PROPERTIES, Bus
from renogybt.bluetooth.errors import CallError
from renogybt.bluetooth.tree import AdapterTree

PATH = "/org/bluez/hci0"
Properties = dict[str, Variant]


def adapter(*, powered: bool) -> Properties:
    return {
        "Address": Variant("s", "00:1A:7D:DA:71:13"),
        "Powered": Variant("b", powered),
        "Discovering": Variant("b", False),
    }


def added(path: str, properties: Properties) -> Message:
    return Message.new_signal(
        "/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, {ADAPTER: properties}]
    )


def removed(path: str) -> Message:
    return Message.new_signal("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", [path, [ADAPTER]])


def changed(path: str, **properties: bool) -> Message:
    values = {name: Variant("b", value) for name, value in properties.items()}
    return Message.new_signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [ADAPTER, values, []])


class HastyDaemon:
    """Answers, and in the same breath tells what has changed since."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self.tree: dict[str, dict[str, Properties]] = {}
        self.early: list[Message] = []
        self.late: list[Message] = []
        self.refusals = 0
        bus.add_message_handler(self._serve)

    def _serve(self, message: Message) -> bool:
        if message.member != "GetManagedObjects":
            return False
        if self.refusals > 0:
            self.refusals -= 1
            self._bus.send(Message.new_error(message, "org.freedesktop.DBus.Error.LimitsExceeded", "busy"))
            return True
        for signal in self.early:
            self._bus.send(signal)
        self._bus.send(Message.new_method_return(message, "a{oa{sa{sv}}}", [self.tree]))
        for signal in self.late:
            self._bus.send(signal)
        return True


@pytest.fixture
async def daemon(private_bus: PrivateBus) -> AsyncIterator[HastyDaemon]:
    bus = await MessageBus(bus_address=private_bus.address).connect()
    served = HastyDaemon(bus)
    await bus.request_name(SERVICE)
    yield served
    bus.disconnect()
    await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


@pytest.fixture
async def tree(private_bus: PrivateBus) -> AsyncIterator[AdapterTree]:
    async with Bus(private_bus.address) as bus:
        followed = AdapterTree(bus, lambda: None)
        await followed.follow()
        yield followed


async def settled(tree: AdapterTree, rule: Callable[[AdapterTree], Any]) -> None:
    async with asyncio.timeout(1):
        while not rule(tree):
            await asyncio.sleep(0.002)


async def test_an_adapter_that_appears_right_after_the_answer_is_there(
    daemon: HastyDaemon, tree: AdapterTree
) -> None:
    daemon.late = [added(PATH, adapter(powered=False)), changed(PATH, Powered=True)]
    await tree.refresh()
    await settled(tree, lambda it: it.names() and it.select(None).powered)


async def test_power_that_comes_right_after_the_answer_counts(daemon: HastyDaemon, tree: AdapterTree) -> None:
    daemon.tree = {PATH: {ADAPTER: adapter(powered=False)}}
    daemon.late = [changed(PATH, Powered=True)]
    await tree.refresh()
    await settled(tree, lambda it: it.select(None).powered)


async def test_an_adapter_that_goes_right_after_the_answer_is_gone(
    daemon: HastyDaemon, tree: AdapterTree
) -> None:
    daemon.tree = {PATH: {ADAPTER: adapter(powered=True)}}
    daemon.late = [removed(PATH)]
    await tree.refresh()
    await settled(tree, lambda it: not it.names())


async def test_what_was_told_before_the_answer_ends_as_the_answer_says(
    daemon: HastyDaemon, tree: AdapterTree
) -> None:
    daemon.early = [
        added(PATH, adapter(powered=False)),
        changed(PATH, Powered=True),
        changed(PATH, Powered=False),
        changed(PATH, Powered=True, Discovering=True),
    ]
    final = adapter(powered=True) | {"Discovering": Variant("b", True)}
    daemon.tree = {PATH: {ADAPTER: final}}
    await tree.refresh()
    found = tree.select("hci0")
    assert found is not None
    assert (found.powered, found.discovering) == (True, True)


async def test_a_tree_that_could_not_be_read_is_read_again(daemon: HastyDaemon, tree: AdapterTree) -> None:
    daemon.tree = {PATH: {ADAPTER: adapter(powered=True)}}
    daemon.refusals = 1
    with pytest.raises(CallError):
        await tree.refresh()
    await tree.refresh()
    assert tree.names() == "hci0 (00:1A:7D:DA:71:13)"


async def test_a_known_tree_is_not_read_again(world: World) -> None:
    async with Bus(world.bus.address) as bus:
        tree = AdapterTree(bus, lambda: None)
        await tree.follow()
        for _ in range(3):
            await tree.refresh()
        assert world.bluez.calls["GetManagedObjects"] == 1


async def test_an_adapter_has_another_life_after_it_was_away_or_without_power(world: World) -> None:
    async with Bus(world.bus.address) as bus:
        tree = AdapterTree(bus, lambda: None)
        await tree.follow()
        await tree.refresh()

        async def life() -> int:
            await bus.call("/", OBJECT_MANAGER, "GetManagedObjects")  # all signals before it are in
            found = tree.select("hci0")
            assert found is not None
            return found.life

        lives = [await life()]
        world.bluez.power("hci0", False)
        world.bluez.power("hci0", True)
        lives.append(await life())
        world.unplug()
        world.plug("hci0")
        lives.append(await life())
        assert len(set(lives)) == 3
        world.bluez.power("hci0", True)
        world.plug("hci1", "00:1A:7D:DA:71:99")
        assert await life() == lives[-1]


async def test_a_hung_bluetoothd_may_be_asked_as_often_as_one_likes(world: World) -> None:
    """Following begins once; asking again does not begin it anew."""
    world.bluez.swallow("GetManagedObjects")
    async with Bus(world.bus.address) as bus:
        tree = AdapterTree(bus, lambda: None)
        await tree.follow()
        for _ in range(5):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(tree.refresh(), 0.01)
        world.bluez.answer("GetManagedObjects")
        await tree.refresh()
        assert tree.running


@pytest.mark.parametrize("address", ["", "nonsense", "00:1A:7D:DA:71", "00:1A:7D:DA:71:GG"])
@pytest.mark.parametrize("late", [False, True], ids=["in the tree", "later"])
async def test_an_adapter_with_no_address_is_left_out(
    daemon: HastyDaemon, tree: AdapterTree, address: str, late: bool
) -> None:
    malformed = adapter(powered=True) | {"Address": Variant("s", address)}
    daemon.tree = {"/org/bluez/hci1": {ADAPTER: adapter(powered=True)}}
    if late:
        daemon.late = [added(PATH, malformed), changed("/org/bluez/hci1", Discovering=True)]
    else:
        daemon.tree[PATH] = {ADAPTER: malformed}
    await tree.refresh()
    if late:
        await settled(tree, lambda it: it.select("hci1").discovering)
    assert tree.names() == "hci1 (00:1A:7D:DA:71:13)"


@pytest.mark.parametrize("path", ["/org/bluez/hci", "/org/bluez/usb0", "/org/bluez/hci0/hci0"])
async def test_what_is_not_named_like_an_adapter_is_left_out(
    daemon: HastyDaemon, tree: AdapterTree, path: str
) -> None:
    daemon.tree = {PATH: {ADAPTER: adapter(powered=True)}, path: {ADAPTER: adapter(powered=True)}}
    await tree.refresh()
    assert tree.names() == "hci0 (00:1A:7D:DA:71:13)"
