"""What a look at one thing came to, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """How it stands; the value is the word in JSON."""

    OK = "ok"
    NOTE = "note"
    """Good to know; nothing has to be done."""
    PROBLEM = "problem"
    UNKNOWN = "unknown"
    """It could not be looked at; the text says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: what was looked at, how it stands, what was found, and what to do about it.

    `advice` is never empty for a problem, else it may be. Texts may repeat what files, processes and the
    network say: they are made printable where they are shown.
    """

    name: str
    verdict: Verdict
    text: str
    advice: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError: who names a problem says what to do."""
        if self.verdict is Verdict.PROBLEM and not self.advice:
            raise ValueError(f"a problem without advice: {self.name}")


def ok(name: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding(name, Verdict.OK, text)


def note(name: str, text: str, advice: str = "") -> Finding:
    """Good to know."""
    return Finding(name, Verdict.NOTE, text, advice)


def problem(name: str, text: str, advice: str) -> Finding:
    """It is in the way."""
    return Finding(name, Verdict.PROBLEM, text, advice)


def unknown(name: str, text: str, advice: str = "") -> Finding:
    """It could not be looked at."""
    return Finding(name, Verdict.UNKNOWN, text, advice)


def problems(findings: Iterable[Finding]) -> int:
    """How many need action."""
    return sum(finding.verdict is Verdict.PROBLEM for finding in findings)
