"""What a value of each quantity can be, and how fast it can change.

In a name `#` stands for a number. Wide enough for every value that a healthy or a failing device
can truly have: what these rows refuse cannot be, it is not merely unusual.
"""

import math
import re
from dataclasses import dataclass
from functools import cache

_NUMBER = re.compile(r"\d+")
_OTHER_TEMPERATURE = "temperature"


@dataclass(frozen=True, slots=True)
class Range:
    """`low` and `high` are still possible, in the unit of the quantity; `reason` says why no more is."""

    name: str
    low: float
    high: float
    reason: str

    def holds(self, value: float) -> bool:
        """Whether the value can be; nothing that is not finite can."""
        return math.isfinite(value) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Band:
    """How far a value may be from the last one: `step` + `share` of that one + `per_s` for each second.

    What lies beyond may be true, but has to be read twice. `grows`: a counter, less is beyond the
    band at once. `doubt_zero`: 0 has to be read twice, for a fault of the device shows the same.
    """

    name: str
    step: float
    share: float = 0.0
    per_s: float = 0.0
    grows: bool = False
    doubt_zero: bool = False
    reason: str = ""

    def holds(self, last: float, value: float, elapsed_s: float) -> bool:
        """Whether `value` may follow `last` after so many seconds."""
        if (self.grows and value < last) or (self.doubts(value) and last != 0):
            return False
        return abs(value - last) <= self.step + self.share * abs(last) + self.per_s * elapsed_s

    def doubts(self, value: float) -> bool:
        """Whether the value may be a fault of the device, whatever came before."""
        return self.doubt_zero and value == 0


_PACK = "4 to 16 lithium cells, 1.5 to 4.2 V each"
_SYSTEM = "systems up to 48 V nominal, 64 V when charged; 0 without a battery"
_SENSOR = "the resistors that measure it read no further"
_CHARGER_CURRENT = "chargers are rated 100 A at most; an unsigned -1 A reads as 654 A"
_CHARGER_POWER = "100 A at 64 V, and room"
_AC = "mains of 100 to 240 V, or none"
_MAINS_CURRENT = "inverters of up to 5 kW, at 100 V, and room"
_SOLAR_INVERTER = "hybrid inverters take strings of up to 500 V and some 6 kW"
_PERCENT = "a share of the whole"
_WORD = "one word: any value can be"
_CHARGE_PER_DAY = "100 A all day are 2400 Ah"
_LIFETIME = "a charger at full power for decades"

