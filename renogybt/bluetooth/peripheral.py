"""One peripheral as BlueZ shows it: its Device1 object, followed on one bus connection."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dbus_fast import Message, unpack_variants

from renogybt.bluetooth.bus import ADAPTER, BLUEZ, DBUS, DEVICE, OBJECT_MANAGER, PROPERTIES, Bus
from renogybt.bluetooth.device import HEARD
from renogybt.bluetooth.discovery import IN_PROGRESS
from renogybt.bluetooth.errors import BluetoothError, CallError
from renogybt.bluetooth.gatt_tree import CHARACTERISTIC, GattTree, read_tree
from renogybt.model.advertisement import AddressType, format_address
from renogybt.model.gatt import LinkEnd, LinkLostError
from renogybt.model.radio import Unsubscribe
from renogybt.service.logs import printable

_LOGGER = logging.getLogger(__name__)

NO_OBJECT = frozenset(
    {"org.freedesktop.DBus.Error.UnknownObject", "org.freedesktop.DBus.Error.UnknownMethod"}
)
"""How BlueZ answers for a device that it does not know (any more)."""

MATCHES = 4
"""Match rules of one peripheral."""
_FROM_BLUEZ = f"type='signal',sender='{BLUEZ}'"
_CHANGES = f"{_FROM_BLUEZ},interface='{PROPERTIES}',member='PropertiesChanged'"
VALUES = f"{_CHANGES},arg0='{CHARACTERISTIC}'"
"""Match rule of a connection on which peripherals are followed: all that is notified and read.

Not by a rule with path_namespace for each peripheral: to dbus-daemon 1.14 all such rules are equal when one
is to be removed, and it may remove that of another peripheral. This one stays as long as the connection.
"""
_GONE_S = 3.0
"""How long after BlueZ's answer a link may take to vanish."""
_STOPPED_S = 0.5
"""How long BlueZ may take to end our subscriptions, once there is no link."""
_TOLD_S = 0.3
"""How long BlueZ may take to take up a call, before its link is ended without it."""
_PAUSES_S = (0.1,) * 20
"""The kernel ends one link at a time, and refuses a second one meanwhile (Linux net/bluetooth/mgmt.c)."""
_ADDRESS_TYPES = {"public": AddressType.PUBLIC, "random": AddressType.RANDOM}


def device_path(adapter_path: str, address: int) -> str:
    """Where BlueZ has its object of an address."""
    return f"{adapter_path}/dev_{format_address(address).replace(':', '_')}"


