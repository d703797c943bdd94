"""Rows with targets and verdicts."""

from benchmarks.table import Row, drift, results, summary
from benchmarks.targets import Target

REACHED = Row("start", [0.3], "s", Target("<=", 0.35), digits=2)
MISSED = Row("growth", [2.5, 3.5, 2.5], "MB", Target("<", 2))
UNJUDGED = Row("imports", [98], "ms", digits=0)


def cells(row: Row) -> list[str]:
    line = results([row]).splitlines()[-1]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_shows_its_target_and_whether_it_is_reached() -> None:
    assert cells(REACHED) == ["start", "0.30", "s", "<= 0.35", "ok"]
    assert cells(MISSED) == ["growth", "2.5 (2.5 to 3.5)", "MB", "< 2", "missed"]


def test_without_a_target_there_is_no_verdict() -> None:
    assert cells(UNJUDGED) == ["imports", "98", "ms", "", ""]


def test_a_part_of_what_a_target_is_meant_for_can_only_miss_it() -> None:
    assert Row("growth", [1.0], "MB", Target("<", 2), partial=True).verdict == "ok so far"
    assert Row("growth", [2.0], "MB", Target("<", 2), partial=True).verdict == "missed"


def test_the_last_word_counts_targets_and_names_those_that_were_missed() -> None:
    assert summary([REACHED, MISSED, UNJUDGED]).splitlines() == [
        "1 of 2 targets are reached.",
        "- missed: growth: 2.5 (2.5 to 3.5) MB",
    ]


def test_what_was_measured_in_part_counts_neither_as_reached_nor_as_missed() -> None:
    part = Row("growth", [1.0], "MB", Target("<", 2), partial=True)
    assert summary([REACHED, part]) == "1 of 2 targets are reached, 1 not missed so far."


def test_drift_compares_the_last_quarter_with_the_first() -> None:
    assert drift([10, 10, 0, 0, 99, 99, 25, 25]) == 15


def test_a_few_values_do_not_drift() -> None:
    assert drift([]) == drift([1, 2, 3]) == 0
