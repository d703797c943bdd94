"""Leaving a link to a client, and having it back: whatever the hub does, and at nobody's cost."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proxy.virtual_time import VirtualLoop
from readers.fake_hub import SHUNT_SERVICES, FakeHub, battery, controller, key, later, nothing, section
from readers.place import BANK, BATTERIES, Place, Places

from renogybt.model.reading import DeviceType, LinkState
from renogybt.model.slots import ConnectionSlots, Holder, Tenant
from renogybt.readers.errors import LoadSwitchError
from renogybt.readers.settings import ReaderSettings

AT_ONCE_S = 0.1
A_ROUND_S = 12.0
"""The longest, the first one to an inverter's radio."""
IN_USE = "the link is in use by Home Assistant"
UNITS = (*BATTERIES, 96)


def rests(place: Place) -> None:
    place.run(40)


def awaits_a_reply(place: Place) -> None:
    place.run(60.05)


def awaits_a_unit_that_is_silent(place: Place) -> None:
    place.bend_unit(48, nothing)
    place.run(1)


def awaits_the_second_try_of_a_unit(place: Place) -> None:
    place.bend_unit(48, nothing)
    place.run(5)


def attempts_to_connect(place: Place) -> None:
    place.hub.refusing = True
    place.run(1)


def listens_for_the_peripheral(place: Place) -> None:
    place.hub.present = False
    place.run(1)


def waits_for_the_radio(place: Place) -> None:
    place.radio.fall_over("no adapter")
    place.run(1)


def greets(place: Place) -> None:
    place.hub.name = "RNGRIU123456"
    place.run(0.8)


def clears_away_a_lost_link(place: Place) -> None:
    place.run(40)
    place.do(place.hub.drop)


def clears_away_a_link_that_failed(place: Place) -> None:
    place.run(60.05)
    place.do(place.hub.drop)


PHASES = (
    rests,
    awaits_a_reply,
    awaits_a_unit_that_is_silent,
    awaits_the_second_try_of_a_unit,
    attempts_to_connect,
    listens_for_the_peripheral,
    waits_for_the_radio,
    greets,
    clears_away_a_lost_link,
    clears_away_a_link_that_failed,
)
Phase = Callable[[Place], None]
phases = pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.__name__)


def mend(place: Place) -> None:
    """Everything is as it should be again."""
    place.bend_unit(0, nothing)
    place.hub.refusing, place.hub.present = False, True
    place.radio.recover()


def begins(place: Place) -> list[float]:
    """When rounds began to ask."""
    return [at for at, each in place.hub.requests if each[0] == 48 and int.from_bytes(each[2:4]) == 5000]


def is_on_schedule(place: Place, since: float) -> bool:
    late = [at % 30 for at in begins(place) if at > since]
    return bool(late) and all(each < 1.5 for each in late)


def switch(place: Place) -> asyncio.Task[None]:
    async def order() -> None:
        await place.reader.switch_load(key(96), True)

    return place.loop.create_task(order())


@phases
@pytest.mark.parametrize("farewell_s", [0.0, 2.0])
def test_the_link_is_left_at_once_whatever_is_being_done(
    places: Places, phase: Phase, farewell_s: float
) -> None:
    place = places()
    place.hub.farewell_s = farewell_s
    phase(place)
    assert place.release() <= farewell_s + AT_ONCE_S
    assert place.hub.link is None or not place.hub.link.open
    assert place.radio.slots.free == place.radio.slots.limit


@phases
def test_a_link_that_was_left_is_not_used_until_it_is_given_back(places: Places, phase: Phase) -> None:
    place = places()
    phase(place)
    place.release()
    done = (len(place.hub.requests), len(place.radio.attempts))
    mend(place)
    for _ in range(10):
        place.do(place.radio.hear, place.hub)
        place.run(60)
    assert (len(place.hub.requests), len(place.radio.attempts)) == done
    assert {place.notes.state(unit).trouble for unit in (*UNITS, BANK)} == {IN_USE}


