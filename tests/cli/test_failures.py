"""Failures that a task group wraps come out as one line and an exit code."""

import sys
from pathlib import Path

import pytest
from cli.program import free_port, run, settings

from renogybt.cli import sole_error
from renogybt.model.errors import RenogyBTError

BROKEN_RADIO = """
import sys
from renogybt.cli import main
from renogybt.model.errors import RenogyBTError
from renogybt.simulator.radio import DemoRadio

async def run(radio):
    raise RenogyBTError("the radio is broken")

DemoRadio.run = run
sys.exit(main(sys.argv[1:]))
"""
BROKEN, OTHER = RenogyBTError("broken"), RenogyBTError("also broken")


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (ExceptionGroup("tasks", [BROKEN]), BROKEN),
        (ExceptionGroup("tasks", [ExceptionGroup("more tasks", [BROKEN])]), BROKEN),
        (ExceptionGroup("tasks", [BROKEN, OTHER]), BROKEN),
        (ExceptionGroup("tasks", [ValueError()]), None),
        (ExceptionGroup("tasks", [BROKEN, ExceptionGroup("more tasks", [ValueError()])]), None),
        (BaseExceptionGroup("tasks", [BROKEN, KeyboardInterrupt()]), None),
    ],
)
def test_a_group_is_told_by_one_error_only_when_it_holds_nothing_unknown(
    group: BaseExceptionGroup[BaseException], expected: RenogyBTError | None
) -> None:
    assert sole_error(group) is expected


async def test_an_error_out_of_a_task_group_is_a_line_and_a_code(tmp_path: Path) -> None:
    arguments = ("scan", "--demo", *settings(tmp_path, free_port()))
    ended = await run(*arguments, cwd=tmp_path, command=(sys.executable, "-c", BROKEN_RADIO))

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.splitlines()[-1].endswith(": the radio is broken")
    assert "Traceback" not in ended.err
