"""Rounds over a hub: who is read when, and what a fault of one costs the others."""

import gc
import logging
import sys
from itertools import pairwise

import pytest
from proxy.virtual_time import VirtualLoop
from readers.fake_hub import ANSWER_S, Answers, FakeHub, battery, damaged, later, nothing, section, straight
from readers.place import BANK, BATTERIES, Place, Places

from renogybt.model.reading import DeviceType, LinkState
from renogybt.readers.settings import ReaderSettings


def test_a_round_over_four_batteries_and_a_controller_takes_less_than_one_and_a_half_seconds(
    places: Places,
) -> None:
    place = places()
    place.run(41)
    second = [place.notes.times(unit)[1] for unit in (*BATTERIES, 96)]
    assert max(second) - 30.0 < 1.5
    asked = [each for at, each in zip(place.hub.requests, place.hub.asked(), strict=True) if at[0] > 29]
    assert [asked.count((48, *block)) for block in ((5000, 34), (5042, 7), (5100, 10))] == [1, 1, 1]
    assert len(asked) == 13


def test_the_first_round_begins_at_once_and_brings_names_and_limits(places: Places) -> None:
    place = places()
    place.run(4)
    values = place.notes.last(48).values
    assert values["model"] == "RBT50LFP48S"
    assert values["serial"] == "SERIAL0000000001"
    assert values["charge_current_limit"] == 50.0
    assert (values["current"], values["voltage"], values["battery_level"]) == (3.26, 52.8, 80.0)
    assert values["power"] == pytest.approx(172.1)
    assert place.notes.last(96).values["model"] == "RNG-CTRL-RVR40"
    assert place.notes.state(48).fresh
    assert place.notes.state(48).link is LinkState.CONNECTED
    assert place.notes.state(48).rssi == -60


def test_the_link_is_kept_between_rounds(places: Places) -> None:
    place = places()
    place.run(300)
    assert place.hub.connects == 1


def test_the_link_is_closed_after_each_round_when_asked_for(places: Places) -> None:
    place = places(settings=ReaderSettings(keep_connection=False))
    place.run(65)
    assert place.hub.connects == 3
    assert place.hub.link is not None
    assert not place.hub.link.open
    asked = place.hub.asked()
    assert asked.count((48, 5000, 34)) == 3
    assert asked.count((48, 5110, 22)) == 1


def test_names_and_limits_are_read_again_each_hour(places: Places) -> None:
    place = places()
    place.run(3700)
    assert place.hub.asked().count((48, 5049, 4)) == 2
    assert place.hub.asked().count((48, 5110, 22)) == 2


def test_the_bank_has_a_reading_when_each_battery_has_one(places: Places) -> None:
    place = places()
    place.run(5)
    bank = place.notes.last(BANK).values
    assert bank["combined_current"] == pytest.approx(4 * 3.26)
    assert bank["combined_capacity"] == 200.0
    assert place.notes.state(BANK).fresh
    place.bend_unit(50, nothing)
    place.run(120)
    assert len(place.notes.times(BANK)) == 1
    assert not place.notes.state(BANK).fresh
    assert "50" in place.notes.state(BANK).trouble


def test_two_batteries_that_die_together_do_not_cost_the_others_their_link(places: Places) -> None:
    place = places()
    place.run(5)
    place.hub.bend = lambda request, reply: (
        nothing(request, reply) if request[0] in (48, 49) else straight(request, reply)
    )
    place.run(300)
    assert place.hub.connects == 1
    assert all("does not answer" in place.notes.state(f"6cb2fd86824d-{unit}").trouble for unit in (48, 49))
    assert place.notes.state("6cb2fd86824d-50").fresh


def test_a_battery_that_was_exchanged_shows_within_the_hour(places: Places) -> None:
    place = places(section(DeviceType.BATTERY, 48))
    place.run(5)
    place.hub.units[48] = battery(model="RBT100LFP48S")
    place.run(3700)
    assert place.notes.last(48).values["model"] == "RBT100LFP48S"


