"""Numbers, and how they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Of sorted values; 0 when there are none."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `values` are those of all rounds; their median is what was reached."""

    what: str
    values: Sequence[float]
    unit: str
    target: str = ""
    digits: int = 1

    @property
    def reached(self) -> str:
        """The median, and in brackets the range where there were several rounds."""
        middle = f"{median(self.values):,.{self.digits}f}"
        low, high = (f"{value:,.{self.digits}f}" for value in (min(self.values), max(self.values)))
        return middle if low == high else f"{middle} ({low} to {high})"


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
    lines = [(row.what, row.target, row.reached, row.unit) for row in rows]
    return markdown(("what", "target", "reached", "unit"), lines)
