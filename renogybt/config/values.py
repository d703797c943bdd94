"""From texts to values by the table, with a finding for each text that is no value."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from renogybt.config.errors import Finding, RefusedValueError, quoted
from renogybt.config.kinds import TRUTH
from renogybt.config.source import Entry
from renogybt.config.table import PROXY, SECTIONS, Effect, Row, name_of_device, rows_of

T = TypeVar("T")
_SEMICOLON = re.compile(r"\s;")
NO_MATTER = "which is no matter while with_renogy_client = false"


@dataclass(frozen=True, slots=True)
class Values:
    """A value for every row that has an effect, the entries that were given, and which of them were refused.

    `devices` are the sections [device] and [device:NAME], in the order of the file.
    """

    parsed: Mapping[tuple[str, str], object]
    entries: Mapping[tuple[str, str], Entry]
    refused: frozenset[tuple[str, str]]
    devices: tuple[str, ...]

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

    @property
    def reads_devices(self) -> bool:
        """Whether devices are to be read, so that what is said about them has to be right."""
        return self.take(PROXY, "with_renogy_client", bool)


class Parsed(NamedTuple):
    """The values, what makes them unusable, and what a user should know of."""

    values: Values
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


def parse_values(entries: Iterable[Entry]) -> Parsed:
    """Values of all rows, later entries before earlier ones; an empty text counts as its default.

    So does a refused one: an error where the key has its effect, a warning where that is planned or
    where it concerns devices and none is read, because files of the earlier program have to work.
    """
    given = {(entry.section, entry.key): entry for entry in entries}
    forgiven = {Effect.PLANNED} if _reads_devices(given) else {Effect.PLANNED, Effect.READING}
    devices = tuple(dict.fromkeys(section for section, _ in given if name_of_device(section) is not None))
    parsed: dict[tuple[str, str], object] = {}
    refused: set[tuple[str, str]] = set()
    errors: list[Finding] = []
    warnings: list[Finding] = []
    for row in _rows(devices):
        place = (row.section, row.key)
        parsed[place] = row.kind.parse(row.default)
        entry = given.get(place)
        if entry is None or not entry.text:
            continue
        try:
            parsed[place] = row.kind.parse(entry.text)
        except RefusedValueError as refusal:
            refused.add(place)
            findings = warnings if row.effect in forgiven else errors
            findings.append(_refused(row, entry, refusal, forgiven=row.effect in forgiven))
    values = Values(parsed, given, frozenset(refused), devices)
    return Parsed(values, tuple(errors), tuple(warnings))


def _rows(devices: Iterable[str]) -> tuple[Row, ...]:
    sections = dict.fromkeys((*SECTIONS, *devices))
    return tuple(row for section in sections for row in rows_of(section) if row.effect is not Effect.NONE)


def _reads_devices(given: Mapping[tuple[str, str], Entry]) -> bool:
    entry = given.get((PROXY, "with_renogy_client"))
    return entry is None or TRUTH.get(entry.text.lower(), True)


def _refused(row: Row, entry: Entry, refusal: RefusedValueError, *, forgiven: bool) -> Finding:
    shown = "the value" if row.secret else quoted(entry.text)
    problem = f"{shown} {refusal}{_advice(entry.text)}"
    if forgiven and row.effect is Effect.READING:
        problem += f", {NO_MATTER}"
    elif forgiven:
        problem += f", so {row.default} counts" if row.default else ", so it is left out"
    return entry.finding(problem, row.allowed)


def _advice(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return "; take the quotes away"
    if _SEMICOLON.search(text):
        return "; only # starts a comment after a value"
    return ""