@phases
def test_a_round_that_was_cut_short_is_no_failure_and_is_had_at_once_afterwards(
    places: Places, phase: Phase
) -> None:
    place = places()
    phase(place)
    place.release()
    mend(place)
    place.run(70)
    assert [place.notes.state(unit).failed for unit in UNITS] == [0] * len(UNITS)
    place.resume()
    resumed = place.loop.time()
    place.run(A_ROUND_S)
    assert all(place.notes.times(unit)[-1] > resumed for unit in (*UNITS, BANK))
    assert all(place.notes.state(unit).fresh for unit in (*UNITS, BANK))
    assert {place.notes.state(unit).trouble for unit in (*UNITS, BANK)} == {""}
    place.run(600)
    assert is_on_schedule(place, resumed + A_ROUND_S)
    assert sum(at > resumed + A_ROUND_S for at in begins(place)) == 20
    assert [place.notes.state(unit).failed for unit in UNITS] == [0] * len(UNITS)
    assert place.notes.state(48).held_back == 0


def test_a_round_of_a_shunt_is_cut_short_as_well(places: Places) -> None:
    hub = FakeHub({}, name="RTMShunt300123")
    hub.services = SHUNT_SERVICES
    place = places(section(DeviceType.SHUNT, 0), hub=hub)
    place.run(1)
    assert place.release() < AT_ONCE_S
    assert place.notes.state(0).failed == 0


def test_what_was_read_before_the_cut_stays(places: Places) -> None:
    place = places()
    place.run(59)
    place.hub.bend = later(0.1)
    place.run(1.8)
    place.release()
    counts = [len(place.notes.times(unit)) for unit in UNITS]
    assert counts[0] == 3
    assert counts[-1] == 2
    assert place.notes.state(48).fresh
    assert len(place.notes.times(BANK)) == 2


def test_a_round_that_fell_out_meanwhile_is_late_and_moves_none(places: Places) -> None:
    place = places()
    place.run(50)
    place.release()
    place.run(47)
    place.resume()
    place.run(100)
    late, *others = [at for at in begins(place) if at > 50]
    assert late == pytest.approx(97.3, abs=0.1)
    assert others == pytest.approx([120, 150, 180], abs=0.01)


def test_where_no_round_fell_out_none_is_added(places: Places) -> None:
    place = places()
    place.run(40)
    place.release()
    place.run(5)
    place.resume()
    assert place.notes.state(48).trouble == ""
    place.run(30)
    assert [round(at) for at in begins(place)] == [0, 30, 60]


def test_a_device_that_was_tried_rarely_is_tried_at_once(places: Places) -> None:
    place = places()
    place.hub.refusing = True
    place.run(700)
    place.release()
    place.hub.refusing = False
    place.resume()
    place.run(A_ROUND_S)
    assert all(place.notes.state(unit).fresh for unit in UNITS)


def test_a_unit_that_was_asked_rarely_is_asked_at_once(places: Places) -> None:
    place = places()
    place.bend_unit(49, nothing)
    place.run(1000)
    assert not place.notes.state(49).fresh
    place.release()
    mend(place)
    place.resume()
    place.run(A_ROUND_S)
    assert place.notes.state(49).fresh


def test_being_cut_short_is_no_line_in_the_log(places: Places, caplog: pytest.LogCaptureFixture) -> None:
    place = places()
    place.hub.refusing = True
    place.run(301)
    caplog.clear()
    place.run(2)
    place.release()
    place.resume()
    place.run(1)
    place.release()
    place.run(600)
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.INFO] == []


def test_a_failure_before_the_link_is_wanted_stays_one(places: Places) -> None:
    place = places()
    place.hub.refusing = True
    place.run(15)
    place.release()
    place.resume()
    assert place.notes.state(48).failed == 1


def test_no_more_pauses_come_of_being_cut_short_again_and_again(places: Places) -> None:
    place = places()
    for _ in range(30):
        place.run(29.9)
        place.release()
        place.run(0.3)
        place.resume()
        place.run(0.05)
        place.release()
        place.resume()
    place.run(A_ROUND_S)
    assert [place.notes.state(unit).failed for unit in UNITS] == [0] * len(UNITS)
    assert all(after - before < 35 for before, after in pairwise(place.notes.times(96)))


