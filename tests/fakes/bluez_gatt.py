"""GATT objects below a Device1, while its services are known (bluez src/gatt-client.c)."""

from collections.abc import Callable
from typing import Any

from dbus_fast import Variant

from fakes.bluez_errors import failed, no_such_method, not_permitted, not_supported, not_writable
from fakes.bluez_outbox import Outbox
from fakes.peripheral import Attribute, AttributeGroup, FakePeripheral

SERVICE = "org.bluez.GattService1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
Properties = dict[str, Variant]
Answer = tuple[str, list[Any]]
NOTHING: Answer = ("", [])


class FakeService:
    """A GattService1 object."""

    def __init__(self, device_path: str, group: AttributeGroup) -> None:
        self.path = f"{device_path}/service{group.handle:04x}"
        self._device_path = device_path
        self._group = group

    def interfaces(self) -> dict[str, Properties]:
        """The interfaces of the object with their properties."""
        return {
            SERVICE: {
                "UUID": Variant("s", self._group.uuid),
                "Device": Variant("o", self._device_path),
                "Primary": Variant("b", True),
                "Includes": Variant("ao", []),
            }
        }

    def write(self, interface: str, name: str, value: Variant) -> None:
        """Properties.Set; nothing is writable."""
        raise not_writable(name)

    def call(self, interface: str, member: str, sender: str, body: list[Any]) -> Answer:
        """There is nothing to call."""
        raise no_such_method("UnknownMethod", member, "", interface)


class FakeCharacteristic:
    """A GattCharacteristic1 object. Who has asked for notifications is known by its sender."""

    def __init__(
        self,
        service: FakeService,
        attribute: Attribute,
        peripheral: FakePeripheral,
        outbox: Outbox,
        notify: Callable[[int, bytes], None],
    ) -> None:
        self.path = f"{service.path}/char{attribute.handle:04x}"
        self.handle = attribute.handle
        self.listeners: set[str] = set()
        self._service_path = service.path
        self._attribute = attribute
        self._peripheral = peripheral
        self._outbox = outbox
        self._notify = notify
        self._value = attribute.value

    def interfaces(self) -> dict[str, Properties]:
        """The interfaces of the object with their properties."""
        properties: Properties = {
            "UUID": Variant("s", self._attribute.uuid),
            "Service": Variant("o", self._service_path),
            "Value": Variant("ay", self._value),
            "Flags": Variant("as", list(self._attribute.flags)),
        }
        if self._notifies:
            properties["Notifying"] = Variant("b", bool(self.listeners))
        if self._peripheral.mtu is not None:
            properties["MTU"] = Variant("q", self._peripheral.mtu)
        return {CHARACTERISTIC: properties}

    @property
    def _notifies(self) -> bool:
        return not {"notify", "indicate"}.isdisjoint(self._attribute.flags)

    def write(self, interface: str, name: str, value: Variant) -> None:
        """Properties.Set; nothing is writable."""
        raise not_writable(name)

    def call(self, interface: str, member: str, sender: str, body: list[Any]) -> Answer:
        """A method call on the object; raises CallError."""
        if interface != CHARACTERISTIC:
            raise no_such_method("UnknownMethod", member, "", interface)
        if not self._peripheral.connected:
            raise failed("Not connected")
        match member:
            case "ReadValue":
                return self._read()
            case "WriteValue":
                self._write(bytes(body[0]), body[1])
            case "StartNotify":
                self._start(sender)
            case "StopNotify":
                self._stop(sender)
            case _:
                raise no_such_method("UnknownMethod", member, "", interface)
        return NOTHING

    def _read(self) -> Answer:
        if "read" not in self._attribute.flags:
            raise not_permitted("Read not permitted")
        return "ay", [self._value]

    def _write(self, value: bytes, options: dict[str, Variant]) -> None:
        kind = options["type"].value if "type" in options else "request"
        wanted = {"command": "write-without-response", "request": "write"}.get(kind)
        if wanted not in self._attribute.flags:
            raise not_supported()
        self._peripheral.written.append((self.handle, value, kind))
        for handle, notification in self._peripheral.on_write(self.handle, value):
            self._notify(handle, notification)

    def _start(self, sender: str) -> None:
        if not self._notifies:
            raise not_supported()
        self.listeners.add(sender)
        if len(self.listeners) == 1:
            self._tell("Notifying", Variant("b", True))

    def _stop(self, sender: str) -> None:
        if sender not in self.listeners:
            raise failed("No notify session started")
        self.vanish(sender)

    def vanish(self, sender: str) -> None:
        """A listener stops listening, or is gone."""
        if sender in self.listeners:
            self.listeners.discard(sender)
            if not self.listeners:
                self._tell("Notifying", Variant("b", False))

    def end(self) -> None:
        """The link is gone, and every wish with it."""
        for sender in tuple(self.listeners):
            self.vanish(sender)

    def receive(self, value: bytes) -> None:
        """A notification, which is signalled even if it is the same as the one before."""
        if self.listeners:
            self._value = value
            self._tell("Value", Variant("ay", value))

    def _tell(self, name: str, value: Variant) -> None:
        self._outbox.properties_changed(self.path, CHARACTERISTIC, {name: value}, [])
