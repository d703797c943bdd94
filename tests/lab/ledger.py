"""The arithmetic of a soak: what was away for how long, what was heard of what was sent, what grows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median


@dataclass(frozen=True, slots=True)
class Span:
    """From one moment to another (seconds of one clock)."""

    begin: float
    end: float

    def meets(self, other: "Span") -> bool:
        """Whether they have time in common; to touch is not enough."""
        return self.begin < other.end and other.begin < self.end


@dataclass(frozen=True, slots=True)
class Sample:
    """At this moment, so many since the start: what was sent, and what a client has got of it."""

    at: float
    sent: int
    heard: int


def longest_pause(times: Iterable[float], span: Span) -> Span:
    """The longest time without an advertisement that has part in this span; `times` in their order.

    Before the first of them and after the last one the bounds of the span are taken for one.
    """
    times = tuple(times)
    before = max((at for at in times if at <= span.begin), default=span.begin)
    after = min((at for at in times if at >= span.end), default=span.end)
    inside = [at for at in times if span.begin < at < span.end]
    pauses = [Span(*each) for each in pairwise((before, *inside, after))]
    return max(pauses, key=lambda pause: pause.end - pause.begin)


def coverage(samples: Sequence[Sample], windows: Sequence[Span]) -> float:
    """Heard of sent, of the times between two samples that meet none of these windows; 1.0 without any."""
    calm = [
        (earlier, later)
        for earlier, later in pairwise(samples)
        if not any(window.meets(Span(earlier.at, later.at)) for window in windows)
    ]
    sent = sum(later.sent - earlier.sent for earlier, later in calm)
    heard = sum(later.heard - earlier.heard for earlier, later in calm)
    return heard / sent if sent else 1.0


def share(told: Iterable[tuple[float, float]], windows: Sequence[Span]) -> float:
    """The mean of these values, each with its moment, outside of the windows; 1.0 without any."""
    calm = [value for at, value in told if not any(window.begin <= at <= window.end for window in windows)]
    return fmean(calm) if calm else 1.0


def slope(points: Sequence[tuple[float, float]]) -> float:
    """By how much per second the straight line rises that fits these best; 0.0 for fewer than two."""
    if len(points) < 2:
        return 0.0
    mean_x, mean_y = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def growth(values: Sequence[float]) -> float:
    """The median of the last third less that of the first: what is left when the ups and downs are gone."""
    third = max(1, len(values) // 3)
    return median(values[-third:]) - median(values[:third]) if values else 0.0
