"""A relay at work on the demo's radio in virtual time, its clients, and what holds of all they are told."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from proxy.virtual_time import VirtualLoop

from renogybt.model.gatt import ConnectError, GattLink, Service
from renogybt.model.radio import Radio
from renogybt.model.slots import DEFAULT_SLOTS, ConnectionSlots, Slot
from renogybt.protocols.esphome.messages import Message, api
from renogybt.proxy.relay import Relay, RelayRules
from renogybt.proxy.service_database import ServiceDatabase
from renogybt.readers.reader import Reader
from renogybt.readers.settings import ReaderSettings
from renogybt.simulator.demo_lamp import DemoLamp
from renogybt.simulator.lamp import LAMP_ADDRESS, SERVICES, Lamp
from renogybt.simulator.radio import DemoRadio
from renogybt.simulator.renogy import demo_devices, demo_layout

DISCONNECT, PAIR, UNPAIR, CACHED, UNCACHED, CLEAR_CACHE = 1, 2, 3, 4, 5, 6

Linked = api.BluetoothDeviceConnectionResponse
Snapshot = api.BluetoothConnectionsFreeResponse
Failed = api.BluetoothGATTErrorResponse
GATT_ANSWERS = (
    api.BluetoothGATTGetServicesResponse,
    api.BluetoothGATTGetServicesDoneResponse,
    api.BluetoothGATTReadResponse,
    api.BluetoothGATTWriteResponse,
    api.BluetoothGATTNotifyResponse,
    api.BluetoothGATTNotifyDataResponse,
)


# requests


def device(kind: int, address: int = LAMP_ADDRESS) -> Any:
    return api.BluetoothDeviceRequest(
        address=address, request_type=kind, has_address_type=True, address_type=1
    )


def services(address: int = LAMP_ADDRESS) -> Any:
    return api.BluetoothGATTGetServicesRequest(address=address)


def read(handle: int, address: int = LAMP_ADDRESS) -> Any:
    return api.BluetoothGATTReadRequest(address=address, handle=handle)


def write(handle: int, data: bytes, *, response: bool = True, address: int = LAMP_ADDRESS) -> Any:
    return api.BluetoothGATTWriteRequest(address=address, handle=handle, data=data, response=response)


def read_descriptor(handle: int, address: int = LAMP_ADDRESS) -> Any:
    return api.BluetoothGATTReadDescriptorRequest(address=address, handle=handle)


def write_descriptor(handle: int, data: bytes, address: int = LAMP_ADDRESS) -> Any:
    return api.BluetoothGATTWriteDescriptorRequest(address=address, handle=handle, data=data)


def notify(handle: int, enable: bool = True, address: int = LAMP_ADDRESS) -> Any:
    return api.BluetoothGATTNotifyRequest(address=address, handle=handle, enable=enable)


def tune(shortest: int, longest: int, address: int = LAMP_ADDRESS) -> Any:
    return api.BluetoothSetConnectionParamsRequest(
        address=address, min_interval=shortest, max_interval=longest, latency=0, timeout=400
    )


# answers


def linked(address: int = LAMP_ADDRESS, mtu: int = 247) -> Any:
    return Linked(address=address, connected=True, mtu=mtu)


def gone(error: int, address: int = LAMP_ADDRESS) -> Any:
    return Linked(address=address, connected=False, error=error)


def snapshot(*addresses: int, limit: int = DEFAULT_SLOTS) -> Any:
    return Snapshot(free=limit - len(addresses), limit=limit, allocated=addresses)


def failed(handle: int, error: int, address: int = LAMP_ADDRESS) -> Any:
    return Failed(address=address, handle=handle, error=error)


def value(handle: int, data: bytes, address: int = LAMP_ADDRESS) -> Any:
    return api.BluetoothGATTReadResponse(address=address, handle=handle, data=data)


def written(handle: int, address: int = LAMP_ADDRESS) -> Any:
    return api.BluetoothGATTWriteResponse(address=address, handle=handle)


def notifies(handle: int, address: int = LAMP_ADDRESS) -> Any:
    return api.BluetoothGATTNotifyResponse(address=address, handle=handle)


def notified(handle: int, data: bytes, address: int = LAMP_ADDRESS) -> Any:
    return api.BluetoothGATTNotifyDataResponse(address=address, handle=handle, data=data)


# handles


def handle_of(uuid: str, nth: int = 0, among: Sequence[Service] = SERVICES) -> int:
    """The handle of the value of a characteristic."""
    return [each.handle for service in among for each in service.characteristics if each.uuid == uuid][nth]


def descriptor_of(uuid: str, descriptor: str, among: Sequence[Service] = SERVICES) -> int:
    """The handle of the descriptor of a characteristic."""
    (found,) = (
        each.handle
        for service in among
        for characteristic in service.characteristics
        for each in characteristic.descriptors
        if characteristic.uuid == uuid and each.uuid == descriptor
    )
    return found


class Caller:
    """A client, which notes what it is told for as long as it is there."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.told: list[Any] = []
        self.said: list[Any] = []
        """What it was told, and between that what it has asked."""
        self.gone = False
        self.late: list[Any] = []
        """What would have been sent to it after its end."""

    def send(self, message: Message) -> None:
        self.send_all((message,))

    def send_all(self, messages: Iterable[Message]) -> None:
        came = list(messages)
        if self.gone:
            self.late += came
        else:
            self.told += came
            self.said += came

    def envy(self, address: int = LAMP_ADDRESS) -> None:
        """From now on this is another client's, whatever this one asks."""
        self.said.append(address)

    def of(self, kind: Any) -> list[Any]:
        return [each for each in self.told if type(each) is kind]


