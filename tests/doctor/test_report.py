"""The findings for people and for programs."""

import io
import json

import pytest
from rich.console import Console

from renogybt.doctor.findings import note, ok, problem, unknown
from renogybt.doctor.report import own_command, report, write_json

FINDINGS = [
    ok("clock", "right"),
    note("bluez", "5.66"),
    problem("port", "held by \x1b[31mred [bold]x[/bold]", "kill 7"),
    unknown("kernel", "?"),
]


def drawn(findings: list, width: int = 100, encoding: str = "utf-8") -> str:  # type: ignore[type-arg]
    out = io.BytesIO()
    file = io.TextIOWrapper(out, encoding=encoding, newline="")
    console = Console(file=file, width=width, force_terminal=False)
    console.print(report(findings, console, "/opt/renogybt/bin/renogybt"))
    file.flush()
    return out.getvalue().decode(encoding)


def test_a_row_tells_verdict_name_and_text_and_below_it_what_to_do() -> None:
    lines = [line.split() for line in drawn(FINDINGS).splitlines()]

    assert lines[0] == ["ok", "clock", "right"]
    assert lines[2][:2] == ["problem", "port"]
    assert lines[3] == ["->", "kill", "7"]
    assert lines[-2:] == [[], ["1", "problem", "needs", "action."]]


def test_a_process_cannot_write_on_the_terminal_by_its_name() -> None:
    text = drawn(FINDINGS)

    assert "\x1b" not in text
    assert "[bold]x[/bold]" in text


def test_a_narrow_terminal_without_unicode_gets_all_of_it() -> None:
    text = drawn([problem("port", "Größe " * 20, "do")], width=40, encoding="ascii")

    assert text.count("Gr??e") == 20
    assert max(map(len, text.splitlines())) <= 40


def test_where_this_program_is_to_be_called_it_is_said_how() -> None:
    advised = drawn([problem("clock", "wrong", "sudo renogybt doctor")])

    assert "renogybt is /opt/renogybt/bin/renogybt" in advised
    assert "/opt/renogybt" not in drawn(FINDINGS)
    assert own_command().split()[0].startswith("/")
    assert own_command().endswith("renogybt")


@pytest.mark.parametrize(
    ("findings", "summary"),
    [(FINDINGS[:2], "Nothing needs action."), ([FINDINGS[2]] * 2, "2 problems need action.")],
)
def test_the_last_line_counts(findings: list, summary: str) -> None:  # type: ignore[type-arg]
    assert drawn(findings).splitlines()[-1].strip() == summary


def test_json_is_one_object_with_all_rows() -> None:
    out = io.StringIO()
    write_json(FINDINGS, out)
    content = json.loads(out.getvalue())

    assert out.getvalue().count("\n") == 1
    assert (content["ok"], content["problems"]) == (False, 1)
    assert content["checks"][0] == {"name": "clock", "verdict": "ok", "text": "right", "advice": ""}
    assert content["checks"][2]["text"] == "held by ?[31mred [bold]x[/bold]"
