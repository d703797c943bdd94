"""Which attributes a peripheral has, and what may be done with them."""

from collections.abc import Sequence
from dataclasses import dataclass

from renogybt.model.gatt import AttCode, AttError, Characteristic, Property, Service
from renogybt.simulator.lamp import CCCD

_OFF, _NOTIFICATIONS, _INDICATIONS = b"\0\0", b"\1\0", b"\2\0"
"""Values of a CCCD; Bluetooth Core Specification, volume 3 part G 3.3.3.3."""


@dataclass(frozen=True, slots=True)
class Access:
    """One thing to do with an attribute: the properties of which it needs one, and how it is refused else."""

    verb: str
    needs: Property
    code: AttCode


READ = Access("read", Property.READ, AttCode.READ_NOT_PERMITTED)
WRITE = Access("written with response", Property.WRITE, AttCode.WRITE_NOT_PERMITTED)
COMMAND = Access("written without response", Property.WRITE_WITHOUT_RESPONSE, AttCode.WRITE_NOT_PERMITTED)
SUBSCRIBE = Access("subscribed to", Property.NOTIFY | Property.INDICATE, AttCode.REQUEST_NOT_SUPPORTED)


class Attributes:
    """Those of `services`: the values of characteristics, and descriptors."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._properties: dict[int, Property] = {}
        self._descriptors: set[int] = set()
        self._configured: dict[int, Characteristic] = {}
        for each in (each for service in services for each in service.characteristics):
            self._properties[each.handle] = each.properties
            for descriptor in each.descriptors:
                self._descriptors.add(descriptor.handle)
                # as BlueZ, which writes CCCDs itself, for those who subscribe, and for nobody else
                writable = Property(0) if descriptor.uuid == CCCD else Property.WRITE
                self._properties[descriptor.handle] = Property.READ | writable
                if descriptor.uuid == CCCD:
                    self._configured[descriptor.handle] = each

    def require(self, handle: int, access: Access) -> None:
        """Raises AttError where there is no such attribute, or it is not for that."""
        properties = self._properties.get(handle)
        if properties is None:
            raise AttError(f"there is no handle {handle:#06x}", AttCode.INVALID_HANDLE)
        if not properties & access.needs:
            raise AttError(f"handle {handle:#06x} cannot be {access.verb}", access.code)

    def is_descriptor(self, handle: int) -> bool:
        """Whether it is a descriptor, which cannot be written without response."""
        return handle in self._descriptors

    def configuration(self, handle: int, subscribed: Sequence[int]) -> bytes | None:
        """The value of a CCCD, where these characteristics are subscribed to; None for all else."""
        characteristic = self._configured.get(handle)
        if characteristic is None:
            return None
        if characteristic.handle not in subscribed:
            return _OFF
        return _NOTIFICATIONS if Property.NOTIFY in characteristic.properties else _INDICATIONS
