"""What is asked of each type of device, and how often: rows of register blocks.

Registers: BMS Modbus V1.7 for batteries, Charge Controller Modbus V1.7 for controllers; DC chargers
and inverters as other programs read them. Within a plan no two blocks have the same length where
that costs nothing: a reply names no register, and a stray one then shows by its length.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from renogybt.model.reading import DeviceType


class Cadence(Enum):
    """How often a block is read."""

    EACH_ROUND = "each round"
    HOURLY = "hourly"


HOUR_S = 3600.0
"""How old names and limits may be: a battery that was exchanged behind a hub shows by then."""


@dataclass(frozen=True, slots=True)
class Block:
    """Registers that are read at once. Without the answer to an `optional` one its values are missing,
    and nothing else is."""

    register: int
    words: int
    cadence: Cadence = Cadence.EACH_ROUND
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Timing:
    """`reply_s`: how long one try waits for its reply; `gap_s`: pause between two requests."""

    reply_s: float = 2.0
    gap_s: float = 0.0


USUAL = Timing()


@dataclass(frozen=True, slots=True)
class Plan:
    """How one type of device is read.

    Without blocks the device speaks by itself. `period_s` is the least time between two readings.
    `names` are the quantities to expect before anything has been read.
    """

    blocks: tuple[Block, ...]
    names: tuple[str, ...]
    timing: Timing = USUAL
    period_s: float = 0.0


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_BATTERY = Plan(
    (
        Block(5000, 34),
        Block(5042, 7),
        Block(5100, 10),
        Block(5110, 22, Cadence.HOURLY),
        Block(5049, 4, Cadence.HOURLY),
        Block(5223, 1, Cadence.HOURLY, optional=True),
    ),
    _names(
        """battery_level voltage current power remaining_charge capacity energy_in_kwh energy_out_kwh problem
        cell_voltage_min cell_voltage_max cell_voltage_delta temperature_min temperature_max temperature_delta
        cycle_count charge_mosfet discharge_mosfet heater charge_voltage_limit discharge_voltage_limit
        charge_current_limit discharge_current_limit cell_count sensor_count problems model serial firmware
        device_id"""
    ),
)

_CONTROLLER = Plan(
    (
        Block(0x0100, 34),
        Block(0x000C, 8, Cadence.HOURLY),
        Block(0xE004, 1, Cadence.HOURLY),
        Block(0x0018, 3, Cadence.HOURLY, optional=True),
    ),
    _names(
        """problem battery_percentage battery_voltage battery_current battery_temperature
        controller_temperature charging_status pv_voltage pv_current pv_power load_status load_voltage
        load_current load_power power_generation_today power_consumption_today charging_amp_hours_today
        discharging_amp_hours_today max_charging_power_today max_discharging_power_today
        battery_max_current_today max_discharging_current_today battery_min_voltage_today
        battery_max_voltage_today power_generation_total power_consumption_total battery_ah_total_accumulated
        battery_ah_total_discharged total_working_days count_battery_overdischarged
        count_battery_fully_charged battery_type problems model device_id"""
    ),
)

_CONTROLLER_HISTORY = Plan(
    # the oldest first, as it is shown
    tuple(Block(0xF000 + day, 10) for day in reversed(range(7))),
    _names(
        """daily_power_generation daily_power_consumption daily_charge_ah daily_discharge_ah
        daily_max_power daily_max_discharge_power daily_max_current daily_max_discharge_current
        daily_min_voltage daily_max_voltage"""
    ),
    period_s=HOUR_S,
)

_DC_CHARGER = Plan(
    (
        Block(0x000C, 8, Cadence.HOURLY),
        Block(0x0100, 34),
        Block(0x0120, 7, optional=True),
        Block(0xE004, 1, Cadence.HOURLY),
        Block(0x0018, 3, Cadence.HOURLY, optional=True),
    ),
    _names(
        """problem battery_percentage battery_voltage combined_charge_current battery_temperature
        controller_temperature charging_status pv_voltage pv_current pv_power alternator_voltage
        alternator_current alternator_power charging_mode ignition output_power_W power_generation_today
        charging_amp_hours_today max_charging_power_today battery_max_current_today
        battery_min_voltage_today battery_max_voltage_today power_generation_total
        battery_ah_total_accumulated total_working_days count_battery_overdischarged
        count_battery_fully_charged battery_type problems error model device_id"""
    ),
)

_INVERTER = Plan(
    (
        Block(4000, 10),
        Block(4327, 7),
        Block(4408, 6),
        Block(4109, 1, Cadence.HOURLY),
        Block(4311, 8, Cadence.HOURLY, optional=True),
    ),
    _names(
        """battery_percentage battery_voltage charging_status load_current input_voltage input_current
        input_frequency output_voltage output_current output_frequency temperature charging_current
        charging_power line_charging_current solar_voltage solar_current solar_power load_active_power
        load_apparent_power load_percentage model device_id"""
    ),
    Timing(gap_s=0.3),
)

_SHUNT = Plan(
    (),
    _names("""main_battery_percent main_battery_voltage charge_amps charge_watts starter_battery_voltage
        battery_temperature"""),
)

PLANS: Mapping[DeviceType, Plan] = {
    DeviceType.BATTERY: _BATTERY,
    DeviceType.BATTERY_PRO: _BATTERY,
    DeviceType.CONTROLLER: _CONTROLLER,
    DeviceType.CONTROLLER_HISTORY: _CONTROLLER_HISTORY,
    DeviceType.DC_CHARGER: _DC_CHARGER,
    DeviceType.INVERTER: _INVERTER,
    DeviceType.SHUNT: _SHUNT,
}

INVERTER_RADIO_TIMING = Timing(reply_s=10.0, gap_s=0.3)
"""Inverters with a radio of their own take up to 10 s (renogy-ble)."""

LOAD_SWITCH = 0x010A
"""The one register that is written: the load output of a controller, 1 is on."""
