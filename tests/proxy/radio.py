"""A radio that hears what the test says."""

from collections.abc import Sequence

from fakes.nobody import Reach
from proxy.care import SpokenCare

from renogybt.model.advertisement import Advertisement
from renogybt.model.broadcast import Broadcast
from renogybt.model.radio import Intake, ScanMode, ScannerState, ScannerStatus


class SpokenRadio(Reach, Broadcast):
    """Changes its mode at once, or never where `modes` does not hold it."""

    def __init__(self, mode: ScanMode = ScanMode.ACTIVE, modes: Sequence[ScanMode] = tuple(ScanMode)) -> None:
        Reach.__init__(self)
        Broadcast.__init__(self, ScannerStatus(ScannerState.RUNNING, mode, Intake.MGMT, 0x001A7DDA7113))
        self.care = SpokenCare()
        self.asked: list[ScanMode] = []
        self._modes = modes

    def set_mode(self, mode: ScanMode) -> None:
        self.asked.append(mode)
        if mode in self._modes:
            self.become(mode=mode)

    def become(self, **changes: object) -> None:
        """Change the status."""
        fields = {name: getattr(self.status, name) for name in ScannerStatus.__slots__}
        self._become(ScannerStatus(**{**fields, **changes}))  # type: ignore[arg-type]

    def hear(self, batch: Sequence[Advertisement]) -> None:
        """Deliver a batch."""
        self._deliver(batch)

    async def run(self) -> None:
        """Nothing runs."""
