from hypothesis import given
from hypothesis import strategies as st

from renogybt.model.radio import ScanMode
from renogybt.proxy.scan_mode import ScanModeArbiter

ACTIVE, PASSIVE = ScanMode.ACTIVE, ScanMode.PASSIVE
modes = st.sampled_from(ScanMode)


def test_while_nobody_asks_the_configured_mode_holds_and_the_radio_is_left_alone() -> None:
    for configured in ScanMode:
        applied: list[ScanMode] = []
        arbiter: ScanModeArbiter[str] = ScanModeArbiter(configured, applied.append)

        arbiter.forget("somebody who never asked")

        assert arbiter.mode is configured
        assert applied == []


def test_every_wish_reaches_the_radio_so_that_it_can_try_again() -> None:
    applied: list[ScanMode] = []
    arbiter: ScanModeArbiter[str] = ScanModeArbiter(ACTIVE, applied.append)

    arbiter.request("a", PASSIVE)
    arbiter.request("a", PASSIVE)

    assert applied == [PASSIVE, PASSIVE]


def test_a_client_that_leaves_twice_leaves_once() -> None:
    applied: list[ScanMode] = []
    arbiter: ScanModeArbiter[str] = ScanModeArbiter(ACTIVE, applied.append)
    arbiter.request("a", PASSIVE)

    arbiter.forget("a")
    arbiter.forget("a")

    assert applied == [PASSIVE, ACTIVE]


@given(modes, st.lists(st.tuples(st.sampled_from("abc"), st.one_of(st.none(), modes)), max_size=12))
def test_active_if_any_client_asks_for_it_passive_if_all_that_ask_want_passive(
    configured: ScanMode, steps: list[tuple[str, ScanMode | None]]
) -> None:
    applied = [configured]
    arbiter: ScanModeArbiter[str] = ScanModeArbiter(configured, applied.append)
    wishes: dict[str, ScanMode] = {}

    for client, wish in steps:
        if wish is None:
            arbiter.forget(client)
            wishes.pop(client, None)
        else:
            arbiter.request(client, wish)
            wishes[client] = wish

        expected = configured if not wishes else ACTIVE if ACTIVE in wishes.values() else PASSIVE
        assert arbiter.mode is expected
        assert applied[-1] is expected
