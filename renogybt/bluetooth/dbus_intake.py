"""Advertisements by D-Bus: the way that works without any privilege.

It has a bus connection of its own, which is read in ticks when much comes in, so that calls on
the other connection are never kept waiting.
"""

import asyncio
from collections.abc import Callable

from dbus_fast import Message, MessageType, unpack_variants

from renogybt.bluetooth.bus import BLUEZ, DBUS, DEVICE, OBJECT_MANAGER, PROPERTIES, Bus
from renogybt.bluetooth.bus_internals import take_over_reading
from renogybt.bluetooth.device import DeviceRecord
from renogybt.bluetooth.pacing import PacedReader, always
from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import AdvertisementListener, Unsubscribe

_MOST_AT_ONCE = 4_096
"""Messages of one reading, so that a flood cannot keep everything else waiting."""


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
        prompt: Callable[[], bool] = always,
    ) -> None:
        self._bus = Bus(address)
        self._prefix = adapter_path + "/dev_"
        self.adapter_path = adapter_path
        self.batches = 0
        """How often advertisements came."""
        self._listener = listener
        self._ended = ended
        self._prompt = prompt
        self._devices: dict[str, DeviceRecord] = {}
        self._early: list[Message] | None = []
        self._batch: list[Advertisement] = []
        self._count = 0
        self._reader: PacedReader | None = None
        self._watch: Unsubscribe | None = None

    @property
    def open(self) -> bool:
        """Whether advertisements can still come."""
        return self._bus.open

    @property
    def paced(self) -> bool:
        """Whether it is read in ticks when much comes in; else at each message."""
        return self._reader is not None

    def hurry(self) -> None:
        """Somebody waits for advertisements from now on."""
        if self._reader is not None:
            self._reader.hurry()

    async def __aenter__(self) -> "DbusIntake":
        await self._bus.__aenter__()
        try:
            self._watch = self._bus.on_close(self._on_close)
            self._begin_reading()
            await self._subscribe()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_exception: object) -> None:
        if self._watch is not None:
            self._watch()
        self._stop_reading()
        await self._bus.__aexit__()

    def _on_close(self) -> None:
        self._stop_reading()
        self._ended()

    def _stop_reading(self) -> None:
        """Before the descriptor is closed, whose number may at once be another's."""
        if self._reader is not None:
            self._reader.close()

    def _begin_reading(self) -> None:
        """dbus-fast reads whenever something comes, which is what costs; here it is read in ticks."""
        bus = self._bus.message_bus
        reading = take_over_reading(bus, self._on_message)
        if reading is None:
            self._bus.on_signal(self._on_single_signal)
            return
        self._process = reading.process

        def drain(everything: bool) -> int:
            self._count = 0
            reading.read()
            before = 0
            while everything and before < self._count < _MOST_AT_ONCE and bus.connected:
                before = self._count
                reading.read()
            if not bus.connected:
                self._stop_reading()
            self._deliver()
            return self._count

        def prompt() -> bool:
            return self._early is not None or self._prompt()  # at first there are calls to be answered

        self._reader = PacedReader(reading.descriptor, drain, asyncio.get_running_loop(), prompt)

    def _deliver(self) -> None:
        if self._batch:
            batch, self._batch = self._batch, []
            self.batches += 1
            self._listener(batch)

    async def _subscribe(self) -> None:
        await self._bus.follow_bluez()
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
                self._devices[path] = device = DeviceRecord()
                device.update(unpack_variants(interfaces[DEVICE]))
        # Signals that came right after the reply are newer than it is.
        early, self._early = self._early or [], None
        for message in early:
            self._apply(message)
        self._deliver()

    def _on_message(self, message: Message) -> None:
        self._count += 1
        if message.message_type is not MessageType.SIGNAL:
            self._process(message)  # a reply to a call of ours
        elif message.sender == self._bus.bluez or self._bus.admits(message):
            if self._early is None and message.interface == PROPERTIES:  # nearly all
                self._on_properties(message)
            else:
                self._on_signal(message)

    def _on_single_signal(self, message: Message) -> None:
        self._on_signal(message)
        self._deliver()

    def _on_signal(self, message: Message) -> None:
        if self._early is None:
            self._apply(message)
        else:
            self._early.append(message)

    def _apply(self, message: Message) -> None:
        if message.interface == PROPERTIES:
            self._on_properties(message)
        elif message.interface == DBUS:
            self._devices.clear()  # bluetoothd came or went
        elif message.interface == OBJECT_MANAGER and message.path == "/":
            self._on_objects(message)

    def _on_properties(self, message: Message) -> None:
        device = self._devices.get(message.path or "")
        if device is not None and message.member == "PropertiesChanged":
            interface, changed, invalidated = message.body
            if interface == DEVICE:
                if invalidated:
                    device.invalidate(invalidated)
                if (found := device.hear(unpack_variants(changed))) is not None:
                    self._batch.append(found)

    def _on_objects(self, message: Message) -> None:
        path, interfaces = message.body
        if DEVICE not in interfaces or not path.startswith(self._prefix):
            return
        if message.member == "InterfacesAdded":
            device = self._devices[path] = DeviceRecord()  # nothing of an earlier one is true of it
            if (found := device.hear(unpack_variants(interfaces[DEVICE]))) is not None:
                self._batch.append(found)
        elif message.member == "InterfacesRemoved":
            self._devices.pop(path, None)
