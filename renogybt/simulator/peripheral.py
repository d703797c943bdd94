"""What a link needs of a simulated peripheral, and the peripheral of the link."""

from collections.abc import Callable, Sequence
from typing import Protocol

from renogybt.model.gatt import Service


class Central(Protocol):
    """Whoever is connected. What it was asked for and has not happened dies with the link."""

    @property
    def now(self) -> float:
        """Seconds of the event loop."""
        ...

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Call `action` then, if the link is still there."""
        ...

    def send(self, handle: int, octets: bytes) -> None:
        """A notification or an indication; whether it has been subscribed to is the business of the link."""
        ...

    def lost(self) -> None:
        """The peripheral has ended the link."""
        ...


class Peripheral(Protocol):
    """One that serves a single central, and does not advertise meanwhile.

    Only what `services` allow is asked of it, and nothing about CCCDs.
    """

    @property
    def address(self) -> int:
        """By which it is found."""
        ...

    @property
    def name(self) -> str:
        """What it calls itself."""
        ...

    @property
    def mtu(self) -> int:
        """The ATT MTU it agrees to."""
        ...

    @property
    def services(self) -> Sequence[Service]:
        """In the order of their handles."""
        ...

    @property
    def advertising(self) -> bool:
        """Whether it is heard."""
        ...

    @property
    def taken(self) -> bool:
        """Whether a central is connected."""
        ...

    @property
    def accepting(self) -> bool:
        """Whether an attempt to connect succeeds."""
        ...

    @property
    def bonded(self) -> bool:
        """Whether there is a bond with the central, whose links are encrypted from then on."""
        ...

    def accept(self, central: Central) -> None:
        """Serve this one; only while `accepting`."""
        ...

    def release(self, central: Central) -> None:
        """This one has gone, if it was there."""
        ...

    def read(self, handle: int, *, encrypted: bool) -> bytes:
        """The whole value of a characteristic or of a descriptor; raises AttError."""
        ...

    def write(self, handle: int, value: bytes, central: Central, *, encrypted: bool) -> None:
        """Take it from `central`, and send there what follows from it; raises AttError."""
        ...

    def pair(self, passkey: int | None) -> None:
        """Make a bond; raises PairingError."""
        ...

    def unpair(self) -> None:
        """There is no bond any more."""
        ...
