"""The services of a peripheral as BlueZ's object tree shows them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from dbus_fast import unpack_variants

from renogybt.model.gatt import Characteristic, Descriptor, Property, Service

SERVICE = "org.bluez.GattService1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
DESCRIPTOR = "org.bluez.GattDescriptor1"

DEFAULT_MTU = 23
"""Bluetooth Core Specification, volume 3 part F 3.2.8: what every LE link has. BlueZ tells the true one
from 5.62 on."""

_SERVICE_PATH = re.compile(r"/service([0-9a-f]{4})")
_CHARACTERISTIC_PATH = re.compile(r"(/service[0-9a-f]{4})/char([0-9a-f]{4})")
_DESCRIPTOR_PATH = re.compile(r"(/service[0-9a-f]{4}/char[0-9a-f]{4})/desc([0-9a-f]{4})")
_FLAGS = {
    "broadcast": Property.BROADCAST,
    "read": Property.READ,
    "write-without-response": Property.WRITE_WITHOUT_RESPONSE,
    "write": Property.WRITE,
    "notify": Property.NOTIFY,
    "indicate": Property.INDICATE,
    "authenticated-signed-writes": Property.SIGNED_WRITE,
    "extended-properties": Property.EXTENDED,
}
"""The words of BlueZ's doc/org.bluez.GattCharacteristic.rst; those not here are no property of ATT."""

_Attribute = TypeVar("_Attribute", Descriptor, Characteristic, Service)

Objects = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""What GetManagedObjects answers: path, interface, property."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an attribute is reached: the object, and the interface on it."""

    path: str
    interface: str


@dataclass(frozen=True, slots=True)
class GattTree:
    """`places` leads from the handle of a value, or of a descriptor, to its object."""

    services: tuple[Service, ...]
    places: Mapping[int, Place]
    mtu: int


def read_tree(device_path: str, objects: Objects) -> GattTree:
    """The services below one device; objects that are not as BlueZ makes them are left out."""
    mtu = DEFAULT_MTU
    places: dict[int, Place] = {}
    descriptors = _descriptors(device_path, objects)
    found: dict[str, list[Characteristic]] = {}
    for path, parent, handle, properties in _characteristics(device_path, objects):
        own = descriptors.get(path.removeprefix(device_path), {})
        found.setdefault(parent, []).append(
            Characteristic(_uuid(properties), handle, _properties(properties), _in_order(own))
        )
        places[handle] = Place(path, CHARACTERISTIC)
        places |= {each.handle: Place(where, DESCRIPTOR) for each, where in own.items()}
        mtu = max(mtu, int(properties.get("MTU", DEFAULT_MTU)))
    services = [
        Service(uuid, handle, _in_order(found.get(path, ())))
        for path, uuid, handle in _services(device_path, objects)
    ]
    return GattTree(_in_order(services), places, mtu)


def _services(device_path: str, objects: Objects) -> Iterator[tuple[str, str, int]]:
    """Path below the device, UUID and handle of each primary service."""
    for path, interfaces in objects.items():
        place = _SERVICE_PATH.fullmatch(path.removeprefix(device_path))
        if place is None or SERVICE not in interfaces:
            continue
        properties = unpack_variants(dict(interfaces[SERVICE]))
        if properties.get("Primary", True):
            yield place[0], _uuid(properties), int(place[1], 16)


def _characteristics(device_path: str, objects: Objects) -> Iterator[tuple[str, str, int, dict[str, Any]]]:
    """Path, path of the service below the device, handle of the value, and properties of each.

    The handle in the path is that of the declaration, which the value follows (Core Specification,
    volume 3 part G 3.3).
    """
    for path, interfaces in objects.items():
        place = _CHARACTERISTIC_PATH.fullmatch(path.removeprefix(device_path))
        if place is not None and CHARACTERISTIC in interfaces:
            yield path, place[1], int(place[2], 16) + 1, unpack_variants(dict(interfaces[CHARACTERISTIC]))


def _descriptors(device_path: str, objects: Objects) -> Mapping[str, Mapping[Descriptor, str]]:
    """Path of each, by the path of its characteristic below the device. The handle in it is its own."""
    found: dict[str, dict[Descriptor, str]] = {}
    for path, interfaces in objects.items():
        place = _DESCRIPTOR_PATH.fullmatch(path.removeprefix(device_path))
        if place is not None and DESCRIPTOR in interfaces:
            uuid = _uuid(unpack_variants(dict(interfaces[DESCRIPTOR])))
            found.setdefault(place[1], {})[Descriptor(uuid, int(place[2], 16))] = path
    return found


def _in_order(attributes: Iterable[_Attribute]) -> tuple[_Attribute, ...]:
    return tuple(sorted(attributes, key=lambda each: each.handle))


def _uuid(properties: Mapping[str, Any]) -> str:
    return str(properties.get("UUID", "")).lower()


def _properties(properties: Mapping[str, Any]) -> Property:
    flags = Property(0)
    for word in properties.get("Flags", ()):
        flags |= _FLAGS.get(word, Property(0))
    return flags
