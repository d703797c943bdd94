"""Advertisements by D-Bus: the way that works without any privilege.

It has a bus connection of its own, which is read in ticks when much comes in, so that calls on
the other connection are never kept waiting.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from dbus_fast import Message, MessageType, unpack_variants
from dbus_fast.aio.message_reader import build_message_reader

from renogybt.bluetooth.bus import BLUEZ, DBUS, DEVICE, OBJECT_MANAGER, PROPERTIES, Bus
from renogybt.bluetooth.device import HEARD, DeviceRecord
from renogybt.bluetooth.errors import BusError
from renogybt.bluetooth.pacing import PacedReader
from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import AdvertisementListener

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
    ) -> None:
        self._bus = Bus(address)
        self._prefix = adapter_path + "/dev_"
        self.adapter_path = adapter_path
        self._listener = listener
        self._ended = ended
        self._devices: dict[str, DeviceRecord] = {}
        self._early: list[Message] | None = []
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
            while before < self._count < _MOST_AT_ONCE and bus.connected:
                before = self._count
                read()  # one recv, and all messages in it
            if not bus.connected and self._reader is not None:
                self._reader.close()  # at once: the number of the descriptor may soon be another's
            self._deliver()
            return self._count

        self._reader = PacedReader(sock.fileno(), drain, loop)

    def _deliver(self) -> None:
        if self._batch:
            batch, self._batch = self._batch, []
            self._listener(batch)

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
        await self._bus.match(f"type='signal',sender='{DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'")
        (objects,) = await self._bus.call("/", OBJECT_MANAGER, "GetManagedObjects")
        for path, interfaces in objects.items():
            if path.startswith(self._prefix) and DEVICE in interfaces:
                self._devices[path] = device = DeviceRecord()
                device.update(unpack_variants(interfaces[DEVICE]))
        # Signals that came right after the reply are newer than it is.
        early, self._early = self._early or [], None
        for message in early:
            self._on_signal(message)
        self._deliver()

    def _on_message(self, message: Message) -> None:
        self._count += 1
        if message.message_type is not MessageType.SIGNAL:
            self._bus.message_bus._process_message(message)  # noqa: SLF001 - replies to our calls
        elif self._early is None:
            self._on_signal(message)
        else:
            self._early.append(message)

    def _on_signal(self, message: Message) -> None:
        member, body = message.member, message.body
        if member == "PropertiesChanged":
            device = self._devices.get(message.path or "")
            if device is not None and body[0] == DEVICE:
                device.invalidate(body[2])
                self._on_changed(device, body[1])
        elif member == "InterfacesAdded":
            if DEVICE in body[1] and body[0].startswith(self._prefix):
                device = self._devices[body[0]] = DeviceRecord()  # nothing of an earlier one is true of it
                self._on_changed(device, body[1][DEVICE])
        elif member == "InterfacesRemoved":
            if DEVICE in body[1]:
                self._devices.pop(body[0], None)
        elif member == "NameOwnerChanged" and body[0] == BLUEZ:
            self._devices.clear()

    def _on_changed(self, device: DeviceRecord, properties: dict[str, Any]) -> None:
        device.update(unpack_variants(properties))
        if not HEARD.isdisjoint(properties) and (found := device.advertisement()) is not None:
            self._batch.append(found)
