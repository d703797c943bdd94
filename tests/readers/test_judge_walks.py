"""What a battery can truly do is believed, whatever it does."""

import math
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from renogybt.model.quantity import Value
from renogybt.model.reading import DeviceType
from renogybt.readers.judge import Judge

ROUNDS = 120


@dataclass
class Battery:
    """Lithium iron phosphate cells under loads that step; the registers cut or round."""

    rng: Random
    cells: int
    capacity_ah: float
    cut: bool
    current_a: float = 0.0
    celsius: float = 20.0
    charge_ah: float = 0.0

    def __post_init__(self) -> None:
        self.charge_ah = self.rng.uniform(0.1, 0.9) * self.capacity_ah

    def pass_time(self, seconds: float) -> None:
        if self.rng.random() < 0.3:
            self.current_a = self.rng.uniform(-1.0, 0.8) * self.capacity_ah
        charge = self.charge_ah + self.current_a * seconds / 3600
        self.charge_ah = min(self.capacity_ah, max(0.02 * self.capacity_ah, charge))
        if charge != self.charge_ah:
            self.current_a = 0.0
        self.celsius = min(50.0, max(-10.0, self.celsius + self.rng.uniform(-0.02, 0.02) * seconds))

    def registers(self) -> dict[str, Value]:
        level = self.charge_ah / self.capacity_ah
        # the voltage of a full cell climbs with the last of its charge, it does not jump
        knee = 0.25 * max(0.0, level - 0.97) / 0.03 - 0.4 * math.exp(-level * 30)
        ohms = 0.15 / self.capacity_ah
        volts = [
            3.2 + 0.12 * level + knee + self.current_a * ohms + number * 0.004 for number in range(self.cells)
        ]
        sensors = {f"temperature_{number}": round(self.celsius + number, 1) for number in range(2)}
        return {
            "cell_count": self.cells,
            **{f"cell_voltage_{number}": self._tenths(volt) for number, volt in enumerate(volts)},
            **sensors,
            "current": round(self.current_a, 2),
            "voltage": self._tenths(sum(volts)),
            "remaining_charge": round(self.charge_ah, 3),
            "capacity": self.capacity_ah,
            "charge_current_limit": self.capacity_ah,
            "discharge_current_limit": -self.capacity_ah,
        }

    def _tenths(self, volts: float) -> float:
        return math.floor(volts * 10) / 10 if self.cut else round(volts, 1)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    cells=st.sampled_from((4, 8, 16)),
    capacity_ah=st.sampled_from((20.0, 50.0, 100.0, 300.0)),
    interval_s=st.sampled_from((1.0, 10.0, 30.0, 60.0, 180.0)),
    cut=st.booleans(),
)
@example(seed=208442, cells=16, capacity_ah=20.0, interval_s=60.0, cut=False)  # a full battery that goes
@example(seed=416885, cells=16, capacity_ah=20.0, interval_s=60.0, cut=False)  # from sun to load
def test_a_true_walk_is_believed_as_a_whole(
    seed: int, cells: int, capacity_ah: float, interval_s: float, cut: bool
) -> None:
    battery = Battery(Random(seed), cells, capacity_ah, cut)
    judge = Judge(DeviceType.BATTERY)
    for number in range(ROUNDS):
        battery.pass_time(interval_s)
        verdict = judge.judge(battery.registers(), number * interval_s)
        assert verdict.refused == ()


@pytest.mark.parametrize("seed", range(5))
def test_of_many_spikes_none_is_believed_and_nothing_else_is_lost(seed: int) -> None:
    rng = Random(seed)
    battery = Battery(rng, 16, 50.0, cut=False)
    judge = Judge(DeviceType.BATTERY)
    spikes: dict[str, Value] = {
        "voltage": 2484.0,
        "remaining_charge": 0.0,
        "capacity": 0.0,
        "temperature_0": 6553.5,
        "cell_voltage_4": 0.0,
        "current": 653.96,
        "cell_count": 0,
    }
    judge.judge(battery.registers(), 0.0)
    for number in range(1, 2000):
        battery.pass_time(30.0)
        true = battery.registers()
        name = rng.choice(tuple(spikes)) if number % 2 else None
        shown = true | ({name: spikes[name]} if name else {})
        accepted = judge.judge(shown, number * 30.0).accepted
        assert accepted == {each: value for each, value in true.items() if each != name}
