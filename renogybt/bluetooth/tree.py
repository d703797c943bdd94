"""BlueZ's adapters as its object tree shows them."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dbus_fast import Message, unpack_variants

from renogybt.bluetooth.bus import ADAPTER, BLUEZ, DBUS, DBUS_PATH, OBJECT_MANAGER, PROPERTIES, Bus
from renogybt.bluetooth.errors import CallError
from renogybt.model.advertisement import AddressError, format_address, parse_address
from renogybt.model.subscribers import Subscribers
from renogybt.service.logs import printable

_LOGGER = logging.getLogger(__name__)

_FROM_BLUEZ = f"type='signal',sender='{BLUEZ}'"
_RULES = (
    f"{_FROM_BLUEZ},interface='{OBJECT_MANAGER}',member='InterfacesAdded',arg0path='/org/bluez/'",
    f"{_FROM_BLUEZ},interface='{OBJECT_MANAGER}',member='InterfacesRemoved',arg0path='/org/bluez/'",
    f"{_FROM_BLUEZ},interface='{PROPERTIES}',member='PropertiesChanged',arg0='{ADAPTER}'",
)
_ORIGINS: dict[str | None, tuple[str | None, str | None]] = {
    "NameOwnerChanged": (DBUS, DBUS_PATH),
    "InterfacesAdded": (OBJECT_MANAGER, "/"),
    "InterfacesRemoved": (OBJECT_MANAGER, "/"),
}
"""Interface and path of a signal; properties change on every path."""

_ADAPTER_PATH = re.compile(r"/org/bluez/hci[0-9]{1,5}")
"""The kernel numbers adapters in 16 bits (Linux include/net/bluetooth/hci_core.h)."""

_NO_SERVICE = (
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.DBus.Error.UnknownMethod",  # bluetoothd is up, but not yet ready
    "org.freedesktop.DBus.Error.UnknownObject",
    "org.freedesktop.DBus.Error.NoReply",  # it went away before it answered
    "org.freedesktop.DBus.Error.TimedOut",
    "org.freedesktop.DBus.Error.Spawn.ChildExited",
    "org.freedesktop.systemd1.NoSuchUnit",
    "org.freedesktop.systemd1.UnitMasked",
)


@dataclass(frozen=True, slots=True)
class AdapterRecord:
    """One adapter, at one moment. `address` is a number; `path` ends in the name that the kernel gave."""

    path: str
    address: int
    powered: bool
    discovering: bool
    life: int
    """Another number after the adapter was away, or without power: then no discovery is left on it."""

    @property
    def name(self) -> str:
        """Such as hci0; changes when the kernel resets the adapter."""
        return self.path.rpartition("/")[2]

    @property
    def index(self) -> int:
        """The kernel's number of it."""
        return int(self.name.removeprefix("hci"))


