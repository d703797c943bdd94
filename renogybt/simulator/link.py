"""A GATT link to the demo's hub: the port `GattLink` without any Bluetooth."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from renogybt.model.gatt import AttError, LinkLostError, NotificationListener, Property, Service
from renogybt.model.radio import Unsubscribe
from renogybt.model.subscribers import Subscribers
from renogybt.simulator.demo_hub import ATT_MTU, NAME_HANDLE, SERVICES, WRITE_HANDLE, DemoHub
from renogybt.simulator.hub_faults import Answer
from renogybt.simulator.renogy_bus import ANSWER_S

ROUND_TRIP_S = 0.03
"""Two connection events of 15 ms: a request, and its response."""
_BETWEEN_NOTIFICATIONS_S = 0.002
_PROPERTIES = {each.handle: each.properties for service in SERVICES for each in service.characteristics}


class DemoLink:
    """The link of one central to a hub, from `DemoHub.accept` until one of the two ends it.

    The hub answers one request after the other. What is under way when the link ends is lost.
    """

    def __init__(self, hub: DemoHub) -> None:
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._listeners: dict[int, NotificationListener] = {}
        self._closed: Subscribers[None] = Subscribers()
        self._timers: set[asyncio.TimerHandle] = set()
        self._line_free_at = 0.0
        self._open = True
        hub.accept(self)

    @property
    def address(self) -> int:
        """Of the hub."""
        return self._hub.address

    @property
    def name(self) -> str:
        """What the hub calls itself."""
        return self._hub.name

    @property
    def open(self) -> bool:
        """Whether the link is there."""
        return self._open

    @property
    def mtu(self) -> int:
        """A hub agrees to no more."""
        return ATT_MTU

    @property
    def services(self) -> Sequence[Service]:
        """As on a BT-2."""
        return SERVICES

    async def read(self, handle: int) -> bytes:
        """The device name is all that can be read; raises AttError or LinkLostError."""
        await self._operation(handle, Property.READ, "read")
        return self._hub.name.encode() if handle == NAME_HANDLE else b""

    async def write(self, handle: int, value: bytes, *, response: bool) -> None:
        """A request, if it goes to FFD1; raises AttError or LinkLostError."""
        needed = Property.WRITE if response else Property.WRITE_WITHOUT_RESPONSE
        await self._operation(handle, needed, "write", round_trip=response)
        if len(value) > ATT_MTU - 3:
            raise AttError(f"{len(value)} octets are too long for an ATT MTU of {ATT_MTU}")
        if handle == WRITE_HANDLE:
            self._ask(value)

    async def subscribe(self, handle: int, listener: NotificationListener) -> None:
        """Hand every further notification to `listener`; raises AttError or LinkLostError."""
        await self._operation(handle, Property.NOTIFY, "subscribe to")
        self._listeners[handle] = listener

    async def unsubscribe(self, handle: int) -> None:
        """No more notifications; raises LinkLostError."""
        self._listeners.pop(handle, None)
        await self._travel(ROUND_TRIP_S)

    def on_close(self, listener: Callable[[], None]) -> Unsubscribe:
        """Call `listener` once when the link ends, at once if it has ended."""
        if self._open:
            return self._closed.add(lambda _: listener())
        listener()
        return lambda: None

    def close(self) -> None:
        """End the link from this side."""
        self._hub.release(self)
        self.lost()

    def lost(self) -> None:
        """The hub, or the radio, has ended it."""
        if not self._open:
            return
        self._open = False
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._listeners.clear()
        self._closed.notify(None)

    async def _operation(self, handle: int, needed: Property, what: str, *, round_trip: bool = True) -> None:
        """One exchange with the hub, which refuses what the characteristic cannot do."""
        await self._travel(ROUND_TRIP_S if round_trip else 0.0)
        if needed not in _PROPERTIES.get(handle, Property(0)):
            raise AttError(f"the hub does not let anybody {what} handle 0x{handle:04x}")

    async def _travel(self, seconds: float) -> None:
        if self._open:
            await asyncio.sleep(seconds)
        if not self._open:
            raise LinkLostError("the link to the demo hub is gone")

    def _ask(self, request: bytes) -> None:
        free_at = self._line_free_at = max(self._loop.time(), self._line_free_at) + ANSWER_S
        self._at(free_at, partial(self._reach_the_line, request))

    def _reach_the_line(self, request: bytes) -> None:
        self._send(self._hub.answer(request))

    def _send(self, answer: Answer) -> None:
        begin = self._loop.time() + answer.delay_s
        for number, piece in enumerate(answer.pieces):
            self._at(begin + number * _BETWEEN_NOTIFICATIONS_S, partial(self._notify, piece))
            if answer.drops:
                self._at(begin + _BETWEEN_NOTIFICATIONS_S, self._hub.drop)
                return

    def _notify(self, octets: bytes) -> None:
        for listener in tuple(self._listeners.values()):
            listener(octets)

    def _at(self, when: float, action: Callable[[], None]) -> None:
        def act() -> None:
            self._timers.discard(timer)
            action()

        timer = self._loop.call_at(when, act)
        self._timers.add(timer)
