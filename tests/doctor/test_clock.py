"""The clock, and how well it is kept."""

import pytest
from doctor.place import NOON, Place

from renogybt.doctor.clock import clock
from renogybt.doctor.findings import Verdict
from renogybt.doctor.machine import clock_error_s

YEAR_S = 365.25 * 86_400


@pytest.mark.parametrize(
    ("now", "error_s", "verdict"),
    [
        (NOON, 0.02, Verdict.OK),
        (NOON, 15.9, Verdict.OK),
        (NOON, 16.0, Verdict.NOTE),
        (NOON, None, Verdict.UNKNOWN),
        (0.0, 0.02, Verdict.PROBLEM),
        (NOON - 2 * YEAR_S, 16.0, Verdict.PROBLEM),
        (NOON + 80 * YEAR_S, 0.02, Verdict.PROBLEM),
    ],
)
def test_a_wrong_year_is_a_problem_and_a_clock_that_nobody_sets_a_note(
    bare: Place, now: float, error_s: float | None, verdict: Verdict
) -> None:
    (row,) = clock(bare.case(wall_clock=lambda: now, clock_error_s=lambda: error_s))

    assert row.verdict is verdict
    assert bool(row.advice) == (verdict in (Verdict.PROBLEM, Verdict.NOTE))


def test_the_kernel_tells_its_error_in_seconds() -> None:
    error_s = clock_error_s()

    assert error_s is not None
    assert 0.0 <= error_s <= 16.0
