from hypothesis import given
from hypothesis import strategies as st

from renogybt.service.repetition import EVERY_S, FIRST, FORGET_S, Repetition


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_first_few_are_told_and_then_no_more() -> None:
    repetition = Repetition(Clock(), first=3)
    assert [repetition.allows("a") for _ in range(6)] == [True, True, True, False, False, False]


def test_after_a_while_one_is_told_with_the_count_of_those_before() -> None:
    clock = Clock()
    repetition = Repetition(clock, first=1, every_s=600)
    assert repetition.allows("a")
    assert (repetition.suppressed("a"), repetition.remark("a")) == (0, "")
    for _ in range(7):
        assert not repetition.allows("a")
    clock.now += 600
    assert repetition.allows("a")
    assert (repetition.suppressed("a"), repetition.remark("a")) == (7, " (and 7 more before)")
    assert repetition.suppressed("a") == 7  # asking changes nothing
    assert not repetition.allows("a")
    clock.now += 600
    assert repetition.allows("a")
    assert repetition.suppressed("a") == 1


def test_topics_do_not_disturb_each_other() -> None:
    repetition = Repetition(Clock(), first=1)
    assert repetition.allows("a")
    assert not repetition.allows("a")
    assert repetition.allows("b")
    assert repetition.suppressed("b") == 0


def test_a_topic_that_was_quiet_for_long_is_new() -> None:
    clock = Clock()
    repetition = Repetition(clock, first=2)
    for _ in range(5):
        repetition.allows("a")
    clock.now += FORGET_S
    assert [repetition.allows("a") for _ in range(3)] == [True, True, False]
    assert repetition.suppressed("a") == 0


def test_topics_beyond_the_limit_share_one() -> None:
    repetition = Repetition(Clock(), first=2, most=4)
    for number in range(4):
        assert repetition.allows(f"peer {number}")
    assert [repetition.allows(f"peer {number}") for number in range(10, 1000)].count(True) == 2
    assert repetition.allows("peer 0")  # those known keep their own


def test_quiet_topics_make_room() -> None:
    clock = Clock()
    repetition = Repetition(clock, first=1, most=2)
    for name in "ab":
        repetition.allows(name)
    clock.now += FORGET_S
    assert all(repetition.allows(name) for name in "cd")


def test_what_never_happened_was_never_held_back() -> None:
    assert Repetition(Clock()).suppressed("a") == 0


@given(st.lists(st.floats(0.0, 2 * FORGET_S), max_size=200))
def test_no_stretch_of_time_has_more_lines_than_promised(pauses: list[float]) -> None:
    clock = Clock()
    repetition = Repetition(clock)
    told = []
    for pause in pauses:
        clock.now += pause
        if repetition.allows("a"):
            told.append(clock.now)
    for start in told:
        assert sum(start <= when < start + EVERY_S for when in told) <= FIRST + 1


@given(st.lists(st.integers(0, 5).map(lambda minutes: minutes * 60.0), max_size=200))
def test_every_occurrence_is_told_or_counted(pauses: list[float]) -> None:
    clock = Clock()
    repetition = Repetition(clock)
    accounted = 0
    for pause in pauses:
        clock.now += pause
        if repetition.allows("a"):
            accounted += 1 + repetition.suppressed("a")
    clock.now += EVERY_S
    assert repetition.allows("a")
    assert accounted + 1 + repetition.suppressed("a") == len(pauses) + 1
