"""GATT objects below a Device1, while its services are known (bluez src/gatt-client.c)."""

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from dbus_fast import Variant

from fakes.bluez_bearer import Answer, Bearer
from fakes.bluez_errors import (
    CallError,
    failed,
    no_such_method,
    not_permitted,
    not_supported,
    not_writable,
)
from fakes.bluez_later import Later
from fakes.bluez_outbox import Outbox
from fakes.peripheral import Attribute, AttributeGroup, DescriptorAttribute, FakePeripheral, short
from renogybt.model.gatt import AttError

SERVICE = "org.bluez.GattService1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
DESCRIPTOR = "org.bluez.GattDescriptor1"
CCCD = short(0x2902)
Properties = dict[str, Variant]
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


class FakeAttribute:
    """What characteristics and descriptors have in common: they are read and written.

    A value that was read is signalled as it is cached, whether it is another one or not, ahead of the answer.
    Who asks for one that is being read already gets the same answer.
    """

    path: str
    interface: str

    def __init__(self, att_handle: int, peripheral: FakePeripheral, outbox: Outbox, bearer: Bearer) -> None:
        self._att_handle = att_handle
        self._peripheral = peripheral
        self._outbox = outbox
        self._bearer = bearer
        self._value = b""
        self._reads: list[Later] = []
        self._timer: asyncio.TimerHandle | None = None

    def write(self, interface: str, name: str, value: Variant) -> None:
        """Properties.Set; nothing is writable."""
        raise not_writable(name)

    def call(self, interface: str, member: str, sender: str, body: list[Any]) -> Answer | Later:
        """A method call on the object; raises CallError."""
        if interface != self.interface:
            raise no_such_method("UnknownMethod", member, "", interface)
        if not self._peripheral.connected and member in ("ReadValue", "WriteValue"):
            raise failed("Not connected")
        match member:
            case "ReadValue":
                return self._read()
            case "WriteValue":
                return self._write(bytes(body[0]), body[1])
        return self._call(member, sender)

    def _call(self, member: str, sender: str) -> Answer | Later:
        raise no_such_method("UnknownMethod", member, "", self.interface)

    def _read(self) -> Answer | Later:
        if self._peripheral.read_s <= 0:
            return self._bearer.request(self._fetch)
        later = Later()
        self._reads.append(later)
        if len(self._reads) == 1:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._peripheral.read_s, self._finish)
        return later

    def _finish(self) -> None:
        try:
            outcome: Answer | Later | CallError = self._bearer.request(self._fetch)
        except CallError as error:
            outcome = error
        if isinstance(outcome, Later):
            outcome.then(self._settle)
        else:
            self._settle(outcome)

    def _settle(self, outcome: Answer | CallError) -> None:
        reads, self._reads = self._reads, []
        for each in reads:
            each.settle(outcome)

    def _fetch(self) -> Answer:
        self._value = self._ask()
        self._tell_value(at_once=True)
        return "ay", [self._value]

    def _ask(self) -> bytes:
        return self._peripheral.read(self._att_handle)

    def _write(self, value: bytes, options: dict[str, Variant]) -> Answer | Later:
        return self._bearer.request(partial(self._put, value))

    def _put(self, value: bytes) -> Answer:
        self._peripheral.write(self._att_handle, value, "request")
        return NOTHING

    def end(self) -> None:
        """The link is gone."""
        if self._timer is not None:
            self._timer.cancel()
        self._settle(failed("Operation failed"))

    def _tell_value(self, *, at_once: bool) -> None:
        if self._value:
            changed, gone = {"Value": Variant("ay", self._value)}, list[str]()
        else:  # gdbus: a property that does not exist (any more)
            changed, gone = {}, ["Value"]
        self._outbox.properties_changed(self.path, self.interface, changed, gone, at_once=at_once)


