"""Values that follow from others of the same device."""

from renogybt.model.reading import DeviceType, Role
from renogybt.protocols.renogy.catalogue import ROLES
from renogybt.protocols.renogy.registers import Values

_SPREADS = (
    ("cell_count", "cell_voltage_", "cell_voltage_min", "cell_voltage_max", "cell_voltage_delta"),
    ("sensor_count", "temperature_", "temperature_min", "temperature_max", "temperature_delta"),
)
_POWER_DECIMALS = 3
_LEVEL_DECIMALS = 1
_SPREAD_DECIMALS = 3


def derive(device_type: DeviceType, values: Values) -> Values:
    """The values, with what follows from them; nothing is derived from what is not there."""
    return values | electrical(device_type, values) | spreads(device_type, values)


def electrical(device_type: DeviceType, values: Values) -> Values:
    """`power` and `battery_level` of a battery, as far as they follow."""
    if ROLES[device_type] is not Role.BATTERY:
        return {}
    found: Values = {}
    volts, amperes = _number(values, "voltage"), _number(values, "current")
    if volts is not None and amperes is not None:
        found["power"] = round(volts * amperes, _POWER_DECIMALS)
    remaining, capacity = _number(values, "remaining_charge"), _number(values, "capacity")
    if remaining is not None and capacity:
        # a full battery counts on until it has learnt a new capacity
        found["battery_level"] = min(100.0, round(100 * remaining / capacity, _LEVEL_DECIMALS))
    return found


def spreads(device_type: DeviceType, values: Values) -> Values:
    """Lowest, highest and difference of a battery's cells and of its temperatures.

    Only where all of them are there: one that was refused could have been the lowest.
    """
    if ROLES[device_type] is not Role.BATTERY:
        return {}
    found: Values = {}
    for count, prefix, lowest, highest, difference in _SPREADS:
        numbers = [
            number
            for name in values
            if name.startswith(prefix) and name[len(prefix) :].isdecimal()
            if (number := _number(values, name)) is not None
        ]
        if numbers and len(numbers) == _number(values, count):
            found[lowest], found[highest] = min(numbers), max(numbers)
            found[difference] = round(max(numbers) - min(numbers), _SPREAD_DECIMALS)
    return found


def _number(values: Values, name: str) -> float | None:
    value = values.get(name)
    return value if isinstance(value, int | float) else None
