"""One simulated device: its address, its rhythm, how well it is heard."""

from random import Random

from renogybt.model.advertisement import AddressType, Advertisement
from renogybt.model.radio import ScanMode
from renogybt.simulator.kinds import Identity, Kind
from renogybt.simulator.walk import Walk

STRONGEST_RSSI_DBM = -38
"""What a receiver in a house reports next to the antenna."""
WEAKEST_RSSI_DBM = -98
"""What it reports at the edge of hearing."""
_RSSI_SPREAD_DB = 8
_RSSI_STEP_DB = 2.5

MAX_ADVERTISING_DELAY_S = 0.010
"""The random delay that is added to each interval: Core Specification vol 6 part B 4.4.2.2.1."""


class Advertiser:
    """A device of some kind; everything about it comes from `rng`."""

    def __init__(self, kind: Kind, rng: Random, rotation_s: float) -> None:
        self._rng = rng
        self._kind = kind
        self._rotation_s = rotation_s
        self._rotates_at = rng.uniform(0.0, rotation_s)
        self._address = self._draw_address()
        self._address_type = AddressType.PUBLIC if kind.identity is Identity.PUBLIC else AddressType.RANDOM
        self._source = kind.make(rng)
        mean = rng.uniform(WEAKEST_RSSI_DBM + _RSSI_SPREAD_DB, STRONGEST_RSSI_DBM - _RSSI_SPREAD_DB)
        self._rssi = Walk(
            rng, mean if kind.rssi_dbm is None else kind.rssi_dbm, _RSSI_SPREAD_DB, _RSSI_STEP_DB
        )
        self.interval_s = rng.uniform(*kind.interval_s)

    def pause_s(self) -> float:
        """The time from one advertisement to the next."""
        return self.interval_s + self._rng.uniform(0.0, MAX_ADVERTISING_DELAY_S)

    def report(self, now: float, mode: ScanMode) -> Advertisement:
        """What a scanner reports of this device, `now` seconds after the simulation began."""
        address = self._address_at(now)
        advertisement, scan_response = self._source(now, address)
        data = advertisement + scan_response if mode is ScanMode.ACTIVE else advertisement
        return Advertisement(address, round(self._rssi.advance()), self._address_type, data)

    def _address_at(self, now: float) -> int:
        if self._kind.identity is Identity.PRIVATE and now >= self._rotates_at:
            missed = int((now - self._rotates_at) // self._rotation_s)
            self._rotates_at += (missed + 1) * self._rotation_s
            self._address = self._draw_address()
        return self._address

    def _draw_address(self) -> int:
        if self._kind.address is not None:
            return self._kind.address
        if self._kind.identity is Identity.PUBLIC:
            return self._kind.oui << 24 | self._rng.getrandbits(24)
        top_bits = 0b01 if self._kind.identity is Identity.PRIVATE else 0b11
        return top_bits << 46 | self._rng.getrandbits(46)