RANGES = (
    # batteries: BMS Modbus V1.7, registers 5000-5052
    Range("cell_count", 1, 16, "registers 5001-5016 are all there is room for"),
    Range("sensor_count", 0, 16, "registers 5018-5033 are all there is room for"),
    Range("cell_voltage_#", 0.0, 5.0, "a dead cell has 0 V, and no lithium cell reaches 5 V"),
    Range("environment_sensor_count", 0, 2, "registers 5037 and 5038 are all there is room for"),
    Range("heater_sensor_count", 0, 2, "registers 5040 and 5041 are all there is room for"),
    Range("temperature_#", -50.0, 150.0, _SENSOR),
    Range("voltage", 6.0, 70.0, _PACK),
    Range("current", -600.0, 600.0, "the largest single batteries are rated 300 A, and peaks"),
    Range("remaining_charge", 0.0, 2000.0, "the largest single batteries have some 300 Ah at 12 V"),
    Range("capacity", 1.0, 2000.0, "as the remaining charge; a battery without any is none"),
    Range("cycle_count", 0, 20000, "twice the cycles that lithium iron phosphate is sold for"),
    Range("charge_voltage_limit", 0.0, 80.0, "what can be charged to; 0 while charging is forbidden"),
    Range("discharge_voltage_limit", 0.0, 80.0, "what can be discharged to"),
    Range("charge_current_limit", 0.0, 1000.0, "0 while charging is forbidden"),
    Range("discharge_current_limit", -1000.0, 1000.0, "negative by the document, positive by some units"),
    # charge controllers and DC-DC chargers: CC Modbus V1.7, registers 0x0100-0x0124
    Range("battery_percentage", 0, 100, _PERCENT),
    Range("battery_voltage", 0.0, 80.0, _SYSTEM),
    Range("battery_current", -150.0, 150.0, _CHARGER_CURRENT),
    Range("combined_charge_current", -150.0, 150.0, _CHARGER_CURRENT),
    Range("load_voltage", 0.0, 80.0, _SYSTEM),
    Range("load_power", 0, 10000, _CHARGER_POWER),
    Range("alternator_voltage", 0.0, 80.0, _SYSTEM),
    Range("alternator_current", -150.0, 150.0, _CHARGER_CURRENT),
    Range("alternator_power", 0, 10000, _CHARGER_POWER),
    Range("pv_voltage", 0.0, 250.0, "controllers take panels of 150 V at most"),
    Range("pv_current", -150.0, 150.0, _CHARGER_CURRENT),
    Range("pv_power", 0, 10000, _CHARGER_POWER),
    Range("output_power_W", 0, 10000, _CHARGER_POWER),
    Range("battery_min_voltage_today", 0.0, 80.0, _SYSTEM),
    Range("battery_max_voltage_today", 0.0, 80.0, _SYSTEM),
    Range("battery_max_current_today", -150.0, 150.0, _CHARGER_CURRENT),
    Range("max_discharging_current_today", -150.0, 150.0, _CHARGER_CURRENT),
    Range("max_charging_power_today", 0, 10000, _CHARGER_POWER),
    Range("max_discharging_power_today", 0, 10000, _CHARGER_POWER),
    Range("charging_amp_hours_today", 0, 5000, _CHARGE_PER_DAY),
    Range("discharging_amp_hours_today", 0, 5000, _CHARGE_PER_DAY),
    Range("power_generation_today", 0, 65535, _WORD),
    Range("power_consumption_today", 0, 65535, _WORD),
    Range("total_working_days", 0, 65535, _WORD),
    Range("count_battery_overdischarged", 0, 65535, _WORD),
    Range("count_battery_fully_charged", 0, 65535, _WORD),
    Range("battery_ah_total_accumulated", 0, 1e8, _LIFETIME),
    Range("battery_ah_total_discharged", 0, 1e8, _LIFETIME),
    Range("power_generation_total", 0, 2e9, _LIFETIME),
    Range("power_consumption_total", 0, 2e9, _LIFETIME),
    # history of controllers, each of the seven values: registers 0xF000-0xF006
    Range("daily_power_generation", 0, 65535, _WORD),
    Range("daily_power_consumption", 0, 65535, _WORD),
    Range("daily_charge_ah", 0, 5000, _CHARGE_PER_DAY),
    Range("daily_discharge_ah", 0, 5000, _CHARGE_PER_DAY),
    Range("daily_max_power", 0, 10000, _CHARGER_POWER),
    Range("daily_max_discharge_power", 0, 10000, _CHARGER_POWER),
    Range("daily_max_current", -150.0, 150.0, _CHARGER_CURRENT),
    Range("daily_max_discharge_current", -150.0, 150.0, _CHARGER_CURRENT),
    Range("daily_min_voltage", 0.0, 80.0, _SYSTEM),
    Range("daily_max_voltage", 0.0, 80.0, _SYSTEM),
    # inverters: registers 4000-4413
    Range("input_voltage", 0.0, 300.0, _AC),
    Range("input_current", 0.0, 150.0, _MAINS_CURRENT),
    Range("output_voltage", 0.0, 300.0, _AC),
    Range("output_current", 0.0, 150.0, _MAINS_CURRENT),
    Range("output_frequency", 0.0, 75.0, _AC),
    Range("input_frequency", 0.0, 75.0, _AC),
    Range("charging_current", -300.0, 300.0, "6 kW into 24 V, and both signs occur"),
    Range("line_charging_current", -300.0, 300.0, "6 kW into 24 V, and both signs occur"),
    Range("solar_voltage", 0.0, 600.0, _SOLAR_INVERTER),
    Range("solar_current", 0.0, 200.0, _SOLAR_INVERTER),
    Range("solar_power", 0, 20000, _SOLAR_INVERTER),
    Range("charging_power", 0, 20000, _SOLAR_INVERTER),
    Range("load_current", 0.0, 500.0, "controllers and inverters; models differ by ten in its scale"),
    Range("load_curent", 0.0, 500.0, "the same value as load_current"),
    Range("load_active_power", 0, 20000, "peaks of three times 6 kW"),
    Range("load_apparent_power", 0, 20000, "peaks of three times 6 kW"),
    Range("load_percentage", 0, 300, "peaks of three times the rated load"),
    # shunt
    Range("main_battery_percent", 0.0, 100.0, _PERCENT),
    Range("main_battery_voltage", 0.0, 80.0, _SYSTEM),
    Range("starter_battery_voltage", 0.0, 80.0, _SYSTEM),
    Range("charge_amps", -600.0, 600.0, "made for 300 A, and peaks"),
    Range("charge_watts", -48000.0, 48000.0, "600 A at 80 V"),
    # every other temperature, of whatever device
    Range(_OTHER_TEMPERATURE, -50.0, 150.0, _SENSOR),
)

