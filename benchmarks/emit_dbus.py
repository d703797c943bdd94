"""org.bluez as far as a scanner needs it, fast enough to be no bottleneck.

`python -m benchmarks.emit_dbus BUS_ADDRESS`
"""

import struct
import sys
import time

from dbus_fast import Message, MessageType, Variant

from benchmarks.emitter import Emitter
from benchmarks.neighbourhood import (
    COMPANY,
    DEVICES,
    FLAGS,
    MANUFACTURER_DATA,
    MARK,
    Neighbour,
    neighbour,
    stamp,
    wander,
)
from benchmarks.wire import Wire, marshal

BLUEZ, ADAPTER, DEVICE = "org.bluez", "org.bluez.Adapter1", "org.bluez.Device1"
PROPERTIES, OBJECT_MANAGER = "org.freedesktop.DBus.Properties", "org.freedesktop.DBus.ObjectManager"
HCI = "/org/bluez/hci0"
SERVICE = "0000180f-0000-1000-8000-00805f9b34fb"
_UNSET_RSSI = 0x5A5B
"""Marks the place in a ready-made message."""
_ANY_SERIAL = 1

Properties = dict[str, Variant]
Interfaces = dict[str, Properties]


def path_of(device: Neighbour) -> str:
    """Its object."""
    return f"{HCI}/dev_{device.text.replace(':', '_')}"


def heard() -> Properties:
    """What every advertisement changes."""
    return {
        "RSSI": Variant("n", _UNSET_RSSI),
        "ManufacturerData": Variant("a{qv}", {COMPANY: Variant("ay", MANUFACTURER_DATA)}),
    }


def described(device: Neighbour) -> Properties:
    """What BlueZ says of a device besides."""
    properties = {
        "Address": Variant("s", device.text),
        "AddressType": Variant("s", "random"),
        "Alias": Variant("s", device.name or device.text.replace(":", "-")),
        "AdvertisingFlags": Variant("ay", FLAGS),
        "UUIDs": Variant("as", [SERVICE] if device.service else []),
        "Adapter": Variant("o", HCI),
    }
    for flag in ("Paired", "Bonded", "Trusted", "Blocked", "LegacyPairing", "Connected", "ServicesResolved"):
        properties[flag] = Variant("b", False)
    if device.name:
        properties["Name"] = Variant("s", device.name)
    return properties


def adapter() -> Properties:
    """One that is switched on."""
    return {
        "Address": Variant("s", "00:1A:7D:DA:71:01"),
        "Powered": Variant("b", True),
        "Discovering": Variant("b", False),
        "Roles": Variant("as", ["central", "peripheral"]),
    }


def with_standard_interfaces(interfaces: Interfaces) -> Interfaces:
    """bluetoothd lists them with each object."""
    return {"org.freedesktop.DBus.Introspectable": {}, **interfaces, PROPERTIES: {}}


class Template:
    """A signal of one device, with places for the strength and the stamp."""

    def __init__(self, device: Neighbour, *, new: bool = False) -> None:
        self._device = device
        path = path_of(device)
        if new:
            objects = with_standard_interfaces({DEVICE: {**described(device), **heard()}})
            message = Message.new_signal(
                "/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, objects]
            )
        else:
            message = Message.new_signal(
                path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [DEVICE, heard(), []]
            )
        self.buffer = marshal(message, _ANY_SERIAL)
        self._rssi = self.buffer.index(_UNSET_RSSI.to_bytes(2, "little"))
        self._mark = self.buffer.index(MARK)

    def fill(self, sequence: int) -> bytearray:
        """The signal with this number; the same buffer each time."""
        struct.pack_into("<h", self.buffer, self._rssi, wander(self._device))
        stamp(self.buffer, self._mark, sequence)
        return self.buffer


class BlueZ:
    """Answers calls, and sends signals that are made once and stamped each time."""

    def __init__(self, address: str) -> None:
        self._wire = Wire(address)
        self._wire.call("RequestName", "su", (BLUEZ, 0))
        self._devices = [neighbour() for _ in range(DEVICES)]
        self._templates = [Template(device) for device in self._devices]
        self._new: dict[int, Template] = {}
        self._farewells: list[bytearray] = []
        self._oldest = 0
        self.heard_at_ns: int | None = None

    def fileno(self) -> int:
        """Calls come from here."""
        return self._wire.socket.fileno()

    def receive(self) -> None:
        """Answer what was called."""
        for message in self._wire.messages():
            if message.message_type is MessageType.METHOD_CALL:
                self._answer(message)

    def _answer(self, call: Message) -> None:
        match call.member:
            case "GetManagedObjects":
                objects = {HCI: with_standard_interfaces({ADAPTER: adapter()})}
                for device in self._devices:
                    objects[path_of(device)] = with_standard_interfaces({DEVICE: described(device)})
                self._wire.send(Message.new_method_return(call, "a{oa{sa{sv}}}", [objects]))
            case "StartDiscovery" | "StopDiscovery":
                self._wire.send(Message.new_method_return(call))
                self._discover(call.member == "StartDiscovery")
            case "SetDiscoveryFilter":
                self._wire.send(Message.new_method_return(call))
            case _:
                name = "org.freedesktop.DBus.Error.UnknownMethod"
                self._wire.send(Message.new_error(call, name, f"no method {call.member}"))

    def _discover(self, on: bool) -> None:
        self.heard_at_ns = time.monotonic_ns() if on else None
        changed = {"Discovering": Variant("b", on)}
        self._wire.send(
            Message.new_signal(HCI, PROPERTIES, "PropertiesChanged", "sa{sv}as", [ADAPTER, changed, []])
        )

    def emit(self, sequence: int, count: int) -> None:
        """One signal per advertisement, all that are due in one piece."""
        pieces, self._farewells = self._farewells, []
        for number in range(sequence, sequence + count):
            turn = number % DEVICES
            template = self._new.pop(turn, None) or self._templates[turn]
            pieces.append(template.fill(number))
        self._wire.socket.sendall(b"".join(pieces))

    def rotate(self) -> None:
        """The oldest device expires, and its place is taken by one that BlueZ has not seen."""
        turn = self._oldest
        interfaces = list(with_standard_interfaces({DEVICE: {}}))
        gone = [path_of(self._devices[turn]), interfaces]
        farewell = Message.new_signal("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", gone)
        self._farewells.append(marshal(farewell, _ANY_SERIAL))
        device = self._devices[turn] = neighbour()
        self._new[turn] = Template(device, new=True)
        self._templates[turn] = Template(device)
        self._oldest = (turn + 1) % DEVICES


if __name__ == "__main__":
    Emitter(BlueZ(sys.argv[1])).run()
