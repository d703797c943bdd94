"""What the air tells of one address: its name, and how strong it is heard."""

from renogybt.model.advertisement import RSSI_UNKNOWN, Advertisement
from renogybt.protocols.advertising.summary import describe

RSSI_AGE_S = 300.0
"""A device that has a link need not advertise: after this time its signal strength is history."""


class Presence:
    """`name` is the one heard last, or what it was in an earlier run; empty where it is not known."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._data = b""
        self._rssi: int | None = None
        self._heard_at = float("-inf")

    def heard(self, advertisement: Advertisement, now: float) -> None:
        """An advertisement of this address at the monotonic second `now`."""
        self._heard_at = now
        self._rssi = advertisement.rssi if advertisement.rssi != RSSI_UNKNOWN else None
        if advertisement.data != self._data:
            self._data = advertisement.data
            name = (describe(advertisement.data).name or "").strip()
            # a shortened name would tell less than the one that is known
            self.name = self.name if self.name.startswith(name) else name

    def rssi(self, now: float) -> int | None:
        """In dBm; None when nothing was heard for long."""
        return self._rssi if now - self._heard_at <= RSSI_AGE_S else None
