"""Whether a simulated peripheral is there at all, and whom it serves."""

from enum import Enum

from renogybt.simulator.peripheral import Central


class Presence(Enum):
    """How a peripheral behaves towards those who are not connected."""

    ON = "on"
    OFF = "off"
    """Switched off: neither advertises nor answers."""
    BUSY = "busy"
    """Advertises, and lets every attempt to connect hang."""


class SoloPeripheral:
    """It serves one central, and does not advertise meanwhile."""

    def __init__(self) -> None:
        self.connects = 0
        self._presence = Presence.ON
        self._central: Central | None = None

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

    # -- on request

    def drop(self) -> None:
        """End the link; it advertises again."""
        central = self._central
        if central is not None:
            self.release(central)
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
