"""A house with four batteries and a charge controller behind one hub."""

from renogybt.model.quantity import Value
from renogybt.model.reading import PowerDevice, Role
from renogybt.protocols.renogy.catalogue import ordered

HUB = 0x6CB2FD86824D
OTHER_HUB = 0x6CB2FD861234
UNITS = (48, 49, 50, 51)
CELLS = 16

BATTERY_NAMES = [
    "battery_level",
    "voltage",
    "current",
    "power",
    "remaining_charge",
    "capacity",
    "energy_in_kwh",
    "energy_out_kwh",
    "problem",
    "problems",
    "cell_voltage_min",
    "cell_voltage_max",
    "cell_voltage_delta",
    "temperature_min",
    "temperature_max",
    "temperature_delta",
    "cell_count",
    "sensor_count",
    "cycle_count",
    "charge_mosfet",
    "discharge_mosfet",
    "heater",
    "charge_voltage_limit",
    "discharge_current_limit",
    "model",
    "serial",
    "device_id",
    "function",
    "status1",
]
CONTROLLER_NAMES = [
    "battery_percentage",
    "battery_voltage",
    "battery_current",
    "battery_temperature",
    "controller_temperature",
    "load_status",
    "load_power",
    "pv_power",
    "power_generation_today",
    "power_generation_total",
    "charging_status",
    "model",
]
BANK_NAMES = [
    "combined_charge_percentage",
    "combined_current",
    "combined_power",
    "combined_remaining_charge",
    "combined_capacity",
    "combined_energy_in_kwh",
    "combined_energy_out_kwh",
]
MEMBER_NAMES = ("cell_voltage_min", "cell_voltage_max", "temperature_min", "temperature_max")


def key(unit: int, address: int = HUB) -> str:
    return f"{address:012x}-{unit}"


def bank_key(address: int = HUB) -> str:
    return f"bank-{address:012x}"


def battery(unit: int = 48, *, address: int = HUB, alias: str = "house", cells: int = CELLS) -> PowerDevice:
    names = [*BATTERY_NAMES, *(f"cell_voltage_{n}" for n in range(cells)), "temperature_0", "temperature_1"]
    return PowerDevice(key(unit, address), Role.BATTERY, alias, ordered(names), unit, address)


def controller(unit: int = 96, *, address: int = HUB, alias: str = "roof") -> PowerDevice:
    return PowerDevice(key(unit, address), Role.CONTROLLER, alias, ordered(CONTROLLER_NAMES), unit, address)


def bank(*, address: int = HUB, alias: str = "house") -> PowerDevice:
    members = [f"battery_{unit}_{name}" for unit in UNITS for name in MEMBER_NAMES]
    return PowerDevice(bank_key(address), Role.BANK, alias, ordered([*BANK_NAMES, *members]))


def house() -> tuple[PowerDevice, ...]:
    return (*(battery(unit) for unit in UNITS), controller(), bank())


BATTERY_VALUES: dict[str, Value] = {
    "battery_level": 86.5,
    "voltage": 52.8,
    "current": -12.34,
    "power": -651.6,
    "remaining_charge": 43.25,
    "capacity": 50.0,
    "energy_in_kwh": 12.345,
    "energy_out_kwh": 11.5,
    "problem": False,
    "problems": (),
    "cell_voltage_min": 3.3,
    "cell_voltage_max": 3.4,
    "cell_voltage_delta": 0.1,
    "temperature_min": 21.5,
    "temperature_max": 22.5,
    "cell_count": 16,
    "heater": False,
    "model": "RBT50LFP48S",
}
CONTROLLER_VALUES: dict[str, Value] = {
    "battery_percentage": 87,
    "load_status": "off",
    "pv_power": 410,
    "charging_status": "mppt",
}
BANK_VALUES: dict[str, Value] = {
    "combined_charge_percentage": 86.4,
    "combined_power": -2600.5,
    "combined_energy_in_kwh": 50.125,
    "battery_48_cell_voltage_min": 3.3,
    "battery_49_cell_voltage_min": 3.2,
    "battery_48_cell_voltage_max": 3.4,
    "battery_49_cell_voltage_max": 3.5,
}
