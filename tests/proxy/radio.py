"""A radio that hears what the test says."""

from collections.abc import Sequence

from fakes.nobody import Reach
from proxy.care import SpokenCare

from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import (
    AdvertisementListener,
    Intake,
    ScanMode,
    ScannerState,
    ScannerStatus,
    StatusListener,
    Unsubscribe,
)
from renogybt.model.subscribers import Subscribers


class SpokenRadio(Reach):
    """Changes its mode at once, or never where `modes` does not hold it."""

    def __init__(self, mode: ScanMode = ScanMode.ACTIVE, modes: Sequence[ScanMode] = tuple(ScanMode)) -> None:
        super().__init__()
        self.status = ScannerStatus(ScannerState.RUNNING, mode, Intake.MGMT, 0x001A7DDA7113)
        self.care = SpokenCare()
        self.asked: list[ScanMode] = []
        self._modes = modes
        self._batches: Subscribers[Sequence[Advertisement]] = Subscribers()
        self._statuses: Subscribers[ScannerStatus] = Subscribers()

    def listen(self, listener: AdvertisementListener) -> Unsubscribe:
        return self._batches.add(listener)

    def watch(self, listener: StatusListener) -> Unsubscribe:
        return self._statuses.add(listener)

    def set_mode(self, mode: ScanMode) -> None:
        self.asked.append(mode)
        if mode in self._modes:
            self.become(mode=mode)

    def become(self, **changes: object) -> None:
        """Change the status."""
        fields = {name: getattr(self.status, name) for name in ScannerStatus.__slots__}
        status = ScannerStatus(**{**fields, **changes})  # type: ignore[arg-type]
        if status != self.status:
            self.status = status
            self._statuses.notify(status)

    def hear(self, batch: Sequence[Advertisement]) -> None:
        """Deliver a batch."""
        self._batches.notify(batch)

    async def run(self) -> None:
        """Nothing runs."""
