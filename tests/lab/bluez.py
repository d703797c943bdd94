"""For tests in the guest: BlueZ over D-Bus in a few words, independent of the code under test."""

import asyncio
from types import TracebackType
from typing import Any, Self

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

PROPERTIES = "org.freedesktop.DBus.Properties"
ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"


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
