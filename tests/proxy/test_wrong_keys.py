"""Who has to wait, and who not."""

import pytest

from renogybt.proxy.wrong_keys import MOST, WAIT_S, WITHIN_S, WrongKeys


class Clock:
    """Seconds, as one says."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_eleventh_within_a_minute_waits_and_so_do_those_after_it(clock: Clock) -> None:
    keys = WrongKeys(clock)
    assert [keys.wait_s("a") for _ in range(MOST + 3)] == [0.0] * MOST + [WAIT_S] * 3


def test_who_tries_seldom_never_waits(clock: Clock) -> None:
    keys = WrongKeys(clock)
    for _ in range(50):
        assert keys.wait_s("a") == 0.0
        clock.now += WITHIN_S / MOST


def test_hosts_do_not_wait_for_each_other(clock: Clock) -> None:
    keys = WrongKeys(clock)
    for _ in range(MOST + 1):
        keys.wait_s("a")
    assert keys.wait_s("b") == 0.0
    assert keys.wait_s("a") == WAIT_S


def test_of_many_hosts_those_that_have_been_quiet_longest_are_forgotten(clock: Clock) -> None:
    keys = WrongKeys(clock)
    for _ in range(MOST + 1):
        keys.wait_s("early")
    for number in range(100):
        keys.wait_s(f"host {number}")
    assert keys.wait_s("early") == 0.0
