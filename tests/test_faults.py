"""docs/faults.md against the code: what it says is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from renogybt.bluetooth import recovery
from renogybt.bluetooth.budget import MOST_HARDWARE_RESETS, MOST_RESTARTS, Limits
from renogybt.bluetooth.recovery import LADDERS, STEPS
from renogybt.model.recovery import CareState
from renogybt.proxy.care_entities import ENTITIES, PROBLEM_AFTER_S
from renogybt.service.reset_limit import SHORTEST_GAP_S

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
NUMBERS = [*map(str, range(1, 67)), "5b", "15b", "15c"]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def rows(heading: str) -> list[list[str]]:
    """The cells of all tables below a heading, up to the next one of its kind, without their heads."""
    level = heading.split()[0]
    below = re.split(rf"^{level} ", TEXT.split(f"\n{heading}\n")[1], flags=re.MULTILINE)[0]
    found: list[list[str]] = []
    for line in below.splitlines():
        if not line.startswith("|"):
            continue
        if line.startswith("|---"):
            found.pop()  # what stands above is the head
        else:
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def fault_rows() -> dict[str, list[str]]:
    return {row[0]: row for row in rows("## The faults")}


@cache
def tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def runs(test: str) -> bool:
    """Whether pytest would find it: `path::function`, `path::Class::method`, or a class that was assigned."""
    path, *names = re.sub(r"\[.*\]$", "", test).split("::")
    if not (ROOT / path).is_file() or not Path(path).name.startswith("test_"):
        return False
    body = tree(path).body
    for name in names[:-1]:
        body = next((each.body for each in body if isinstance(each, ast.ClassDef) and each.name == name), [])
    last = names[-1]
    if last.startswith("Test"):
        return any(_assigns(each, last) for each in body)
    return last.startswith("test_") and any(isinstance(each, Function) and each.name == last for each in body)


def _assigns(statement: ast.stmt, name: str) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Name(id=target)]):
            return target == name
    return False


# -- the faults


def test_every_fault_has_one_row() -> None:
    numbers = [row[0] for row in rows("## The faults")]
    assert sorted(numbers) == sorted(NUMBERS)
    assert all(len(row) == 6 for row in rows("## The faults"))


@pytest.mark.parametrize("number", NUMBERS)
def test_each_test_that_a_row_names_is_there(number: str) -> None:
    missing = [test for test in re.findall(r"`(tests/[^`]+)`", fault_rows()[number][5]) if not runs(test)]
    assert missing == []


@pytest.mark.parametrize("number", NUMBERS)
def test_a_row_has_a_proof_or_says_why_not(number: str) -> None:
    *_, proof = row = fault_rows()[number]
    if proof.startswith("later: "):
        assert row[2:5] == ["–", "–", "–"]
    else:
        assert all(row[1:])
        assert "`tests/" in proof or "needs hardware: " in " ".join(row)


def test_a_test_that_is_not_there_would_be_missed() -> None:
    here = f"tests/{Path(__file__).name}"
    assert runs(f"{here}::test_every_fault_has_one_row")
    assert runs(f"{here}::test_each_test_that_a_row_names_is_there[5b]")
    assert not runs(f"{here}::test_no_such_thing")
    assert not runs(f"{here}::TestNothing::test_every_fault_has_one_row")
    assert not runs("tests/no_such_folder/test_faults.py::test_every_fault_has_one_row")


# -- the ladder and the budget


def test_the_rungs_are_those_of_the_program() -> None:
    told = [tuple(row[i] for i in (0, 1, 3, 4, 5)) for row in rows("## The ladder") if len(row) == 7]
    assert told == [
        (str(number), rung.value, step.price.value, f"{step.deadline_s:g} s", f"{step.verify_s:g} s")
        for number, (rung, step) in enumerate(STEPS.items(), 1)
    ]


def test_the_ladders_are_those_of_the_program() -> None:
    number = {rung: str(count) for count, rung in enumerate(STEPS, 1)}
    told = {row[0]: row[1] for row in rows("## The ladder") if len(row) == 2}
    assert told == {
        symptom.value: ", ".join(number[rung] for rung in ladder) or "none"
        for symptom, ladder in LADDERS.items()
    }


def test_the_numbers_of_the_budget_are_those_of_the_program() -> None:
    assert [float(row[1]) for row in rows("## The budget")] == [
        Limits().resets,
        MOST_HARDWARE_RESETS,
        MOST_RESTARTS,
        SHORTEST_GAP_S,
        recovery.LONGEST_GAP_S,
        recovery.AGAIN_S,
    ]


def test_what_home_assistant_shows_is_told() -> None:
    told = dict(rows("## What a person sees and can do"))
    assert {name for names in told for name in names.split(", ")} == {each.name for each in ENTITIES}
    assert told["Recovery"].split(", ") == [state.value for state in CareState]
    assert f"{PROBLEM_AFTER_S:g} s" in told["Bluetooth problem"]
