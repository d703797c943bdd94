"""The port to a radio: what the proxy needs of BlueZ, of the demo, and of nothing else."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from renogybt.model.advertisement import Advertisement
from renogybt.model.recovery import RadioCare

if TYPE_CHECKING:
    from renogybt.model.gatt import GattLink
    from renogybt.model.slots import ConnectionSlots, Slot


class ScanMode(Enum):
    """Whether the radio asks advertisers for their scan response."""

    PASSIVE = "passive"
    ACTIVE = "active"


class ScannerState(Enum):
    """Where the scanner is in its life; the words of the ESPHome API."""

    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Intake(Enum):
    """The way advertisements take into this process."""

    NONE = "none"
    MGMT = "mgmt"
    DBUS = "dbus"
    DEMO = "demo"


@dataclass(frozen=True, slots=True)
class ScannerStatus:
    """The truth about the scanner at one moment.

    `mode` is what the radio really does, not what was asked for. `reason` says in one line why
    the state is FAILED and what to do about it, and is empty otherwise. `adapter` is the
    address of the adapter in use, None while there is none.
    """

    state: ScannerState
    mode: ScanMode
    intake: Intake = Intake.NONE
    adapter: int | None = None
    reason: str = ""


AdvertisementListener = Callable[[Sequence[Advertisement]], None]
StatusListener = Callable[[ScannerStatus], None]
Unsubscribe = Callable[[], None]


class Radio(Protocol):
    """A scanner that delivers every advertisement it hears, in batches.

    Listeners are called in the event loop, must not block and must not raise. A batch holds
    everything that was waiting when the radio looked, oldest first, never nothing; a busy radio
    looks at most every 50 ms, an idle one at once, and one whose listeners are all patient may leave
    250 ms between two looks.
    """

    @property
    def status(self) -> ScannerStatus:
        """The truth at this moment."""
        ...

    def listen(self, listener: AdvertisementListener, *, patient: bool = False) -> Unsubscribe:
        """Deliver all further advertisements to `listener`, until the answer is called.

        A `patient` one does not mind to have them late, which saves wake-ups where much is on the air.
        """
        ...

    def watch(self, listener: StatusListener) -> Unsubscribe:
        """Tell `listener` every further change of `status`, until the answer is called."""
        ...

    def set_mode(self, mode: ScanMode) -> None:
        """Ask for a scan mode. Returns at once; the outcome appears in `status`."""
        ...

    @property
    def adapter_names(self) -> tuple[str, ...]:
        """hciN, where its adapter has such a name, and the address; empty without an adapter."""
        ...

    @property
    def care(self) -> RadioCare:
        """What keeps it well, and resets its adapter when somebody asks for it."""
        ...

    @property
    def slots(self) -> "ConnectionSlots":
        """The links that are possible at the same time, and who has them."""
        ...

    @property
    def tunes_links(self) -> bool:
        """Whether connection parameters can be asked for, as far as is known by now."""
        ...

    def connect(self, address: int, slot: "Slot | None" = None) -> "AbstractAsyncContextManager[GattLink]":
        """A GATT link to the peripheral `address`, for the time of the `async with`.

        `slot` was reserved for it; without one, a slot is reserved for a reader, for as long as the link
        takes. Possible while `run` runs, whatever the scan mode; scanning goes on. Entering takes up to 30 s:
        5 s to hear the peripheral, 10 s for each attempt; one peripheral after the other. It raises
        NotHeardError or ConnectError. Leaving closes the link, also when cancelled, within 2.8 s.
        """
        ...

    async def unpair(self, address: int) -> None:
        """Remove the bond with a peripheral; a link to it ends. No error where there is no bond.

        Raises PairingError.
        """
        ...

    async def forget(self, address: int) -> None:
        """Have the services of a peripheral read anew at its next link, once the present one has ended.

        A bond stays. Raises ConnectError where that cannot be arranged now.
        """
        ...

    async def run(self) -> None:
        """Scan until cancelled, whatever happens to the hardware; then leave it as found."""
        ...
