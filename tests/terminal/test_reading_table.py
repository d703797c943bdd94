"""The tables of `read`: they fit, and no device can write on the terminal."""

import io

import pytest
from rich.console import Console
from terminal.outcomes import BANK, BATTERY, CONTROLLER, outcome

from renogybt.model.reading import Role
from renogybt.readers.reader import Outcome
from renogybt.terminal.reading_table import reading_tables


def drawn(*outcomes: Outcome, width: int = 120, encoding: str = "utf-8", color: bool = False) -> str:
    out = io.BytesIO()
    file = io.TextIOWrapper(out, encoding=encoding, newline="")
    system = "standard" if color else None
    console = Console(file=file, width=width, force_terminal=color, color_system=system, legacy_windows=False)
    console.print(reading_tables(outcomes, console))
    file.flush()
    return out.getvalue().decode(encoding)


def test_a_battery_is_told_by_its_id_name_model_and_address() -> None:
    lines = drawn(outcome(BATTERY, rssi=-58)).splitlines()

    assert lines[0].rstrip() == "Battery 48, house, RBT50LFP48S, 6C:B2:FD:86:82:4D"
    assert any(line.split() == ["Level", "99.6", "%"] for line in lines)
    assert any(line.split() == ["Signal", "▆", "-58", "dBm"] for line in lines)


def test_a_device_that_gave_nothing_says_why() -> None:
    text = drawn(
        outcome(BATTERY),
        outcome(None, unit_id=49, trouble="no answer within 2 s"),
        outcome(None, role=Role.CONTROLLER, unit_id=96, alias=""),
    )

    assert "Battery 49, house, 6C:B2:FD:86:82:4D" in text
    assert "no answer within 2 s" in text
    assert "Charge controller 96, 6C:B2:FD:86:82:4D" in text
    assert text.count("No reading") == 2


def test_the_bank_is_a_line_at_the_end() -> None:
    text = drawn(outcome(BANK, role=Role.BANK), outcome(BATTERY))

    assert text.splitlines()[-1].rstrip() == "Bank, house: 98.2 %, 13.04 A, 192.1 Ah of 200.1 Ah"


def test_a_bank_that_misses_a_battery_has_no_values() -> None:
    text = drawn(outcome(BATTERY), outcome(None, role=Role.BANK))

    assert "Bank, house: no values, only complete when every battery of it was read" in text


def test_history_and_controller_are_told_apart() -> None:
    text = drawn(
        outcome(CONTROLLER, role=Role.CONTROLLER, unit_id=255),
        outcome(
            {"daily_max_power": (3, 2)}, role=Role.CONTROLLER, unit_id=255, key="6cb2fd86824d-255-history"
        ),
    )

    assert "Charge controller 255, house" in text
    assert "Charge controller 255 history, house" in text
    assert "3, 2 W" in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("width", [40, 80, 120])
def test_it_fits_any_terminal(encoding: str, width: int) -> None:
    # raises UnicodeEncodeError for a sign that the encoding does not have
    text = drawn(outcome({**BATTERY, "model": "Küche 厨房"}, rssi=-58), width=width, encoding=encoding)

    assert all(len(line.encode("utf-8", "ignore").decode()) <= width for line in text.splitlines())
    assert "Level" in text


@pytest.mark.parametrize(
    "hostile", ["[red]x[/red]", "[/x]", ":smile:", "\x1b[31mred", "a\rb\x08c\nd", "a\u202eb"]
)
def test_a_device_changes_nothing_on_the_terminal(hostile: str) -> None:
    evil, good = (
        drawn(outcome({**BATTERY, "model": text}, trouble=text, alias=text), color=True)
        for text in (hostile, "x" * len(hostile))
    )

    assert evil.count("\x1b") == good.count("\x1b")
    assert evil.count("\n") == good.count("\n")
    assert not set("\r\x07\x08\u202e") & set(evil)


def test_a_problem_is_seen() -> None:
    values = {**BATTERY, "problem": True, "problems": ("short circuit",)}

    assert "\x1b[31mshort circuit" in drawn(outcome(values), color=True)