def test_limits_that_are_refused_from_some_time_on_are_not_shown_for_ever(places: Places) -> None:
    place = places(section(DeviceType.BATTERY, 48))
    place.run(5)
    assert "charge_current_limit" in place.notes.last(48).values
    for register in range(5049, 5053):
        del place.hub.units[48][register]
    place.run(3700)
    assert "charge_current_limit" not in place.notes.last(48).values
    assert "voltage" in place.notes.last(48).values


def test_alarms_that_are_refused_are_missing_and_nothing_else_is(places: Places) -> None:
    place = places(section(DeviceType.BATTERY, 48))
    for register in range(5100, 5110):
        del place.hub.units[48][register]
    place.run(100)
    values = place.notes.last(48).values
    assert "problem" not in values
    assert values["voltage"] == 52.8
    assert place.hub.asked().count((48, 5100, 10)) == 1


def test_a_shortened_name_does_not_change_what_a_device_is_called(places: Places) -> None:
    hub = FakeHub({48: battery()}, name="RNGRBP12100")
    place = places(section(DeviceType.BATTERY, 48), hub=hub)
    place.run(5)
    assert place.notes.last(48).values["current"] == 32.6
    hub.name = "RNGR"
    place.do(place.radio.hear, hub)
    place.run(60)
    assert place.notes.last(48).values["current"] == 32.6


def test_a_count_that_is_not_believed_brings_no_values(places: Places) -> None:
    place = places(section(DeviceType.BATTERY, 48))
    place.run(5)
    place.hub.units[48][5017] = 12
    place.run(30)
    values = place.notes.last(48).values
    assert "temperature_3" in values
    assert "temperature_4" not in values
    assert "sensor_count" not in values


def chatter(place: Place, seconds: int) -> None:
    """A module advertises each second while nobody is connected."""
    for _ in range(seconds):
        if place.hub.link is None or not place.hub.link.open:
            place.do(place.radio.hear, place.hub)
        place.run(0.99)


def test_an_id_that_nobody_has_is_tried_less_and_less_though_the_module_is_heard(places: Places) -> None:
    place = places(section(DeviceType.BATTERY, 99))
    place.start()
    chatter(place, 3600)
    assert place.hub.connects < 40
    assert place.notes.state(99).failed < 40
    assert "99 does not answer" in place.notes.state(99).trouble


def test_another_kind_of_device_is_tried_less_and_less(places: Places) -> None:
    place = places(section(DeviceType.BATTERY, 48))
    place.hub.services = ()
    place.start()
    chatter(place, 3600)
    assert place.hub.connects < 20


def test_a_link_that_always_breaks_is_tried_less_and_less(places: Places) -> None:
    place = places(section(DeviceType.BATTERY, 48))

    def breaking(_request: bytes, _reply: bytes) -> Answers:
        place.loop.call_soon(place.hub.drop)
        return ()

    place.hub.bend = breaking
    place.start()
    chatter(place, 3600)
    assert place.hub.connects < 60
    place.hub.bend = straight
    chatter(place, 310)
    assert place.notes.state(48).fresh


def test_without_a_kept_link_advertisements_between_rounds_start_none(places: Places) -> None:
    settings = ReaderSettings(keep_connection=False)
    place = places(section(DeviceType.BATTERY, 48), settings=settings)
    place.hub.present = False
    place.run(10)
    place.hub.present = True
    chatter(place, 300)
    assert len(place.notes.times(48)) <= 12


def test_a_link_that_is_let_go_on_purpose_is_no_lost_one(places: Places) -> None:
    settings = ReaderSettings(keep_connection=False)
    place = places(section(DeviceType.BATTERY, 48), settings=settings)
    place.run(300)
    states = [each.link for _, each in place.notes.healths if each.device.endswith("-48") and each.fresh]
    assert set(states) == {LinkState.CONNECTED}


def test_who_reads_once_keeps_the_values_and_lets_go_of_the_link(places: Places) -> None:
    place = places(section(DeviceType.BATTERY, 48, 49), settings=ReaderSettings(once=True))
    place.bend_unit(49, nothing)
    place.run(70)
    place.hub.bend = straight
    place.run(3600)
    assert len(place.notes.times(48)) == len(place.notes.times(49)) == 1
    assert place.notes.state(48).fresh
    assert place.notes.last(BANK).values["combined_capacity"] == 100.0
    assert place.hub.link is not None
    assert not place.hub.link.open


