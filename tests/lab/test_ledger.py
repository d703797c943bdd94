"""The arithmetic of the soak."""

import pytest
from lab.ledger import Sample, Span, coverage, growth, longest_pause, share, slope


@pytest.mark.parametrize(
    ("times", "pause"),
    [
        ([1.0, 2.0, 9.0, 10.0, 11.0], Span(2.0, 9.0)),
        ([1.0, 30.0], Span(1.0, 30.0)),
        ([7.0], Span(0.0, 7.0)),
        ([3.0], Span(3.0, 10.0)),
        ([], Span(0.0, 10.0)),
    ],
)
def test_the_longest_pause_reaches_beyond_the_span_in_which_it_is(times: list[float], pause: Span) -> None:
    assert longest_pause(times, Span(0.0 if times != [1.0, 30.0] else 5.0, 10.0)) == pause


def test_the_coverage_leaves_out_what_meets_a_window() -> None:
    samples = [Sample(0, 0, 0), Sample(1, 100, 99), Sample(2, 200, 100), Sample(3, 300, 200)]
    assert coverage(samples, [Span(1.5, 1.6)]) == pytest.approx(199 / 200)
    assert coverage(samples, []) == pytest.approx(200 / 300)
    assert coverage(samples, [Span(0, 3)]) == 1.0


def test_spans_that_only_touch_do_not_meet() -> None:
    assert not Span(0, 1).meets(Span(1, 2))
    assert Span(0, 1.1).meets(Span(1, 2))


def test_the_share_leaves_out_what_is_in_a_window() -> None:
    assert share([(1, 1.0), (2, 0.0), (3, 0.5)], [Span(2, 2.5)]) == 0.75
    assert share([(2, 0.0)], [Span(2, 2.5)]) == 1.0


def test_the_slope_is_that_of_the_best_line() -> None:
    assert slope([(0, 1), (1, 3), (2, 5)]) == pytest.approx(2.0)
    assert slope([(0, 1), (1, 2), (2, 0), (3, 1)]) == pytest.approx(-0.2)
    assert slope([(5, 1)]) == slope([(5, 1), (5, 2)]) == 0.0


def test_growth_is_not_what_comes_and_goes() -> None:
    assert growth([10, 10, 30, 10, 10, 10]) == 0
    assert growth([10, 11, 12, 13, 14, 15]) == 4
    assert growth([]) == 0
