"""Everything on the air around the simulated adapter, as a function of time."""

import heapq
from collections.abc import Sequence
from random import Random

from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import ScanMode
from renogybt.simulator.advertiser import MAX_ADVERTISING_DELAY_S, Advertiser
from renogybt.simulator.kinds import DEFAULT_ADVERTISERS, Kind, line_up

DEFAULT_RATE = 50.0
ROTATION_S = 900.0
"""How long a private address lives: Core Specification vol 3 part C appendix A, T_GAP(private_addr_int)."""


class Neighbourhood:
    """Some devices that advertise `rate` times a second, all together; times are seconds from the start.

    With the default numbers each device advertises every 0.1 to 2 s, as real ones do; any other
    rate stretches or shrinks all intervals by one factor. The same seed gives the same devices and
    the same advertisements, in whatever steps the time is asked for. `guests` come in addition, keep
    their own rhythm, and change nothing for all others.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        advertisers: int = DEFAULT_ADVERTISERS,
        rate: float = DEFAULT_RATE,
        rotation_s: float = ROTATION_S,
        guests: Sequence[Kind] = (),
    ) -> None:
        if advertisers < 1 or rate <= 0 or rotation_s <= 0:
            raise ValueError("a neighbourhood needs advertisers, a rate and a rotation above zero")
        self._rng = Random(seed)  # noqa: S311 - a simulation that can be repeated
        self._advertisers = [
            Advertiser(kind, Random(self._rng.getrandbits(64)), rotation_s)  # noqa: S311
            for kind in line_up(advertisers)
        ]
        natural_rate = sum(1 / (each.interval_s + MAX_ADVERTISING_DELAY_S / 2) for each in self._advertisers)
        self._stretch = natural_rate / rate
        self._guest_rng = Random(f"guests {seed}")  # noqa: S311
        self._guests_from = len(self._advertisers)
        self._advertisers += [
            Advertiser(kind, Random(self._guest_rng.getrandbits(64)), rotation_s)  # noqa: S311
            for kind in guests
        ]
        self._queue: list[tuple[float, int]] = []
        self.skip(0.0)

    @property
    def next_due(self) -> float:
        """When the next advertisement is sent."""
        return self._queue[0][0]

    def hear(self, until: float, mode: ScanMode) -> list[Advertisement]:
        """All that was sent since the last call and not after `until`, oldest first."""
        heard = []
        while (due := self._queue[0][0]) <= until:
            index = self._queue[0][1]
            advertiser = self._advertisers[index]
            heard.append(advertiser.report(due, mode))
            heapq.heapreplace(self._queue, (due + advertiser.pause_s() * self._stretch_of(index), index))
        return heard

    def skip(self, until: float) -> None:
        """Let the time pass to `until` without listening: what is sent meanwhile is lost."""
        self._queue = [
            (until + self._rng_of(index).random() * advertiser.interval_s * self._stretch_of(index), index)
            for index, advertiser in enumerate(self._advertisers)
        ]
        heapq.heapify(self._queue)

    def _stretch_of(self, index: int) -> float:
        return self._stretch if index < self._guests_from else 1.0

    def _rng_of(self, index: int) -> Random:
        return self._rng if index < self._guests_from else self._guest_rng