def test_a_bank_whose_batteries_are_never_read_together_does_not_stay_fresh(places: Places) -> None:
    place = places(section(DeviceType.BATTERY, 48, 49))

    def one_at_a_time(request: bytes, reply: bytes) -> Answers:
        number = int((place.loop.time() + 5) // 30)
        silent = number >= 2 and request[0] == (48 if number % 2 else 49)
        return nothing(request, reply) if silent else straight(request, reply)

    place.hub.bend = one_at_a_time
    place.run(600)
    assert len(place.notes.times(BANK)) == 2
    assert place.notes.state("6cb2fd86824d-48").fresh
    assert place.notes.state("6cb2fd86824d-49").fresh
    assert not place.notes.state(BANK).fresh


def test_a_silent_battery_does_not_delay_the_others(places: Places) -> None:
    place = places()
    place.run(45)
    place.bend_unit(49, nothing)
    place.run(25)  # in this round it is found out, which costs one try
    place.run(1200)
    for unit in (48, 50, 51, 96):
        times = [at for at in place.notes.times(unit) if at > 85]
        assert len(times) >= 38
        assert all(abs(after - before - 30) < 0.5 for before, after in pairwise(times))
        assert place.notes.state(unit).failed == 0
    found_out = [at for at in place.notes.times(50) if 55 < at < 85]
    assert found_out[0] - 60 < 3.5


def test_a_silent_battery_costs_the_others_no_round_where_rounds_follow_fast(places: Places) -> None:
    place = places(section(DeviceType.BATTERY, *BATTERIES, interval_s=4.0))
    place.run(22)
    place.bend_unit(49, nothing)
    place.run(60)
    for unit in (48, 50, 51):
        times = [at for at in place.notes.times(unit) if at > 5]
        assert all(after - before < 4.0 + 2.5 for before, after in pairwise(times))
        assert place.notes.state(unit).failed == 0
    tries = [at for at, each in place.hub.requests if each[0] == 49 and at > 22]
    assert len(tries) == 4  # backing off, and one try each: a second one would last into the next round
    assert place.notes.state(49).trouble == "unit 49 does not answer"


def test_a_silent_battery_backs_off_to_five_minutes_and_does_not_cost_the_link(places: Places) -> None:
    place = places()
    place.run(45)
    place.bend_unit(49, nothing)
    place.run(3600)
    tries = sorted({round(at / 30) for at, each in place.hub.requests if each[0] == 49 and at > 50})
    gaps = [30 * (after - before) for before, after in pairwise(tries)]
    assert gaps[:5] == [30, 60, 120, 240, 300]
    assert set(gaps[5:]) == {300}
    assert place.hub.connects == 1
    assert not place.notes.state(49).fresh
    assert place.notes.state(49).trouble == "unit 49 does not answer"
    place.hub.bend = straight
    place.run(310)
    assert place.notes.state(49).fresh
    assert place.notes.state(49).trouble == ""


def test_freshness_ends_two_and_a_half_intervals_after_the_last_good_reading(places: Places) -> None:
    place = places()
    place.run(45)
    last = place.notes.times(49)[-1]
    place.bend_unit(49, nothing)
    place.run(120)
    ended = next(
        at for at, each in place.notes.healths if each.device.endswith("-49") and not each.fresh and at > 40
    )
    assert ended - last == pytest.approx(75, abs=0.1)


def test_a_damaged_reply_costs_nothing_when_the_second_is_good(places: Places) -> None:
    place = places()
    count = iter(range(10**6))
    place.hub.bend = lambda *frame: (damaged if next(count) % 2 else straight)(*frame)
    place.run(100)
    assert place.notes.state(51).failed == 0
    assert len(place.notes.times(51)) == 4


def test_a_reading_lacks_nothing_or_does_not_come(places: Places) -> None:
    place = places()
    place.run(40)
    place.bend_unit(
        48, lambda request, reply: (damaged if request[2:4] == b"\x13\xec" else straight)(request, reply)
    )
    place.run(30)
    assert len(place.notes.times(48)) == 2
    assert len(place.notes.times(49)) == 3
    assert place.notes.state(48).failed == 1
    assert "wrong CRC" in place.notes.state(48).trouble


def test_two_tries_in_silence_make_the_link_anew(places: Places) -> None:
    place = places()
    place.run(45)
    place.hub.deaf = True

    def hear_again() -> None:
        place.hub.deaf = False

    place.loop.call_at(64.5, hear_again)
    place.run(30)
    assert place.hub.connects == 2
    for unit in (*BATTERIES, 96):
        assert len(place.notes.times(unit)) == 3
        assert place.notes.state(unit).failed == 0


def test_a_dropped_link_is_made_anew_within_the_round(places: Places) -> None:
    place = places()
    place.run(45)
    place.loop.call_at(60.5, place.hub.drop)
    place.run(30)
    assert place.hub.connects == 2
    for unit in (*BATTERIES, 96):
        assert len(place.notes.times(unit)) == 3
        assert place.notes.state(unit).failed == 0


def test_the_loss_of_the_link_is_told_at_once(places: Places) -> None:
    place = places()
    place.run(40)
    place.do(place.hub.drop)
    place.run(0.1)
    assert place.notes.state(48).link is LinkState.DISCONNECTED
    assert place.notes.state(48).fresh


def test_a_hub_that_was_away_is_read_as_soon_as_it_is_heard(places: Places) -> None:
    place = places()
    place.run(40)
    place.hub.present = False
    place.do(place.hub.drop)
    place.run(600)
    assert not place.notes.state(48).fresh
    assert "does not advertise" in place.notes.state(48).trouble
    assert len(place.radio.attempts) < 8  # an attempt each 5 minutes, not each round
    place.hub.present = True
    place.do(place.radio.hear, place.hub)
    place.run(3)
    assert all(place.notes.state(unit).fresh for unit in (*BATTERIES, 96, BANK))
    place.run(90)
    assert place.notes.times(48)[-1] % 30 < 1.5  # and back on schedule


def test_a_hub_that_lets_nobody_connect_is_tried_less_and_less(places: Places) -> None:
    place = places()
    place.hub.refusing = True
    place.start()
    for _ in range(1200):
        place.run(0.99)
        place.do(place.radio.hear, place.hub)
    assert 5 <= len(place.radio.attempts) <= 9
    assert "lets nobody connect" in place.notes.state(48).trouble


def test_when_the_radio_is_back_it_is_tried_at_once(places: Places) -> None:
    """A reset of the adapter is often what it takes."""
    place = places()
    place.hub.refusing = True
    place.run(900)
    place.do(place.radio.fall_over, "the adapter is powered off")
    place.hub.refusing = False
    before = len(place.radio.attempts)
    place.do(place.radio.recover)
    place.run(5)
    assert len(place.radio.attempts) == before + 1
    assert place.notes.state(48).fresh


def test_a_hub_without_the_service_is_named_as_such(places: Places) -> None:
    place = places()
    place.hub.services = ()
    place.run(5)
    assert "no Renogy service FFD0" in place.notes.state(48).trouble


def test_a_radio_that_does_not_scan_is_named_and_waited_for(places: Places) -> None:
    place = places()
    place.radio.fall_over("no adapter")
    place.run(20)
    assert "no adapter" in place.notes.state(48).trouble
    place.do(place.radio.recover)
    place.do(place.radio.hear, place.hub)
    place.run(3)
    assert place.notes.state(48).fresh


def test_the_schedule_does_not_drift_in_a_day(places: Places) -> None:
    place = places(section(DeviceType.BATTERY, 48))
    place.run(86399)
    begins = [at for at, each in place.hub.requests if int.from_bytes(each[2:4]) == 5000]
    assert len(begins) == 2880
    periods = [after - before for before, after in pairwise(begins[1:])]
    assert abs(sum(periods) / len(periods) - 30.0) < 0.01
    assert all(abs(at % 30) < 0.01 for at in begins[1:])


def test_rounds_that_a_long_one_covers_are_left_out(places: Places) -> None:
    place = places(section(DeviceType.BATTERY, *BATTERIES, interval_s=5.0))
    place.hub.bend = later(1.0 - ANSWER_S)
    place.run(240)
    begins = [at for at, each in place.hub.requests if each[0] == 48 and int.from_bytes(each[2:4]) == 5000]
    assert all(at % 5 < 0.01 for at in begins[1:])
    assert all(after - before == pytest.approx(15, abs=0.1) for before, after in pairwise(begins[2:]))


def test_a_round_has_an_end(places: Places) -> None:
    place = places(settings=ReaderSettings(read_timeout_s=20.0))
    place.hub.bend = later(1.9 - ANSWER_S)
    place.run(21)
    assert "longer than 20 s" in place.notes.state(51).trouble
    assert place.notes.state(48).fresh


def test_once_is_enough_when_polling_is_switched_off(places: Places) -> None:
    place = places(settings=ReaderSettings(once=True))
    place.bend_unit(50, nothing)
    place.run(45)
    place.hub.bend = straight
    place.run(600)
    assert len(place.notes.times(50)) == 1
    count = len(place.hub.requests)
    place.run(600)
    assert len(place.hub.requests) == count


def test_the_end_closes_the_link(places: Places) -> None:
    place = places()
    place.run(10)
    place.stop()
    assert place.hub.link is not None
    assert not place.hub.link.open
    assert place.notes.state(48).link is LinkState.DISCONNECTED


def test_two_hubs_keep_their_own_pace(places: Places, virtual_loop: VirtualLoop) -> None:
    other = FakeHub({255: battery()}, address=0x112233445566, name="RNGPRO12345678")
    place = places(
        section(DeviceType.BATTERY, 48, 49),
        section(DeviceType.BATTERY, 255, address=other.address, interval_s=10.0),
    )
    place.radio.hubs[other.address] = other
    place.hub.present = False
    place.run(100)
    assert len(place.notes.times("112233445566-255")) == 10


def test_a_released_link_is_closed_and_not_used_until_it_is_given_back(places: Places) -> None:
    place = places()
    place.run(40)
    place.loop.run_until_complete(place.reader.release(place.hub.address))
    assert place.hub.link is not None
    assert not place.hub.link.open
    count = len(place.hub.requests)
    place.run(100)
    assert len(place.hub.requests) == count
    assert "Home Assistant" in place.notes.state(48).trouble
    place.do(place.reader.resume, place.hub.address)
    place.run(3)
    assert place.notes.state(48).fresh
    assert place.notes.state(48).trouble == ""


def test_a_release_ends_a_round_that_is_under_way(places: Places) -> None:
    place = places()
    place.run(45)
    place.run(15.1)
    begun = place.loop.time()
    place.loop.run_until_complete(place.reader.release(place.hub.address))
    assert place.loop.time() - begun < 0.5
    assert place.hub.link is not None
    assert not place.hub.link.open


def test_a_trouble_is_logged_once(places: Places, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    place = places()
    place.run(45)
    place.bend_unit(49, nothing)
    place.run(3600)
    lines = [each.getMessage() for each in caplog.records if "does not answer" in each.getMessage()]
    assert lines == ["6C:B2:FD:86:82:4D: unit 49 does not answer"]


def test_ten_thousand_rounds_leave_nothing_behind(places: Places) -> None:
    place = places(section(DeviceType.BATTERY, 48, interval_s=10.0))
    count = iter(range(10**9))
    place.hub.bend = lambda *frame: (damaged if next(count) % 50 == 0 else straight)(*frame)

    def settled() -> int:
        place.notes.readings.clear()
        place.notes.healths.clear()
        place.hub.requests.clear()
        gc.collect()
        return sys.getallocatedblocks()

    place.run(10_000)
    before = settled()
    for _ in range(9):
        place.run(10_000)
        after = settled()
    assert after - before < 500
