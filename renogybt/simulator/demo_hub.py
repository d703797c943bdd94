"""The demo's Renogy hub as a peripheral: whom it serves, and whether it is there at all."""

import time
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from renogybt.model.gatt import BASE_UUID, Characteristic, Property, Service
from renogybt.simulator.hub import HUB_ADDRESS, HUB_NAME
from renogybt.simulator.hub_faults import Answer
from renogybt.simulator.renogy_bus import RenogyBus

ATT_MTU = 23
NAME_HANDLE, DECOY_HANDLE, WRITE_HANDLE, NOTIFY_HANDLE = 0x0003, 0x0012, 0x0022, 0x0032
_WRITABLE = Property.WRITE | Property.WRITE_WITHOUT_RESPONSE

SERVICES = (
    Service(
        BASE_UUID.format(0x1800),
        0x0001,
        (Characteristic(BASE_UUID.format(0x2A00), NAME_HANDLE, Property.READ),),
    ),
    Service(
        "f000ffd0-0451-4000-b000-000000000000",
        0x0010,
        (Characteristic("f000ffd1-0451-4000-b000-000000000000", DECOY_HANDLE, _WRITABLE),),
    ),
    Service(
        BASE_UUID.format(0xFFD0),
        0x0020,
        (Characteristic(BASE_UUID.format(0xFFD1), WRITE_HANDLE, _WRITABLE),),
    ),
    Service(
        BASE_UUID.format(0xFFF0),
        0x0030,
        (Characteristic(BASE_UUID.format(0xFFF1), NOTIFY_HANDLE, Property.NOTIFY),),
    ),
)
"""As on a BT-2, whose second service looks like the one for requests and is not."""


class Presence(Enum):
    """How the hub behaves towards those who are not connected."""

    ON = "on"
    OFF = "off"
    """Switched off: neither advertises nor answers."""
    BUSY = "busy"
    """Advertises, and lets every attempt to connect hang."""


class Central(Protocol):
    """Whoever is connected."""

    def lost(self) -> None:
        """The hub has ended the link."""
        ...


class DemoHub:
    """A hub `HUB_ADDRESS` with its line. It serves one central, and does not advertise meanwhile.

    `clock` counts monotonic seconds; the life of the house behind it begins with the hub.
    """

    address = HUB_ADDRESS
    name = HUB_NAME

    def __init__(
        self,
        bus: RenogyBus | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bus = RenogyBus() if bus is None else bus
        self.connects = 0
        self.requests = 0
        self._clock = clock
        self._began = clock()
        self._presence = Presence.ON
        self._central: Central | None = None

    @property
    def now(self) -> float:
        """Seconds since the hub is there."""
        return self._clock() - self._began

    @property
    def advertising(self) -> bool:
        """Whether it is heard."""
        return self._presence is not Presence.OFF and self._central is None

    @property
    def taken(self) -> bool:
        """Whether a central is connected."""
        return self._central is not None

    @property
    def accepting(self) -> bool:
        """Whether an attempt to connect succeeds."""
        return self._presence is Presence.ON and self._central is None

    def accept(self, central: Central) -> None:
        """Serve this one; only while `accepting`."""
        self._central = central
        self.connects += 1

    def release(self, central: Central) -> None:
        """This one has gone, if it was there."""
        if self._central is central:
            self._central = None

    def answer(self, request: bytes) -> Answer:
        """What is sent back for these octets."""
        self.requests += 1
        return self.bus.answer(request, self.now)

    # -- on request

    def drop(self) -> None:
        """End the link; the hub advertises again."""
        central, self._central = self._central, None
        if central is not None:
            central.lost()

    def vanish(self) -> None:
        """Switch it off: a link breaks."""
        self._presence = Presence.OFF
        self.drop()

    def refuse(self) -> None:
        """Let every further attempt to connect hang; a link that is there goes on."""
        self._presence = Presence.BUSY

    def reappear(self) -> None:
        """Switch it on, and accept again."""
        self._presence = Presence.ON
