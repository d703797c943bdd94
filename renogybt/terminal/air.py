"""Everything heard so far."""

from collections.abc import Sequence
from dataclasses import dataclass

from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import ScannerState, ScannerStatus
from renogybt.protocols.advertising.summary import Summary, describe


@dataclass(slots=True)
class Seen:
    """One device: its latest advertisement with what that says, and how often it was heard."""

    advertisement: Advertisement
    summary: Summary
    name: str
    count: int
    last: float


class Air:
    """The devices heard so far by address, and the latest status of the radio once it is known."""

    def __init__(self) -> None:
        self.devices: dict[int, Seen] = {}
        self.total = 0
        self.status: ScannerStatus | None = None

    def watch(self, status: ScannerStatus) -> None:
        """Take in what the radio says about itself."""
        if status.state not in (
            ScannerState.STOPPING,
            ScannerState.STOPPED,
        ):  # the end of the scan says nothing
            self.status = status

    def hear(self, batch: Sequence[Advertisement], now: float) -> None:
        """Take in a batch that came at `now`."""
        self.total += len(batch)
        for advertisement in batch:
            seen = self.devices.get(advertisement.address)
            if seen is None:
                summary = describe(advertisement.data)
                self.devices[advertisement.address] = Seen(advertisement, summary, summary.name or "", 1, now)
                continue
            if advertisement.data != seen.advertisement.data:
                seen.summary = describe(advertisement.data)
                seen.name = seen.summary.name or seen.name
            seen.advertisement = advertisement
            seen.count += 1
            seen.last = now
