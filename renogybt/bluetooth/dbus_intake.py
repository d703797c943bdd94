"""Advertisements by D-Bus: the way that works without any privilege.

It has a bus connection of its own, which is read in ticks when much comes in, so that calls on
the other connection are never kept waiting.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from dbus_fast import Message, MessageType, unpack_variants
from dbus_fast.aio.message_reader import build_message_reader

from renogybt.bluetooth.bus import BLUEZ, DEVICE, OBJECT_MANAGER, PROPERTIES, Bus
from renogybt.bluetooth.errors import BusError
from renogybt.bluetooth.pacing import PacedReader
from renogybt.model.advertisement import (
    RSSI_UNKNOWN,
    AddressType,
    Advertisement,
    parse_address,
)
from renogybt.model.radio import AdvertisementListener
from renogybt.protocols.advertising.rebuild import Advertised, rebuild

_HEARD = frozenset(
    {"RSSI", "TxPower", "ManufacturerData", "ServiceData", "AdvertisingFlags", "AdvertisingData"}
)
"""Properties that change only because an advertisement was received. Names and UUIDs also change
when a device is connected to."""


class _Device:
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

    def advertisement(self) -> Advertisement | None:
        """The advertisement as it is known now."""
        if self.address is None:
            return None
        if self.data is None:
            self.data = rebuild(self.advertised)
        return Advertisement(self.address, self.rssi, self.address_type, self.data)


def _take_address(device: _Device, value: Any) -> None:
    device.address = parse_address(value)


def _take_address_type(device: _Device, value: Any) -> None:
    device.address_type = AddressType.RANDOM if value == "random" else AddressType.PUBLIC


def _take_rssi(device: _Device, value: Any) -> None:
    device.rssi = int(value)


def _take_tx_power(device: _Device, value: Any) -> None:
    device.advertised.tx_power = int(value)


def _take_name(device: _Device, value: Any) -> None:
    device.advertised.name = str(value)


def _take_uuids(device: _Device, value: Any) -> None:
    device.advertised.uuids = tuple(value)


def _take_manufacturer(device: _Device, value: Any) -> None:
    device.advertised.manufacturer = {company: bytes(data) for company, data in value.items()}


def _take_service_data(device: _Device, value: Any) -> None:
    device.advertised.service_data = {uuid: bytes(data) for uuid, data in value.items()}


def _take_flags(device: _Device, value: Any) -> None:
    device.advertised.flags = bytes(value)


def _take_other(device: _Device, value: Any) -> None:
    device.advertised.other = {kind: bytes(data) for kind, data in value.items()}


_PROPERTIES: dict[str, Callable[[_Device, Any], None]] = {
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


class DbusIntake:
    """Delivers what BlueZ tells of the advertisements of one adapter.

    `async with` opens and closes it; raises BusError, CallError, CallTimeoutError. `ended` is
    called when the connection breaks.
    """

    def __init__(
        self,
        address: str | None,
        adapter_path: str,
        listener: AdvertisementListener,
        ended: Callable[[], None],
    ) -> None:
        self._bus = Bus(address)
        self._prefix = adapter_path + "/dev_"
        self.adapter_path = adapter_path
        self._listener = listener
        self._ended = ended
        self._devices: dict[str, _Device] = {}
        self._batch: list[Advertisement] = []
        self._count = 0
        self._reader: PacedReader | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        """Whether advertisements can still come."""
        return self._bus.open

    async def __aenter__(self) -> "DbusIntake":
        await self._bus.__aenter__()
        try:
            self._take_over_reading()
            await self._subscribe()
        except BaseException:
            await self.__aexit__()
            raise
        self._watch = asyncio.create_task(self._wait_for_end())
        return self

    async def __aexit__(self, *_exception: object) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._reader is not None:
            self._reader.close()
        await self._bus.__aexit__()

    async def _wait_for_end(self) -> None:
        await self._bus.wait_closed()
        if self._reader is not None:
            self._reader.close()
        self._ended()

    def _take_over_reading(self) -> None:
        """dbus-fast reads whenever something comes, which is what costs; here it is read in ticks.

        Right after the connection is made there is nothing half-read that could get lost.
        """
        bus = self._bus.message_bus
        sock = bus._sock  # noqa: SLF001 - dbus-fast has no public way to pace its reader
        if sock is None:
            raise BusError("the connection to the D-Bus system bus is gone")
        read = build_message_reader(sock, self._on_message, bus._finalize, False)  # noqa: SLF001
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock.fileno())

        def drain() -> int:
            before = -1
            self._count = 0
            while self._count != before and bus.connected:
                before = self._count
                read()  # one recv, and all messages in it
            if self._batch:
                batch, self._batch = self._batch, []
                self._listener(batch)
            return self._count

        self._reader = PacedReader(sock.fileno(), drain, loop)

    async def _subscribe(self) -> None:
        signal = f"type='signal',sender='{BLUEZ}'"
        await self._bus.match(
            f"{signal},interface='{PROPERTIES}',member='PropertiesChanged',"
            f"path_namespace='{self.adapter_path}',arg0='{DEVICE}'"
        )
        for member in ("InterfacesAdded", "InterfacesRemoved"):
            await self._bus.match(
                f"{signal},interface='{OBJECT_MANAGER}',member='{member}',arg0path='{self.adapter_path}/'"
            )
        (objects,) = await self._bus.call("/", OBJECT_MANAGER, "GetManagedObjects")
        for path, interfaces in objects.items():
            if path.startswith(self._prefix) and DEVICE in interfaces:
                self._device(path).update(unpack_variants(interfaces[DEVICE]))

    def _device(self, path: str) -> _Device:
        device = self._devices.get(path)
        if device is None:
            device = self._devices[path] = _Device()
        return device

    def _on_message(self, message: Message) -> None:
        self._count += 1
        if message.message_type is not MessageType.SIGNAL:
            self._bus.message_bus._process_message(message)  # noqa: SLF001 - replies to our calls
            return
        member, body = message.member, message.body
        if member == "PropertiesChanged":
            if body[0] == DEVICE:
                self._on_changed(message.path or "", body[1])
        elif member == "InterfacesAdded":
            if DEVICE in body[1]:
                self._on_changed(body[0], body[1][DEVICE])
        elif member == "InterfacesRemoved" and DEVICE in body[1]:
            self._devices.pop(body[0], None)

    def _on_changed(self, path: str, properties: dict[str, Any]) -> None:
        if not path.startswith(self._prefix):
            return
        device = self._device(path)
        device.update(unpack_variants(properties))
        if not _HEARD.isdisjoint(properties) and (found := device.advertisement()) is not None:
            self._batch.append(found)