def test_energy_is_counted_over_the_time_in_which_others_had_the_link(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    hub = FakeHub({48: battery(current=1000)})
    place = Place(virtual_loop, hub, section(DeviceType.BATTERY, 48), state_dir=tmp_path)
    while virtual_loop.time() < 3600:
        place.run(20)
        place.release()
        place.run(10.2)
        place.resume()
    place.run(A_ROUND_S)
    place.stop()
    hours = place.notes.times(48)[-1] / 3600
    assert place.notes.last(48).values["energy_in_kwh"] == pytest.approx(0.528 * hours, abs=0.001)
    assert place.notes.state(48).held_back == 0


def test_several_may_ask_for_the_link_and_all_wait_for_the_same_end(places: Places) -> None:
    place = places()
    place.hub.farewell_s = 1.0
    place.run(40)

    async def ask() -> list[float]:
        async def one(after_s: float) -> float:
            await asyncio.sleep(after_s)
            await place.reader.release(place.hub.address)
            return place.loop.time()

        return await asyncio.gather(one(0.0), one(0.0), one(0.5), one(2.0))

    ends = place.loop.run_until_complete(ask())
    assert ends == pytest.approx([41.0, 41.0, 41.0, 42.0])
    place.resume()
    place.resume()
    place.run(90)
    assert is_on_schedule(place, 1)


def test_a_link_that_is_given_back_while_it_is_being_left_is_left_all_the_same(places: Places) -> None:
    place = places()
    place.hub.farewell_s = 1.0
    place.run(60.05)

    async def change_of_mind() -> None:
        leaving = asyncio.ensure_future(place.reader.release(place.hub.address))
        await asyncio.sleep(0.1)
        place.reader.resume(place.hub.address)
        await leaving

    place.loop.run_until_complete(change_of_mind())
    assert place.loop.time() == pytest.approx(61.05)
    place.run(A_ROUND_S)
    assert all(place.notes.times(unit)[-1] > 61 for unit in UNITS)


def test_who_gives_up_waiting_for_the_link_leaves_it_free_all_the_same(places: Places) -> None:
    place = places()
    place.hub.farewell_s = 1.0
    place.run(60.05)

    async def impatient() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await place.reader.release(place.hub.address)

    place.loop.run_until_complete(impatient())
    place.run(60)
    assert place.hub.link is not None
    assert not place.hub.link.open
    assert place.notes.state(48).trouble == IN_USE
    place.resume()
    place.run(A_ROUND_S)
    assert place.notes.state(48).trouble == ""


def test_giving_back_what_was_not_taken_changes_nothing(places: Places) -> None:
    place = places()
    place.run(40)
    place.resume()
    place.run(30)
    assert [round(at) for at in begins(place)] == [0, 30, 60]
    assert place.hub.connects == 1


def test_before_and_after_its_work_a_reader_has_no_link_to_leave(places: Places) -> None:
    place = places()
    assert place.release() == 0.0
    place.run(40)
    assert place.hub.connects == 0
    place.resume()
    place.run(A_ROUND_S)
    assert place.notes.state(48).fresh
    place.stop()
    assert place.release() == 0.0


def test_the_end_of_a_reader_is_the_end_of_the_wait_for_it(places: Places) -> None:
    place = places()
    place.hub.farewell_s = 1.0
    place.run(60.05)
    waiting = place.loop.create_task(place.reader.release(place.hub.address))
    place.loop.advance(0.1)
    place.stop()
    place.loop.run_until_complete(waiting)
    assert place.loop.time() < 63


def test_an_address_that_nobody_reads_is_free(places: Places) -> None:
    place = places()
    place.run(1)
    tenant: Tenant = place.reader
    place.loop.run_until_complete(tenant.release(0x112233445566))
    tenant.resume(0x112233445566)
    assert place.loop.time() == 1.0


@pytest.mark.parametrize("phase", [awaits_a_reply, awaits_a_unit_that_is_silent, attempts_to_connect])
def test_an_order_that_waits_is_refused_at_once(places: Places, phase: Phase) -> None:
    place = places(settings=ReaderSettings(load_switch=True))
    place.hub.farewell_s = 2.0
    phase(place)
    orders = [switch(place), switch(place)]
    place.loop.advance(0.01)
    leaving = place.loop.create_task(place.reader.release(place.hub.address))
    place.loop.advance(0.01)
    assert [str(order.exception()) for order in orders] == [IN_USE] * 2
    assert {type(order.exception()) for order in orders} == {LoadSwitchError}
    place.loop.run_until_complete(leaving)


@pytest.mark.parametrize("connected", [True, False])
def test_an_order_that_is_being_obeyed_is_refused_and_keeps_nobody(places: Places, connected: bool) -> None:
    place = places(settings=ReaderSettings(load_switch=True, keep_connection=connected))
    place.run(40)
    place.hub.bend = nothing
    place.hub.refusing = True
    order = switch(place)
    place.loop.advance(0.5)
    assert place.release() < AT_ONCE_S
    assert isinstance(order.exception(), LoadSwitchError)
    with pytest.raises(LoadSwitchError):
        place.loop.run_until_complete(switch(place))
    mend(place)
    place.resume()
    place.loop.run_until_complete(switch(place))
    assert place.hub.units[96][0x0120] & 0x8000


def test_a_link_that_is_left_between_rounds_anyway_is_shown_as_left(places: Places) -> None:
    place = places(settings=ReaderSettings(keep_connection=False))
    place.run(40)
    assert place.notes.state(48).link is LinkState.CONNECTED
    place.release()
    assert place.notes.state(48).link is LinkState.DISCONNECTED
    place.resume()
    assert place.notes.state(48).link is LinkState.CONNECTED


def test_without_a_free_slot_each_round_is_tried_and_costs_no_pause(
    places: Places, caplog: pytest.LogCaptureFixture
) -> None:
    place = places()
    place.radio.slots = ConnectionSlots(1)
    other = place.radio.slots.reserve(1, Holder.CLIENT)
    place.run(599)
    assert place.radio.attempts == pytest.approx([30.0 * number for number in range(20)])
    assert place.notes.state(48).trouble == "all 1 connection slots are in use"
    assert place.notes.state(48).failed == 20
    lines = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert lines == ["6C:B2:FD:86:82:4D: all 1 connection slots are in use"]
    other.release()
    place.run(1 + A_ROUND_S)
    assert all(place.notes.state(unit).fresh for unit in UNITS)


def test_a_peripheral_that_a_client_has_is_tried_each_round_and_costs_no_pause(places: Places) -> None:
    place = places()
    taken = place.radio.slots.reserve(place.hub.address, Holder.CLIENT)
    place.run(599)
    assert place.radio.attempts == pytest.approx([30.0 * number for number in range(20)])
    assert place.notes.state(48).trouble == "6C:B2:FD:86:82:4D is in use by a client"
    taken.release()
    place.run(1 + A_ROUND_S)
    assert all(place.notes.state(unit).fresh for unit in UNITS)


STEPS = st.lists(
    st.tuples(st.sampled_from(["release", "resume", "wait"]), st.integers(0, 45_000)), min_size=1, max_size=20
)


FEW = (section(DeviceType.BATTERY, 48, 49), section(DeviceType.CONTROLLER, 96))


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_whoever_asks_for_the_link_however_often_costs_no_round_and_moves_none(
    steps: Sequence[tuple[str, int]],
) -> None:
    with contextlib.closing(VirtualLoop()) as loop:
        place = Place(loop, FakeHub({48: battery(), 49: battery(), 96: controller()}), *FEW)
        place.hub.farewell_s = 0.2
        place.start()
        try:
            for act, wait_ms in [*steps, ("resume", 95_000)]:
                follow(place, act, wait_ms / 1000)
        finally:
            place.stop()
        assert is_on_schedule(place, loop.time() - 90)
        assert [place.notes.state(unit).failed for unit in (48, 49, 96)] == [0, 0, 0]
        assert {place.notes.state(unit).trouble for unit in (48, 49, 96)} == {""}
        assert place.radio.slots.free == place.radio.slots.limit


def follow(place: Place, act: str, wait_s: float) -> None:
    """Do one step; a round that was due is had as soon as the link is there."""
    if act == "release":
        assert place.release() <= place.hub.farewell_s + AT_ONCE_S
        done = (len(place.hub.requests), len(place.radio.attempts))
        place.run(wait_s)
        assert (len(place.hub.requests), len(place.radio.attempts)) == done
        return
    begun = place.loop.time()
    if act == "resume":
        place.resume()
    place.run(wait_s)
    if act == "resume" and wait_s > A_ROUND_S:
        due = (place.loop.time() - A_ROUND_S) // 30 * 30
        # a late round may last until the next one is due, which it then is
        assert all(place.notes.times(unit)[-1] >= min(due, begun) for unit in (48, 49, 96))
