"""The findings as a table for people, and as JSON for programs."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from renogybt.doctor.findings import Finding, Verdict, problems
from renogybt.service.logs import printable
from renogybt.terminal.scan_live import WIDTH_OF_NO_TERMINAL
from renogybt.terminal.values import showable

_PROGRAM = "renogybt"
_STYLES = {
    Verdict.OK: "green",
    Verdict.NOTE: "cyan",
    Verdict.PROBLEM: "bold red",
    Verdict.UNKNOWN: "yellow",
}


def write_json(findings: Sequence[Finding], out: TextIO) -> None:
    """One object: `{"ok", "problems", "checks": [{"name", "verdict", "text", "advice"}]}`."""
    count = problems(findings)
    checks = [
        {
            "name": finding.name,
            "verdict": finding.verdict.value,
            "text": _clean(finding.text),
            "advice": _clean(finding.advice),
        }
        for finding in findings
    ]
    out.write(json.dumps({"ok": not count, "problems": count, "checks": checks}) + "\n")
    out.flush()


def print_report(findings: Sequence[Finding]) -> None:
    """All rows to stdout."""
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDTH_OF_NO_TERMINAL)
    console.print(report(findings, console, own_command()))


def own_command() -> str:
    """How this program is started from anywhere, also by sudo, which does not know its environment."""
    script = Path(sys.executable).with_name(_PROGRAM)
    return str(script) if script.exists() else f"{sys.executable} -m {_PROGRAM}"


def report(findings: Sequence[Finding], console: Console, command: str = _PROGRAM) -> Group:
    """A row each, what to do below it, and in the last line how many need action.

    `command`: what the name of this program stands for in what is to be done.
    """
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        style = _STYLES[finding.verdict]
        table.add_row(
            _text(finding.verdict.value, console, style),
            _text(finding.name, console),
            _text(finding.text, console),
        )
        if finding.advice:
            table.add_row("", "", _text(f"-> {finding.advice}", console, style))
    count = problems(findings)
    lines = [Text(), _text(_summary(count), console, "bold red" if count else "bold green")]
    if any(f"{_PROGRAM} " in finding.advice for finding in findings):
        lines.insert(1, _text(f"{_PROGRAM} is {command}", console, "dim"))
    return Group(table, *lines)


def _summary(count: int) -> str:
    if not count:
        return "Nothing needs action."
    return "1 problem needs action." if count == 1 else f"{count} problems need action."


def _clean(text: str) -> str:
    return printable(text, limit=len(text))


def _text(text: str, console: Console, style: str = "") -> Text:
    """Never a string: rich would read markup in what a process or a file says."""
    return Text(showable(_clean(text), console.encoding), style=style)
