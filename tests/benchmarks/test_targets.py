"""What counts as reached."""

import pytest

from benchmarks.targets import NONE_LOST, Target


@pytest.mark.parametrize(
    ("relation", "value", "reached"),
    [("<=", 15.0, True), ("<=", 15.1, False), ("<", 15.0, False), (">=", 15.0, True), (">=", 14.9, False)],
)
def test_a_bound_is_kept_or_not(relation: str, value: float, reached: bool) -> None:
    assert Target(relation, 15).reached([value]) is reached


def test_the_median_of_the_rounds_counts() -> None:
    assert Target("<=", 15).reached([14, 99, 15])
    assert not Target("<=", 15).reached([16, 1, 16])


def test_one_lost_advertisement_in_any_round_is_too_many() -> None:
    assert NONE_LOST.reached([0, 0, 0])
    assert not NONE_LOST.reached([0, 1, 0])


def test_a_target_reads_as_it_is_written() -> None:
    assert [str(each) for each in (Target("<", 0.2), Target("<=", 110), NONE_LOST)] == [
        "< 0.2",
        "<= 110",
        "0",
    ]
