"""Numbers, and how they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.targets import Target

MISSED, SO_FAR = "missed", "ok so far"


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Of sorted values; 0 when there are none."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


def drift(values: Sequence[float]) -> float:
    """How much the median of the last quarter is above that of the first; 0 when there are too few."""
    quarter = len(values) // 4
    return median(values[-quarter:]) - median(values[:quarter]) if quarter else 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `values` are those of all rounds; their median is what was measured.

    `partial`: the target is meant for more than was done here, so that it can be missed but not be reached.
    """

    what: str
    values: Sequence[float]
    unit: str
    target: Target | None = None
    digits: int = 1
    partial: bool = False

    @property
    def measured(self) -> str:
        """The median, and in brackets the range where there were several rounds."""
        middle = f"{median(self.values):,.{self.digits}f}"
        low, high = (f"{value:,.{self.digits}f}" for value in (min(self.values), max(self.values)))
        return middle if low == high else f"{middle} ({low} to {high})"

    @property
    def verdict(self) -> str:
        """Whether the target is reached; empty where there is none."""
        if self.target is None:
            return ""
        if not self.target.reached(self.values):
            return MISSED
        return SO_FAR if self.partial else "ok"


def markdown(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table with columns of even width, the first one flush left."""
    rows = [list(heads), *map(list, lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    texts = []
    for row in rows:
        first, *others = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        texts.append("| " + " | ".join((first, *others)) + " |")
    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    texts.insert(1, "| " + " | ".join(rule) + " |")
    return "\n".join(texts)


def results(rows: Sequence[Row]) -> str:
    """The table of targets."""
    lines = [
        (row.what, row.measured, row.unit, "" if row.target is None else str(row.target), row.verdict)
        for row in rows
    ]
    return markdown(("what", "measured", "unit", "target", "reached"), lines)


def summary(rows: Sequence[Row]) -> str:
    """How many targets there were, and those that were missed."""
    verdicts = [row.verdict for row in rows if row.target is not None]
    missed = [row for row in rows if row.verdict == MISSED]
    open_ones = verdicts.count(SO_FAR)
    text = f"{len(verdicts) - len(missed) - open_ones} of {len(verdicts)} targets are reached"
    text += f", {open_ones} not missed so far." if open_ones else "."
    return "\n".join([text, *(f"- missed: {row.what}: {row.measured} {row.unit}".rstrip() for row in missed)])
