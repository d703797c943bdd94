"""The physics of the demo, over whole days."""

import math
from itertools import pairwise

import pytest

from renogybt.simulator.battery_pack import CELLS, CURRENT_LIMIT_A
from renogybt.simulator.charge_controller import RATED_A, Stage
from renogybt.simulator.day import DAY_S, day, household_w
from renogybt.simulator.solar_house import SolarHouse

SEEDS = range(3)
MINUTE_S = 60.0


def days(count: float, step_s: float = 1.0) -> list[float]:
    """Times to look at."""
    return [float(number) * step_s for number in range(1, round(count * DAY_S / step_s))]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_charged_is_drawn_or_goes_into_the_batteries(seed: int) -> None:
    house = SolarHouse(seed)

    for now in days(2):
        house.advance(now)
        controller = house.controller
        drawn = house.household_a + controller.load_a
        assert math.fsum(pack.current_a for pack in house.packs) == pytest.approx(
            controller.charge_a - drawn, abs=1e-9
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_remaining_charge_is_the_integral_of_the_current(seed: int) -> None:
    house = SolarHouse(seed)
    house.advance(1.0)
    before = [pack.remaining_ah for pack in house.packs]
    flowed = [0.0 for _ in house.packs]

    for now in range(2, round(2 * DAY_S)):
        house.advance(float(now))
        flowed = [sum_ah + pack.current_a / 3600 for sum_ah, pack in zip(flowed, house.packs, strict=True)]

    for pack, began, moved in zip(house.packs, before, flowed, strict=True):
        assert pack.remaining_ah - began == pytest.approx(moved, abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_implausible_happens_in_ten_days(seed: int) -> None:
    house = SolarHouse(seed)

    for now in days(10, step_s=5.0):
        house.advance(now)
        assert 0.0 <= house.controller.charge_a <= RATED_A
        assert 0.0 <= house.controller.panel_v < 150.0
        for pack in house.packs:
            assert 0.9 < pack.share < 1.0
            assert 52.0 < pack.voltage_v < 57.0
            assert abs(pack.voltage_v - house.voltage_v) < 0.3
            assert abs(pack.current_a) < CURRENT_LIMIT_A / 2
            assert all(5.0 < celsius < 40.0 for celsius in pack.temperatures())
            cells = pack.cell_voltages(house.now)
            assert len(cells) == CELLS
            assert math.fsum(cells) == pytest.approx(pack.voltage_v)
            assert 0.005 < max(cells) - min(cells) < 0.25
            assert all(3.1 < volts < 3.65 for volts in cells)


def test_batteries_share_the_current_almost_alike() -> None:
    house = SolarHouse()

    for now in days(1, step_s=10.0):
        house.advance(now)
        currents = [pack.current_a for pack in house.packs]
        assert 0.0 < max(currents) - min(currents) < 8.0


def test_there_is_something_to_see_within_minutes() -> None:
    house = SolarHouse()
    by_minute = []
    stages = set()
    for now in days(1, step_s=10.0):
        house.advance(now)
        stages.add(house.controller.stage)
        by_minute.append(house.packs[0].current_a)

    assert stages == set(Stage)
    assert max(by_minute) > 8.0  # charging
    assert min(by_minute) < -8.0  # a kettle, a stove, hot water
    assert max(by_minute[:30]) > 8.0  # in the first five minutes already


def test_cells_drift_against_each_other() -> None:
    house = SolarHouse()

    def orders() -> tuple[int, ...]:
        cells = house.packs[1].cell_voltages(house.now)
        return tuple(sorted(range(CELLS), key=lambda number: cells[number]))

    seen = set()
    for now in days(0.5, step_s=60.0):
        house.advance(now)
        seen.add(orders())

    assert len(seen) > 5


@pytest.mark.parametrize("step_s", [0.3, 7.0, 600.0])
def test_the_same_seed_gives_the_same_house_in_whatever_steps(step_s: float) -> None:
    at_once, in_steps = SolarHouse(3), SolarHouse(3)
    at_once.advance(1800.0)
    for number in range(1, round(1800 / step_s) + 1):
        in_steps.advance(number * step_s)

    assert in_steps.now == pytest.approx(at_once.now, abs=1.0)
    assert in_steps.packs[2].remaining_ah == pytest.approx(at_once.packs[2].remaining_ah, abs=0.005)


def test_another_seed_gives_another_house() -> None:
    assert SolarHouse(1).packs[0].remaining_ah != SolarHouse(2).packs[0].remaining_ah


def test_time_does_not_go_back() -> None:
    house = SolarHouse()
    house.advance(100.0)
    remaining = house.packs[0].remaining_ah
    house.advance(50.0)

    assert house.packs[0].remaining_ah == remaining
    assert house.now == pytest.approx(100.0, abs=1.0)


def test_a_process_that_was_suspended_does_not_catch_up() -> None:
    house, awake = SolarHouse(), SolarHouse()
    house.advance(100.0)
    house.advance(100.0 + 86_400.0)
    house.advance(200.0 + 86_400.0)
    awake.advance(200.0)

    assert house.now == pytest.approx(awake.now, abs=1.0)
    assert house.packs[0].remaining_ah == pytest.approx(awake.packs[0].remaining_ah, abs=0.01)


# -- what the controller counts


def test_energy_and_charge_are_the_integrals_of_power_and_current() -> None:
    house = SolarHouse()
    controller = house.controller
    house.advance(1.0)
    before = (controller.charged_ah, controller.generated_wh, controller.consumed_wh)
    charged = generated = consumed = 0.0
    for now in range(2, round(DAY_S)):
        house.advance(float(now))
        charged += controller.charge_a / 3600
        generated += controller.charge_w / 3600
        consumed += controller.load_w / 3600

    assert controller.charged_ah - before[0] == pytest.approx(charged, rel=1e-6)
    assert controller.generated_wh - before[1] == pytest.approx(generated, rel=1e-6)
    assert controller.consumed_wh - before[2] == pytest.approx(consumed, rel=1e-6)
    assert 200 < generated < 700
    assert 10 < consumed < 20


def test_the_panels_give_what_is_charged_and_a_little_heat() -> None:
    house = SolarHouse()
    house.advance(6 * MINUTE_S)
    controller = house.controller

    assert controller.charge_w > 1500
    assert controller.panel_w * 0.97 == pytest.approx(controller.charge_w)


def test_at_midnight_a_new_page_is_begun() -> None:
    house = SolarHouse()
    controller = house.controller
    midnight = 17 * MINUTE_S
    house.advance(midnight - 2)
    charged, working_days = controller.today.charged_ah, controller.days
    house.advance(midnight + 2)

    assert controller.past[0].charged_ah == pytest.approx(charged)
    assert controller.today.charged_ah == 0.0
    assert controller.days == working_days + 1
    assert [day(midnight - 1), day(midnight + 1)] == [0, 1]


def test_days_have_extremes_in_order() -> None:
    house = SolarHouse()
    house.advance(DAY_S)

    for record in (house.controller.today, *house.controller.past):
        assert 50.0 < record.lowest_v <= record.highest_v < 58.4
        assert record.highest_charge_a <= RATED_A


def test_the_controller_goes_through_its_stages_in_order() -> None:
    house = SolarHouse()
    stages = []
    for now in days(3):
        house.advance(now)
        stages.append(house.controller.stage)
    changes = {(earlier, later) for earlier, later in pairwise(stages) if earlier is not later}

    assert (Stage.MPPT, Stage.BOOST) in changes
    assert (Stage.BOOST, Stage.FLOATING) in changes
    assert (Stage.FLOATING, Stage.DEACTIVATED) in changes
    assert (Stage.MPPT, Stage.FLOATING) not in changes
    assert (Stage.DEACTIVATED, Stage.FLOATING) not in changes


def test_a_load_that_is_switched_off_draws_nothing_until_it_is_switched_on() -> None:
    house = SolarHouse()
    house.advance(60.0)
    assert house.controller.load_w > 30

    house.controller.switch_load(False)
    house.advance(120.0)
    assert house.controller.load_w == 0.0

    house.controller.switch_load(True)
    house.advance(122.0)
    assert house.controller.load_w > 30


def test_appliances_come_and_go() -> None:
    draws = {round(household_w(float(now))) for now in range(round(DAY_S))}

    assert min(draws) < 50
    assert max(draws) > 1900
