"""What to say about sections and keys that the table does not hold, or holds without effect."""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from renogybt.config.errors import Finding, shortened
from renogybt.config.source import OVERRIDE, Entry, key_before_blank
from renogybt.config.structure import Line
from renogybt.config.table import DEVICE, SECTIONS, TABLE, Effect, is_section, name_of_device, rows_of

_WORD_AND_NAME = re.compile(r"(?P<word>[A-Za-z]++)[\W_]*+(?P<name>.+)")


def key_warnings(entries: Iterable[Entry], headers: Sequence[Line], file: str) -> Iterator[Finding]:
    """What to say about sections and keys that are unknown or have no effect, once each."""
    for header in headers:
        if not is_section(header.section):
            yield Finding(file, _unknown_section(header.section), header.section, line=header.number)
    for entry in entries:
        row = next((row for row in rows_of(entry.section) if row.key == entry.key), None)
        if row is None and (key := key_before_blank(entry.key)):
            # what follows the key was its value, perhaps a secret that itself holds an equals sign
            yield replace(entry.finding("= is missing after it, so it is left out"), key=key)
        elif row is None and is_section(entry.section):
            yield entry.finding(_unknown_key(entry.section, entry.key))
        elif row is None and entry.file == OVERRIDE:
            yield entry.finding(_unknown_section(entry.section))
        elif row is not None and row.effect is Effect.NONE:
            yield entry.finding(f"no longer needed and without effect, because {row.why}; you may delete it")


def _unknown_section(section: str) -> str:
    text = section.strip()
    match = _WORD_AND_NAME.fullmatch(text)
    if match and match["name"].isprintable() and _nearest(match["word"].lower(), [DEVICE], "{}"):
        meant = f"; did you mean [{DEVICE}:{shortened(match['name'])}]?"
    else:
        meant = _nearest(text.lower(), SECTIONS, "[{}]")
    return f"unknown section, left out{meant}"


def _unknown_key(section: str, key: str) -> str:
    homes = [row.section for row in TABLE if row.key == key]
    if name_of_device(section) and DEVICE in homes:
        return f"unknown here, left out; it belongs into [{DEVICE}] and counts for all devices"
    if len(homes) == 1:
        return f"unknown here, left out; it belongs into [{homes[0]}]"
    known = [row.key for row in rows_of(section) if row.effect is not Effect.NONE]
    return f"unknown key, left out{_nearest(key, known, '{}')}"


def _nearest(name: str, known: Sequence[str], form: str) -> str:
    nearest = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {form.format(nearest[0])}?" if nearest else ""
