"""For tests in the guest: BlueZ over D-Bus in a few words, independent of the code under test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Self

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

PROPERTIES = "org.freedesktop.DBus.Properties"
ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
DESCRIPTOR = "org.bluez.GattDescriptor1"
AGENT_MANAGER = "org.bluez.AgentManager1"
AGENT = "org.bluez.Agent1"
AGENT_PATH = "/test/agent"


class BluezError(Exception):
    """An error reply; `name` is that of D-Bus."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name


class Bluez:
    """A connection to the guest's bus. Every call is limited to `timeout_s`."""

    def __init__(self) -> None:
        self._bus: MessageBus

    async def __aenter__(self) -> Self:
        self._bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()

    async def call(
        self, path: str, interface: str, member: str, signature: str = "", *body: Any, timeout_s: float = 10
    ) -> list[Any]:
        """The body of the reply; raises BluezError or TimeoutError."""
        message = Message(
            destination="org.bluez",
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        async with asyncio.timeout(timeout_s):
            reply = await self._bus.call(message)
        if reply.message_type is MessageType.ERROR:
            raise BluezError(reply.error_name, str(reply.body[0]) if reply.body else "")
        return reply.body

    async def objects(self) -> dict[str, dict[str, Any]]:
        """All objects of BlueZ: path, then interface, then property; empty without bluetoothd."""
        try:
            (found,) = await self.call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        except BluezError as error:
            if error.name == "org.freedesktop.DBus.Error.ServiceUnknown":
                return {}
            raise
        return {
            path: {
                interface: {name: value.value for name, value in properties.items()}
                for interface, properties in interfaces.items()
            }
            for path, interfaces in found.items()
        }

    async def adapters(self) -> dict[str, str]:
        """hci name by address."""
        return {
            interfaces[ADAPTER]["Address"]: path.rpartition("/")[2]
            for path, interfaces in (await self.objects()).items()
            if ADAPTER in interfaces
        }

    async def devices(self, hci: str = "hci0") -> dict[str, str]:
        """Object path by address."""
        return {
            interfaces[DEVICE]["Address"]: path
            for path, interfaces in (await self.objects()).items()
            if DEVICE in interfaces and path.startswith(f"/org/bluez/{hci}/")
        }

    async def get(self, path: str, interface: str, name: str) -> Any:
        """One property."""
        return (await self.call(path, PROPERTIES, "Get", "ss", interface, name))[0].value

    @contextlib.asynccontextmanager
    async def values(self, path: str) -> AsyncIterator[asyncio.Queue[bytes]]:
        """Each `Value` that is signalled of a characteristic, while the block lasts."""
        told: asyncio.Queue[bytes] = asyncio.Queue()

        def on_message(message: Message) -> None:
            if (message.path, message.member) == (path, "PropertiesChanged") and "Value" in message.body[1]:
                told.put_nowait(message.body[1]["Value"].value)

        async with self._heeding(f"member='PropertiesChanged',path='{path}'", on_message):
            yield told

    @contextlib.asynccontextmanager
    async def manufacturer_data(self) -> AsyncIterator[list[bytes]]:
        """All that is signalled of any device, in its order and without companies, while the block lasts."""
        told: list[bytes] = []

        def on_message(message: Message) -> None:
            if message.member == "PropertiesChanged":
                changed = message.body[1]
            elif message.member == "InterfacesAdded":
                changed = message.body[1].get(DEVICE, {})
            else:
                return
            if "ManufacturerData" in changed:
                told.extend(each.value for each in changed["ManufacturerData"].value.values())

        async with self._heeding("", on_message):
            yield told

    @contextlib.asynccontextmanager
    async def _heeding(self, narrower: str, on_message: Callable[[Message], None]) -> AsyncIterator[None]:
        """Have BlueZ's signals that fit this rule handed on, while the block lasts."""
        rule = ",".join(filter(None, ("type='signal',sender='org.bluez'", narrower)))
        await self._match("AddMatch", rule)
        self._bus.add_message_handler(on_message)
        try:
            yield
        finally:
            self._bus.remove_message_handler(on_message)
            await self._match("RemoveMatch", rule)

    async def _match(self, member: str, rule: str) -> None:
        bus = "org.freedesktop.DBus"
        await self._bus.call(
            Message(
                destination=bus,
                path="/org/freedesktop/DBus",
                interface=bus,
                member=member,
                signature="s",
                body=[rule],
            )
        )

    async def power(self, on: bool, hci: str = "hci0", timeout_s: float = 15) -> None:
        """Set Powered, and wait until the property says so."""
        path = f"/org/bluez/{hci}"
        async with asyncio.timeout(timeout_s):
            while await self.get(path, ADAPTER, "Powered") is not on:
                try:
                    await self.call(path, PROPERTIES, "Set", "ssv", ADAPTER, "Powered", Variant("b", on))
                except BluezError as error:
                    if error.name != "org.bluez.Error.Busy":  # bluetoothd is at it itself
                        raise
                await asyncio.sleep(0.02)

    async def start_discovery(self, hci: str = "hci0") -> None:
        """Discover LE devices without a gap until this connection ends."""
        path = f"/org/bluez/{hci}"
        wanted = {"Transport": Variant("s", "le"), "DuplicateData": Variant("b", True)}
        await self.call(path, ADAPTER, "SetDiscoveryFilter", "a{sv}", wanted)
        await self.call(path, ADAPTER, "StartDiscovery")

    async def stop_discovery(self, hci: str = "hci0") -> None:
        await self.call(f"/org/bluez/{hci}", ADAPTER, "StopDiscovery")


class Agent(Bluez):
    """A connection that speaks for its user when devices are paired, as the default agent.

    Agrees to everything. Asked for a passkey it tells `passkey`, or refuses where that is None. `calls`
    are the names of the questions, oldest first.
    """

    def __init__(self, passkey: int | None = None) -> None:
        super().__init__()
        self.passkey = passkey
        self.calls: list[str] = []

    async def register(self, capability: str) -> None:
        """Its end is that of the connection."""
        self._bus.add_message_handler(self._answer)
        await self.call("/org/bluez", AGENT_MANAGER, "RegisterAgent", "os", AGENT_PATH, capability)
        await self.call("/org/bluez", AGENT_MANAGER, "RequestDefaultAgent", "o", AGENT_PATH)

    def _answer(self, message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL or message.interface != AGENT:
            return None
        self.calls.append(message.member)
        if message.member != "RequestPasskey":
            return Message.new_method_return(message)
        if self.passkey is None:
            return Message.new_error(message, "org.bluez.Error.Rejected", "no")
        return Message.new_method_return(message, "u", [self.passkey])
