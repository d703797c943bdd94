"""The demo's Renogy hub as a peripheral: requests come, and notifications go."""

import time
from collections.abc import Callable
from functools import partial

from renogybt.model.gatt import BASE_UUID, Characteristic, PairingError, Property, Service
from renogybt.simulator.hub import HUB_ADDRESS, HUB_NAME
from renogybt.simulator.hub_faults import Answer
from renogybt.simulator.peripheral import Central
from renogybt.simulator.presence import SoloPeripheral
from renogybt.simulator.renogy_bus import ANSWER_S, RenogyBus

ATT_MTU = 23
NAME_HANDLE, DECOY_HANDLE, WRITE_HANDLE, NOTIFY_HANDLE = 0x0003, 0x0012, 0x0022, 0x0032
_BETWEEN_NOTIFICATIONS_S = 0.002
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


class DemoHub(SoloPeripheral):
    """A hub `HUB_ADDRESS` with its line, which answers one request after the other.

    `clock` counts monotonic seconds; the life of the house behind it begins with the hub.
    """

    address = HUB_ADDRESS
    name = HUB_NAME
    mtu = ATT_MTU
    services = SERVICES
    bonded = False

    def __init__(
        self,
        bus: RenogyBus | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.bus = RenogyBus() if bus is None else bus
        self.requests = 0
        self._clock = clock
        self._began = clock()
        self._line_free_at = 0.0

    @property
    def now(self) -> float:
        """Seconds since the hub is there."""
        return self._clock() - self._began

    def accept(self, central: Central) -> None:
        """Serve this one; only while `accepting`."""
        super().accept(central)
        self._line_free_at = central.now

    def read(self, handle: int, *, encrypted: bool) -> bytes:
        """The device name is all that can be read."""
        return self.name.encode()

    def write(self, handle: int, value: bytes, central: Central, *, encrypted: bool) -> None:
        """A request, if it goes to FFD1."""
        if handle != WRITE_HANDLE:
            return
        self._line_free_at = max(central.now, self._line_free_at) + ANSWER_S
        central.at(self._line_free_at, partial(self._answer, central, value))

    def pair(self, passkey: int | None) -> None:
        """A hub knows no bonds; raises PairingError."""
        raise PairingError("the demo hub does not support pairing")

    def unpair(self) -> None:
        """Nothing to do."""

    def _answer(self, central: Central, request: bytes) -> None:
        self.requests += 1
        self._send(central, self.bus.answer(request, self.now))

    def _send(self, central: Central, answer: Answer) -> None:
        begin = central.now + answer.delay_s
        for number, piece in enumerate(answer.pieces):
            when = begin + number * _BETWEEN_NOTIFICATIONS_S
            central.at(when, partial(central.send, NOTIFY_HANDLE, piece))
            if answer.drops:
                central.at(begin + _BETWEEN_NOTIFICATIONS_S, self.drop)
                return