class RelayRadio(DemoRadio):
    """The demo's radio, which counts what clients get. Closing a link takes `closing_s`, as with BlueZ."""

    def __init__(self, **options: Any) -> None:
        super().__init__(advertisers=1, rate=2.0, **options)
        self.closing_s = 0.0
        self.attempts: Counter[int] = Counter()
        """Of readers as well."""
        self.entered: Counter[int] = Counter()
        self.most_at_once = 0
        """Attempts of clients, and their links, to the same peripheral at the same time."""
        self.forgotten: list[int] = []
        self.as_it_fails: Callable[[], object] = lambda: None
        """Called when no link comes about, before anybody knows."""
        self._present: Counter[int] = Counter()

    @contextlib.asynccontextmanager
    async def connect(self, address: int, slot: Slot | None = None) -> AsyncIterator[GattLink]:  # type: ignore[override]
        client = slot is not None
        self.attempts[address] += 1
        self.entered[address] += client
        self._present[address] += client
        self.most_at_once = max(self.most_at_once, self._present[address])
        try:
            async with super().connect(address, slot) as link:
                try:
                    yield link
                finally:
                    await asyncio.sleep(self.closing_s)
        except ConnectError:
            self.as_it_fails()
            raise
        finally:
            self._present[address] -= client

    async def forget(self, address: int) -> None:
        self.forgotten.append(address)
        await super().forget(address)


class Occupant:
    """A tenant with a link to one peripheral whenever it may, which it closes in no time."""

    def __init__(self, radio: Radio, address: int) -> None:
        self.address = address
        self.calls: list[str] = []
        self.holds = False
        self._radio = radio
        self._may = asyncio.Event()
        self._may.set()
        self._must_not = asyncio.Event()
        self._left = asyncio.Event()
        self._left.set()

    async def run(self) -> None:
        while True:
            await self._may.wait()
            self._left.clear()
            try:
                async with self._radio.connect(self.address):
                    self.holds = True
                    await self._must_not.wait()
            except ConnectError:
                await asyncio.sleep(1.0)
            finally:
                self.holds = False
                self._left.set()

    async def release(self, address: int) -> None:
        if address == self.address:
            self.calls.append("release")
            self._may.clear()
            self._must_not.set()
            await self._left.wait()

    def resume(self, address: int) -> None:
        if address == self.address:
            self.calls.append("resume")
            self._must_not.clear()
            self._may.set()


def real_reader(radio: RelayRadio) -> Reader:
    """The tenant that the program has, for the demo's hub."""
    reader = Reader(radio, demo_devices(), ReaderSettings(), wall=lambda: 1e9)
    reader.seed(demo_layout())
    return reader


