"""From texts to values by the table, with a finding for each text that is no value."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from renogybt.config.errors import Finding, RefusedValueError, quoted
from renogybt.config.source import OVERRIDE, Entry
from renogybt.config.structure import Line
from renogybt.config.table import ROWS, SECTIONS, TABLE, Effect, Row

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Values:
    """A value for every row that has an effect, and the entries that were given."""

    parsed: Mapping[tuple[str, str], object]
    entries: Mapping[tuple[str, str], Entry]

    def take(self, section: str, key: str, kind: type[T]) -> T:
        """The value of a key that always has one."""
        value = self.parsed[section, key]
        if not isinstance(value, kind):
            raise TypeError(f"[{section}] {key} is {type(value).__name__}, not {kind.__name__}")
        return value

    def optional(self, section: str, key: str, kind: type[T]) -> T | None:
        """The value of a key that may be None."""
        return None if self.parsed[section, key] is None else self.take(section, key, kind)

    def given(self, section: str, key: str) -> Entry | None:
        """The entry of a key that was given with something in it."""
        entry = self.entries.get((section, key))
        return entry if entry and entry.text else None


def parse_values(entries: Iterable[Entry]) -> tuple[Values, tuple[Finding, ...]]:
    """Values of all rows, later entries before earlier ones; a refused text counts as its default."""
    given = {(entry.section, entry.key): entry for entry in entries}
    parsed: dict[tuple[str, str], object] = {}
    findings: list[Finding] = []
    for row in TABLE:
        if row.effect is Effect.NONE:
            continue
        place = (row.section, row.key)
        parsed[place] = row.kind.parse(row.default)
        if place in given:
            try:
                parsed[place] = row.kind.parse(given[place].text)
            except RefusedValueError as refusal:
                findings.append(_refused(row, given[place], refusal))
    return Values(parsed, given), tuple(findings)


def _refused(row: Row, entry: Entry, refusal: RefusedValueError) -> Finding:
    if not entry.text:
        return entry.finding("the value is empty", row.allowed)
    shown = "the value" if row.secret else quoted(entry.text)
    return entry.finding(f"{shown} {refusal}", row.allowed)


def key_warnings(entries: Iterable[Entry], headers: Sequence[Line], file: str) -> Iterator[Finding]:
    """What to say about sections and keys that are unknown or have no effect, once each."""
    for header in headers:
        if header.section not in SECTIONS:
            yield Finding(file, _unknown_section(header.section), header.section, line=header.number)
    for entry in entries:
        row = ROWS.get((entry.section, entry.key))
        if row is None and entry.section in SECTIONS:
            yield entry.finding(_unknown_key(entry.section, entry.key))
        elif row is None and entry.file == OVERRIDE:
            yield entry.finding(_unknown_section(entry.section))
        elif row is not None and row.effect is Effect.NONE:
            yield entry.finding(f"no longer needed and without effect, because {row.why}; you may delete it")


def _unknown_section(section: str) -> str:
    return f"unknown section, left out{_nearest(section.strip().lower(), SECTIONS, '[{}]')}"


def _unknown_key(section: str, key: str) -> str:
    homes = [row.section for row in TABLE if row.key == key]
    if len(homes) == 1:
        return f"unknown here, left out; it belongs into [{homes[0]}]"
    known = [row.key for row in TABLE if row.section == section and row.effect is not Effect.NONE]
    return f"unknown key, left out{_nearest(key, known, '{}')}"


def _nearest(name: str, known: Sequence[str], form: str) -> str:
    nearest = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {form.format(nearest[0])}?" if nearest else ""