class FakeCharacteristic(FakeAttribute):
    """A GattCharacteristic1 object. Who has asked for notifications is known by its sender.

    Such a wish outlives the link: at the next one it is fulfilled again.
    """

    interface = CHARACTERISTIC

    def __init__(
        self,
        service: FakeService,
        attribute: Attribute,
        peripheral: FakePeripheral,
        outbox: Outbox,
        bearer: Bearer,
    ) -> None:
        super().__init__(attribute.handle + 1, peripheral, outbox, bearer)
        self.path = f"{service.path}/char{attribute.handle:04x}"
        self.handle = attribute.handle
        self.listeners: set[str] = set()
        self._service_path = service.path
        self._attribute = attribute

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
    def configuration(self) -> bytes:
        """The value of its CCCD, which bluetoothd writes."""
        return (b"\1\0" if "notify" in self._attribute.flags else b"\2\0") if self.listeners else b"\0\0"

    @property
    def _notifies(self) -> bool:
        return not {"notify", "indicate"}.isdisjoint(self._attribute.flags)

    def _call(self, member: str, sender: str) -> Answer | Later:
        match member:
            case "StartNotify":
                return self._bearer.request(partial(self._start, sender))
            case "StopNotify":
                self._stop(sender)
            case _:
                raise no_such_method("UnknownMethod", member, "", self.interface)
        return NOTHING

    def _write(self, value: bytes, options: dict[str, Variant]) -> Answer | Later:
        if "type" not in options and {"write", "write-without-response"}.isdisjoint(self._attribute.flags):
            raise not_supported()
        kind = options["type"].value if "type" in options else "request"
        if kind != "command":
            return super()._write(value, options)
        if len(value) > (self._peripheral.mtu or 23) - 3:
            raise failed("Failed to initiate write")
        with contextlib.suppress(AttError):  # nobody is told
            self._peripheral.write(self._att_handle, value, kind)
        return NOTHING

    def _start(self, sender: str) -> Answer:
        if not self._notifies:
            raise not_supported()
        self.listeners.add(sender)
        if len(self.listeners) == 1:
            self._tell_notifying()
        return NOTHING

    def _stop(self, sender: str) -> None:
        if sender not in self.listeners:
            raise failed("No notify session started")
        self.vanish(sender)

    def vanish(self, sender: str) -> None:
        """A listener stops listening, or is gone."""
        if sender in self.listeners:
            self.listeners.discard(sender)
            if not self.listeners:
                self._tell_notifying()

    def receive(self, value: bytes) -> None:
        """A notification, which is signalled even if it is the same as the one before."""
        if self.listeners:
            self._value = value
            self._tell_value(at_once=False)

    def _tell_notifying(self) -> None:
        changed = {"Notifying": Variant("b", bool(self.listeners))}
        self._outbox.properties_changed(self.path, CHARACTERISTIC, changed, [])


class FakeDescriptor(FakeAttribute):
    """A GattDescriptor1 object."""

    interface = DESCRIPTOR

    def __init__(
        self,
        characteristic: FakeCharacteristic,
        attribute: DescriptorAttribute,
        peripheral: FakePeripheral,
        outbox: Outbox,
        bearer: Bearer,
    ) -> None:
        super().__init__(attribute.handle, peripheral, outbox, bearer)
        self.path = f"{characteristic.path}/desc{attribute.handle:04x}"
        self._characteristic = characteristic
        self._uuid = attribute.uuid

    def interfaces(self) -> dict[str, Properties]:
        """The interfaces of the object with their properties."""
        return {
            DESCRIPTOR: {
                "UUID": Variant("s", self._uuid),
                "Characteristic": Variant("o", self._characteristic.path),
                "Value": Variant("ay", self._value),
            }
        }

    def _ask(self) -> bytes:
        return self._characteristic.configuration if self._uuid == CCCD else super()._ask()

    def _write(self, value: bytes, options: dict[str, Variant]) -> Answer | Later:
        if self._uuid == CCCD:
            raise not_permitted("Write not permitted")
        return super()._write(value, options)


GattObject = FakeService | FakeCharacteristic | FakeDescriptor


def gatt_objects(
    device_path: str, peripheral: FakePeripheral, outbox: Outbox, bearer: Bearer
) -> Iterator[GattObject]:
    """The services of a peripheral as bluetoothd shows them, which keeps Generic Access to itself."""
    for group in peripheral.services:
        if group.uuid == short(0x1800):
            continue
        service = FakeService(device_path, group)
        yield service
        for attribute in group.attributes:
            characteristic = FakeCharacteristic(service, attribute, peripheral, outbox, bearer)
            yield characteristic
            for descriptor in attribute.descriptors:
                yield FakeDescriptor(characteristic, descriptor, peripheral, outbox, bearer)
