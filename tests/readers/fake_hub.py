"""A radio with Renogy hubs of which everything can be bent: what they hold, what they answer, and when."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from functools import partial

from renogybt.config import Device
from renogybt.model.advertisement import Advertisement
from renogybt.model.broadcast import Broadcast
from renogybt.model.gatt import (
    BASE_UUID,
    AttError,
    Characteristic,
    ConnectError,
    GattLink,
    LinkEnd,
    LinkLostError,
    LinkParameters,
    NotHeardError,
    NotificationListener,
    PairingError,
    Property,
    Service,
)
from renogybt.model.radio import Intake, ScanMode, ScannerState, ScannerStatus, Unsubscribe
from renogybt.model.reading import DeviceHealth, DeviceType, PowerDevice, Reading
from renogybt.model.slots import ConnectionSlots, Holder, Slot
from renogybt.model.subscribers import Subscribers
from renogybt.protocols.advertising.structures import complete_name, join
from renogybt.protocols.modbus.crc import with_crc

ADDRESS = 0x6CB2FD86824D
ANSWER_S = 0.08
CONNECT_S = 0.3
HEAR_S = 5.0
ATTEMPT_S = 10.0
OCTETS = 20
WRITE, NOTIFY, DECOY, PUSH = 0x22, 0x32, 0x12, 0x42

SERVICES = (
    Service(
        "f000ffd0-0451-4000-b000-000000000000",
        0x10,
        (Characteristic("f000ffd1-0451-4000-b000-000000000000", DECOY, Property.WRITE_WITHOUT_RESPONSE),),
    ),
    Service(
        BASE_UUID.format(0xFFD0),
        0x20,
        (Characteristic(BASE_UUID.format(0xFFD1), WRITE, Property.WRITE_WITHOUT_RESPONSE),),
    ),
    Service(
        BASE_UUID.format(0xFFF0), 0x30, (Characteristic(BASE_UUID.format(0xFFF1), NOTIFY, Property.NOTIFY),)
    ),
)
SHUNT_SERVICES = (
    Service(
        BASE_UUID.format(0xC400), 0x40, (Characteristic(BASE_UUID.format(0xC411), PUSH, Property.NOTIFY),)
    ),
)

Answers = Iterable[tuple[float, bytes]]
"""Octets, and how long after the request they come."""
Bend = Callable[[bytes, bytes], Answers]
"""What becomes of a request and its true reply."""


def straight(_request: bytes, reply: bytes) -> Answers:
    """As a hub does it: 20 octets at a time."""
    return [
        (ANSWER_S + start * 1e-5, reply[start : start + OCTETS]) for start in range(0, len(reply), OCTETS)
    ]


def later(seconds: float) -> Bend:
    """All of it so much later."""
    return lambda request, reply: [(delay + seconds, part) for delay, part in straight(request, reply)]


def nothing(_request: bytes, _reply: bytes) -> Answers:
    """Silence."""
    return []


def damaged(request: bytes, reply: bytes) -> Answers:
    """One bit of the data is wrong."""
    return straight(request, reply[:3] + bytes((reply[3] ^ 0x10,)) + reply[4:])


def words(values: Mapping[int, int | Sequence[int] | str]) -> dict[int, int]:
    """Registers from where rows begin: a word, several words, or text of two characters each."""
    registers: dict[int, int] = {}
    for register, value in values.items():
        if isinstance(value, int):
            value = (value,)
        elif isinstance(value, str):
            octets = value.encode()
            value = [int.from_bytes(octets[at : at + 2].ljust(2, b"\0")) for at in range(0, len(octets), 2)]
        registers.update({register + place: word & 0xFFFF for place, word in enumerate(value)})
    return registers


def battery(current: int = 326, model: str = "RBT50LFP48S") -> dict[int, int]:
    """A 48 V battery; `current` as the register has it."""
    registers = dict.fromkeys((*range(5000, 5053), *range(5100, 5142), *range(5200, 5228)), 0)
    return registers | words(
        {
            5000: [16, *[33] * 16],
            5017: [4, 201, 202, 203, 204],
            5042: [current, 528, 0, 40000, 0, 50000, 12],
            5049: [584, 400, 5000, -5000],
            5106: 0x0006,
            5109: 0x00C0,
            5110: "SERIAL0000000001",
            5122: model.ljust(16),
            5130: "0119",
            5223: 48,
        }
    )


def controller(model: str = "  RNG-CTRL-RVR40", charge: int = 80) -> dict[int, int]:
    """A 48 V controller in the sun."""
    registers = dict.fromkeys((*range(0x000A, 0x001B), *range(0x0100, 0x0123)), 0)
    return registers | words(
        {
            0x000C: model.ljust(16),
            0x0100: [charge, 528, 500, 0x1914, 528, 100, 53, 940, 280, 264],
            0x0120: [0x8002, 0, 0],
            0xE004: 4,
        }
    )


class FakeLink:
    """The port `GattLink`, to one hub."""

    mtu = 23

    def __init__(self, hub: "FakeHub") -> None:
        self.end: LinkEnd | None = None
        self.name = hub.name
        self.address = hub.address
        self.services: Sequence[Service] = hub.services
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._listeners: dict[int, NotificationListener] = {}
        self._closed: Subscribers[None] = Subscribers()

    @property
    def open(self) -> bool:
        return self.end is None

    async def read(self, handle: int) -> bytes:
        self._check()
        raise AttError(f"nothing to read at {handle}")

    async def write(self, handle: int, value: bytes, *, response: bool) -> None:
        self._check()
        assert (handle, response) == (WRITE, False)
        self._hub.requests.append((self._loop.time(), bytes(value)))
        for delay, octets in self._hub.answers(bytes(value)):
            self._loop.call_later(delay, partial(self.notify, octets))

    async def subscribe(self, handle: int, listener: NotificationListener) -> None:
        self._check()
        self._listeners[handle] = listener

    async def unsubscribe(self, handle: int) -> None:
        self._check()
        self._listeners.pop(handle, None)

    async def pair(self, passkey: int | None = None) -> None:
        self._check()
        raise PairingError("it does not know what that is")

    async def tune(self, parameters: LinkParameters) -> None:
        self._check()
        raise AttError("it keeps its own pace")

    def on_close(self, listener: Callable[[], None]) -> Unsubscribe:
        if not self.open:
            listener()
        return self._closed.add(lambda _: listener())

    def notify(self, octets: bytes) -> None:
        """Something comes, if the link is still there."""
        if self.open and not self._hub.deaf:
            for listener in tuple(self._listeners.values()):
                listener(octets)

    def drop(self, end: LinkEnd = LinkEnd.PERIPHERAL) -> None:
        """The link is gone."""
        if self.open:
            self.end = end
            self._closed.notify(None)

    def _check(self) -> None:
        if not self.open:
            raise LinkLostError("the link is gone")


class FakeHub:
    """Units by id, with their registers. `bend` may be changed at any time; `deaf`: nothing arrives.

    `farewell_s`: how long the radio needs to close a link to it.
    """

    def __init__(
        self, units: Mapping[int, dict[int, int]], *, address: int = ADDRESS, name: str = "BT-TH-FD86824D"
    ) -> None:
        self.units = dict(units)
        self.address = address
        self.name = name
        self.services: Sequence[Service] = SERVICES
        self.bend: Bend = straight
        self.deaf = False
        self.present = True
        self.refusing = False
        self.farewell_s = 0.0
        self.connects = 0
        self.requests: list[tuple[float, bytes]] = []
        self.link: FakeLink | None = None

    def asked(self) -> list[tuple[int, int, int]]:
        """Unit, register and words of all requests until now."""
        return [(each[0], int.from_bytes(each[2:4]), int.from_bytes(each[4:6])) for _, each in self.requests]

    def answers(self, request: bytes) -> Answers:
        """What comes back."""
        return self.bend(request, self.reply(request))

    def reply(self, request: bytes) -> bytes:
        """The true reply; nothing of a unit that is not there."""
        unit, function = request[:2]
        register, last = int.from_bytes(request[2:4]), int.from_bytes(request[4:6])
        registers = self.units.get(unit)
        if registers is None:
            return b""
        if function == 6:
            registers[register] = last
            registers[0x0120] = registers.get(0x0120, 0) & 0x7FFF | last << 15
            return request
        wanted = range(register, register + last)
        if not all(each in registers for each in wanted):
            return with_crc(bytes((unit, function | 0x80, 2)))
        data = b"".join(registers[each].to_bytes(2) for each in wanted)
        return with_crc(bytes((unit, function, len(data))) + data)

    def drop(self) -> None:
        """End the link."""
        if self.link is not None:
            self.link.drop()


class FakeRadio(Broadcast):
    """A radio that reaches `hubs`; it runs from the beginning."""

    tunes_links = False

    def __init__(self, *hubs: FakeHub, slots: ConnectionSlots | None = None) -> None:
        super().__init__(ScannerStatus(ScannerState.RUNNING, ScanMode.ACTIVE, Intake.MGMT, 1))
        self.hubs = {hub.address: hub for hub in hubs}
        self.attempts: list[float] = []
        self.slots = ConnectionSlots() if slots is None else slots

    def set_mode(self, mode: ScanMode) -> None:
        """It does not matter."""

    def fall_over(self, reason: str) -> None:
        """No scanning any more."""
        self._become(ScannerStatus(ScannerState.FAILED, ScanMode.ACTIVE, reason=reason))

    def recover(self) -> None:
        """Scanning again."""
        self._become(ScannerStatus(ScannerState.RUNNING, ScanMode.ACTIVE, Intake.MGMT, 1))

    def hear(self, hub: FakeHub, rssi: int = -60) -> None:
        """An advertisement of this hub."""
        self._deliver([Advertisement(hub.address, rssi, 0, join([complete_name(hub.name)]))])

    @contextlib.asynccontextmanager
    async def connect(self, address: int, slot: Slot | None = None) -> AsyncIterator[GattLink]:
        self.attempts.append(asyncio.get_running_loop().time())
        slot = slot or self.slots.reserve(address, Holder.READER)
        try:
            link = await self._reach(self.hubs[address])
            try:
                yield link
            finally:
                await asyncio.sleep(self.hubs[address].farewell_s)
                link.drop(LinkEnd.OURSELVES)
        finally:
            slot.release()

    async def _reach(self, hub: FakeHub) -> FakeLink:
        if not hub.present:
            await asyncio.sleep(HEAR_S)
            raise NotHeardError("it does not advertise")
        if hub.refusing:
            await asyncio.sleep(ATTEMPT_S)
            raise ConnectError("it advertises, and lets nobody connect")
        await asyncio.sleep(CONNECT_S)
        self.hear(hub)
        hub.connects += 1
        hub.link = FakeLink(hub)
        return hub.link

    async def unpair(self, address: int) -> None:
        """There is no bond."""

    async def forget(self, address: int) -> None:
        """Nothing is remembered."""

    async def run(self) -> None:
        await asyncio.Event().wait()


class Notes:
    """A sink that remembers, with the time of the loop."""

    def __init__(self) -> None:
        self.layouts: list[tuple[PowerDevice, ...]] = []
        self.readings: list[tuple[float, Reading]] = []
        self.healths: list[tuple[float, DeviceHealth]] = []

    def devices(self, devices: Sequence[PowerDevice]) -> None:
        self.layouts.append(tuple(devices))

    def reading(self, reading: Reading) -> None:
        self.readings.append((asyncio.get_running_loop().time(), reading))

    def health(self, health: DeviceHealth) -> None:
        self.healths.append((asyncio.get_running_loop().time(), health))

    def times(self, unit: int | str) -> list[float]:
        """When readings of a device came."""
        return [at for at, reading in self.readings if reading.device == key(unit)]

    def last(self, unit: int | str) -> Reading:
        """The newest reading of a device."""
        return [reading for _, reading in self.readings if reading.device == key(unit)][-1]

    def state(self, unit: int | str) -> DeviceHealth:
        """The newest health of a device."""
        return [health for _, health in self.healths if health.device == key(unit)][-1]


def key(unit: int | str) -> str:
    """The key of a unit at ADDRESS; a text is a key already."""
    return unit if isinstance(unit, str) else f"{ADDRESS:012x}-{unit}"


def section(
    device_type: DeviceType,
    *units: int,
    interval_s: float = 30.0,
    address: int | None = ADDRESS,
    alias: str = "bank",
) -> Device:
    """A section of config.ini."""
    return Device(
        name="",
        adapter=None,
        mac_addr=address,
        alias=alias,
        device_type=device_type,
        device_ids=units,
        read_interval_s=interval_s,
    )
