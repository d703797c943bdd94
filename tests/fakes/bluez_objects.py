"""The standard interfaces that gdbus gives to every object: tree, properties, introspection."""

from collections.abc import Mapping
from typing import Any, Protocol
from xml.etree.ElementTree import Element, SubElement, tostring

from dbus_fast import SignatureTree, Variant

from fakes.bluez_agent import Agents
from fakes.bluez_device import Answer
from fakes.bluez_errors import no_such_interface, no_such_method, no_such_property
from fakes.bluez_later import Later
from fakes.bluez_outbox import INTROSPECTABLE, OBJECT_MANAGER, PROPERTIES, with_standard_interfaces

METHODS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    OBJECT_MANAGER: {"GetManagedObjects": ("", "a{oa{sa{sv}}}")},
    INTROSPECTABLE: {"Introspect": ("", "s")},
    PROPERTIES: {"Get": ("ss", "v"), "Set": ("ssv", ""), "GetAll": ("s", "a{sv}")},
    "org.bluez.Adapter1": {
        "StartDiscovery": ("", ""),
        "StopDiscovery": ("", ""),
        "SetDiscoveryFilter": ("a{sv}", ""),
        "GetDiscoveryFilters": ("", "as"),
        "RemoveDevice": ("o", ""),
    },
    "org.bluez.AgentManager1": {"RegisterAgent": ("os", ""), "UnregisterAgent": ("o", "")},
    "org.bluez.Device1": {
        "Connect": ("", ""),
        "Disconnect": ("", ""),
        "Pair": ("", ""),
        "CancelPairing": ("", ""),
    },
    "org.bluez.GattService1": {},
    "org.bluez.GattCharacteristic1": {
        "ReadValue": ("a{sv}", "ay"),
        "WriteValue": ("aya{sv}", ""),
        "StartNotify": ("", ""),
        "StopNotify": ("", ""),
    },
    "org.bluez.GattDescriptor1": {"ReadValue": ("a{sv}", "ay"), "WriteValue": ("aya{sv}", "")},
}


class BusObject(Protocol):
    """An object of bluetoothd."""

    path: str

    def interfaces(self) -> dict[str, dict[str, Variant]]:
        """Its own interfaces with their properties."""
        ...

    def write(self, interface: str, name: str, value: Variant) -> None:
        """Properties.Set; raises CallError."""
        ...

    def call(self, interface: str, member: str, sender: str, body: list[Any]) -> Answer | Later:
        """A call of an interface of its own; raises CallError."""
        ...


class Daemon:
    """/org/bluez, where clients register their agents."""

    path = "/org/bluez"

    def __init__(self, agents: Agents) -> None:
        self._agents = agents

    def interfaces(self) -> dict[str, dict[str, Variant]]:
        """The interfaces by which clients recognise bluetoothd."""
        return {"org.bluez.AgentManager1": {}, "org.bluez.ProfileManager1": {}}

    def write(self, interface: str, name: str, value: Variant) -> None:
        """There is nothing to write."""
        raise no_such_property(name)

    def call(self, interface: str, member: str, sender: str, body: list[Any]) -> Answer:
        """AgentManager1; raises CallError."""
        match interface, member:
            case "org.bluez.AgentManager1", "RegisterAgent":
                self._agents.register(sender, body[0], body[1])
            case "org.bluez.AgentManager1", "UnregisterAgent":
                self._agents.unregister(sender, body[0])
            case _:
                raise no_such_method("UnknownMethod", member, "", interface)
        return "", []


def call_object(
    objects: Mapping[str, BusObject], path: str, interface: str, member: str, sender: str, body: list[Any]
) -> Answer | Later:
    """Answer a call to `path`; raises CallError."""
    if interface == OBJECT_MANAGER and member == "GetManagedObjects" and path == "/":
        tree = {item.path: with_standard_interfaces(item.interfaces()) for item in objects.values()}
        return "a{oa{sa{sv}}}", [tree]
    if interface == INTROSPECTABLE and member == "Introspect":
        if path != "/" and not any(f"{item}/".startswith(f"{path}/") for item in objects):
            raise no_such_method("UnknownObject", member, "", interface)
        return "s", [introspect(objects, path)]
    target = objects.get(path)
    if target is None:
        raise no_such_method("UnknownObject", member, "", interface)
    if interface == PROPERTIES:
        return _call_properties(target, member, body)
    return target.call(interface, member, sender, body)


def _call_properties(target: BusObject, member: str, body: list[Any]) -> Answer:
    interface = body[0]
    properties = target.interfaces().get(interface)
    if properties is None:
        raise no_such_interface(interface)
    match member:
        case "GetAll":
            return "a{sv}", [properties]
        case "Get":
            if body[1] not in properties:
                raise no_such_property(body[1])
            return "v", [properties[body[1]]]
        case "Set":
            target.write(interface, body[1], body[2])
            return "", []
    raise no_such_method("UnknownMethod", member, "", PROPERTIES)


def introspect(objects: Mapping[str, BusObject], path: str) -> str:
    """The interfaces of an object and the names of its children as XML."""
    node = Element("node")
    target = objects.get(path)
    own = dict(with_standard_interfaces(target.interfaces())) if target else {INTROSPECTABLE: {}}
    if path == "/":
        own[OBJECT_MANAGER] = {}
    for name, properties in own.items():
        interface = SubElement(node, "interface", name=name)
        for member, (inputs, outputs) in METHODS.get(name, {}).items():
            method = SubElement(interface, "method", name=member)
            for direction, signature in (("in", inputs), ("out", outputs)):
                for single in _split(signature):
                    SubElement(method, "arg", type=single, direction=direction)
        for key, value in properties.items():
            SubElement(interface, "property", name=key, type=value.signature, access="read")
    prefix = path.rstrip("/") + "/"
    children = {item[len(prefix) :].split("/")[0] for item in objects if item.startswith(prefix)}
    for child in sorted(children):
        SubElement(node, "node", name=child)
    return tostring(node, encoding="unicode")


def _split(signature: str) -> list[str]:
    """A signature as its single complete types."""
    return [each.signature for each in SignatureTree(signature).types]
