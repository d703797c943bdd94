"""What is done about a radio that is ill, and that nothing is done about one that is not; in virtual time."""

import logging
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from bluetooth.ailing_radio import (
    BUSY,
    BY_MGMT,
    DAY_S,
    HOUR_S,
    LONELY,
    NOBODY,
    QUIET,
    RESETS,
    UNPRIVILEGED,
    Crowd,
    Patient,
)
from proxy.virtual_time import VirtualLoop

from renogybt.bluetooth.budget import Budget
from renogybt.bluetooth.health import Fault
from renogybt.bluetooth.watchdog import CareSettings
from renogybt.model.recovery import CareState, ResetFailedError, RestartNeededError, Result, Rung

WARM_UP_S = 300.0


def most_in_any_hour(times: list[float]) -> int:
    return max((sum(start <= at < start + HOUR_S for at in times) for start in times), default=0)


def fall_silent_for_ever(patient: Patient) -> None:
    with patient:
        patient.advance(WARM_UP_S)
        patient.fall_silent()
        patient.advance(HOUR_S)


# -- a healthy radio


@pytest.mark.parametrize(
    ("crowd", "monitored"),
    [(BUSY, True), (BUSY, False), (Crowd(3, 6.0), True), (LONELY, True), (LONELY, False)],
)
def test_a_healthy_scan_of_a_day_causes_no_rung(crowd: Crowd, monitored: bool) -> None:
    with Patient(crowd, monitored=monitored) as patient:
        patient.advance(DAY_S)
        assert patient.taken == []
        assert patient.care.status.state is CareState.WELL


@pytest.mark.parametrize("crowd", [NOBODY, QUIET])
@pytest.mark.parametrize("monitored", [True, False])
def test_a_day_in_a_quiet_place_causes_no_reset(crowd: Crowd, monitored: bool) -> None:
    with Patient(crowd, monitored=monitored) as patient:
        patient.advance(DAY_S)
        assert patient.resets == []
        assert patient.care.status.state is CareState.WELL


