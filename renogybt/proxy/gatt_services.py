"""The services of a peripheral as clients of the API see them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from renogybt.model.gatt import BASE_UUID, Characteristic, Descriptor, Property, Service
from renogybt.protocols.esphome.messages import Message, api

CCCD = BASE_UUID.format(0x2902)
"""Client Characteristic Configuration; Core Specification, volume 3 part G 3.3.3.3."""

_LARGEST_MESSAGE = 60_000
_LARGEST_ANSWER = 200_000
"""In octets. A peripheral with two thousand characteristics is out of order, or means harm."""
LARGEST_PAYLOAD = 1300
"""In octets, so that a message fits into one TCP segment of a network with an MTU of 1,500, encrypted too."""

_LAST_HANDLE = 0xFFFE
"""0xFFFF is legal, but also says "until the end" in requests: Core Specification, volume 3 part G 4.4.1."""
_HALF_UUID = (1 << 64) - 1
_T = TypeVar("_T", Service, Characteristic, Descriptor)

Nth = tuple[str, int]
"""A UUID, and how many of the same stand before it in the same place."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a handle stands for, without saying which handle that is; `descriptor` None: for the value."""

    service: Nth
    characteristic: Nth
    properties: Property
    descriptor: Nth | None = None


def with_cccds(services: Sequence[Service]) -> tuple[Service, ...]:
    """The same with a CCCD under each characteristic that notifies or indicates.

    A client that is told of connections with a cache subscribes to nothing that has none, and BlueZ does not
    show them all. An invented one gets the handle after the value, where peripherals have theirs, if nothing
    stands there, else the highest that is free. The same services always get the same; where no handle is
    free, the characteristic stays as it is.
    """
    invented = _invented(services)
    return tuple(
        replace(service, characteristics=tuple(_given(each, invented) for each in service.characteristics))
        for service in services
    )


def cccds(services: Iterable[Service]) -> Mapping[int, int]:
    """The handle of each CCCD, to that of the value of its characteristic."""
    return {
        descriptor.handle: characteristic.handle
        for characteristic in _characteristics(services)
        for descriptor in characteristic.descriptors
        if descriptor.uuid == CCCD
    }


def meanings(services: Sequence[Service]) -> Mapping[int, Meaning]:
    """What each handle of a value or of a descriptor means."""
    found: dict[int, Meaning] = {}
    for service, nth_service in _counted(services):
        for characteristic, nth in _counted(service.characteristics):
            value = Meaning(nth_service, nth, characteristic.properties)
            found[characteristic.handle] = value
            for descriptor, nth_descriptor in _counted(characteristic.descriptors):
                found[descriptor.handle] = replace(value, descriptor=nth_descriptor)
    return found


def service_messages(address: int, services: Sequence[Service]) -> list[Message]:
    """The whole answer to BluetoothGATTGetServicesRequest, in the order of handles.

    Several services to a message up to `LARGEST_PAYLOAD`, more only for one that alone is larger; then that
    all is said. Nothing at all for no services: a client would keep that as all that the peripheral has.
    """
    if not services:
        return []
    messages = [api.BluetoothGATTGetServicesResponse(address=address)]
    for service in sorted(services, key=lambda each: each.handle):
        message = messages[-1]
        message.services.append(_service(service))
        if len(message.services) > 1 and message.ByteSize() > LARGEST_PAYLOAD:
            moved = message.services.pop()
            messages.append(api.BluetoothGATTGetServicesResponse(address=address, services=[moved]))
    return [*messages, api.BluetoothGATTGetServicesDoneResponse(address=address)]


def can_be_told(messages: Sequence[Message]) -> bool:
    """Whether a client takes them: a frame holds 64 KiB, and one that leaves 256 KiB unread is closed."""
    sizes = [each.ByteSize() for each in messages]
    return max(sizes) <= _LARGEST_MESSAGE and sum(sizes) <= _LARGEST_ANSWER


def _characteristics(services: Iterable[Service]) -> Iterator[Characteristic]:
    return (characteristic for service in services for characteristic in service.characteristics)


def _invented(services: Sequence[Service]) -> Mapping[int, int]:
    """The handle of a value, to that of the CCCD that its characteristic is to get."""
    used = _used(services)
    # looked at when it is asked for, and then again never: what was free may be in use by then
    spare = (handle for handle in range(_LAST_HANDLE, 0, -1) if handle not in used)
    invented: dict[int, int] = {}
    for value in sorted(each.handle for each in _characteristics(services) if _lacks_cccd(each)):
        following = value + 1
        handle = following if following <= _LAST_HANDLE and following not in used else next(spare, None)
        if handle is None:
            break
        used.add(handle)
        invented[value] = handle
    return invented


def _used(services: Sequence[Service]) -> set[int]:
    used = {service.handle for service in services}
    for each in _characteristics(services):
        # the declaration stands before the value: Core Specification, volume 3 part G 3.3.2
        used.update((each.handle - 1, each.handle))
        used.update(descriptor.handle for descriptor in each.descriptors)
    return used


def _lacks_cccd(characteristic: Characteristic) -> bool:
    if not characteristic.properties & (Property.NOTIFY | Property.INDICATE):
        return False
    return all(each.uuid != CCCD for each in characteristic.descriptors)


def _given(characteristic: Characteristic, invented: Mapping[int, int]) -> Characteristic:
    handle = invented.get(characteristic.handle)
    if handle is None:
        return characteristic
    descriptors = (*characteristic.descriptors, Descriptor(CCCD, handle))
    return replace(characteristic, descriptors=tuple(sorted(descriptors, key=lambda each: each.handle)))


def _counted(attributes: Iterable[_T]) -> Iterator[tuple[_T, Nth]]:
    before: Counter[str] = Counter()
    for each in attributes:
        yield each, (each.uuid, before[each.uuid])
        before[each.uuid] += 1


def _service(service: Service) -> Message:
    return api.BluetoothGATTService(  # type: ignore[no-any-return]
        uuid=_halves(service.uuid),
        handle=service.handle,
        characteristics=[_characteristic(each) for each in service.characteristics],
    )


def _characteristic(characteristic: Characteristic) -> Message:
    return api.BluetoothGATTCharacteristic(  # type: ignore[no-any-return]
        uuid=_halves(characteristic.uuid),
        handle=characteristic.handle,
        properties=int(characteristic.properties),
        descriptors=[
            api.BluetoothGATTDescriptor(uuid=_halves(each.uuid), handle=each.handle)
            for each in characteristic.descriptors
        ],
    )


def _halves(uuid: str) -> tuple[int, int]:
    """Every client understands these; the short form only those of API 1.12 and later."""
    number = int(uuid.replace("-", ""), 16)
    return number >> 64, number & _HALF_UUID
