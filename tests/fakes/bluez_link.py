"""BlueZ's side of a link to one device: Connect, Disconnect, and what they cause (bluez src/device.c).

A link belongs to nobody: it goes on when the client that made it is gone.
"""

import asyncio
from collections.abc import Callable

from fakes.bluez_errors import failed, in_progress, not_connected
from fakes.bluez_gatt import NOTHING, Answer, FakeCharacteristic, FakeService
from fakes.bluez_later import Later
from fakes.bluez_outbox import Outbox
from fakes.peripheral import FakePeripheral

ABORTED = "le-connection-abort-by-local"


class FakeLink:
    """`changed` is called with the names of the properties of Device1 that are others now."""

    def __init__(
        self,
        device_path: str,
        peripheral: FakePeripheral,
        outbox: Outbox,
        changed: Callable[[list[str]], None],
    ) -> None:
        self.connected = False
        self.resolved = False
        self.objects: list[FakeService | FakeCharacteristic] = []
        self.peripheral = peripheral
        self._device_path = device_path
        self._outbox = outbox
        self._changed = changed
        self._connecting: Later | None = None
        self._partings: list[Later] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def pending(self) -> bool:
        """Whether somebody waits for a connection."""
        return self._connecting is not None

    def connect(self, wait_s: float) -> Answer | Later:
        """Device1.Connect; `wait_s`: until the controller reports the peripheral. Raises CallError."""
        if self.connected:
            return NOTHING
        if self._connecting is not None:
            raise in_progress()
        self._connecting = later = Later()
        self.report(wait_s)
        return later

    def report(self, wait_s: float = 0.0) -> None:
        """The controller reports the peripheral after that time; whoever waits to connect does so then."""
        peripheral = self.peripheral
        if self._connecting is None or peripheral.hangs or not peripheral.advertises:
            return
        if peripheral.failures:
            self._later(wait_s + peripheral.connect_s, self._fail, peripheral.failures.pop(0))
        else:
            self._later(wait_s + peripheral.connect_s, self._succeed)

    def disconnect(self) -> Answer | Later:
        """Device1.Disconnect; raises CallError."""
        if self._connecting is not None:
            self._refuse("br-connection-canceled")
            return NOTHING
        if not self.connected:
            raise not_connected()
        later = Later()
        self._partings.append(later)
        if len(self._partings) == 1:
            self._later(self.peripheral.disconnect_s, self.cut)
        return later

    def cut(self) -> None:
        """The link is gone, or there will be none."""
        if self._connecting is not None:
            self._refuse("br-connection-canceled")
        if self._timer is not None:
            self._timer.cancel()
        if self.connected:
            self.connected = self.peripheral.connected = False
            gone = ["Connected", "ServicesResolved"] if self.resolved else ["Connected"]
            self.resolved = False
            for each in self.objects:
                if isinstance(each, FakeCharacteristic):
                    each.end()
            self._changed(gone)
        partings, self._partings = self._partings, []
        for parting in partings:
            parting.settle()

    def vanish(self, sender: str) -> None:
        """A client is gone: its wish for notifications ends, the link does not."""
        for each in self.objects:
            if isinstance(each, FakeCharacteristic):
                each.vanish(sender)

    def notify(self, handle: int, value: bytes) -> None:
        """The peripheral notifies."""
        for each in self.objects:
            if isinstance(each, FakeCharacteristic) and each.handle == handle:
                each.receive(value)

    def _succeed(self) -> None:
        connecting, self._connecting = self._connecting, None
        self.connected = self.peripheral.connected = True
        self._changed(["Connected"])
        if self.peripheral.resolves:
            self._later(self.peripheral.resolve_s, self._resolve)
        if connecting is not None:
            connecting.settle()

    def _resolve(self) -> None:
        self.resolved = True
        if not self.objects:
            self._find_services()
        self._changed(["ServicesResolved"])

    def _find_services(self) -> None:
        for group in self.peripheral.services:
            service = FakeService(self._device_path, group)
            attributes = [
                FakeCharacteristic(service, each, self.peripheral, self._outbox, self.notify)
                for each in group.attributes
            ]
            self.objects += [service, *attributes]
        for each in self.objects:
            self._outbox.interfaces_added(each.path, each.interfaces())

    def forget_services(self) -> None:
        """The device is removed, with all that was known of it."""
        for each in self.objects:
            self._outbox.interfaces_removed(each.path, each.interfaces())
        self.objects.clear()

    def _fail(self, text: str) -> None:
        """The attempt fails. One that is aborted was connected for a moment, and that is told."""
        if text == ABORTED:
            self.connected = True
            self._changed(["Connected"])
        self._refuse(text)
        if self.connected:
            self.connected = False
            self._changed(["Connected"])

    def _refuse(self, text: str) -> None:
        connecting, self._connecting = self._connecting, None
        if self._timer is not None:
            self._timer.cancel()
        if connecting is not None:
            connecting.settle(failed(text))

    def _later(self, after_s: float, action: Callable[..., None], *arguments: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(after_s, action, *arguments)
