"""What hangs behind the demo's Renogy hub: four batteries and a charge controller, and all their faults."""

from renogybt.simulator.battery_registers import BatterySlave
from renogybt.simulator.controller_registers import ControllerSlave
from renogybt.simulator.hub_faults import Answer, HubFaults
from renogybt.simulator.modbus_bus import ModbusBus
from renogybt.simulator.solar_house import BATTERIES, SolarHouse

BATTERY_UNITS = tuple(range(48, 48 + BATTERIES))
"""Where a hub puts batteries, one after the other."""
CONTROLLER_UNIT = 96
ANSWER_S = 0.08
"""From a request to its answer: 70 to 120 ms were measured on a BT-2 at 9600 baud."""


class RenogyBus:
    """The line of one hub. `now` counts seconds since the simulation began; the same seed, the same house."""

    def __init__(self, seed: int = 1) -> None:
        self.house = SolarHouse(seed)
        self.faults = HubFaults()
        batteries = {unit: BatterySlave(self.house, place, unit) for place, unit in enumerate(BATTERY_UNITS)}
        self._bus = ModbusBus({**batteries, CONTROLLER_UNIT: ControllerSlave(self.house, CONTROLLER_UNIT)})

    def truth(self, request: bytes, now: float) -> bytes:
        """What the line gives back at this moment without any fault; nothing if nobody answers."""
        return self._bus.answer(request, now)

    def answer(self, request: bytes, now: float) -> Answer:
        """What the hub sends back, `ANSWER_S` later: the truth, spoilt by the faults."""
        return self.faults.spoil(request, self.truth(request, now))
