"""The demo's lamp as a peripheral: its model, with a central, time and bonds."""

from functools import partial

from renogybt.model.gatt import PairingError
from renogybt.simulator.lamp import TICK_S, Lamp, Sent
from renogybt.simulator.peripheral import Central
from renogybt.simulator.presence import SoloPeripheral

_ON_ITS_WAY_S = 0.0075
"""Half a connection event of 15 ms: what a write causes comes after its response."""
_LONGEST_BACKLOG_S = 1.0
"""A process that was suspended does not catch up with all its ticks."""


class DemoLamp(SoloPeripheral):
    """A lamp `LAMP_ADDRESS`. Its bond lasts as long as this object, its ticking as long as a link."""

    def __init__(self, model: Lamp | None = None) -> None:
        super().__init__()
        self.model = Lamp() if model is None else model
        self.address, self.name = self.model.address, self.model.name
        self.mtu, self.services = self.model.mtu, self.model.services
        self.bonded = False
        self._ticks = False
        self._tick_at = 0.0

    def release(self, central: Central) -> None:
        """This one has gone, if it was there."""
        if self._central is central:
            self.model.ticking = self._ticks = False
        super().release(central)

    def read(self, handle: int, *, encrypted: bool) -> bytes:
        """The whole value; raises AttError."""
        return self.model.read(handle, encrypted=encrypted)

    def write(self, handle: int, value: bytes, central: Central, *, encrypted: bool) -> None:
        """Take it, and send what follows from it; raises AttError."""
        for sent in self.model.write(handle, value, encrypted=encrypted):
            central.at(central.now + _ON_ITS_WAY_S, partial(_send, central, sent))
        if self.model.ticking and not self._ticks:
            self._ticks, self._tick_at = True, central.now
            self._next_tick(central)

    def pair(self, passkey: int | None) -> None:
        """Just Works, unless the lamp has a passkey; raises PairingError."""
        if self.model.passkey is not None and passkey != self.model.passkey:
            what = "no passkey was given" if passkey is None else "the passkey is wrong"
            raise PairingError(f"{self.name} refuses to pair: {what}")
        self.bonded = True

    def unpair(self) -> None:
        """There is no bond any more."""
        self.bonded = False

    def _next_tick(self, central: Central) -> None:
        self._tick_at = max(self._tick_at + TICK_S, central.now - _LONGEST_BACKLOG_S)
        central.at(self._tick_at, partial(self._tick, central))

    def _tick(self, central: Central) -> None:
        self._ticks = self.model.ticking
        if self._ticks:
            _send(central, self.model.tick())
            self._next_tick(central)


def _send(central: Central, sent: Sent) -> None:
    central.send(sent.handle, sent.octets)