class AdapterTree:
    """Follows BlueZ's adapters on one bus connection; `changed` is called after each change."""

    def __init__(self, bus: Bus, changed: Callable[[], None]) -> None:
        self._bus = bus
        self.changes: Subscribers[None] = Subscribers()
        """Told after each change."""
        self.changes.add(lambda _: changed())
        self._adapters: dict[str, AdapterRecord] = {}
        self._lives = 0
        self._generation = 0  # grows whenever bluetoothd comes or goes
        self._generation_read: int | None = None
        self._early: list[Message] | None = None
        self.running = False
        """Whether bluetoothd is there."""

    async def follow(self) -> None:
        """Have all changes told from now on; raises BusError. The tree itself is read later, by
        `refresh`, so that nothing is missed in between."""
        self._bus.on_signal(self._on_signal)
        await self._bus.follow_bluez()
        for rule in _RULES:
            await self._bus.match(rule)

    async def refresh(self) -> None:
        """Read the whole tree if it is not known; where D-Bus may start bluetoothd this also starts it.

        Raises CallError, CallTimeoutError, BusError.
        """
        while self._generation_read != self._generation or not self.running:
            generation = self._generation
            await self._read()
            self._generation_read = generation
            if not self.running and generation == self._generation:
                return

    async def _read(self) -> None:
        # Signals that come right after the reply are handled before this task goes on. What the reply
        # says is older than they are.
        self._early = []
        try:
            objects = await self._objects()
            self.running = objects is not None
            self._adapters.clear()
            for path, interfaces in (objects or {}).items():
                self._add(path, interfaces)
        finally:
            early, self._early = self._early, None
            for message in early:
                self._apply(message)

    async def _objects(self) -> dict[str, dict[str, Any]] | None:
        """BlueZ's objects; None where bluetoothd is not there."""
        try:
            (objects,) = await self._bus.call("/", OBJECT_MANAGER, "GetManagedObjects")
        except CallError as error:
            if error.name not in _NO_SERVICE:
                raise
            _LOGGER.debug("bluetoothd is not there: %s", error)
            return None
        return dict(objects)

    def select(self, choice: str | int | None) -> AdapterRecord | None:
        """The adapter of this name (str) or address (int); None: the first powered one, else the first."""
        adapters = sorted(self._adapters.values(), key=lambda adapter: adapter.index)
        if isinstance(choice, str):
            return next((adapter for adapter in adapters if adapter.name == choice), None)
        if choice is not None:
            return next((adapter for adapter in adapters if adapter.address == choice), None)
        return next((adapter for adapter in adapters if adapter.powered), adapters[0] if adapters else None)

    def names(self) -> str:
        """All adapters for a message, such as `hci0 (00:1A:7D:DA:71:01)`."""
        records = sorted(self._adapters.values(), key=lambda adapter: adapter.index)
        return ", ".join(f"{adapter.name} ({format_address(adapter.address)})" for adapter in records)

    def _on_signal(self, message: Message) -> None:
        if self._early is not None:
            self._early.append(message)
            self.changes.notify(None)
        elif self._apply(message):
            self.changes.notify(None)

    def _apply(self, message: Message) -> bool:
        """Take a signal in; False when it tells of no adapter."""
        if (message.interface, message.path) != _ORIGINS.get(message.member, (PROPERTIES, message.path)):
            return False
        match message.member, message.body:
            case "NameOwnerChanged", [_, _, str(owner)]:
                self._generation += 1
                self.running = bool(owner)
                self._adapters.clear()
            case "InterfacesAdded", [str(path), dict(interfaces)] if ADAPTER in interfaces:
                self.running = True
                self._add(path, interfaces)
            case "InterfacesRemoved", [str(path), list(interfaces)] if ADAPTER in interfaces:
                self._adapters.pop(path, None)
            case "PropertiesChanged", [str(interface), dict(changed), _] if interface == ADAPTER:
                self._update(message.path or "", unpack_variants(changed))
            case _:
                return False
        return True

    def _add(self, path: str, interfaces: dict[str, Any]) -> None:
        if ADAPTER not in interfaces:
            return
        properties = unpack_variants(interfaces[ADAPTER])
        try:
            address = parse_address(properties.get("Address", ""))
        except AddressError as error:
            _LOGGER.debug("leaving out %s: %s", printable(path), printable(str(error)))
            return
        if _ADAPTER_PATH.fullmatch(path) is None:
            _LOGGER.debug("leaving out %s: it is no adapter's path", printable(path))
            return
        self._adapters[path] = AdapterRecord(
            path,
            address,
            bool(properties.get("Powered")),
            bool(properties.get("Discovering")),
            self._new_life(),
        )

    def _new_life(self) -> int:
        self._lives += 1
        return self._lives

    def _update(self, path: str, properties: dict[str, Any]) -> None:
        if (adapter := self._adapters.get(path)) is not None:
            powered = bool(properties.get("Powered", adapter.powered))
            self._adapters[path] = replace(
                adapter,
                powered=powered,
                life=adapter.life if powered or not adapter.powered else self._new_life(),
                discovering=bool(properties.get("Discovering", adapter.discovering)),
            )