_RESET = "counts up; back to zero at night or by a reset"
_SAG = "loads pull it down at once, an empty battery falls within minutes"
_ESTIMATE = "an estimate by voltage, which jumps when the sun comes out"
_HEAT = "metal and cells take minutes"

BANDS = (
    Band("voltage", 0.5, 0.1, 0.02, reason=_SAG),
    Band(
        "cell_voltage_#", 0.4, per_s=0.002, doubt_zero=True, reason="as the battery, in steps of 0.1 or 0.2 V"
    ),
    Band(
        "remaining_charge",
        2.0,
        per_s=0.1,
        doubt_zero=True,
        reason="360 A for as long, and a small correction",
    ),
    Band("capacity", 0.5, 0.05, reason="learnt anew once in a while, a little each time"),
    Band("cell_count", 0, reason="a battery does not change it"),
    Band("sensor_count", 0, reason="a battery does not change it"),
    Band("cycle_count", 2, per_s=1 / 3600, grows=True, reason="a cycle takes an hour at the least"),
    Band("temperature_#", 8.0, per_s=0.1, reason=_HEAT),
    Band("battery_voltage", 0.5, 0.15, 0.02, doubt_zero=True, reason=_SAG),
    Band("main_battery_voltage", 0.5, 0.15, 0.02, doubt_zero=True, reason=_SAG),
    Band("battery_percentage", 50, doubt_zero=True, reason=_ESTIMATE),
    Band("main_battery_percent", 50, doubt_zero=True, reason=_ESTIMATE),
    Band("charging_amp_hours_today", 10, per_s=0.05, grows=True, reason=_RESET),
    Band("discharging_amp_hours_today", 10, per_s=0.05, grows=True, reason=_RESET),
    Band("power_generation_today", 200, per_s=3.0, grows=True, reason=_RESET),
    Band("power_consumption_today", 200, per_s=3.0, grows=True, reason=_RESET),
    Band("power_generation_total", 1000, per_s=3.0, grows=True, reason=_RESET),
    Band("power_consumption_total", 1000, per_s=3.0, grows=True, reason=_RESET),
    Band("battery_ah_total_accumulated", 100, per_s=0.05, grows=True, reason=_RESET),
    Band("battery_ah_total_discharged", 100, per_s=0.05, grows=True, reason=_RESET),
    Band("total_working_days", 2, per_s=1 / 86400, grows=True, reason=_RESET),
    Band("count_battery_overdischarged", 5, per_s=1 / 600, grows=True, reason=_RESET),
    Band("count_battery_fully_charged", 5, per_s=1 / 600, grows=True, reason=_RESET),
    Band(_OTHER_TEMPERATURE, 12.0, per_s=0.1, reason=_HEAT),
)

ANYTHING = Band("", math.inf, reason="switched on and off at any time")
"""For what truly jumps: currents, powers, mains, panels."""

_RANGES = {row.name: row for row in RANGES}
_BANDS = {row.name: row for row in BANDS}


@cache
def range_of(name: str) -> Range | None:
    """The range of a quantity; None where any value can be, as in a word of status bits."""
    return _RANGES.get(_row_name(name, frozenset(_RANGES)))


@cache
def band_of(name: str) -> Band:
    """The band of a quantity, ANYTHING where there is none."""
    return _BANDS.get(_row_name(name, frozenset(_BANDS)), ANYTHING)


def _row_name(name: str, known: frozenset[str]) -> str:
    pattern = _NUMBER.sub("#", name)
    if pattern in known:
        return pattern
    return _OTHER_TEMPERATURE if "temperature" in name else name
