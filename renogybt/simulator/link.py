"""A GATT link to a simulated peripheral: the port `GattLink` without any Bluetooth."""

import asyncio
from collections.abc import Callable, Sequence

from renogybt.model.gatt import (
    AttCode,
    AttError,
    LinkEnd,
    LinkLostError,
    LinkParameters,
    NotificationListener,
    Service,
)
from renogybt.model.radio import Unsubscribe
from renogybt.model.subscribers import Subscribers
from renogybt.simulator.attributes import COMMAND, READ, SUBSCRIBE, WRITE, Attributes
from renogybt.simulator.peripheral import Peripheral

INTERVAL_S = 0.015
"""From one connection event to the next, until somebody tunes the link."""
_ROUND_TRIP_EVENTS = 2
"""A request in one connection event, its response in the next."""
_PAIRING_EVENTS = 12
"""Features, public keys, confirmations, checks and keys go back and forth one after the other."""
_INTERVAL_UNIT_S = 0.00125
_ATT_HEADER_OCTETS = 3


class DemoLink:
    """The link of one central to a peripheral, from `Peripheral.accept` until one of the two ends it.

    What is under way when the link ends is lost. A bond that is there encrypts the link from the start.
    """

    def __init__(self, peripheral: Peripheral) -> None:
        self._peripheral = peripheral
        self._attributes = Attributes(peripheral.services)
        self._loop = asyncio.get_running_loop()
        self._listeners: dict[int, NotificationListener] = {}
        self._closed: Subscribers[None] = Subscribers()
        self._timers: set[asyncio.TimerHandle] = set()
        self._end: LinkEnd | None = None
        self._encrypted = peripheral.bonded
        self._interval_s = INTERVAL_S
        peripheral.accept(self)

    @property
    def address(self) -> int:
        """Of the peripheral."""
        return self._peripheral.address

    @property
    def name(self) -> str:
        """What the peripheral calls itself."""
        return self._peripheral.name

    @property
    def open(self) -> bool:
        """Whether the link is there."""
        return self._end is None

    @property
    def end(self) -> LinkEnd | None:
        """Who ended it; None while it is open."""
        return self._end

    @property
    def mtu(self) -> int:
        """What the peripheral agrees to."""
        return self._peripheral.mtu

    @property
    def services(self) -> Sequence[Service]:
        """All of them, in the order of their handles."""
        return self._peripheral.services

    async def read(self, handle: int) -> bytes:
        """The whole value; raises AttError or LinkLostError."""
        await self._exchange()
        self._attributes.require(handle, READ)
        configuration = self._attributes.configuration(handle, tuple(self._listeners))
        if configuration is not None:
            return configuration
        return self._peripheral.read(handle, encrypted=self._encrypted)

    async def write(self, handle: int, value: bytes, *, response: bool) -> None:
        """Of any length with response, as BlueZ prepares long writes; raises AttError or LinkLostError."""
        with_response = response or self._attributes.is_descriptor(handle)
        await self._exchange(_ROUND_TRIP_EVENTS if with_response else 0)
        self._attributes.require(handle, WRITE if with_response else COMMAND)
        if not with_response and len(value) > self.mtu - _ATT_HEADER_OCTETS:
            text = f"{len(value)} octets are too long for an ATT MTU of {self.mtu}"
            raise AttError(text, AttCode.INVALID_LENGTH)
        self._peripheral.write(handle, value, self, encrypted=self._encrypted)

    async def subscribe(self, handle: int, listener: NotificationListener) -> None:
        """Hand every further notification to `listener`; raises AttError or LinkLostError."""
        await self._exchange()
        self._attributes.require(handle, SUBSCRIBE)
        self._listeners[handle] = listener

    async def unsubscribe(self, handle: int) -> None:
        """No more notifications; raises LinkLostError."""
        self._listeners.pop(handle, None)
        await self._exchange()

    async def pair(self, passkey: int | None = None) -> None:
        """Make a bond, unless there is one; raises PairingError or LinkLostError."""
        bonded = self._peripheral.bonded
        await self._exchange(_ROUND_TRIP_EVENTS if bonded else _PAIRING_EVENTS)
        if not bonded:
            self._peripheral.pair(passkey)
        self._encrypted = True

    async def tune(self, parameters: LinkParameters) -> None:
        """Meet as seldom as they allow; raises AttError or LinkLostError."""
        await self._exchange()
        parameters.check()
        self._interval_s = parameters.max_interval * _INTERVAL_UNIT_S

    def on_close(self, listener: Callable[[], None]) -> Unsubscribe:
        """Call `listener` once when the link ends, at once if it has ended."""
        if self.open:
            return self._closed.add(lambda _: listener())
        listener()
        return lambda: None

    def close(self, end: LinkEnd = LinkEnd.OURSELVES) -> None:
        """End the link from this side."""
        self._peripheral.release(self)
        self._finish(end)

    # -- for the peripheral

    @property
    def now(self) -> float:
        """Seconds of the event loop."""
        return self._loop.time()

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Call `action` then, if the link is still there."""
        if not self.open:
            return

        def act() -> None:
            self._timers.discard(timer)
            action()

        timer = self._loop.call_at(when, act)
        self._timers.add(timer)

    def send(self, handle: int, octets: bytes) -> None:
        """A notification or an indication, for whoever listens; cut off where the MTU ends."""
        listener = self._listeners.get(handle)
        if listener is not None:
            listener(octets[: self.mtu - _ATT_HEADER_OCTETS])

    def lost(self) -> None:
        """The peripheral has ended it."""
        self._finish(LinkEnd.PERIPHERAL)

    def _finish(self, end: LinkEnd) -> None:
        if self._end is not None:
            return
        self._end = end
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._listeners.clear()
        self._closed.notify(None)

    async def _exchange(self, events: int = _ROUND_TRIP_EVENTS) -> None:
        """What takes so many connection events; raises LinkLostError."""
        if self.open:
            await asyncio.sleep(events * self._interval_s)
        if not self.open:
            raise LinkLostError(f"the link to {self.name} is gone")
