"""A house on solar power: four batteries side by side, one charge controller, an inverter."""

from random import Random

from renogybt.simulator.battery_pack import BatteryPack
from renogybt.simulator.charge_controller import ChargeController
from renogybt.simulator.day import Sky, ambient_c, day, direct_load_w, household_w

BATTERIES = 4
_FIRST_SHARE = 0.96
"""So full that all stages of charging pass on the first day."""
_STEP_S = 1.0
_LONGEST_LEAP_S = 3600.0
"""A process that was suspended does not catch up: the house stood still as well."""


class SolarHouse:
    """State of the house; the same seed gives the same house, in whatever steps its time is asked for.

    Time is in seconds since the simulation began. The days are short (`simulator.day`), the physics are
    not: the sum of all battery currents is what is charged less what is drawn, each moment.
    """

    def __init__(self, seed: int = 1) -> None:
        rng = Random(seed)  # noqa: S311 - a simulation that can be repeated
        self.packs = [BatteryPack(rng, _FIRST_SHARE + rng.uniform(-0.004, 0.004)) for _ in range(BATTERIES)]
        self._sky = Sky(rng)
        self.household_a = 0.0
        self.voltage_v = sum(pack.rest_v for pack in self.packs) / BATTERIES
        self.controller = ChargeController(rng, self.voltage_v)
        self.now = 0.0
        self._stood_still_s = 0.0
        self._step()

    def advance(self, until: float) -> None:
        """Let time pass; an earlier time than before changes nothing."""
        ahead = until - self._stood_still_s - self.now
        if ahead > _LONGEST_LEAP_S:
            self._stood_still_s += ahead
            return
        for _ in range(int(ahead / _STEP_S)):
            self._step()

    def _step(self) -> None:
        now = self.now = self.now + _STEP_S
        controller = self.controller
        if day(now) != day(now - _STEP_S):
            controller.midnight()
        self.household_a = household_w(now) / self.voltage_v
        drawn_a = self.household_a + controller.draw(direct_load_w(now))
        fullest = max(pack.share for pack in self.packs)
        charged_a = controller.charge(self._sky.sunlight(now), fullest, drawn_a)
        self._share_out(charged_a - drawn_a, ambient_c(now))
        controller.book(self.voltage_v, ambient_c(now), _STEP_S)

    def _share_out(self, total_a: float, air_c: float) -> None:
        """Batteries on one bar: each carries what its own rest voltage and resistance leave to it."""
        rests = [(pack, pack.rest_v, pack.ohm) for pack in self.packs]
        pull = sum(rest / ohm for _, rest, ohm in rests)
        self.voltage_v = (total_a + pull) / sum(1.0 / ohm for _, _, ohm in rests)
        for pack, rest, ohm in rests:
            pack.carry((self.voltage_v - rest) / ohm, air_c, _STEP_S)
