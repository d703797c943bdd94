"""An Adapter1 object: who discovers, what is heard, what power does (bluez src/adapter.c)."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from dbus_fast import Variant

from fakes.bluez_agent import Agents
from fakes.bluez_device import DEVICE, Answer, FakeDevice, Properties
from fakes.bluez_discovery import DiscoverySessions
from fakes.bluez_errors import (
    does_not_exist,
    invalid_signature,
    no_such_method,
    no_such_property,
    not_ready,
    not_writable,
)
from fakes.bluez_filter import SIGNATURES, Advert
from fakes.bluez_later import Later
from fakes.bluez_link import FakeLink
from fakes.bluez_outbox import Outbox
from fakes.peripheral import FakePeripheral

ADAPTER = "org.bluez.Adapter1"
NOTHING: Answer = ("", [])
WRITABLE = {"Alias", "Discoverable", "DiscoverableTimeout", "Pairable", "PairableTimeout"}
SERVICES = [f"0000{short}-0000-1000-8000-00805f9b34fb" for short in ("1800", "1801", "180a", "110e", "110c")]


class FakeAdapter:
    """A controller, and the part of bluetoothd that serves it.

    `powered` and an orphaned discovery live in the kernel and outlive bluetoothd; `published`
    says whether bluetoothd shows the adapter. Discoveries belong to senders of D-Bus.
    `repeats_after_s`: how long the controller keeps a repeat back while it discovers. `most_links`: how many
    links it can have; for one more `no_room` is called with the address of the peripheral and its type.
    """

    def __init__(
        self,
        hci: str,
        address: str,
        outbox: Outbox,
        temporary_timeout_s: float,
        peripherals: Mapping[str, FakePeripheral],
        agents: Agents,
    ) -> None:
        self.path = f"/org/bluez/{hci}"
        self.address = address
        self.powered = False
        self.published = False
        self.power_settle_s = 0.0
        self.repeats_after_s = 0.0
        self.most_links: int | None = None
        self.no_room: Callable[[str, str], None] = lambda _address, _address_type: None
        self.sessions = DiscoverySessions()
        self.devices: dict[str, FakeDevice] = {}
        self._outbox = outbox
        self._temporary_timeout_s = temporary_timeout_s
        self._peripherals = peripherals
        self._agents = agents
        self._expiries: dict[str, asyncio.TimerHandle] = {}
        self._power_on: asyncio.TimerHandle | None = None
        self._settings: Properties = {
            "Alias": Variant("s", hci),
            "Discoverable": Variant("b", False),
            "DiscoverableTimeout": Variant("u", 180),
            "Pairable": Variant("b", True),
            "PairableTimeout": Variant("u", 0),
        }
        self._name = hci

    def interfaces(self) -> dict[str, Properties]:
        """The interfaces of the object with their properties."""
        return {
            ADAPTER: {
                "Address": Variant("s", self.address),
                "AddressType": Variant("s", "public"),
                "Name": Variant("s", self._name),
                "Class": Variant("u", 0),
                "Powered": Variant("b", self.powered),
                "Discovering": Variant("b", self.sessions.active),
                "UUIDs": Variant("as", SERVICES),
                "Modalias": Variant("s", "usb:v1D6Bp0246d0542"),
                "Roles": Variant("as", ["central", "peripheral"]),
                **self._settings,
            }
        }

    def call(self, interface: str, member: str, sender: str, body: list[Any]) -> Answer | Later:
        """A method call on the object; raises CallError."""
        if interface != ADAPTER:
            raise no_such_method("UnknownMethod", member, "", interface)
        match member:
            case "StartDiscovery":
                self._require_power()
                self._start_discovery(sender)
            case "StopDiscovery":
                self._require_power()
                self.sessions.stop(sender)
                self._after_session()
            case "SetDiscoveryFilter":
                self._require_power()
                self.sessions.set_filter(sender, body[0])
            case "GetDiscoveryFilters":
                return "as", [list(SIGNATURES)]
            case "RemoveDevice":
                return self._remove_on_request(body[0])
            case _:
                raise no_such_method("UnknownMethod", member, "", interface)
        return NOTHING

    def connect(self, device: FakeDevice) -> Answer | Later:
        """Device1.Connect, after which the device is no longer temporary; raises CallError."""
        self._require_power()
        if device.link is None:
            return device.call(DEVICE, "Connect", "", [])
        device.temporary = False
        if expiry := self._expiries.pop(device.address, None):
            expiry.cancel()
        return device.link.connect(self.repeats_after_s if self.sessions.active else 0.0)

    def write(self, interface: str, name: str, value: Variant) -> None:
        """Properties.Set; raises CallError."""
        known = self.interfaces()[ADAPTER].get(name)
        if known is None:
            raise no_such_property(name)
        if name != "Powered" and name not in WRITABLE:
            raise not_writable(name)
        if value.signature != known.signature:
            raise invalid_signature(name)
        if name == "Powered":
            self._request_power(value.value)
        elif value != known:
            self._settings[name] = value
            self._changed(name)

    def power(self, on: bool) -> None:
        """The controller is on or off; off ends all discovery, on brings none back."""
        self._cancel_power_on()
        if on == self.powered:
            return
        self.powered = on
        if on:
            self._changed("Powered")
            return
        self.sessions.power_off()
        self._cut_links()
        self._forget_signal_strength()
        self._changed("Powered", "Discovering")

    def vanish(self, sender: str) -> None:
        """The connection of a sender is gone, with all that it had."""
        for link in self._links():
            link.vanish(sender)
        was_active = self.sessions.active
        self.sessions.vanish(sender)
        if was_active:
            self._after_session()

    def hear(self, advert: Advert) -> None:
        """A report of the controller."""
        merged = self.sessions.merged
        if not (self.powered and self.published and merged.passes(advert)):
            return
        known = self.devices.get(advert.address)
        device = known or self._new_device(advert)
        signalled = device.report(advert, filtered=merged.effective, duplicate_data=merged.duplicate_data)
        if device.temporary:
            self._expire_later(device)
        if known is None:
            self.devices[device.address] = device
            self._outbox.interfaces_added(device.path, device.interfaces())
        elif signalled:
            properties = device.properties()
            changed = {name: properties[name] for name in signalled}
            self._outbox.properties_changed(device.path, DEVICE, changed, [])

    def publish(self) -> None:
        """bluetoothd shows the adapter."""
        self.published = True
        self._outbox.interfaces_added(self.path, self.interfaces())

    def withdraw(self) -> None:
        """The controller is unplugged: first the devices go, then the adapter."""
        for device in list(self.devices.values()):
            self._remove(device)
        if self.published:
            self._outbox.interfaces_removed(self.path, self.interfaces())
        self.forget()

    def forget(self, orphan_s: float = 0.0) -> None:
        """bluetoothd is gone; a running discovery stays in the kernel for `orphan_s`, links do not."""
        self._cut_links()
        self.sessions.lose_daemon(orphan_s)
        self._cancel_power_on()
        for expiry in self._expiries.values():
            expiry.cancel()
        self._expiries.clear()
        self.devices.clear()
        self.published = False

    def _new_device(self, advert: Advert) -> FakeDevice:
        device = FakeDevice(self.path, advert.address, advert.address_type)
        if (peripheral := self._peripherals.get(advert.address)) is not None:

            def changed(names: list[str]) -> None:
                properties = device.properties()
                told = {name: properties[name] for name in names}
                self._outbox.properties_changed(device.path, DEVICE, told, [])

            has_room = partial(self._has_room, peripheral)
            device.link = FakeLink(device.path, peripheral, self._outbox, self._agents, changed, has_room)
        return device

    def _has_room(self, peripheral: FakePeripheral) -> bool:
        links = sum(1 for link in self._links() if link.connected)
        if self.most_links is None or links < self.most_links:
            return True
        self.no_room(peripheral.address, peripheral.address_type)
        return False

    def _links(self) -> list[FakeLink]:
        return [device.link for device in self.devices.values() if device.link is not None]

    def _cut_links(self) -> None:
        for link in self._links():
            link.cut()

    def _scan_changed(self) -> None:
        """The filter of repeats is reset."""
        for link in self._links():
            if link.pending:
                link.report()

    def _start_discovery(self, sender: str) -> None:
        was_active = self.sessions.active
        self.sessions.start(sender)
        if not was_active:
            self._changed("Discovering")
            self._scan_changed()

    def _after_session(self) -> None:
        if not self.sessions.active:
            self._forget_signal_strength()
            self._changed("Discovering")
            self._scan_changed()

    def _forget_signal_strength(self) -> None:
        for device in list(self.devices.values()):
            gone = device.forget_signal_strength()
            if not device.connectable:
                self._remove(device)
            elif gone:
                self._outbox.properties_changed(device.path, DEVICE, {}, gone)

    def _remove_on_request(self, path: str) -> Answer | Later:
        device = next((device for device in self.devices.values() if device.path == path), None)
        if device is None:
            raise does_not_exist()
        self._require_power()
        if device.link is not None and device.link.connected:
            return device.link.disconnect(partial(self._remove_with_bond, device))
        self._remove_with_bond(device)
        return NOTHING

    def _remove_with_bond(self, device: FakeDevice) -> None:
        self._remove(device)
        if device.link is not None:
            device.link.peripheral.paired = False

    def _remove(self, device: FakeDevice) -> None:
        if expiry := self._expiries.pop(device.address, None):
            expiry.cancel()
        if device.link is not None:
            device.link.cut()
            device.link.forget_services()
        del self.devices[device.address]
        self._outbox.interfaces_removed(device.path, device.interfaces())

    def _expire_later(self, device: FakeDevice) -> None:
        if running := self._expiries.get(device.address):
            running.cancel()
        loop = asyncio.get_running_loop()
        self._expiries[device.address] = loop.call_later(self._temporary_timeout_s, self._remove, device)

    def _request_power(self, on: bool) -> None:
        if on and not self.powered and self.power_settle_s > 0:
            self._cancel_power_on()
            self._power_on = asyncio.get_running_loop().call_later(self.power_settle_s, self.power, True)
        else:
            self.power(on)

    def _cancel_power_on(self) -> None:
        if self._power_on is not None:
            self._power_on.cancel()
            self._power_on = None

    def _require_power(self) -> None:
        if not self.powered:
            raise not_ready()

    def _changed(self, *names: str) -> None:
        if self.published:
            properties = self.interfaces()[ADAPTER]
            self._outbox.properties_changed(
                self.path, ADAPTER, {name: properties[name] for name in names}, []
            )
