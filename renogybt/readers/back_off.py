"""When a hub is worth another try: each attempt to connect takes the radio's time from others."""

from renogybt.model.gatt import ConnectError, GattError, NotHeardError
from renogybt.readers.errors import NoRenogyServiceError
from renogybt.readers.unit import LONGEST_BACK_OFF_S

BREATH_S = 5.0
"""After a link was lost, before an advertisement may start a round outside of the schedule."""
_NEVER = float("inf")


class BackOff:
    """For rounds every `interval_s`; all times are monotonic seconds."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._barren = 0  # rounds in a row from which no reading came
        self._not_before = -_NEVER
        self._wake_from = _NEVER

    @property
    def waits(self) -> bool:
        """Whether the last rounds have brought nothing, so that some are left out."""
        return self._barren > 0

    def allows(self, now: float) -> bool:
        """Whether a round may begin."""
        return now >= self._not_before

    def awaits_advertisement(self, now: float) -> bool:
        """Whether a round is worth while as soon as the hub is heard."""
        return now >= self._wake_from

    def begin(self) -> None:
        """A round begins."""
        self._wake_from = _NEVER

    def retry(self) -> None:
        """Something has changed: wait no longer."""
        self._not_before = -_NEVER

    def end(self, fault: GattError | TimeoutError | None, began: float, now: float, *, read: bool) -> None:
        """A round has ended; `read`: there was a reading.

        A device that was away is back when it is heard, and so it is after a link was lost. One that is
        heard and lets nobody in, or says nothing once it has, will do the same a moment later.
        """
        self._barren = 0 if read or fault is None else self._barren + 1
        if fault is None:
            return
        if isinstance(fault, NotHeardError):
            self._wake_from = now
        elif self._barren <= 1 and not isinstance(fault, ConnectError | NoRenogyServiceError):
            self._wake_from = now + BREATH_S
        if self._barren:
            pause_s = min(self._interval_s * 2.0 ** min(self._barren - 1, 30), LONGEST_BACK_OFF_S)
            self._not_before = began + pause_s - self._interval_s / 2