class World:
    """A relay on a radio, both at work, and clients of it."""

    def __init__(
        self,
        loop: VirtualLoop,
        *,
        limit: int = DEFAULT_SLOTS,
        rules: RelayRules | None = None,
        passkey: int | None = None,
        path: Path | None = None,
        tenant: Callable[[RelayRadio], Occupant | Reader] | None = None,
        running: bool = True,
    ) -> None:
        self.loop = loop
        self.faults: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _loop, context: self.faults.append(context))
        self.slots = ConnectionSlots(limit)
        self.lamp = DemoLamp(Lamp(passkey))
        self.radio = RelayRadio(slots=self.slots, lamp=self.lamp, clock=loop.time)
        self.tenant = None if tenant is None else tenant(self.radio)
        self.relay = Relay(
            self.radio, ServiceDatabase(path), rules=rules, tenant=self.tenant, clock=loop.time
        )
        self.callers: list[Caller] = []
        self._tasks = [loop.create_task(self.radio.run())]
        self._working: asyncio.Task[None] | None = None
        if running:
            self._working = loop.create_task(self.relay.run())
        self.run(1.0)  # everybody has been heard
        if self.tenant is not None:
            self._tasks.append(loop.create_task(self.tenant.run()))

    def caller(self, label: str = "home", *, follows: bool = True) -> Caller:
        """A new client, which has asked to be told of slots."""
        caller = Caller(label)
        self.callers.append(caller)
        if follows:
            self.relay.slots.subscribe(caller)
        return caller

    def open(self, caller: Caller, address: int = LAMP_ADDRESS, kind: int = UNCACHED) -> None:
        """Give it a link."""
        told = self.ask(caller, device(kind, address))
        assert [each.connected for each in told if type(each) is Linked] == [True]

    def ask(self, caller: Caller, *requests: Any, seconds: float = 0.5) -> list[Any]:
        """What it is told after requests that come in one turn of the loop, and in the time that follows."""
        before = len(caller.told)
        for request in requests:
            self.loop.call_soon(self._hand, caller, request)
        self.run(seconds)
        return caller.told[before:]

    def _hand(self, caller: Caller, request: Any) -> None:
        caller.said.append(request)
        self.relay.handle(caller, request)

    def leave(self, caller: Caller, seconds: float = 0.0) -> None:
        """Its connection to us ends."""
        self.loop.call_soon(self._leave, caller)
        self.run(seconds)

    def _leave(self, caller: Caller) -> None:
        caller.gone = True
        self.relay.left(caller)

    def run(self, seconds: float) -> None:
        """Let time pass; whatever works goes on working."""
        self.loop.advance(seconds)
        for task in (*self._tasks, self._working):
            if task is not None and task.done():
                task.result()
                raise AssertionError(f"{task.get_name()} has ended")

    def stop(self) -> None:
        """The relay ends."""
        if self._working is not None:
            _end(self.loop, self._working)
            self._working = None

    def close(self) -> None:
        """All ends; whatever has happened, these hold."""
        self.stop()
        for task in reversed(self._tasks):
            _end(self.loop, task)
        assert self.faults == []
        assert self.relay.links == 0
        assert self.slots.clients == ()
        assert self.radio.most_at_once <= 1
        for caller in self.callers:
            check(caller)
            assert not [each for each in caller.late if type(each) is Snapshot]


def check(caller: Caller) -> None:
    """What holds of every sequence of messages that a client is told."""
    account = _Account()
    for message in caller.said:
        assert account.takes(message), f"{caller.label}: {type(message).__name__} {message}"


class _Account:
    """What a client knows by what it was told."""

    def __init__(self) -> None:
        self._foreign: set[int] = set()
        self._wanted: set[int] = set()
        self._leaving: set[int] = set()
        """Disconnected from, and not answered yet."""
        self._again: set[int] = set()
        """Of these, those that are wanted once more."""
        self._follows = False
        self._open: set[int] = set()
        self._listed: set[int] = set()
        self._off: set[int] = set()
        """Not to be in the next snapshot."""

    def takes(self, message: Any) -> bool:
        """Whether the next message may follow."""
        if isinstance(message, int):
            self._foreign.add(message)
            self._wanted.discard(message)
            return True
        if type(message) is api.BluetoothDeviceRequest:
            self._request(message)
            return True
        if type(message) is Snapshot:
            return self._snapshot(message)
        if type(message) is Linked:
            return self._linked(message)
        if type(message) is Failed:
            return message.error == -1 or (message.error > 0 and message.address in self._open)
        return type(message) not in GATT_ANSWERS or message.address in self._open

    def _request(self, message: Any) -> None:
        address = message.address
        if message.request_type in (CACHED, UNCACHED):
            self._wanted |= {address} - self._foreign
            self._again |= {address} & self._leaving
        elif message.request_type == DISCONNECT:
            self._leaving.add(address)
            self._again.discard(address)

    def _snapshot(self, message: Any) -> bool:
        shown = set(message.allocated)
        counted = len(message.allocated) == len(shown) == message.limit - message.free
        right = not self._off & shown and self._listed <= shown
        self._follows = True
        self._off.clear()
        self._listed = shown & self._wanted
        return counted and right

    def _linked(self, message: Any) -> bool:
        address = message.address
        if message.connected:
            self._open.add(address)
            known = address in self._listed | self._foreign or not self._follows
            return message.error == 0 and known
        self._open.discard(address)
        self._listed.discard(address)
        if address not in self._again:
            self._wanted.discard(address)
        self._leaving.discard(address)
        self._again.discard(address)
        self._off |= {address} - self._foreign
        return True


def _end(loop: VirtualLoop, task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        loop.run_until_complete(task)


Worlds = Callable[..., World]
