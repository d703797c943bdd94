"""What BlueZ tells of a device, and the advertisement that it amounts to."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from renogybt.model.advertisement import (
    RSSI_UNKNOWN,
    AddressError,
    AddressType,
    Advertisement,
    advertisement,
    parse_address,
)
from renogybt.protocols.advertising.rebuild import ENCODERS
from renogybt.service.logs import printable

_LOGGER = logging.getLogger(__name__)

HEARD = frozenset(
    {"RSSI", "TxPower", "ManufacturerData", "ServiceData", "AdvertisingFlags", "AdvertisingData"}
)
"""Properties that change only because an advertisement was received. Names and UUIDs also change
when a device is connected to."""

_FIELDS = {
    "AdvertisingFlags": "flags",
    "UUIDs": "uuids",
    "ServiceData": "service_data",
    "ManufacturerData": "manufacturer",
    "AdvertisingData": "other",
    "TxPower": "tx_power",
    "Name": "name",  # not Alias, which holds the address where there is no name
}
"""Property of org.bluez.Device1 -> the field of the advertising data that it is encoded as."""


class DeviceRecord:
    """What BlueZ has told of one device so far; each property is encoded when it changes."""

    __slots__ = ("_data", "_parts", "address", "address_type", "rssi")

    def __init__(self) -> None:
        self.address: int | None = None
        self.address_type = AddressType.PUBLIC
        self.rssi = RSSI_UNKNOWN
        self._parts = dict.fromkeys(ENCODERS, b"")
        self._data: bytes | None = None

    def hear(self, properties: Mapping[str, Any]) -> Advertisement | None:
        """Take in changed properties; the advertisement as it is known now, if one has changed them."""
        self.update(properties)
        if HEARD.isdisjoint(properties) or self.address is None:
            return None
        if self._data is None:
            self._data = b"".join(self._parts.values())
        return advertisement((self.address, self.rssi, self.address_type, self._data))

    def update(self, properties: Mapping[str, Any]) -> None:
        """Take in changed properties."""
        for name, value in properties.items():
            if (field := _FIELDS.get(name)) is not None:
                self._parts[field] = ENCODERS[field](value)
                self._data = None
            elif name == "RSSI":
                self.rssi = value
            elif name == "Address":
                self._take_address(value)
            elif name == "AddressType":
                self.address_type = AddressType.RANDOM if value == "random" else AddressType.PUBLIC

    def _take_address(self, text: str) -> None:
        try:
            self.address = parse_address(text)
        except AddressError as error:
            self.address = None  # without one it is never told
            _LOGGER.debug("leaving a device out: %s", printable(str(error)))

    def invalidate(self, names: Iterable[str]) -> None:
        """Forget properties that the device has no more: RSSI and TxPower at the end of a discovery."""
        for name in names:
            if (field := _FIELDS.get(name)) is not None:
                self._parts[field] = b""
                self._data = None
            elif name == "RSSI":
                self.rssi = RSSI_UNKNOWN
