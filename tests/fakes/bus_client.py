"""A bare D-Bus client of org.bluez, which remembers the signals that it got."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from dbus_fast import Message, MessageType, Variant, unpack_variants
from dbus_fast.aio import MessageBus

from fakes.bluez_errors import CallError
from renogybt.bluetooth.bus_internals import QuietMessageBus

ADAPTER_PATH = "/org/bluez/hci0"
RULES = (
    "type='signal',sender='org.bluez'",
    "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.bluez'",
)
POLL_S = 0.005


async def until(condition: Callable[[], object], timeout_s: float = 2.0) -> None:
    """Return when `condition` holds; raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(POLL_S)


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal with its body, variants unpacked."""

    path: str
    member: str
    body: list[Any]


class BusClient:
    """One connection. Every error reply is raised as CallError."""

    def __init__(self, bus_address: str) -> None:
        self.signals: list[Signal] = []
        self.address = bus_address
        self._bus: MessageBus | None = None

    @property
    def bus(self) -> MessageBus:
        """The connection; raises RuntimeError without one."""
        if self._bus is None:
            raise RuntimeError("not connected")
        return self._bus

    @property
    def name(self) -> str:
        """The unique name of the connection."""
        return self.bus.unique_name or ""

    async def connect(self) -> None:
        """Open the connection and listen to all signals of bluetoothd."""
        self._bus = bus = await QuietMessageBus(bus_address=self.address).connect()
        bus.add_message_handler(self._remember)
        for rule in RULES:
            await self.add_match(rule)

    async def close(self) -> None:
        """Close the connection, as the death of a process does."""
        bus, self._bus = self._bus, None
        if bus is not None and bus.connected:
            bus.disconnect()
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]

    async def add_match(self, rule: str) -> None:
        """Ask the bus for signals."""
        await self._request("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "AddMatch", "s", [rule])

    async def adapter(
        self, member: str, signature: str = "", *body: Any, path: str = ADAPTER_PATH
    ) -> list[Any]:
        """Call a method of Adapter1."""
        return await self._request("org.bluez", path, "org.bluez.Adapter1", member, signature, list(body))

    async def device(self, member: str, path: str) -> list[Any]:
        """Call a method of Device1 that takes nothing."""
        return await self.call(path, "org.bluez.Device1", member)

    async def call(
        self, path: str, interface: str, member: str, signature: str = "", *body: Any
    ) -> list[Any]:
        """Call any method of bluetoothd."""
        return await self._request("org.bluez", path, interface, member, signature, list(body))

    async def start_discovery(self, **options: Variant) -> None:
        """Set a discovery filter, if there are options, and start."""
        if options:
            await self.adapter("SetDiscoveryFilter", "a{sv}", options)
        await self.adapter("StartDiscovery")

    async def get(self, name: str, path: str = ADAPTER_PATH, interface: str = "org.bluez.Adapter1") -> Any:
        """A property."""
        body = await self.properties("Get", "ss", interface, name, path=path)
        return unpack_variants(body[0])

    async def set(self, name: str, value: Variant, path: str = ADAPTER_PATH) -> None:
        """Set a property of an adapter."""
        await self.properties("Set", "ssv", "org.bluez.Adapter1", name, value, path=path)

    async def properties(self, member: str, signature: str, *body: Any, path: str) -> list[Any]:
        """Call a method of Properties."""
        interface = "org.freedesktop.DBus.Properties"
        return await self._request("org.bluez", path, interface, member, signature, list(body))

    async def tree(self) -> dict[str, dict[str, dict[str, Any]]]:
        """GetManagedObjects. All signals that were sent before the answer have arrived then."""
        interface = "org.freedesktop.DBus.ObjectManager"
        body = await self._request("org.bluez", "/", interface, "GetManagedObjects", "", [])
        tree: dict[str, dict[str, dict[str, Any]]] = unpack_variants(body)[0]
        return tree

    async def introspect(self, path: str) -> str:
        """The XML of an object."""
        interface = "org.freedesktop.DBus.Introspectable"
        body = await self._request("org.bluez", path, interface, "Introspect", "", [])
        xml: str = body[0]
        return xml

    async def take_signals(self) -> list[Signal]:
        """All signals so far, forgotten afterwards."""
        await self.tree()
        taken, self.signals = self.signals, []
        return taken

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _request(
        self, destination: str, path: str, interface: str, member: str, signature: str, body: list[Any]
    ) -> list[Any]:
        reply = await self.bus.call(
            Message(
                destination=destination,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=body,
            )
        )
        if reply is None:
            raise RuntimeError("no reply was asked for")
        if reply.message_type is MessageType.ERROR:
            raise CallError(reply.error_name or "", "".join(reply.body))
        return list(reply.body)

    def _remember(self, message: Message) -> None:
        # the greeting of the bus may come before or after `connect` returns
        if message.message_type is MessageType.SIGNAL and message.member != "NameAcquired":
            body = unpack_variants(message.body)
            self.signals.append(Signal(message.path or "", message.member or "", body))
