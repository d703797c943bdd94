"""A GATT link over BlueZ."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from dbus_fast import Variant

from renogybt.bluetooth.att_codes import Operation, att_code
from renogybt.bluetooth.discovery import IN_PROGRESS
from renogybt.bluetooth.errors import BusError, CallError, CallTimeoutError
from renogybt.bluetooth.gatt_tree import CHARACTERISTIC, DESCRIPTOR, GattTree, Place
from renogybt.bluetooth.notifications import Notifications
from renogybt.bluetooth.pairing import Pairings
from renogybt.bluetooth.parameters import tune
from renogybt.bluetooth.peripheral import NO_OBJECT, Peripheral
from renogybt.model.advertisement import format_address
from renogybt.model.gatt import (
    AttCode,
    AttError,
    GattError,
    GattTimeoutError,
    LinkEnd,
    LinkLostError,
    LinkParameters,
    NotificationListener,
    Service,
)
from renogybt.model.radio import Unsubscribe
from renogybt.model.subscribers import Subscribers
from renogybt.service.logs import printable

_LOGGER = logging.getLogger(__name__)

_GONE = NO_OBJECT | {
    "org.bluez.Error.NotConnected",
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.DBus.Error.NoReply",
}
"""Errors that say of themselves that there is no link."""
_NOT_CONNECTED = "Not connected"
"""The text by which org.bluez.Error.Failed says so too (BlueZ src/gatt-client.c)."""
_ON_ALREADY = "Already notifying"
"""The text by which org.bluez.Error.Failed says that this connection has subscribed (same place)."""


class BlueZLink:
    """Implements `GattLink` on a peripheral that is connected, with its services resolved.

    `operation_s` is the deadline of each operation. `ask` hands connection parameters to the kernel.
    """

    def __init__(
        self,
        peripheral: Peripheral,
        tree: GattTree,
        operation_s: float,
        pairings: Pairings,
        ask: Callable[[LinkParameters], Awaitable[None]],
    ) -> None:
        self._peripheral = peripheral
        self._tree = tree
        self._operation_s = operation_s
        self._pairings = pairings
        self._ask = ask
        self._end: LinkEnd | None = None
        self._closing: Subscribers[None] = Subscribers()
        self._notifications = Notifications()
        peripheral.on_value = self._notifications.receive
        peripheral.on_end = self._break
        if peripheral.lost or not peripheral.connected:
            self._break()

    @property
    def address(self) -> int:
        """Of the peripheral."""
        return self._peripheral.address

    @property
    def name(self) -> str:
        """What the peripheral calls itself; empty where BlueZ does not know it."""
        return self._peripheral.name

    @property
    def open(self) -> bool:
        """Whether the link is there, as far as anybody knows."""
        return self._end is None

    @property
    def end(self) -> LinkEnd | None:
        """Who ended it. A peripheral's end turns out to be the radio's where BlueZ tells that afterwards."""
        if self._end is LinkEnd.PERIPHERAL and self._peripheral.without_radio:
            return LinkEnd.RADIO
        return self._end

    @property
    def mtu(self) -> int:
        """The ATT MTU in octets."""
        return self._tree.mtu

    @property
    def services(self) -> Sequence[Service]:
        """In the order of their handles."""
        return self._tree.services

    async def read(self, handle: int) -> bytes:
        """The whole value of a characteristic or of a descriptor."""
        place = self._place(handle)

        async def read() -> bytes:
            (value,) = await self._call(handle, Operation.READ, "a{sv}", {})
            return bytes(value)

        if place.interface == DESCRIPTOR:
            return await read()
        try:
            return await self._notifications.read(place.path, read, self._operation_s)
        except GattError:
            raise
        except TimeoutError as error:
            raise GattTimeoutError(f"{format_address(self.address)}: {handle:#06x} is being read") from error

    async def write(self, handle: int, value: bytes, *, response: bool) -> None:
        """Write a characteristic, or a descriptor, which always responds."""
        options: dict[str, Variant] = {}
        if self._place(handle).interface == CHARACTERISTIC:
            options["type"] = Variant("s", "request" if response else "command")
        await self._call(handle, Operation.WRITE, "aya{sv}", bytes(value), options)

    async def subscribe(self, handle: int, listener: NotificationListener) -> None:
        """Hand every further notification to `listener`, in place of the one before."""
        place = self._place(handle)
        if place.interface == DESCRIPTOR:
            raise AttError(
                f"{format_address(self.address)}: handle {handle:#06x} is that of a descriptor",
                AttCode.REQUEST_NOT_SUPPORTED,
            )
        if not self._notifications.listen(place.path, listener):
            return
        try:
            await self._switch_on(handle)
        except BaseException:
            self._notifications.leave(place.path)
            raise

    async def _switch_on(self, handle: int) -> None:
        self._peripheral.notifying.add(self._place(handle).path)
        try:
            await self._call(handle, Operation.START)
        except _OnAlreadyError as error:
            _LOGGER.debug("subscribing: %s", error)

    async def unsubscribe(self, handle: int) -> None:
        """No more notifications of it."""
        if not self.open:
            raise self._lost()
        place = self._tree.places.get(handle)
        if place is None or not self._notifications.leave(place.path):
            return
        try:
            await self._call(handle, Operation.STOP)
        except AttError as error:  # BlueZ has stopped by itself
            _LOGGER.debug("unsubscribing: %s", error)
        self._peripheral.notifying.discard(place.path)

    # bonds, and how often the two ends meet

    async def pair(self, passkey: int | None = None) -> None:
        """Make a bond, unless there is one."""
        if not self.open:
            raise self._lost()
        try:
            await self._pairings.pair(self._peripheral, passkey)
        except LinkLostError as error:
            self._break()
            raise self._lost() from error

    async def tune(self, parameters: LinkParameters) -> None:
        """Ask for other connection parameters."""
        if not self.open:
            raise self._lost()
        await tune(self._ask, parameters)

    # the end

    def on_close(self, listener: Callable[[], None]) -> Unsubscribe:
        """Call `listener` once when the link ends; at once if it has ended."""
        if not self.open:
            listener()
            return _nothing
        return self._closing.add(lambda _nothing: listener())

    def close(self) -> None:
        """It is to be used no more."""
        self._close(LinkEnd.OURSELVES)

    def _break(self) -> None:
        self._close(self._peripheral.lost_by if self._peripheral.lost else LinkEnd.PERIPHERAL)

    def _close(self, end: LinkEnd) -> None:
        if self._end is None:
            self._end = end
            self._notifications.clear()
            self._closing.notify(None)

    # calls

    def _place(self, handle: int) -> Place:
        """Of the attribute; raises LinkLostError, AttError."""
        if not self.open:
            raise self._lost()
        if (place := self._tree.places.get(handle)) is None:
            text = f"{format_address(self.address)} has no attribute with handle {handle:#06x}"
            raise AttError(text, AttCode.INVALID_HANDLE)
        return place

    async def _call(self, handle: int, operation: Operation, signature: str = "", *body: Any) -> list[Any]:
        place = self._place(handle)
        call = self._peripheral.bus.call
        try:
            return await call(
                place.path, place.interface, operation.value, signature, body, timeout_s=self._operation_s
            )
        except (BusError, CallError, CallTimeoutError) as error:
            raise self._judge(error, operation, handle) from error

    def _judge(
        self, error: BusError | CallError | CallTimeoutError, operation: Operation, handle: int
    ) -> GattError:
        """What went wrong, in the words of the port."""
        if isinstance(error, CallError) and (
            error.name in _GONE or error.text.casefold() == _NOT_CONNECTED.casefold()
        ):
            self._break()
        if isinstance(error, BusError) or not self.open:
            return self._lost()
        if isinstance(error, CallTimeoutError):
            return GattTimeoutError(f"{format_address(self.address)}: {error}")
        kind = _OnAlreadyError if error.name == IN_PROGRESS or error.text == _ON_ALREADY else AttError
        what = f"{operation.value} of handle {handle:#06x}"
        text = f"{format_address(self.address)} refuses {what}: {printable(str(error))}"
        return kind(text, att_code(error, operation))

    def _lost(self) -> LinkLostError:
        reason = self._peripheral.lost
        return LinkLostError(f"the link to {format_address(self.address)} is gone{reason and f': {reason}'}")


class _OnAlreadyError(AttError):
    """The same operation is under way, or has been done."""


def _nothing() -> None:
    """Nobody listens."""
