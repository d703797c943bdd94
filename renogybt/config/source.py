"""From a file and the overrides of the command line to texts with their places."""

import configparser
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from renogybt.config.errors import ConfigurationError, Finding, quoted
from renogybt.config.structure import COMMENT_LINE, INLINE_COMMENT, Line, Part, key_of, scan, section_of
from renogybt.config.table import KEYS, SECTIONS, is_section

SIZE_LIMIT = 1_000_000
"""Bytes: a hundred times a long config.ini, so only a wrong file reaches it."""
OVERRIDE = "--set"


@dataclass(frozen=True, slots=True)
class Entry:
    """The text of one key and where it stands; `file` is `--set` for an override.

    `commented` tells that a comment stood behind the text.
    """

    section: str
    key: str
    text: str
    file: str
    line: int | None = None
    commented: bool = False

    def finding(self, problem: str, allowed: str = "") -> Finding:
        """Something to tell about this entry."""
        return Finding(self.file, problem, self.section, self.key, self.line, allowed)


@dataclass(frozen=True, slots=True)
class Document:
    """A file taken apart: `headers` are the lines of its sections, `findings` break its form."""

    file: str
    entries: tuple[Entry, ...] = ()
    headers: tuple[Line, ...] = ()
    findings: tuple[Finding, ...] = ()


def read_text(path: Path) -> str:
    """The text of a file with line ends of one character; raises ConfigurationError."""
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        problem = "does not exist; copy config.ini.example to this name and change it to your needs"
        raise ConfigurationError([Finding(str(path), problem)]) from None
    except (OSError, ValueError) as error:
        # ValueError: a path with a null character
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigurationError([Finding(str(path), f"cannot be read: {reason}")]) from error
    if len(content) > SIZE_LIMIT:
        raise ConfigurationError([Finding(str(path), "is too large for a configuration")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = "is not UTF-8 text; save the file with the encoding UTF-8"
        raise ConfigurationError([Finding(str(path), problem, line=line)]) from None
    return io.StringIO(text, newline=None).read()


def parse_document(file: str, text: str) -> Document:
    """Take a text apart. Never raises: what breaks its form is in `findings`."""
    lines = tuple(scan(text))
    findings = [*_strange_lines(file, lines), *_duplicates(file, lines), *_swallowed_keys(file, lines)]
    parser = configparser.ConfigParser(
        comment_prefixes=COMMENT_LINE,
        inline_comment_prefixes=(INLINE_COMMENT,),
        interpolation=None,
        strict=False,  # duplicates are found by the scan, all of them
        default_section="",  # no header is empty, so [DEFAULT] is a section like others
    )
    try:
        parser.read_string(_only_well_formed(text, lines))
    except configparser.Error as error:  # pragma: no cover - the scan took out what would raise
        findings.append(Finding(file, "cannot be taken apart", line=getattr(error, "lineno", None)))
        return Document(file, findings=tuple(findings))
    places = {(line.section, line.key): line for line in lines if line.part is Part.KEY}
    entries = tuple(
        Entry(section, key, parser.get(section, key), file, line.number, line.commented)
        for (section, key), line in places.items()
    )
    headers = tuple(line for line in lines if line.part is Part.SECTION)
    return Document(file, entries, headers, tuple(findings))


def parse_overrides(overrides: Sequence[str]) -> tuple[tuple[Entry, ...], tuple[Finding, ...]]:
    """The entries of `section.key=value` texts, and what is wrong with the others."""
    entries: list[Entry] = []
    findings: list[Finding] = []
    for number, override in enumerate(overrides, start=1):
        name, equals, text = override.partition("=")
        section, dot, key = name.strip().rpartition(".")
        if equals and dot and section.strip() and key.strip():
            entries.append(Entry(section.strip(), key.strip().lower(), text.strip(), OVERRIDE))
        else:
            # only the name is shown: the rest may be a secret
            what = quoted(name) if equals else f"number {number}"
            findings.append(Finding(OVERRIDE, f"{what} does not name a key", allowed="section.key=value"))
    return tuple(entries), tuple(findings)


def _strange_lines(file: str, lines: Sequence[Line]) -> Iterator[Finding]:
    # the text of such a line is not shown: it may be a secret
    orphan = next((line for line in lines if line.part is Part.ORPHAN), None)
    if orphan:
        problem = f"stands above the first section; put a section such as [{SECTIONS[0]}] above it"
        yield _unequal(file, orphan) or Finding(file, problem, line=orphan.number)
    for line in lines:
        if line.part is Part.UNCLOSED:
            problem = "] is missing at the end of the section's name"
            section = line.section if is_section(line.section) else "section"
            yield Finding(file, problem, line=line.number, allowed=f"[{section}]")
        elif line.part is Part.JUNK:
            allowed = "[section], key = value or # comment"
            yield _unequal(file, line) or Finding(file, "is no setting", line=line.number, allowed=allowed)


def _unequal(file: str, line: Line) -> Finding | None:
    key = _first_word(line.content.lower())
    if key not in KEYS or key_of(line.content):
        return None
    return Finding(file, f"= is missing after {key}", line=line.number, allowed=f"{key} = value")


def key_before_blank(name: str) -> str:
    """The known key with which the name of a key begins, and does not end, or nothing."""
    word = _first_word(name)
    return word if word in KEYS and word != name else ""


def _first_word(text: str) -> str:
    return next(iter(text.split(maxsplit=1)), "")


def _duplicates(file: str, lines: Sequence[Line]) -> Iterator[Finding]:
    first: dict[tuple[str, str], int] = {}
    for line in lines:
        if line.part not in (Part.SECTION, Part.KEY):
            continue
        place = (line.section, line.key)
        if place in first:
            problem = f"this key stands already in line {first[place]}; keep one of them"
            if not line.key:
                problem = (
                    f"this section stands already in line {first[place]}; put its keys there, and keep one"
                    " of these two lines"
                )
            yield Finding(file, problem, line.section, line.key, line.number)
        else:
            first[place] = line.number


def _swallowed_keys(file: str, lines: Sequence[Line]) -> Iterator[Finding]:
    # INI files continue a value on indented lines, so an indented key would be lost unseen
    for line in lines:
        if line.part is not Part.CONTINUATION:
            continue
        if key_of(line.content) in KEYS or is_section(section_of(line.content)):
            problem = (
                "is indented and so belongs to the value above it; take the white space at its start away"
            )
            yield Finding(file, problem, line=line.number)


def _only_well_formed(text: str, lines: Sequence[Line]) -> str:
    mended = {line.number: "\n" for line in lines if line.part in (Part.ORPHAN, Part.JUNK)}
    mended |= {line.number: f"[{line.section}]\n" for line in lines if line.part is Part.UNCLOSED}
    return "".join(mended.get(number, line) for number, line in enumerate(io.StringIO(text), start=1))
