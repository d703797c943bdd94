"""Where sections, keys and continued values stand in an INI text, line by line.

configparser gives values without their lines and stops at the first duplicate. This scan follows
the same rules (Python library reference, "Supported INI File Structure") and knows the lines.
"""

import io
import re
from collections.abc import Iterator
from configparser import RawConfigParser
from dataclasses import dataclass
from enum import Enum

INLINE_COMMENT = "#"
COMMENT_LINE = ("#", ";")
_UNCLOSED = re.compile(r"\[\s*([A-Za-z0-9_]+(?::[^\]=:]+)?)")


class Part(Enum):
    """What a line is.

    UNCLOSED: a section without its second bracket, judged as if it had one. ORPHAN: a line above
    the first section. JUNK: neither section nor key.
    """

    SECTION = "section"
    UNCLOSED = "unclosed"
    KEY = "key"
    CONTINUATION = "continuation"
    ORPHAN = "orphan"
    JUNK = "junk"


@dataclass(frozen=True, slots=True)
class Line:
    """One line that says something. `key` is in lower case, of a continuation it is the key it continues.

    `content` is the line without its comment; `commented` tells that there was one.
    """

    number: int
    part: Part
    section: str = ""
    key: str = ""
    content: str = ""
    commented: bool = False


def without_comment(line: str) -> str:
    """The line without white space around it and without its comment; a # counts after white space only."""
    if line.strip().startswith(COMMENT_LINE):
        return ""
    start = line.find(INLINE_COMMENT)
    while start > 0 and not line[start - 1].isspace():
        start = line.find(INLINE_COMMENT, start + 1)
    return (line if start < 0 else line[:start]).strip()


def section_of(content: str) -> str:
    """The section that a line opens, or nothing."""
    match = RawConfigParser.SECTCRE.match(content)
    return match.group("header") if match else ""


def unclosed_section_of(content: str) -> str:
    """The section that a line without a second bracket was meant to open, or nothing."""
    match = _UNCLOSED.fullmatch(content)
    return match.group(1) if match else ""


def key_of(content: str) -> str:
    """The key that a line sets, in lower case, or nothing."""
    match = RawConfigParser.OPTCRE.match(content)
    return match.group("option").rstrip().lower() if match else ""


def scan(text: str) -> Iterator[Line]:
    """All lines of a text that say something; `text` has line ends of one character."""
    section = key = ""
    key_indent = 0
    for number, raw in enumerate(io.StringIO(text), start=1):
        content = without_comment(raw)
        if not content:
            continue
        indent = len(raw) - len(raw.lstrip())
        if key and indent > key_indent:
            yield Line(number, Part.CONTINUATION, section, key, content)
            continue
        key_indent = indent
        if header := section_of(content):
            section, key = header, ""
            yield Line(number, Part.SECTION, section)
        elif header := unclosed_section_of(content):
            section, key = header, ""
            yield Line(number, Part.UNCLOSED, section)
        elif not section:
            yield Line(number, Part.ORPHAN, content=content)
        elif found := key_of(content):
            key = found
            yield Line(number, Part.KEY, section, key, content, commented=content != raw.strip())
        else:
            yield Line(number, Part.JUNK, section, content=content)