def test_in_a_place_with_nobody_what_disturbs_nobody_is_tried_ever_more_seldom() -> None:
    with Patient(NOBODY) as patient:
        patient.advance(DAY_S)
        hourly = Counter(int(at // HOUR_S) for at, _ in patient.taken)
    assert hourly[0] > 0
    assert all(hourly[hour] <= 3 for hour in range(3, 24))


def test_when_the_only_device_leaves_one_power_cycle_is_all() -> None:
    with Patient(LONELY) as patient:
        patient.advance(WARM_UP_S)
        patient.leave(NOBODY)
        patient.advance(DAY_S)
        assert len(patient.resets) == 1
        assert patient.care.status.state is CareState.QUIET


def test_when_it_comes_back_all_is_well_again() -> None:
    with Patient(LONELY) as patient:
        patient.advance(WARM_UP_S)
        patient.leave(NOBODY)
        patient.advance(HOUR_S)
        patient.leave(LONELY)
        patient.advance(30.0)
        assert patient.care.status.state is CareState.WELL


# -- silence


@pytest.mark.parametrize(
    ("cure", "monitored", "within_s"),
    [
        (Rung.RESTART_SCAN, True, 12.0),
        (Rung.STOP_KERNEL_SCAN, True, 17.0),
        (Rung.REOPEN_BUS, True, 19.0),
        (Rung.POWER_CYCLE, True, 25.0),
        (Rung.POWER_CYCLE_BY_KERNEL, True, 45.0),
        (Rung.RESTART_SCAN, False, 30.0),
        (Rung.POWER_CYCLE, False, 42.0),
    ],
)
def test_a_silent_scan_in_a_busy_place_is_back(cure: Rung, monitored: bool, within_s: float) -> None:
    able = BY_MGMT if monitored else UNPRIVILEGED
    with Patient(BUSY, able, monitored) as patient:
        patient.advance(WARM_UP_S)
        patient.fall_silent(cure)
        patient.advance(within_s)
        assert patient.rungs[-1] is cure
        assert patient.events[-1].result is Result.HELPED
        assert patient.care.status.state is CareState.WELL
        assert WARM_UP_S + 9.0 <= patient.taken[0][0] <= WARM_UP_S + 30.0


def test_a_cure_that_takes_its_time_in_a_slow_place_is_not_followed_by_a_harsher_rung() -> None:
    with Patient(Crowd(4, 20.0)) as patient:
        patient.advance(1200.0)
        patient.fall_silent(Rung.RESTART_SCAN)
        patient.advance(300.0)
        assert set(patient.rungs) == {Rung.RESTART_SCAN}


def test_after_a_cure_the_ladder_begins_at_its_first_rung() -> None:
    with Patient(BUSY) as patient:
        for _ in range(2):
            patient.advance(WARM_UP_S)
            patient.fall_silent(Rung.POWER_CYCLE)
        patient.advance(60.0)
        whole = [Rung.RESTART_SCAN, Rung.STOP_KERNEL_SCAN, Rung.REOPEN_BUS, Rung.POWER_CYCLE]
        assert patient.rungs == 2 * whole


def test_a_radio_that_is_silent_from_the_start_is_reset_once_where_the_last_run_heard_many() -> None:
    with Patient(BUSY) as patient:
        patient.advance(WARM_UP_S)
        budget = patient.care_budget
        assert budget.lively
    with Patient(NOBODY, budget=budget) as patient:
        patient.advance(HOUR_S)
        assert len(patient.resets) == 1


def test_the_ceiling_that_is_configured_bounds_the_silence_of_a_slow_place() -> None:
    with Patient(Crowd(4, 40.0), settings=CareSettings(ceiling_s=150.0)) as patient:
        patient.advance(2400.0)
        before = len(patient.taken)
        silent_since = patient.loop.time()
        patient.fall_silent()
        patient.advance(400.0)
        assert patient.taken[before][0] - silent_since > 100.0


# -- advertisements without data


def test_advertisements_that_come_without_data_are_a_fault() -> None:
    with Patient(BUSY) as patient:
        patient.advance(WARM_UP_S)
        patient.lose_data(Rung.POWER_CYCLE)
        patient.advance(45.0)
        assert patient.rungs == [Rung.RESTART_SCAN, Rung.POWER_CYCLE]
        assert patient.events[-1].result is Result.HELPED


@pytest.mark.parametrize("crowd", [BUSY, Crowd(5, 1.0), Crowd(5, 5.0)])
@pytest.mark.parametrize("offset_s", [0.0, 9.0, 24.0, 29.0])
def test_whenever_they_lose_their_data_it_is_over_within_45_seconds(offset_s: float, crowd: Crowd) -> None:
    with Patient(crowd) as patient:
        patient.advance(WARM_UP_S + offset_s)
        patient.lose_data(Rung.RESTART_SCAN)
        patient.advance(45.0)
        assert patient.rungs == [Rung.RESTART_SCAN]
        assert patient.care.status.state is CareState.WELL


def test_a_few_devices_that_never_send_data_are_none() -> None:
    with Patient(Crowd(1, 5.0, b"")) as patient:
        patient.advance(100.0)
        assert patient.taken == []


# -- faults that the scanner tells


@pytest.mark.parametrize(
    ("fault", "cure", "within_s"),
    [
        (Fault.POWERED_OFF, Rung.POWER_ON, 3.0),
        (Fault.BUSY, Rung.REOPEN_BUS, 3.0),
        (Fault.BUSY, Rung.POWER_CYCLE, 4.0),
        (Fault.NO_SERVICE, Rung.POKE, 5.0),
        (Fault.HUNG, Rung.REOPEN_BUS, 8.0),
        (Fault.NOT_READY, Rung.POWER_CYCLE, 8.0),
    ],
)
@pytest.mark.parametrize("crowd", [BUSY, NOBODY])
def test_a_fault_that_a_rung_cures_is_over_in_time(
    fault: Fault, cure: Rung, within_s: float, crowd: Crowd
) -> None:
    with Patient(crowd) as patient:
        patient.advance(8.0)
        patient.fail(fault, cure)
        patient.advance(within_s)
        assert patient.rungs[-1] is cure
        if cure is not Rung.POKE:  # bluetoothd comes by itself then
            assert patient.events[-1].result is Result.HELPED
            assert patient.care.status.state is CareState.WELL


@pytest.mark.parametrize(
    "fault", [Fault.ABSENT, Fault.HARD_BLOCK, Fault.DENIED, Fault.NO_BUS, Fault.NO_SOURCE]
)
def test_what_nothing_here_can_help_costs_nothing_and_is_said(fault: Fault) -> None:
    with Patient(BUSY) as patient:
        patient.advance(WARM_UP_S)
        patient.fail(fault)
        patient.advance(HOUR_S)
        assert patient.taken == []
        assert patient.care.status.state is CareState.HELPLESS


def test_who_may_not_reset_does_not() -> None:
    with Patient(BUSY, BY_MGMT - RESETS) as patient:
        patient.advance(WARM_UP_S)
        patient.fall_silent(Rung.POWER_CYCLE)
        patient.advance(HOUR_S)
        assert patient.resets == []
        assert patient.taken
        assert patient.care.status.state is CareState.HELPLESS


def test_a_quiet_place_is_asked_whether_all_still_answers() -> None:
    with Patient(NOBODY) as patient:
        patient.advance(HOUR_S)
        patient.taken.clear()
        patient.answers = False
        patient.advance(HOUR_S)
        assert Rung.REOPEN_BUS in patient.rungs


def test_a_bluez_that_hangs_beside_the_advertisements_is_noticed_and_harms_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Patient(BUSY, past_bluez=True) as patient:
        patient.advance(WARM_UP_S)
        patient.answers = False
        patient.advance(10.0)
        assert patient.care.status.state is CareState.HELPLESS
        assert "nobody can connect to devices" in caplog.text
        patient.advance(HOUR_S)
        assert patient.rungs == []
        assert len(caplog.records) == 1
        patient.answers = True
        patient.advance(61.0)
        assert patient.care.status.state is CareState.WELL


def test_where_it_is_allowed_a_bluez_that_hangs_beside_the_advertisements_is_restarted() -> None:
    with Patient(BUSY, BY_MGMT | {Rung.RESTART_BLUETOOTHD}, past_bluez=True) as patient:
        patient.advance(WARM_UP_S)
        patient.hang(Rung.RESTART_BLUETOOTHD)
        patient.advance(15.0)
        assert patient.rungs == [Rung.RESTART_BLUETOOTHD]
        assert patient.events[-1].result is Result.HELPED
        assert patient.care.status.state is CareState.WELL


def test_a_restart_that_does_not_wake_it_up_has_not_helped() -> None:
    with Patient(BUSY, BY_MGMT | {Rung.RESTART_BLUETOOTHD}, past_bluez=True) as patient:
        patient.advance(WARM_UP_S)
        patient.answers = False
        patient.advance(2 * HOUR_S)
        assert {event.result for event in patient.events} == {Result.IN_VAIN}
        assert most_in_any_hour(patient.resets) == 10
        assert patient.care.status.state is CareState.EXHAUSTED


def test_one_late_answer_is_no_hang() -> None:
    with Patient(BUSY, BY_MGMT | {Rung.RESTART_BLUETOOTHD}, past_bluez=True) as patient:
        for _ in range(20):
            patient.advance(60.0)
            patient.late = 1
        assert patient.rungs == []
        assert {status.state for _, status in patient.statuses} <= {CareState.WELL}


def test_a_bluez_that_answers_again_is_not_restarted_once_more() -> None:
    with Patient(BUSY, BY_MGMT | {Rung.RESTART_BLUETOOTHD}, past_bluez=True) as patient:
        patient.advance(WARM_UP_S)
        patient.hang()
        patient.advance(45.0)
        restarts = len(patient.rungs)
        patient.answers = True
        patient.advance(600.0)
        assert restarts == len(patient.rungs) > 0
        assert patient.care.status.state is CareState.WELL


@pytest.mark.parametrize("past_bluez", [True, False])
def test_a_restart_of_bluetoothd_that_could_not_be_done_is_no_reason_for_a_power_cycle(
    past_bluez: bool,
) -> None:
    able = BY_MGMT | {Rung.RESTART_BLUETOOTHD}
    undoable = frozenset({Rung.RESTART_BLUETOOTHD})
    with Patient(BUSY, able, undoable=undoable, past_bluez=past_bluez) as patient:
        patient.advance(WARM_UP_S)
        patient.hang() if past_bluez else patient.fail(Fault.HUNG)
        patient.advance(40.0)
        patient.answers = True
        patient.heal()
        patient.advance(HOUR_S)
        assert Rung.RESTART_BLUETOOTHD in patient.rungs
        assert Rung.POWER_CYCLE not in patient.rungs


def test_a_unit_that_is_not_installed_costs_nothing_and_is_tried_once_an_hour() -> None:
    able = BY_MGMT | {Rung.RESTART_BLUETOOTHD}
    with Patient(BUSY, able, missing=frozenset({Rung.RESTART_BLUETOOTHD}), past_bluez=True) as patient:
        patient.advance(WARM_UP_S)
        patient.hang()
        patient.advance(6 * HOUR_S)
        assert 6 <= len(patient.rungs) <= 7
        assert patient.care.status.resets == 0
        assert patient.care_budget.resets.left(patient.care_budget.now) == 10
        assert patient.care.status.state is CareState.HELPLESS


def test_where_advertisements_are_rare_a_hang_does_not_end_them_either() -> None:
    with Patient(Crowd(3, 6.0), past_bluez=True) as patient:
        patient.advance(WARM_UP_S)
        patient.hang()
        patient.advance(HOUR_S)
        assert patient.care.status.state is CareState.HELPLESS
        assert Rung.REOPEN_BUS not in patient.rungs


def test_after_a_start_it_is_asked_soon() -> None:
    with Patient(BUSY, past_bluez=True) as patient:
        patient.advance(12.0)
        assert patient.asked >= 2


@pytest.mark.parametrize("exhausted", [False, True])
def test_a_trouble_beside_advertisements_is_looked_at_seldom(exhausted: bool) -> None:
    able = BY_MGMT | {Rung.RESTART_BLUETOOTHD} if exhausted else BY_MGMT
    with Patient(BUSY, able, past_bluez=True) as patient:
        patient.advance(WARM_UP_S)
        patient.hang()
        patient.advance(2 * HOUR_S if exhausted else 60.0)
        looks: list[float] = []
        patient.care.looks.add(lambda _: looks.append(patient.loop.time()))
        patient.advance(600.0)
        assert len(looks) < 200


def test_what_is_wrong_beside_the_advertisements_is_told() -> None:
    with Patient(BUSY, past_bluez=True) as patient:
        patient.advance(WARM_UP_S)
        assert patient.care.status.trouble == ""
        patient.hang()
        patient.advance(15.0)
        assert "sudo systemctl restart bluetooth" in patient.care.status.trouble
        patient.answers = True
        patient.advance(70.0)
        assert patient.care.status.trouble == ""


def test_a_healthy_bluez_is_asked_all_day_and_nothing_is_done() -> None:
    with Patient(BUSY, past_bluez=True) as patient:
        patient.advance(DAY_S / 4)
        assert patient.rungs == []
        assert 0.3 < patient.asked / patient.loop.time() <= 0.34


# -- the budget


@pytest.mark.parametrize(
    ("fault", "undoable"),
    [
        (None, frozenset()),
        (None, RESETS),
        (Fault.BUSY, frozenset()),
        (Fault.REFUSED, frozenset()),
        (Fault.POWERED_OFF, RESETS),
    ],
)
def test_a_fault_of_two_days_never_costs_more_than_the_budget(
    fault: Fault | None, undoable: frozenset[Rung]
) -> None:
    with Patient(BUSY, undoable=undoable) as patient:
        patient.advance(WARM_UP_S)
        patient.fall_silent() if fault is None else patient.fail(fault)
        patient.advance(2 * DAY_S)
        resets = patient.resets
        assert most_in_any_hour(resets) == 10
        kinds = len(RESETS & patient.able) if undoable else 1
        assert all(after - before >= 20.0 for before, after in pairwise(resets[kinds - 1 :]))
        assert patient.care.status.state is CareState.EXHAUSTED
        told = [at for at, status in patient.statuses if status.state is CareState.EXHAUSTED]
        assert told[0] - WARM_UP_S < HOUR_S


def test_while_it_is_exhausted_what_disturbs_nobody_is_tried_every_minute() -> None:
    with Patient(BUSY) as patient:
        patient.advance(WARM_UP_S)
        patient.fall_silent()
        patient.advance(12 * HOUR_S)
        since = patient.loop.time()
        patient.advance(HOUR_S)
        starts = [at for at, rung in patient.taken if rung is Rung.RESTART_SCAN and at > since]
        assert 40 <= len(starts) <= 61


def test_a_fault_that_comes_again_after_each_cure_stays_within_the_budget_too() -> None:
    with Patient(BUSY) as patient:
        for _ in range(60):
            patient.advance(100.0)
            patient.fall_silent(Rung.POWER_CYCLE)
        patient.advance(HOUR_S)
        assert most_in_any_hour(patient.resets) == 10


def test_where_no_power_cycle_can_be_done_the_hardware_is_reset_in_time() -> None:
    able = BY_MGMT | {Rung.RESET_HARDWARE}
    undoable = frozenset({Rung.POWER_CYCLE, Rung.POWER_CYCLE_BY_KERNEL})
    with Patient(BUSY, able, undoable=undoable) as patient:
        patient.advance(WARM_UP_S)
        patient.fall_silent(Rung.RESET_HARDWARE)
        patient.advance(25.0)
        assert patient.rungs[-1] is Rung.RESET_HARDWARE
        assert patient.events[-1].result is Result.HELPED


def test_a_reset_that_could_not_be_done_is_done_when_the_controller_lives_again() -> None:
    with Patient(BUSY, undoable=frozenset({Rung.POWER_CYCLE, Rung.POWER_CYCLE_BY_KERNEL})) as patient:
        patient.advance(WARM_UP_S)
        patient.fall_silent()
        patient.advance(22.0)
        assert patient.rungs[-2:] == [Rung.POWER_CYCLE, Rung.POWER_CYCLE_BY_KERNEL]
        patient.undoable = frozenset()
        patient.heal()
        before = len(patient.rungs)
        patient.advance(HOUR_S)
        assert patient.rungs[before:] == [Rung.POWER_CYCLE]
        assert patient.care.status.state is CareState.WELL


def test_a_reset_that_may_not_be_made_good_is_let_go() -> None:
    able = UNPRIVILEGED - {Rung.POWER_CYCLE}
    with Patient(BUSY, able, undoable=frozenset({Rung.POWER_CYCLE})) as patient:
        patient.advance(WARM_UP_S)
        with pytest.raises(ResetFailedError):
            patient.ask_for_reset()
        looks: list[float] = []
        patient.care.looks.add(lambda _: looks.append(patient.loop.time()))
        patient.advance(600.0)
        assert patient.rungs == [Rung.POWER_CYCLE]
        assert len(looks) < 600  # less than one a second


def test_dead_hardware_is_reset_three_times_an_hour_and_no_more() -> None:
    able = BY_MGMT | {Rung.RESET_HARDWARE}
    with Patient(BUSY, able) as patient:
        patient.advance(WARM_UP_S)
        patient.fall_silent()
        patient.advance(6 * HOUR_S)
        hardware = [at for at, rung in patient.taken if rung is Rung.RESET_HARDWARE]
        assert most_in_any_hour(hardware) == 3


def test_the_program_ends_as_the_last_rung_only_and_once_an_hour() -> None:
    patient = Patient(BUSY, BY_MGMT | {Rung.RESTART_PROGRAM})
    with pytest.raises(RestartNeededError):
        fall_silent_for_ever(patient)
    assert patient.rungs[-1] is Rung.RESTART_PROGRAM
    assert patient.rungs.count(Rung.RESTART_PROGRAM) == 1
    assert patient.events[-1].result is Result.UNDER_WAY
    with Patient(BUSY, BY_MGMT | {Rung.RESTART_PROGRAM}, budget=patient.care_budget) as again:
        again.advance(WARM_UP_S)
        again.fall_silent()
        again.advance(HOUR_S / 4)
        assert Rung.RESTART_PROGRAM not in again.rungs


# -- what deceives


def begin_anew_every(patient: Patient, seconds: float, for_s: float) -> None:
    """As clients do who switch the scan mode, or attempts to connect."""
    until = patient.loop.time() + for_s
    while patient.loop.time() < until:
        patient.advance(seconds)
        patient.care.begin(monitored=patient.monitored)


@pytest.mark.parametrize("every_s", [4.0, 9.0])
def test_a_dead_scan_that_is_begun_anew_again_and_again_is_noticed_after_two_minutes(every_s: float) -> None:
    with Patient(BUSY) as patient:
        patient.advance(WARM_UP_S)
        patient.fall_silent(Rung.POWER_CYCLE)
        begin_anew_every(patient, every_s, 170.0)
        assert patient.taken[0][0] - WARM_UP_S <= 121.0 + every_s
        assert patient.rungs[-1] is Rung.POWER_CYCLE


def test_faults_that_take_turns_are_one_trouble() -> None:
    with Patient(BUSY) as patient:
        patient.advance(WARM_UP_S)
        for _ in range(20):
            patient.fail(Fault.REFUSED, Rung.POWER_CYCLE)
            patient.advance(2.0)
            if patient.well:
                break
            patient.fail(Fault.BUSY, Rung.POWER_CYCLE)
            patient.advance(1.0)
        assert patient.rungs[-1] is Rung.POWER_CYCLE


def test_a_radio_that_falls_silent_within_the_first_minute_is_reset_once() -> None:
    with Patient(BUSY) as patient:
        patient.advance(20.0)
        patient.fall_silent(Rung.POWER_CYCLE)
        patient.advance(120.0)
        assert patient.events[-1].rung is Rung.POWER_CYCLE
        assert patient.events[-1].result is Result.HELPED


def test_the_only_device_is_not_missed_while_there_is_a_link_to_it() -> None:
    with Patient(LONELY) as patient:
        for _ in range(12):
            patient.linked = False
            patient.leave(LONELY)
            patient.advance(900.0)
            patient.linked = True
            patient.leave(NOBODY)
            patient.advance(600.0)
        assert patient.resets == []


@pytest.mark.parametrize("crowd", [Crowd(5, 1.0), Crowd(3, 2.0), BUSY])
def test_after_data_have_come_back_nothing_more_is_done(crowd: Crowd) -> None:
    with Patient(crowd) as patient:
        patient.advance(WARM_UP_S)
        patient.lose_data(Rung.RESTART_SCAN)
        patient.advance(600.0)
        assert patient.rungs == [Rung.RESTART_SCAN]
        assert patient.care.status.state is CareState.WELL


@pytest.mark.parametrize("crowd", [Crowd(1, 0.9, b""), Crowd(2, 0.2, b"")])
def test_neighbours_that_never_send_data_cost_no_reset(crowd: Crowd) -> None:
    with Patient(crowd) as patient:
        patient.advance(6 * HOUR_S)
        assert patient.taken == []


def test_many_that_never_send_data_cost_no_reset_either() -> None:
    with Patient(Crowd(6, 1.0, b"")) as patient:
        patient.advance(6 * HOUR_S)
        assert patient.resets == []


def test_once_it_is_exhausted_an_hour_brings_one_reset() -> None:
    with Patient(BUSY) as patient:
        patient.advance(WARM_UP_S)
        patient.leave(NOBODY)
        patient.advance(12 * HOUR_S)
        assert len(patient.resets) <= 10 + 12


def test_in_a_deserted_place_a_restart_of_bluetoothd_brings_no_second_reset() -> None:
    with Patient(LONELY) as patient:
        patient.advance(WARM_UP_S)
        patient.leave(NOBODY)
        patient.advance(HOUR_S)
        for _ in range(5):
            patient.fail(Fault.NO_SERVICE, Rung.RESTART_SCAN)
            patient.advance(1.0)
            patient.heal()
            patient.advance(HOUR_S)
        assert len(patient.resets) == 1


# -- on request, and beside others


def test_a_power_cycle_by_the_kernel_needs_what_is_left_of_the_budget_too() -> None:
    with Patient(BUSY, undoable=frozenset({Rung.POWER_CYCLE})) as patient:
        patient.advance(WARM_UP_S)
        for _ in range(9):
            patient.care_budget.resets.spend(patient.care_budget.now - 100.0)
        with pytest.raises(ResetFailedError):
            patient.ask_for_reset()
        assert patient.rungs == [Rung.POWER_CYCLE]


def test_what_another_process_has_spent_is_not_forgotten(tmp_path: Path) -> None:
    loop = VirtualLoop()

    def budget() -> Budget:
        return Budget(tmp_path / "recovery.json", clock=loop.time, boot=lambda: "boot")

    with Patient(BUSY, budget=budget(), loop=loop) as patient:
        other = budget()
        for _ in range(4):
            other.resets.spend(0.0)
        other.save()
        patient.advance(WARM_UP_S)  # in which it writes down that the place is lively
        assert budget().lively
        assert budget().resets.left(loop.time()) == 6


def test_the_shortest_gap_is_kept_by_the_next_process() -> None:
    loop = VirtualLoop()
    budget = Budget(clock=loop.time, boot=lambda: "boot")
    budget.resets.spend(0.0)
    with Patient(BUSY, budget=budget, loop=loop) as patient:
        patient.advance(3.0)
        patient.fail(Fault.BUSY, Rung.POWER_CYCLE)
        patient.advance(40.0)
        assert 20.0 <= patient.resets[0] <= 22.0


def test_a_reset_whose_asker_leaves_is_told_all_the_same() -> None:
    with Patient(BUSY) as patient:
        patient.advance(WARM_UP_S)
        asking = patient.loop.create_task(patient.care.reset("a person asks"))
        patient.advance(0.02)
        asking.cancel()
        patient.advance(5.0)
        assert patient.care.status.resets == 1
        assert patient.care.status.last is not None
        assert patient.care.status.state is CareState.WELL


def test_when_another_process_takes_the_scan_over_nothing_is_exhausted_any_more() -> None:
    with Patient(BUSY) as patient:
        patient.advance(WARM_UP_S)
        patient.fall_silent()
        patient.advance(2 * HOUR_S)
        assert patient.care.status.state is CareState.EXHAUSTED
        patient.care.rest()
        patient.advance(400.0)
        assert patient.care.status.state is CareState.WELL


def test_two_days_of_a_permanent_fault_are_told_in_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), Patient(BUSY) as patient:
        patient.advance(WARM_UP_S)
        patient.fall_silent()
        patient.advance(2 * DAY_S)
    assert len(caplog.records) < 2000
    assert len(patient.taken) > 2 * DAY_S / 60
