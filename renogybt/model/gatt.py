"""The port to one peripheral: what readers and Home Assistant need of a GATT link."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum, IntFlag
from typing import Protocol

from renogybt.model.errors import RenogyBTError
from renogybt.model.radio import Unsubscribe

BASE_UUID = "0000{:04x}-0000-1000-8000-00805f9b34fb"
"""Bluetooth Core Specification, volume 3 part B 2.5.1: where the 16-bit UUIDs stand."""


class GattError(RenogyBTError):
    """Something between us and a peripheral failed; the text says what."""


class NotHeardError(GattError):
    """The peripheral does not advertise: away, switched off, or in use by another central."""


class ConnectError(GattError):
    """The peripheral is heard, but no link comes about; often another central holds it."""


class LinkLostError(GattError, ConnectionError):
    """The link is gone."""


class AttCode(IntEnum):
    """Why an operation was refused; Bluetooth Core Specification, volume 3 part F 3.4.1.1.

    A peripheral may answer any other number from 0x80 on as well.
    """

    INVALID_HANDLE = 0x01
    READ_NOT_PERMITTED = 0x02
    WRITE_NOT_PERMITTED = 0x03
    INSUFFICIENT_AUTHENTICATION = 0x05
    REQUEST_NOT_SUPPORTED = 0x06
    INVALID_OFFSET = 0x07
    INSUFFICIENT_AUTHORIZATION = 0x08
    INVALID_LENGTH = 0x0D
    UNLIKELY_ERROR = 0x0E
    INSUFFICIENT_RESOURCES = 0x11
    VALUE_NOT_ALLOWED = 0x13
    PROCEDURE_IN_PROGRESS = 0xFE


class AttError(GattError):
    """The peripheral, or BlueZ for it, refused one operation; the link goes on.

    `code` is an `AttCode`, or whatever number the peripheral gave.
    """

    def __init__(self, text: str, code: int = AttCode.UNLIKELY_ERROR) -> None:
        super().__init__(text)
        self.code = code


class PairingError(GattError):
    """No bond came about; the link may have ended."""


class GattTimeoutError(GattError, TimeoutError):
    """An operation was not answered within its deadline."""


class Property(IntFlag):
    """What a characteristic can do; Bluetooth Core Specification, volume 3 part G 3.3.1.1."""

    BROADCAST = 0x01
    READ = 0x02
    WRITE_WITHOUT_RESPONSE = 0x04
    WRITE = 0x08
    NOTIFY = 0x10
    INDICATE = 0x20
    SIGNED_WRITE = 0x40
    EXTENDED = 0x80


@dataclass(frozen=True, slots=True)
class Descriptor:
    """`uuid` in full, in small letters."""

    uuid: str
    handle: int


@dataclass(frozen=True, slots=True)
class Characteristic:
    """`uuid` in full, in small letters; `handle` is that of the value. Descriptors in the order of theirs."""

    uuid: str
    handle: int
    properties: Property
    descriptors: tuple[Descriptor, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """A primary service; UUIDs may occur more than once, handles may not."""

    uuid: str
    handle: int
    characteristics: tuple[Characteristic, ...]


@dataclass(frozen=True, slots=True)
class LinkParameters:
    """How often the two ends of a link meet; Bluetooth Core Specification, volume 6 part B 4.5.1.

    Intervals in units of 1.25 ms, `latency` in connection events that the peripheral may leave out,
    `timeout` (until a silent link counts as lost) in units of 10 ms.
    """

    min_interval: int
    max_interval: int
    latency: int
    timeout: int

    def check(self) -> None:
        """Raise AttError where the specification does not allow them (volume 4 part E 7.8.18).

        INVALID_LENGTH would speak of the length of an attribute, and UNLIKELY_ERROR would not say that it is
        in vain to ask again.
        """
        ranges = (
            ("interval", self.min_interval, _INTERVALS),
            ("interval", self.max_interval, _INTERVALS),
            ("latency", self.latency, _LATENCIES),
            ("timeout", self.timeout, _TIMEOUTS),
        )
        for name, value, allowed in ranges:
            if value not in allowed:
                text = f"a connection {name} of {value} is not within {allowed[0]} and {allowed[-1]}"
                raise AttError(text, AttCode.VALUE_NOT_ALLOWED)
        if self.min_interval > self.max_interval:
            raise AttError("the least connection interval is above the greatest", AttCode.VALUE_NOT_ALLOWED)
        # 10 ms each against twice 1.25 ms each
        if 4 * self.timeout <= (1 + self.latency) * self.max_interval:
            raise AttError(
                "the timeout is too short for this interval and latency", AttCode.VALUE_NOT_ALLOWED
            )


_INTERVALS = range(6, 3200 + 1)
_LATENCIES = range(499 + 1)
_TIMEOUTS = range(10, 3200 + 1)


class LinkEnd(Enum):
    """Who ended a link."""

    OURSELVES = "ourselves"
    PERIPHERAL = "peripheral"
    """It hung up, or is out of range."""
    RADIO = "radio"
    """The adapter, BlueZ or the way to it is gone."""


NotificationListener = Callable[[bytes], None]


class GattLink(Protocol):
    """An open connection to one peripheral, with its services resolved.

    Every operation raises LinkLostError once the link is gone, GattTimeoutError after its own
    deadline of a few seconds, and AttError when it is refused. Listeners are called in the event
    loop, must not block and must not raise.
    """

    @property
    def address(self) -> int:
        """Of the peripheral."""
        ...

    @property
    def name(self) -> str:
        """What the peripheral calls itself, as it says; empty where that is not known."""
        ...

    @property
    def open(self) -> bool:
        """Whether the link is there, as far as anybody knows."""
        ...

    @property
    def end(self) -> LinkEnd | None:
        """Who ended it; None while it is open."""
        ...

    @property
    def mtu(self) -> int:
        """The ATT MTU in octets; 23 where nobody tells."""
        ...

    @property
    def services(self) -> Sequence[Service]:
        """In the order of their handles."""
        ...

    async def read(self, handle: int) -> bytes:
        """The whole value of a characteristic or of a descriptor."""
        ...

    async def write(self, handle: int, value: bytes, *, response: bool) -> None:
        """Write a characteristic, or a descriptor, which always responds.

        Without `response` it returns when the request is on its way.
        """
        ...

    async def subscribe(self, handle: int, listener: NotificationListener) -> None:
        """Hand every further notification of a characteristic to `listener`, one listener each."""
        ...

    async def unsubscribe(self, handle: int) -> None:
        """No more notifications of it; does nothing where there was no subscription."""
        ...

    async def pair(self, passkey: int | None = None) -> None:
        """Make a bond, unless there is one: Just Works, or with the six digits that the peripheral shows.

        Takes up to 30 s; raises PairingError.
        """
        ...

    async def tune(self, parameters: LinkParameters) -> None:
        """Ask for other connection parameters; AttError where `Radio.tunes_links` is false."""
        ...

    def on_close(self, listener: Callable[[], None]) -> Unsubscribe:
        """Call `listener` once when the link ends, whoever ends it; at once if it has ended."""
        ...
