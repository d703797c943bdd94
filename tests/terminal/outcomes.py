"""Outcomes of one round, for what shows them."""

from collections.abc import Mapping

from renogybt.model.quantity import Value
from renogybt.model.reading import DeviceHealth, PowerDevice, Reading, Role
from renogybt.protocols.renogy.catalogue import ordered
from renogybt.readers.reader import Outcome

HUB = 0x6CB2FD86824D
BATTERY: dict[str, Value] = {
    "battery_level": 99.6,
    "voltage": 50.4,
    "current": 3.26,
    "power": 164.3,
    "remaining_charge": 49.796,
    "capacity": 49.997,
    "cell_count": 4,
    "cell_voltage_0": 3.3,
    "cell_voltage_1": 3.3,
    "cell_voltage_2": 3.4,
    "cell_voltage_3": 3.3,
    "cell_voltage_min": 3.3,
    "cell_voltage_max": 3.4,
    "cell_voltage_delta": 0.1,
    "temperature_0": 21.5,
    "temperature_1": -3.0,
    "temperature_min": -3.0,
    "temperature_max": 21.5,
    "energy_in_kwh": 1.234,
    "cycle_count": 12,
    "problem": False,
    "problems": (),
    "model": "RBT50LFP48S",
    "device_id": 48,
}
CONTROLLER: dict[str, Value] = {
    "battery_percentage": 87,
    "battery_voltage": 53.1,
    "pv_voltage": 92.4,
    "pv_current": 4.07,
    "pv_power": 376,
    "load_status": "off",
    "charging_status": "mppt",
    "controller_temperature": 31.0,
    "power_generation_today": 1754,
}
BANK: dict[str, Value] = {
    "combined_charge_percentage": 98.2,
    "combined_current": 13.04,
    "combined_remaining_charge": 192.1,
    "combined_capacity": 200.1,
    "battery_48_cell_voltage_min": 3.3,
}


def outcome(
    values: Mapping[str, Value] | None,
    *,
    role: Role = Role.BATTERY,
    unit_id: int | None = 48,
    alias: str = "house",
    key: str = "",
    trouble: str = "",
    rssi: int | None = None,
) -> Outcome:
    """Without values: a device that gave no reading."""
    address = None if role is Role.BANK else HUB
    key = key or (f"bank-{HUB:012x}" if role is Role.BANK else f"{HUB:012x}-{unit_id}")
    device = PowerDevice(
        key, role, alias, ordered(values or ()), None if role is Role.BANK else unit_id, address
    )
    reading = None if values is None else Reading(key, 1.0, values)
    return Outcome(device, reading, DeviceHealth(key, fresh=reading is not None, trouble=trouble, rssi=rssi))
