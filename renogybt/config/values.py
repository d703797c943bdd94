"""From texts to values by the table, with a finding for each text that is no value."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from renogybt.config.errors import Finding, RefusedValueError, quoted
from renogybt.config.source import OVERRIDE, Entry, key_before_blank
from renogybt.config.structure import Line
from renogybt.config.table import ROWS, SECTIONS, TABLE, Effect, Row

T = TypeVar("T")
_SEMICOLON = re.compile(r"\s;")


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


class Parsed(NamedTuple):
    """The values, what makes them unusable, and what a user should know of."""

    values: Values
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


def parse_values(entries: Iterable[Entry]) -> Parsed:
    """Values of all rows, later entries before earlier ones; an empty text counts as its default.

    So does a refused one: an error where the key has its effect, a warning where that is planned,
    because files of the earlier program have to work.
    """
    given = {(entry.section, entry.key): entry for entry in entries}
    parsed: dict[tuple[str, str], object] = {}
    errors: list[Finding] = []
    warnings: list[Finding] = []
    for row in TABLE:
        if row.effect is Effect.NONE:
            continue
        place = (row.section, row.key)
        parsed[place] = row.kind.parse(row.default)
        entry = given.get(place)
        if entry is None or not entry.text:
            continue
        try:
            parsed[place] = row.kind.parse(entry.text)
        except RefusedValueError as refusal:
            findings = warnings if row.effect is Effect.PLANNED else errors
            findings.append(_refused(row, entry, refusal))
    return Parsed(Values(parsed, given), tuple(errors), tuple(warnings))


def _refused(row: Row, entry: Entry, refusal: RefusedValueError) -> Finding:
    shown = "the value" if row.secret else quoted(entry.text)
    problem = f"{shown} {refusal}{_advice(entry.text)}"
    if row.effect is Effect.PLANNED:
        problem += f", so {row.default} counts" if row.default else ", so it is left out"
    return entry.finding(problem, row.allowed)


def _advice(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return "; take the quotes away"
    if _SEMICOLON.search(text):
        return "; only # starts a comment after a value"
    return ""


def key_warnings(entries: Iterable[Entry], headers: Sequence[Line], file: str) -> Iterator[Finding]:
    """What to say about sections and keys that are unknown or have no effect, once each."""
    for header in headers:
        if header.section not in SECTIONS:
            yield Finding(file, _unknown_section(header.section), header.section, line=header.number)
    for entry in entries:
        row = ROWS.get((entry.section, entry.key))
        if row is None and (key := key_before_blank(entry.key)):
            # what follows the key was its value, perhaps a secret that itself holds an equals sign
            yield replace(entry.finding("= is missing after it, so it is left out"), key=key)
        elif row is None and entry.section in SECTIONS:
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
