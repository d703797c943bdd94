"""A GATT link over BlueZ."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from dbus_fast import Variant

from renogybt.bluetooth.discovery import IN_PROGRESS
from renogybt.bluetooth.errors import BusError, CallError, CallTimeoutError
from renogybt.bluetooth.gatt_tree import CHARACTERISTIC, GattTree
from renogybt.bluetooth.peripheral import NO_OBJECT, Peripheral
from renogybt.model.advertisement import format_address
from renogybt.model.gatt import (
    AttError,
    GattError,
    GattTimeoutError,
    LinkLostError,
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


class BlueZLink:
    """Implements `GattLink` on a peripheral that is connected, with its services resolved.

    `operation_s` is the deadline of each operation.
    """

    def __init__(self, peripheral: Peripheral, tree: GattTree, operation_s: float) -> None:
        self._peripheral = peripheral
        self._tree = tree
        self._operation_s = operation_s
        self._open = True
        self._closing: Subscribers[None] = Subscribers()
        self._listeners: dict[str, NotificationListener] = {}
        peripheral.on_value = self._on_value
        peripheral.on_end = self.end
        if peripheral.lost or not peripheral.connected:
            self.end()

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
        return self._open

    @property
    def mtu(self) -> int:
        """The ATT MTU in octets."""
        return self._tree.mtu

    @property
    def services(self) -> Sequence[Service]:
        """In the order of their handles."""
        return self._tree.services

    async def read(self, handle: int) -> bytes:
        """The value of a characteristic."""
        (value,) = await self._call(handle, "ReadValue", "a{sv}", {})
        return bytes(value)

    async def write(self, handle: int, value: bytes, *, response: bool) -> None:
        """Write a characteristic."""
        kind = Variant("s", "request" if response else "command")
        await self._call(handle, "WriteValue", "aya{sv}", bytes(value), {"type": kind})

    async def subscribe(self, handle: int, listener: NotificationListener) -> None:
        """Hand every further notification to `listener`, in place of the one before."""
        path = self._path(handle)
        began = path not in self._listeners
        self._listeners[path] = listener
        if not began:
            return
        try:
            await self._switch_on(handle, path)
        except BaseException:
            self._listeners.pop(path, None)
            raise

    async def _switch_on(self, handle: int, path: str) -> None:
        try:
            await self._peripheral.watch(path)
        except BusError as error:
            raise self._lost() from error
        try:
            await self._call(handle, "StartNotify")
        except _BusyError as error:  # it is being switched on already
            _LOGGER.debug("subscribing: %s", error)

    async def unsubscribe(self, handle: int) -> None:
        """No more notifications of it."""
        if not self._open:
            raise self._lost()
        if self._listeners.pop(self._tree.paths.get(handle, ""), None) is None:
            return
        try:
            await self._call(handle, "StopNotify")
        except AttError as error:  # BlueZ has stopped by itself
            _LOGGER.debug("unsubscribing: %s", error)

    def on_close(self, listener: Callable[[], None]) -> Unsubscribe:
        """Call `listener` once when the link ends; at once if it has ended."""
        if not self._open:
            listener()
            return _nothing
        return self._closing.add(lambda _nothing: listener())

    def end(self) -> None:
        """The link is gone, or is to be used no more."""
        if self._open:
            self._open = False
            self._listeners.clear()
            self._closing.notify(None)

    def _on_value(self, path: str, value: bytes) -> None:
        if (listener := self._listeners.get(path)) is not None:
            listener(value)

    def _path(self, handle: int) -> str:
        """Of the characteristic; raises LinkLostError, AttError."""
        if not self._open:
            raise self._lost()
        if (path := self._tree.paths.get(handle)) is None:
            raise AttError(f"{format_address(self.address)} has no characteristic with handle {handle:#06x}")
        return path

    async def _call(self, handle: int, member: str, signature: str = "", *body: Any) -> list[Any]:
        path = self._path(handle)
        bus = self._peripheral.bus
        try:
            return await bus.call(path, CHARACTERISTIC, member, signature, body, timeout_s=self._operation_s)
        except (BusError, CallError, CallTimeoutError) as error:
            raise self._judge(error, f"{member} of handle {handle:#06x}") from error

    def _judge(self, error: BusError | CallError | CallTimeoutError, what: str) -> GattError:
        """What went wrong, in the words of the port."""
        if isinstance(error, CallError) and (
            error.name in _GONE or error.text.casefold() == _NOT_CONNECTED.casefold()
        ):
            self.end()
        if isinstance(error, BusError) or not self._open:
            return self._lost()
        if isinstance(error, CallTimeoutError):
            return GattTimeoutError(f"{format_address(self.address)}: {error}")
        kind = _BusyError if error.name == IN_PROGRESS else AttError
        return kind(f"{format_address(self.address)} refuses {what}: {printable(str(error))}")

    def _lost(self) -> LinkLostError:
        reason = self._peripheral.lost
        return LinkLostError(f"the link to {format_address(self.address)} is gone{reason and f': {reason}'}")


class _BusyError(AttError):
    """The same operation is under way."""


def _nothing() -> None:
    """Nobody listens."""
