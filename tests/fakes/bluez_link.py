"""BlueZ's side of a link to one device: Connect, Disconnect, and what they cause (bluez src/device.c).

A link belongs to nobody: it goes on when the client that made it is gone.
"""

import asyncio
from collections.abc import Callable

from fakes.bluez_agent import Agents
from fakes.bluez_bearer import Bearer
from fakes.bluez_errors import failed, in_progress, not_connected
from fakes.bluez_gatt import NOTHING, Answer, FakeAttribute, FakeCharacteristic, GattObject, gatt_objects
from fakes.bluez_later import Later
from fakes.bluez_outbox import Outbox
from fakes.bluez_pairing import FakePairing
from fakes.peripheral import FakePeripheral

ABORTED = "le-connection-abort-by-local"
LINK_ENDED = "Canceled"
"""How a pairing ends with its link."""


class FakeLink:
    """`changed` is called with the names of the properties of Device1 that are others now.

    `has_room`: whether the controller can have one more link.
    """

    def __init__(
        self,
        device_path: str,
        peripheral: FakePeripheral,
        outbox: Outbox,
        agents: Agents,
        changed: Callable[[list[str]], None],
        has_room: Callable[[], bool],
    ) -> None:
        self.connected = False
        self.resolved = False
        self.objects: list[GattObject] = []
        self.peripheral = peripheral
        self.pairing = FakePairing(device_path, peripheral, agents, self._bond, self.cut)
        self._bearer = Bearer(self.pairing.secure, self.cut)
        self._device_path = device_path
        self._outbox = outbox
        self._changed = changed
        self._has_room = has_room
        self._connecting: Later | None = None
        self._partings: list[Later] = []
        self._afterwards: Callable[[], None] | None = None
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

    def disconnect(self, afterwards: Callable[[], None] | None = None) -> Answer | Later:
        """Device1.Disconnect; `afterwards` is done when it has been answered. Raises CallError."""
        if self._connecting is not None:
            self._refuse("br-connection-canceled")
            return NOTHING
        if not self.connected:
            raise not_connected()
        later = Later()
        self._afterwards = afterwards or self._afterwards
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
            self.connected = self.peripheral.connected = self.peripheral.encrypted = False
            gone = ["Connected", "ServicesResolved"] if self.resolved else ["Connected"]
            self.resolved = False
            for each in self.objects:
                if isinstance(each, FakeAttribute):
                    each.end()
            self._bearer.end()
            self._changed(gone)
        partings, self._partings = self._partings, []
        for parting in partings:
            parting.settle()
        self.pairing.end(LINK_ENDED)
        afterwards, self._afterwards = self._afterwards, None
        if afterwards is not None:
            afterwards()

    def vanish(self, sender: str) -> None:
        """A client is gone: its wish for notifications and its pairing end, the link does not."""
        self.pairing.vanish(sender)
        for each in self.objects:
            if isinstance(each, FakeCharacteristic):
                each.vanish(sender)

    def notify(self, handle: int, value: bytes) -> None:
        """The peripheral notifies."""
        for each in self.objects:
            if isinstance(each, FakeCharacteristic) and each.handle == handle:
                each.receive(value)

    def _succeed(self) -> None:
        if not self._has_room():
            self._refuse(ABORTED)
            return
        connecting, self._connecting = self._connecting, None
        self.connected = self.peripheral.connected = True
        self.peripheral.encrypted = self.peripheral.paired
        self.peripheral.notify = self.notify
        self._changed(["Connected"])
        if self.peripheral.resolves:
            self._later(self.peripheral.resolve_s, self._resolve)
        if connecting is not None:
            connecting.settle()

    def _bond(self) -> None:
        self.peripheral.paired = self.peripheral.encrypted = True
        self._changed(["Paired", "Bonded"])
        self._bearer.resume()

    def _resolve(self) -> None:
        self.resolved = True
        if not self.objects:
            self._find_services()
        self._changed(["ServicesResolved"])

    def _find_services(self) -> None:
        self.objects += gatt_objects(self._device_path, self.peripheral, self._outbox, self._bearer)
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
