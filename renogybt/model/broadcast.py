"""What every radio does alike: keep its status, and tell listeners."""

from collections.abc import Sequence

from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import AdvertisementListener, ScannerStatus, StatusListener, Unsubscribe
from renogybt.model.subscribers import Subscribers


class Broadcast:
    """The listening half of the port `Radio`; a radio derives from it."""

    def __init__(self, status: ScannerStatus) -> None:
        self._status = status
        self._advertisements: Subscribers[Sequence[Advertisement]] = Subscribers()
        self._changes: Subscribers[ScannerStatus] = Subscribers()
        self._waiting = 0
        self._deliver: AdvertisementListener = self._advertisements.notify
        """A batch for all listeners."""

    @property
    def status(self) -> ScannerStatus:
        """The truth at this moment."""
        return self._status

    @property
    def prompt(self) -> bool:
        """Whether anybody waits for advertisements; else they may come late."""
        return self._waiting > 0

    def listen(self, listener: AdvertisementListener, *, patient: bool = False) -> Unsubscribe:
        """Deliver all further advertisements to `listener`, until the answer is called."""
        if patient:
            return self._advertisements.add(listener)
        self._waiting += 1
        if self._waiting == 1:
            self._hurry()
        leave = self._advertisements.add(listener)
        waits = True

        def stop() -> None:
            nonlocal waits
            leave()
            self._waiting -= waits
            waits = False

        return stop

    def _hurry(self) -> None:
        """Somebody waits from now on, for what is heard from now on: a radio that is patient catches up."""

    def watch(self, listener: StatusListener) -> Unsubscribe:
        """Tell `listener` every further change of `status`, until the answer is called."""
        return self._changes.add(listener)

    def _become(self, status: ScannerStatus) -> None:
        """The status from now on; told only if it is another one."""
        if status != self._status:
            self._status = status
            self._changes.notify(status)
