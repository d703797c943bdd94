"""The demo's power devices, as a configuration would name them and as Home Assistant is told of them."""

from collections.abc import Mapping
from types import MappingProxyType

from renogybt.config import Device
from renogybt.model.reading import DeviceType
from renogybt.simulator.battery_pack import CELLS, SENSORS
from renogybt.simulator.hub import HUB_ADDRESS
from renogybt.simulator.renogy_bus import BATTERY_UNITS, CONTROLLER_UNIT

READ_INTERVAL_S = 10.0
"""Short, because the demo's days are."""

_BATTERY_QUANTITIES = (
    "battery_level",
    "voltage",
    "current",
    "power",
    "remaining_charge",
    "capacity",
    "energy_in_kwh",
    "energy_out_kwh",
    "problem",
    "cell_voltage_min",
    "cell_voltage_max",
    "cell_voltage_delta",
    "temperature_min",
    "temperature_max",
    "temperature_delta",
    *(f"cell_voltage_{number}" for number in range(CELLS)),
    *(f"temperature_{number}" for number in range(SENSORS)),
    "cycle_count",
    "charge_mosfet",
    "discharge_mosfet",
    "heater",
    "charge_voltage_limit",
    "discharge_voltage_limit",
    "charge_current_limit",
    "discharge_current_limit",
    "cell_count",
    "sensor_count",
    "problems",
    "model",
    "serial",
    "firmware",
    "device_id",
)
_CONTROLLER_QUANTITIES = (
    "battery_percentage",
    "battery_voltage",
    "battery_current",
    "battery_temperature",
    "controller_temperature",
    "charging_status",
    "pv_voltage",
    "pv_current",
    "pv_power",
    "load_status",
    "load_voltage",
    "load_current",
    "load_power",
    "power_generation_today",
    "power_consumption_today",
    "charging_amp_hours_today",
    "discharging_amp_hours_today",
    "max_charging_power_today",
    "max_discharging_power_today",
    "battery_max_current_today",
    "max_discharging_current_today",
    "battery_min_voltage_today",
    "battery_max_voltage_today",
    "power_generation_total",
    "power_consumption_total",
    "battery_ah_total_accumulated",
    "battery_ah_total_discharged",
    "total_working_days",
    "count_battery_overdischarged",
    "count_battery_fully_charged",
    "battery_type",
    "problem",
    "problems",
    "model",
    "device_id",
)


def demo_devices(read_interval_s: float = READ_INTERVAL_S) -> tuple[Device, ...]:
    """What `config.ini` would say of the demo's hub: four batteries, and a charge controller."""

    def section(name: str, alias: str, device_type: DeviceType, units: tuple[int, ...]) -> Device:
        return Device(
            name=name,
            adapter=None,
            mac_addr=HUB_ADDRESS,
            alias=alias,
            device_type=device_type,
            device_ids=units,
            read_interval_s=read_interval_s,
        )

    return (
        section("", "House battery", DeviceType.BATTERY, BATTERY_UNITS),
        section("solar", "Solar", DeviceType.CONTROLLER, (CONTROLLER_UNIT,)),
    )


def demo_layout() -> Mapping[str, tuple[str, ...]]:
    """By the key of each demo device, the names of all that a reading of it yields."""
    batteries = {_key(unit): _BATTERY_QUANTITIES for unit in BATTERY_UNITS}
    return MappingProxyType({**batteries, _key(CONTROLLER_UNIT): _CONTROLLER_QUANTITIES})


def _key(unit: int) -> str:
    return f"{HUB_ADDRESS:012x}-{unit}"
