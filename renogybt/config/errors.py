"""What is found in a configuration, and the error that holds all of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from renogybt.model.errors import RenogyBTError

QUOTE_LIMIT = 40
"""Characters of a value that a message shows: enough to find it, too few to flood a log."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to tell about a configuration; str() is one readable line without secrets.

    `file` is the path as it was given, or `--set`; `line` counts from 1 and is None where there
    is none; `section` and `key` may be empty; `allowed` says what would be right, or nothing.
    """

    file: str
    problem: str
    section: str = ""
    key: str = ""
    line: int | None = None
    allowed: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file} line {self.line}"
        if self.section:
            place = f"{place}, [{shortened(self.section)}] {shortened(self.key)}".rstrip()
        allowed = f"; allowed: {self.allowed}" if self.allowed else ""
        return _printable(f"{place}: {self.problem}{allowed}")


class ConfigurationError(RenogyBTError, ValueError):
    """A configuration that cannot be used; `findings` holds everything that is wrong, in order."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


class RefusedValueError(RenogyBTError, ValueError):
    """A text that is no value of its kind. Says what is wrong without repeating the text."""


def quoted(text: str) -> str:
    """The text as a message may show it: in quotes, printable, shortened."""
    return repr(shortened(text))


def shortened(text: str) -> str:
    """As much of a text as a message shows."""
    return text if len(text) <= QUOTE_LIMIT else text[:QUOTE_LIMIT] + "…"


def _printable(text: str) -> str:
    # names of keys and files come from outside and go into logs and terminals
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