class Peripheral:
    """Follows the object of one address, which need not be there (yet).

    `known`: BlueZ has an object of it. `in_range`: BlueZ has heard it in the discovery that runs.
    `heard`: it was heard since we follow it. `connected` and `resolved` as BlueZ says. `name`: what it
    calls itself. `without_radio`: the adapter lost its power, or is gone, since the last link came about.
    `lost` says why it can be followed no more, and is empty otherwise; `lost_by` whose doing that was.
    `hang_up` has the kernel end the link, whose end BlueZ tells; False: it cannot.
    """

    def __init__(
        self, bus: Bus, adapter_path: str, address: int, hang_up: Callable[[AddressType], bool]
    ) -> None:
        self.bus = bus
        self.address = address
        self.path = device_path(adapter_path, address)
        self.known = self.in_range = self.heard = self.connected = self.resolved = False
        self.without_radio = False
        self.lost = ""
        self.lost_by = LinkEnd.RADIO
        self.name = ""
        self._adapter_path = adapter_path
        self._hang_up = hang_up
        self.address_type = AddressType.PUBLIC
        self.notifying: set[str] = set()
        """The characteristics that we have subscribed to, by path."""
        self._pending = False
        self._early: list[Message] | None = None
        self._changed = asyncio.Event()
        self._unsubscribe: list[Unsubscribe] = []
        self._matched: list[str] = []
        self.on_value: Callable[[str, bytes], None] = _nobody
        """Is handed the path of a characteristic and what it has notified."""
        self.on_link: Callable[[], None] = _nobody
        """Is called when a link comes about, before its services are known."""
        self.on_end: Callable[[], None] = _nobody
        """Is called whenever the link turns out to be gone."""

    async def follow(self) -> None:
        """Know everything from now on; raises BusError, CallError, CallTimeoutError."""
        self._unsubscribe = [
            self.bus.on_signal(self._on_signal),
            self.bus.on_close(lambda: self.lose("the connection to the D-Bus system bus is gone")),
        ]
        for rule in self._rules():
            await self._match(rule)
        await self.refresh()

    def _rules(self) -> Iterator[str]:
        for path in (self.path, self._adapter_path):
            yield f"{_FROM_BLUEZ},interface='{OBJECT_MANAGER}',arg0path='{path}'"
            yield f"{_CHANGES},path='{path}'"

    async def _match(self, rule: str) -> None:
        self._matched.append(rule)
        await self.bus.match(rule)

    async def leave(self) -> None:
        """Follow it no more; may be called at any time, and again."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        while self._matched:
            rule = self._matched.pop()
            if self.bus.open:
                await self.bus.unmatch(rule)

    async def refresh(self) -> None:
        """Ask what is true now; raises BusError, CallError, CallTimeoutError."""
        self._early = []
        try:
            (properties,) = await self.bus.call(self.path, PROPERTIES, "GetAll", "s", (DEVICE,))
            self._take(unpack_variants(properties))
        except CallError as error:
            if error.name not in NO_OBJECT:
                raise
        finally:
            # signals that came before our task went on are newer than the answer
            early, self._early = self._early or [], None
            for message in early:
                self._apply(message)

    async def until(self, rule: Callable[[], bool]) -> None:
        """Wait until it holds; raises LinkLostError when it can be followed no more."""
        while not rule():
            if self.lost:
                raise LinkLostError(self.lost)
            self._changed.clear()
            await self._changed.wait()

    # what is done to it

    async def connect(self, within_s: float) -> None:
        """Have BlueZ connect; raises LinkLostError, BusError, CallError, CallTimeoutError.

        One that is cancelled goes on in BlueZ until `disconnect`, which has it answered.
        """
        if self.lost:
            raise LinkLostError(self.lost)
        self._pending = True
        try:
            await self.bus.call(self.path, DEVICE, "Connect", timeout_s=within_s)
        except CallError as error:
            # an attempt that somebody else began, perhaps a program that has died, goes on
            self._pending = error.name == IN_PROGRESS
            raise
        self._pending = False

    @property
    def engaged(self) -> bool:
        """Whether there is a link, or an attempt, as far as anybody knows."""
        return self.connected or self._pending

    async def disconnect(self, bus: Bus | None = None) -> None:
        """End the link, or the attempt, and wait until it is gone; never raises, and is bounded.

        BlueZ takes its time: it ends a link two seconds after it was asked to, unless it is gone before.
        `bus`: another connection than the one by which it was followed.
        """
        if self.engaged:
            async with asyncio.TaskGroup() as tasks:
                hurrying = tasks.create_task(self._hurry(bus or self.bus))
                await self._ask_to_end(bus or self.bus)
                hurrying.cancel()
            self._pending = False

    async def _ask_to_end(self, bus: Bus) -> None:
        try:
            await bus.call(self.path, DEVICE, "Disconnect")
            async with asyncio.timeout(_GONE_S):
                await self.until(lambda: not self.connected)
        except (BluetoothError, LinkLostError, TimeoutError) as error:
            _LOGGER.debug("disconnecting %s: %s", format_address(self.address), printable(str(error)))

    async def _hurry(self, bus: Bus) -> None:
        """Have the link ended at once, but not before BlueZ knows that this is wanted."""
        with contextlib.suppress(BluetoothError):
            # answered after what was asked before on this connection has been taken up
            await bus.call(self.path, PROPERTIES, "Get", "ss", (DEVICE, "Connected"), timeout_s=_TOLD_S)
        for pause_s in _PAUSES_S:
            if not (self.connected and self._hang_up(self.address_type)):
                break
            await asyncio.sleep(pause_s)

    async def stop_notifying(self) -> None:
        """End our subscriptions, which BlueZ would renew at the next link; never raises, and is bounded."""
        with contextlib.suppress(BluetoothError, TimeoutError):
            async with asyncio.timeout(_STOPPED_S):
                while self.notifying and self.known and self.bus.open:
                    with contextlib.suppress(CallError):  # it has ended by itself
                        await self.bus.call(self.notifying.pop(), CHARACTERISTIC, "StopNotify")

    async def tree(self) -> GattTree:
        """Its services; raises BusError, CallError, CallTimeoutError."""
        (objects,) = await self.bus.call("/", OBJECT_MANAGER, "GetManagedObjects")
        return read_tree(self.path, objects)

    # what is heard of it

    def hear(self) -> None:
        """It was heard just now, by whatever way."""
        self.heard = True
        self._changed.set()

    def lose(self, reason: str, by: LinkEnd = LinkEnd.RADIO) -> None:
        """It can be followed no more. What was true before may still be true."""
        if not self.lost:
            self.lost, self.lost_by = reason, by
        self._changed.set()
        self.on_end()

    def _on_signal(self, message: Message) -> None:
        if self._early is None:
            self._apply(message)
        else:
            self._early.append(message)

    def _apply(self, message: Message) -> None:
        match message.member, message.body:
            case "NameOwnerChanged", _ if message.interface == DBUS:
                self.lose("bluetoothd has ended")
                self._vanish()
            case "PropertiesChanged", [str(interface), dict(changed), list(gone)] if (
                message.interface == PROPERTIES
            ):
                self._on_properties(message.path or "", interface, changed, gone)
            case "InterfacesAdded", [self.path, dict(interfaces)] if DEVICE in interfaces:
                self._take(unpack_variants(interfaces[DEVICE]))
                self.heard = self.heard or self.in_range
            case "InterfacesRemoved", [self.path, list(interfaces)] if DEVICE in interfaces:
                self._vanish()
            case "InterfacesRemoved", [self._adapter_path, list(interfaces)] if ADAPTER in interfaces:
                self.without_radio = True

    def _on_properties(self, path: str, interface: str, changed: dict[str, Any], gone: Iterable[str]) -> None:
        if path == self.path and interface == DEVICE:
            self.heard = self.heard or not HEARD.isdisjoint(changed)
            self.in_range = self.in_range and "RSSI" not in gone
            self._take(unpack_variants(changed))
        elif path == self._adapter_path and interface == ADAPTER:
            powered = unpack_variants(changed).get("Powered", True)
            self.without_radio = self.without_radio or not powered
        elif interface == CHARACTERISTIC and path.startswith(f"{self.path}/"):
            if "Value" in changed:
                self.on_value(path, bytes(changed["Value"].value))
            elif "Value" in gone:  # no octets are no value to BlueZ (gdbus/object.c)
                self.on_value(path, b"")

    def _take(self, properties: dict[str, Any]) -> None:
        """Device1, or what has changed of it."""
        was_connected = self.connected
        self.known = True
        self.in_range = self.in_range or "RSSI" in properties
        self.name = str(properties.get("Name", self.name)).strip()
        self.address_type = _ADDRESS_TYPES.get(str(properties.get("AddressType")), self.address_type)
        self.connected = bool(properties.get("Connected", self.connected))
        self.resolved = self.connected and bool(properties.get("ServicesResolved", self.resolved))
        self._changed.set()
        if self.connected and not was_connected:
            self.without_radio = False
            self.on_link()
        if was_connected and not self.connected:
            self.on_end()

    def _vanish(self) -> None:
        was_connected = self.connected
        self.known = self.in_range = self.connected = self.resolved = self._pending = False
        self._changed.set()
        if was_connected:
            self.on_end()


def _nobody(*_told: object) -> None:
    """Nobody wants to know."""
