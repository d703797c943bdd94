"""When rounds are due."""

from hypothesis import given
from hypothesis import strategies as st

from renogybt.readers.pace import Pace


def test_the_first_round_is_due_at_once_and_the_next_an_interval_later() -> None:
    pace = Pace(30.0, 100.0)
    assert pace.due == 100.0
    pace.advance(101.0)
    assert pace.due == 130.0


def test_a_round_that_ends_late_costs_those_it_covers_and_moves_none() -> None:
    pace = Pace(30.0, 100.0)
    pace.advance(195.0)
    assert pace.due == 220.0


def test_a_round_between_two_others_moves_neither() -> None:
    pace = Pace(30.0, 0.0)
    pace.advance(1.0)
    pace.advance(25.0)
    assert pace.due == 30.0


def test_a_round_must_end_before_the_next_one_is_due() -> None:
    pace = Pace(30.0, 100.0)
    assert pace.end_of(100.0) == 130.0
    pace.advance(101.0)
    assert pace.end_of(129.0) == 130.0
    assert pace.end_of(130.2) == 160.0


@given(
    st.floats(0.1, 3600.0),
    st.floats(0.0, 1e7),
    st.lists(st.floats(0.0, 10_000.0), max_size=30),
)
def test_what_is_due_lies_on_the_grid_and_ahead(interval_s: float, start: float, lasts: list[float]) -> None:
    pace = Pace(interval_s, start)
    for last in lasts:
        before = pace.due
        ended = before + last
        pace.advance(ended)
        assert pace.due > before
        assert pace.due > ended - 1e-6
        assert abs((pace.due - start) / interval_s - round((pace.due - start) / interval_s)) < 1e-6
