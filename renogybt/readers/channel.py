"""Which characteristics of a peripheral take requests and give replies.

Chosen by service, characteristic and property together, then used by handle: Pro batteries have
FFD1 and FFF1 in both services with different properties, and a BT-2 has decoys whose 128-bit UUIDs
hold the same digits elsewhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from renogybt.model.gatt import BASE_UUID, Characteristic, Property, Service
from renogybt.readers.errors import NoRenogyServiceError

WRITE_SERVICE, WRITE_CHARACTERISTIC = 0xFFD0, 0xFFD1
NOTIFY_SERVICE, NOTIFY_CHARACTERISTIC = 0xFFF0, 0xFFF1
INVERTER_GREETING = 0xFFD4
"""Inverters with a radio of their own want it read once (renogy-ble)."""
SHUNT_VALUES = 0xC411
"""What a shunt pushes; its service is not known."""


@dataclass(frozen=True, slots=True)
class Channel:
    """Handles of values; `response`: whether a write must be acknowledged."""

    write: int
    notify: int
    response: bool = False


def find_channel(services: Sequence[Service]) -> Channel:
    """The way for Modbus; raises NoRenogyServiceError that names what is missing."""
    write = _required(services, WRITE_SERVICE, WRITE_CHARACTERISTIC)
    notify = _with(_required(services, NOTIFY_SERVICE, NOTIFY_CHARACTERISTIC), Property.NOTIFY)
    if notify is None:
        raise NoRenogyServiceError(f"{_name(NOTIFY_CHARACTERISTIC)} cannot notify")
    if quick := _with(write, Property.WRITE_WITHOUT_RESPONSE):
        return Channel(quick.handle, notify.handle)
    if acknowledged := _with(write, Property.WRITE):
        return Channel(acknowledged.handle, notify.handle, response=True)
    raise NoRenogyServiceError(f"{_name(WRITE_CHARACTERISTIC)} cannot be written")


def find_anywhere(services: Iterable[Service], number: int, needed: Property) -> int | None:
    """The handle of the first characteristic with this 16-bit UUID and property, in any service."""
    uuid = BASE_UUID.format(number)
    found = (each for service in services for each in service.characteristics if each.uuid == uuid)
    characteristic = _with(tuple(found), needed)
    return characteristic.handle if characteristic is not None else None


def _required(services: Sequence[Service], service: int, characteristic: int) -> tuple[Characteristic, ...]:
    there = [each for each in services if each.uuid == BASE_UUID.format(service)]
    if not there:
        raise NoRenogyServiceError(f"no Renogy service {_name(service)}: this is another kind of device")
    uuid = BASE_UUID.format(characteristic)
    found = tuple(each for one in there for each in one.characteristics if each.uuid == uuid)
    if not found:
        raise NoRenogyServiceError(
            f"no characteristic {_name(characteristic)} in the service {_name(service)}"
        )
    return found


def _with(characteristics: Sequence[Characteristic], needed: Property) -> Characteristic | None:
    return next((each for each in characteristics if each.properties & needed), None)


def _name(number: int) -> str:
    return f"{number:04X}"
