"""What BlueZ tells of a device, and the advertisement that it amounts to."""

from collections.abc import Callable, Iterable
from typing import Any

from renogybt.model.advertisement import (
    RSSI_UNKNOWN,
    AddressType,
    Advertisement,
    parse_address,
)
from renogybt.protocols.advertising.rebuild import Advertised, rebuild

HEARD = frozenset(
    {"RSSI", "TxPower", "ManufacturerData", "ServiceData", "AdvertisingFlags", "AdvertisingData"}
)
"""Properties that change only because an advertisement was received. Names and UUIDs also change
when a device is connected to."""


class DeviceRecord:
    """What BlueZ has told of one device so far."""

    __slots__ = ("address", "address_type", "advertised", "data", "rssi")

    def __init__(self) -> None:
        self.address: int | None = None
        self.address_type = AddressType.PUBLIC
        self.rssi = RSSI_UNKNOWN
        self.advertised = Advertised()
        self.data: bytes | None = None

    def update(self, properties: dict[str, Any]) -> None:
        """Take in changed properties."""
        for name, value in properties.items():
            if (take := _PROPERTIES.get(name)) is not None:
                take(self, value)
                if name != "RSSI":
                    self.data = None

    def invalidate(self, names: Iterable[str]) -> None:
        """Forget properties that the device has no more: RSSI and TxPower at the end of a discovery."""
        for name in names:
            if (clear := _ABSENT.get(name)) is not None:
                clear(self)
                self.data = None

    def advertisement(self) -> Advertisement | None:
        """The advertisement as it is known now."""
        if self.address is None:
            return None
        if self.data is None:
            self.data = rebuild(self.advertised)
        return Advertisement(self.address, self.rssi, self.address_type, self.data)


def _take_address(device: DeviceRecord, value: Any) -> None:
    device.address = parse_address(value)


def _take_address_type(device: DeviceRecord, value: Any) -> None:
    device.address_type = AddressType.RANDOM if value == "random" else AddressType.PUBLIC


def _take_rssi(device: DeviceRecord, value: Any) -> None:
    device.rssi = int(value)


def _take_tx_power(device: DeviceRecord, value: Any) -> None:
    device.advertised.tx_power = int(value)


def _take_name(device: DeviceRecord, value: Any) -> None:
    device.advertised.name = str(value)


def _take_uuids(device: DeviceRecord, value: Any) -> None:
    device.advertised.uuids = tuple(value)


def _take_manufacturer(device: DeviceRecord, value: Any) -> None:
    device.advertised.manufacturer = {company: bytes(data) for company, data in value.items()}


def _take_service_data(device: DeviceRecord, value: Any) -> None:
    device.advertised.service_data = {uuid: bytes(data) for uuid, data in value.items()}


def _take_flags(device: DeviceRecord, value: Any) -> None:
    device.advertised.flags = bytes(value)


def _take_other(device: DeviceRecord, value: Any) -> None:
    device.advertised.other = {kind: bytes(data) for kind, data in value.items()}


_PROPERTIES: dict[str, Callable[[DeviceRecord, Any], None]] = {
    "Address": _take_address,
    "AddressType": _take_address_type,
    "RSSI": _take_rssi,
    "TxPower": _take_tx_power,
    "Name": _take_name,  # not Alias, which holds the address where there is no name
    "UUIDs": _take_uuids,
    "ManufacturerData": _take_manufacturer,
    "ServiceData": _take_service_data,
    "AdvertisingFlags": _take_flags,
    "AdvertisingData": _take_other,
}


def _without_rssi(device: DeviceRecord) -> None:
    device.rssi = RSSI_UNKNOWN


def _without_tx_power(device: DeviceRecord) -> None:
    device.advertised.tx_power = None


def _without_name(device: DeviceRecord) -> None:
    device.advertised.name = None


_ABSENT: dict[str, Callable[[DeviceRecord], None]] = {
    "RSSI": _without_rssi,
    "TxPower": _without_tx_power,
    "Name": _without_name,
    "ManufacturerData": lambda device: _take_manufacturer(device, {}),
    "ServiceData": lambda device: _take_service_data(device, {}),
    "AdvertisingFlags": lambda device: _take_flags(device, b""),
    "AdvertisingData": lambda device: _take_other(device, {}),
}
