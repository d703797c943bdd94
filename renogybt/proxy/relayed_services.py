"""A client's requests to one peripheral, carried out over a link that is open."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

from renogybt.model.advertisement import format_address
from renogybt.model.gatt import (
    AttCode,
    AttError,
    GattError,
    GattLink,
    LinkParameters,
    Property,
    Service,
)
from renogybt.model.radio import Radio
from renogybt.protocols.esphome.messages import Message, api
from renogybt.proxy.gatt_errors import gatt_error_code
from renogybt.proxy.gatt_services import can_be_told, cccds, meanings, service_messages, with_cccds
from renogybt.proxy.refusals import PAIR, refusal, success
from renogybt.proxy.service_database import ServiceDatabase

_LOGGER = logging.getLogger(__name__)

Messages = Sequence[Message]

LONGEST_VALUE = 512
"""Octets; Bluetooth Core Specification, volume 3 part F 3.2.9."""


class RelayedServices:
    """What the peripheral behind `link` offers, as the client is told.

    `cached`: the client goes by what it was told of the services some time ago, which `database` knows. A
    handle that has become another one since then is refused, so that nothing is written to a wrong place.
    `send` delivers notifications. `stale` becomes true when the peripheral does not know a handle that it
    should: what is remembered of it, here and in BlueZ, is out of date.
    """

    def __init__(
        self,
        link: GattLink,
        radio: Radio,
        database: ServiceDatabase,
        send: Callable[[Message], None],
        *,
        cached: bool,
        passkey: int | None,
    ) -> None:
        self.stale = False
        self._link = link
        self._address = link.address
        self._radio = radio
        self._database = database
        self._send = send
        self._passkey = passkey
        self._services = with_cccds(link.services)
        self._cccds = cccds(self._services)
        self._invented = self._cccds.keys() - meanings(link.services).keys()
        self._subscribed: set[int] = set()
        self._changed = self._compare(database.told(link.address)) if cached else frozenset()

    def _compare(self, told: Sequence[Service]) -> frozenset[int]:
        """The handles that do not mean any more what the client was told."""
        now, then = meanings(self._services), meanings(told)
        changed = frozenset(handle for handle in then if then[handle] != now.get(handle))
        if changed:
            _LOGGER.warning(
                "%s has other services than before; its next connection without cache sets that right",
                format_address(self._address),
            )
        return changed

    async def answer(self, request: Any) -> Messages:
        """The answer, be it a refusal; nothing for a write that wants none."""
        try:
            if (handle := getattr(request, "handle", None)) in self._changed:
                raise AttError(f"handle {handle:#06x} is another one than before", AttCode.INVALID_HANDLE)
            if len(getattr(request, "data", b"")) > LONGEST_VALUE:
                raise AttError("no attribute is so long", AttCode.INVALID_LENGTH)
            return await self._OPERATIONS[type(request)](self, request)
        except GattError as error:
            _LOGGER.debug("%s", error)
            # what clients were told stays: they go by it until they ask again
            if isinstance(error, AttError) and error.code == AttCode.INVALID_HANDLE:
                known = meanings(self._services).keys() - self._changed
                self.stale = self.stale or handle in known
            return (refusal(request, gatt_error_code(error)),)

    async def _tell_services(self, request: Any) -> Messages:
        messages = service_messages(self._address, self._services)
        if not messages:
            raise AttError("the peripheral has no services")
        if not can_be_told(messages):
            raise AttError("the peripheral has more services than fit", AttCode.INSUFFICIENT_RESOURCES)
        self._database.keep(self._address, self._services)
        self._changed = frozenset()
        return messages

    async def _read(self, request: Any) -> Messages:
        handle = request.handle
        value = self._subscription(handle) if handle in self._invented else await self._link.read(handle)
        return (api.BluetoothGATTReadResponse(address=self._address, handle=handle, data=value),)

    def _subscription(self, cccd: int) -> bytes:
        """The value of a descriptor that BlueZ keeps to itself; volume 3 part G 3.3.3.3."""
        handle = self._cccds[cccd]
        if handle not in self._subscribed:
            return b"\0\0"
        characteristics = (each for service in self._services for each in service.characteristics)
        notifies = any(
            each.handle == handle and Property.NOTIFY in each.properties for each in characteristics
        )
        return b"\x01\0" if notifies else b"\x02\0"

    async def _write(self, request: Any) -> Messages:
        await self._link.write(request.handle, request.data, response=request.response)
        return (self._written(request),) if request.response else ()

    async def _write_descriptor(self, request: Any) -> Messages:
        if request.handle not in self._cccds:
            await self._link.write(request.handle, request.data, response=True)
        elif len(request.data) != 2:
            raise AttError("a subscription is written as two octets", AttCode.INVALID_LENGTH)
        # a CCCD is written by BlueZ when it subscribes, and by nobody else
        return (self._written(request),)

    def _written(self, request: Any) -> Message:
        return api.BluetoothGATTWriteResponse(  # type: ignore[no-any-return]
            address=self._address, handle=request.handle
        )

    async def _notify(self, request: Any) -> Messages:
        handle = request.handle
        if request.enable:
            await self._link.subscribe(handle, self._listener(handle))
            self._subscribed.add(handle)
        elif handle not in meanings(self._services):
            raise AttError(f"there is no handle {handle:#06x}", AttCode.INVALID_HANDLE)
        else:
            await self._link.unsubscribe(handle)
            self._subscribed.discard(handle)
        return (api.BluetoothGATTNotifyResponse(address=self._address, handle=handle),)

    def _listener(self, handle: int) -> Callable[[bytes], None]:
        address, send = self._address, self._send
        return lambda value: send(
            api.BluetoothGATTNotifyDataResponse(address=address, handle=handle, data=value)
        )

    async def _bond(self, request: Any) -> Messages:
        if request.request_type == PAIR:
            await self._link.pair(self._passkey)
        else:
            await self._radio.unpair(self._address)
        return (success(request),)

    async def _tune(self, request: Any) -> Messages:
        await self._link.tune(
            LinkParameters(request.min_interval, request.max_interval, request.latency, request.timeout)
        )
        return (api.BluetoothSetConnectionParamsResponse(address=self._address),)

    _OPERATIONS: ClassVar[Mapping[Any, Callable[["RelayedServices", Any], Awaitable[Messages]]]] = {
        api.BluetoothGATTGetServicesRequest: _tell_services,
        api.BluetoothGATTReadRequest: _read,
        api.BluetoothGATTReadDescriptorRequest: _read,
        api.BluetoothGATTWriteRequest: _write,
        api.BluetoothGATTWriteDescriptorRequest: _write_descriptor,
        api.BluetoothGATTNotifyRequest: _notify,
        api.BluetoothDeviceRequest: _bond,
        api.BluetoothSetConnectionParamsRequest: _tune,
    }
    """Class of a request -> how it is carried out; a GattError becomes a refusal."""
