"""A bluetoothd on a private bus, with BlueZ's true semantics and faults on request."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Self

from dbus_fast import Message, MessageType, NameFlag, RequestNameReply, Variant
from dbus_fast.aio import MessageBus

from fakes.bluez_adapter import FakeAdapter
from fakes.bluez_agent import Agents
from fakes.bluez_device import DEVICE, FakeDevice
from fakes.bluez_errors import CallError
from fakes.bluez_faults import CallFaults
from fakes.bluez_filter import Advert, DiscoveryFilter, full_uuid
from fakes.bluez_later import Later, Outcome
from fakes.bluez_objects import BusObject, Daemon, call_object
from fakes.bluez_outbox import PROPERTIES, Outbox, add_match
from fakes.peripheral import FakePeripheral
from renogybt.bluetooth.bus_internals import QuietMessageBus

SERVICE = "org.bluez"
PEER = "org.freedesktop.DBus.Peer"
CONNECTION_LOST = (
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
    "path='/org/freedesktop/DBus',member='NameOwnerChanged',arg2=''"
)


class FakeBlueZ(CallFaults):
    """Owns `org.bluez` between `start` and `stop` or `crash`; adapters outlive both.

    After `start` the adapters appear `adapters_after_s` later, and those without power are
    powered `powered_after_s` after that (AutoEnable). `mute` lets the radio hear nothing.
    `orphan_seconds` is how long the kernel keeps a discovery that a crash left behind.
    `peripherals` are those that can be connected to; put them there before they advertise.
    """

    def __init__(
        self,
        bus_address: str,
        *,
        temporary_timeout_s: float = 30.0,
        orphan_seconds: float = 10.0,
        adapters_after_s: float = 0.01,
        powered_after_s: float = 0.05,
    ) -> None:
        super().__init__()
        self.orphan_seconds = orphan_seconds
        self.adapters_after_s = adapters_after_s
        self.powered_after_s = powered_after_s
        self.temporary_timeout_s = temporary_timeout_s
        self.auto_enable = True
        self.mute = False
        self.adapters: dict[str, FakeAdapter] = {}
        self.peripherals: dict[str, FakePeripheral] = {}
        self.agents = Agents()
        self._bus_address = bus_address
        self._bus: MessageBus | None = None
        self._outbox = Outbox()
        self._timers: list[asyncio.TimerHandle] = []
        self._shown = False
        self._ready = asyncio.Event()

    @property
    def running(self) -> bool:
        """Whether bluetoothd lives and has its bus."""
        return self._bus is not None and self._bus.connected

    def owners(self, hci: str = "hci0") -> dict[str, DiscoveryFilter | None]:
        """Each sender that discovers on an adapter, with its filter."""
        return self.adapters[hci].sessions.owners

    def filters(self, hci: str = "hci0") -> dict[str, DiscoveryFilter]:
        """Each sender that has set a filter on an adapter, discovering or not."""
        return self.adapters[hci].sessions.filters

    async def start(self) -> None:
        """Return when `org.bluez` is owned; the adapters follow, see `ready`."""
        if self.running:
            raise RuntimeError("bluetoothd is running already")
        await self._leave_bus(orphan_s=self.orphan_seconds)
        self._bus = bus = await QuietMessageBus(bus_address=self._bus_address).connect()
        bus.add_message_handler(self._on_message)
        await add_match(bus, CONNECTION_LOST)
        self._outbox.bus = self.agents.bus = bus
        if await bus.request_name(SERVICE, NameFlag.DO_NOT_QUEUE) is not RequestNameReply.PRIMARY_OWNER:
            await self._leave_bus()
            raise RuntimeError(f"{SERVICE} has an owner already")
        self._later(self.adapters_after_s, self._publish_all)

    async def ready(self) -> None:
        """Return when the adapters are shown and powered after `start`."""
        await self._ready.wait()

    async def stop(self) -> None:
        """A clean end (SIGTERM): adapters lose power, which is signalled, then the name goes."""
        for adapter in self.adapters.values():
            adapter.power(False)
        if self._bus is not None and self._bus.connected:
            await self._bus.release_name(SERVICE)
        await self._leave_bus()

    async def crash(self) -> None:
        """SIGKILL: the connection closes without a signal, the kernel goes on discovering."""
        await self._leave_bus(orphan_s=self.orphan_seconds)

    def end_orphan(self) -> None:
        """mgmt Stop Discovery: the kernel ends discoveries that a crash left behind."""
        for adapter in self.adapters.values():
            adapter.sessions.end_orphan()

    def add_adapter(self, hci: str, address: str) -> FakeAdapter:
        """Plug a controller in; bluetoothd shows it at once and powers it a moment later."""
        if hci in self.adapters:
            raise ValueError(f"{hci} is there already")
        adapter = FakeAdapter(
            hci, address, self._outbox, self.temporary_timeout_s, self.peripherals, self.agents
        )
        self.adapters[hci] = adapter
        if self._shown:
            adapter.publish()
            self._later(self.powered_after_s, partial(self._enable, [adapter]))
        return adapter

    def remove_adapter(self, hci: str) -> None:
        """Unplug a controller."""
        self.adapters.pop(hci).withdraw()

    def power(self, hci: str, on: bool) -> None:
        """Someone else switches an adapter, as `btmgmt power` or rfkill does."""
        self.adapters[hci].power(on)

    def tell(self, path: str, interface: str, changed: dict[str, Variant], gone: list[str]) -> None:
        """Any change of properties, such as a connection causes."""
        self._outbox.properties_changed(path, interface, changed, gone)

    def advertise(
        self,
        address: str,
        *,
        address_type: str = "random",
        name: str | None = None,
        rssi: int = -60,
        manufacturer_data: Mapping[int, bytes] | None = None,
        service_data: Mapping[str, bytes] | None = None,
        service_uuids: Sequence[str] = (),
        tx_power: int | None = None,
        flags: int = 0x06,
        connectable: bool = True,
    ) -> None:
        """One report of an advertiser, as every controller here hears it."""
        peripheral = self.peripherals.get(address.upper())
        if self.mute or (peripheral is not None and not peripheral.advertises):
            return
        advert = Advert(
            address=address.upper(),
            address_type=address_type,
            name=name,
            rssi=rssi,
            manufacturer_data=dict(manufacturer_data or {}),
            service_data={full_uuid(uuid): data for uuid, data in (service_data or {}).items()},
            service_uuids=tuple(map(full_uuid, service_uuids)),
            tx_power=tx_power,
            flags=flags,
            connectable=connectable,
        )
        for adapter in self.adapters.values():
            adapter.hear(advert)

    def device(self, address: str, hci: str = "hci0") -> FakeDevice | None:
        """What bluetoothd knows of a device."""
        return self.adapters[hci].devices.get(address)

    def switch(self, address: str, *, on: bool) -> None:
        """Switch a peripheral on or off; off breaks its links."""
        self.peripherals[address].present = on
        if not on:
            self.drop(address)

    def drop(self, address: str) -> None:
        """The peripheral ends its link."""
        for adapter in self.adapters.values():
            device = adapter.devices.get(address)
            if device is not None and device.link is not None and device.link.connected:
                device.link.cut()

    async def __aenter__(self) -> Self:
        await self.start()
        await self.ready()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._leave_bus()

    async def _leave_bus(self, orphan_s: float = 0.0) -> None:
        self._shown = False
        self._ready.clear()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._outbox.bus = None  # the dead tell nothing
        for adapter in self.adapters.values():
            adapter.forget(orphan_s)
        self.agents.leave()
        bus, self._bus = self._bus, None
        if bus is not None and bus.connected:
            bus.disconnect()
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]

    def _publish_all(self) -> None:
        adapters = list(self.adapters.values())
        self._shown = True
        for adapter in adapters:
            adapter.publish()
        if all(adapter.powered for adapter in adapters):
            self._ready.set()
        else:
            self._later(self.powered_after_s, partial(self._enable, adapters))

    def _enable(self, adapters: list[FakeAdapter]) -> None:
        if self.auto_enable:
            for adapter in adapters:
                adapter.power(True)
        self._ready.set()

    def _later(self, delay_s: float, action: Callable[[], None]) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(delay_s, action))

    def _objects(self) -> dict[str, BusObject]:
        objects: list[BusObject] = [Daemon(self.agents)]
        for adapter in self.adapters.values():
            if adapter.published:
                objects += [adapter, *adapter.devices.values()]
                for device in adapter.devices.values():
                    objects += device.link.objects if device.link is not None else []
        return {item.path: item for item in objects}

    def _on_message(self, message: Message) -> bool:
        if message.message_type is MessageType.SIGNAL:
            if message.member == "NameOwnerChanged" and message.body[2] == "":
                self.agents.vanish(message.body[0])
                for adapter in self.adapters.values():
                    adapter.vanish(message.body[0])
            return False
        served = message.message_type is MessageType.METHOD_CALL and message.interface != PEER
        if served:
            self._on_call(message)
        return served

    def _on_call(self, call: Message) -> None:
        member = call.member or ""
        names = [member]
        if call.interface == PROPERTIES and member == "Set":
            names.append(f"Set {call.body[1]}")
        self.count(names)
        if self.swallows(names):
            return
        if failure := self.failure(names):
            refuse = partial(self._outbox.refuse, call, failure.name, failure.text)
            if failure.after_s > 0:
                self._later(failure.after_s, refuse)
            else:
                refuse()
            return
        with self._outbox.answering():
            try:
                outcome = self._carry_out(call)
            except CallError as error:
                outcome = error
            if isinstance(outcome, Later):
                outcome.then(partial(self._answer, call))
            else:
                self._answer(call, outcome)

    def _carry_out(self, call: Message) -> Outcome | Later:
        """Raises CallError."""
        if (call.interface, call.member) == (DEVICE, "Connect"):
            for adapter in self.adapters.values():
                for device in adapter.devices.values():
                    if device.path == call.path:
                        return adapter.connect(device)
        return call_object(
            self._objects(),
            call.path or "",
            call.interface or "",
            call.member or "",
            call.sender or "",
            call.body,
        )

    def _answer(self, call: Message, outcome: Outcome) -> None:
        if isinstance(outcome, CallError):
            self._outbox.refuse(call, outcome.name, outcome.text)
        else:
            self._outbox.reply(call, *outcome)
