"""The names that users of the earlier program have in their dashboards, all on this device itself.

Its `unified_proxy.py` had fifteen fields of each battery and of all of them together; its
`renogy_bt_proxy.py` named whatever it read after the alias, the unit id and the field. The former
names are used for what they cover, the latter for the rest.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from renogybt.model.quantity import Quantity
from renogybt.model.reading import PowerDevice, Role
from renogybt.proxy.entity_kinds import Category, Sensor
from renogybt.proxy.health_entities import health_at
from renogybt.proxy.quantity_entities import icon_of, shown, value_of
from renogybt.proxy.shown import ShownDevice, ShownValue, Spot, Values


@dataclass(frozen=True, slots=True)
class _Field:
    """`quantity` is that of a battery; unit and decimals are for devices that do not have it."""

    name: str
    words: str
    quantity: str
    unit: str = ""
    device_class: str = ""
    decimals: int = 0


_FIELDS = (
    _Field("voltage", "Voltage", "voltage", "V", "voltage", 1),
    _Field("current", "Current", "current", "A", "current", 2),
    _Field("power", "Power", "power", "W", "power", 1),
    _Field("soc", "State of Charge", "battery_level", "%", "battery", 1),
    _Field("charge_level", "Charge Level", "battery_level", "%", "battery", 1),
    _Field("remaining_charge", "Remaining Charge", "remaining_charge", "Ah", "", 2),
    _Field("capacity", "Capacity", "capacity", "Ah", "", 2),
    _Field("cell_voltage_min", "Cell Voltage Min", "cell_voltage_min", "V", "voltage", 3),
    _Field("cell_voltage_max", "Cell Voltage Max", "cell_voltage_max", "V", "voltage", 3),
    _Field("cell_voltage_delta", "Cell Voltage Delta", "cell_voltage_delta", "V", "voltage", 3),
    _Field("temperature_min", "Temperature Min", "temperature_min", "°C", "temperature", 1),
    _Field("temperature_max", "Temperature Max", "temperature_max", "°C", "temperature", 1),
    _Field("temperature_delta", "Temperature Delta", "temperature_delta", "K", "", 1),
    _Field("cell_count", "Cell Count", "cell_count"),
    _Field("temp_sensor_count", "Temp Sensor Count", "sensor_count"),
)
"""Without the device class of the Ah fields and of the difference of temperatures, which Home Assistant
converts wrongly. A class is no part of a unique id."""

_OF_BANK = {"battery_level": "combined_charge_percentage"}
"""The quantities of a bank that are not called as those of a battery with `combined_` before."""

_EXTREMES = {"_min": min, "_max": max}
_DELTA_DECIMALS = 3


def show_earlier(devices: Sequence[PowerDevice], *, switchable: bool) -> tuple[ShownDevice, ...]:
    """All devices, with their entities. The earlier program knew one hub only: of two devices that it
    would have called alike, the first keeps the name, and the others get the end of their address."""
    taken: set[str] = set()
    return tuple(_show(device, taken, switchable=switchable) for device in devices)


def _show(device: PowerDevice, taken: set[str], *, switchable: bool) -> ShownDevice:
    alias = _alone(_alias(device), device, taken, "_")
    spot = Spot(0, f"{alias}_", f"{alias} ")
    quantities = shown(device.quantities)
    fields: tuple[ShownValue, ...] = ()
    if device.role in (Role.BATTERY, Role.BANK):
        spot = _spot(device, taken)
        fields = tuple(_field(field, device, spot) for field in _FIELDS)
        covered = {_source(field.quantity, device.role) for field in _FIELDS}
        quantities = tuple(each for each in quantities if each.name not in covered)
    rest = tuple(_rest(each, alias, device.role, switchable=switchable) for each in quantities)
    health = () if device.role is Role.BANK else health_at(spot)
    return ShownDevice(device.key, None, fields + rest, health)


def _alias(device: PowerDevice) -> str:
    unit = "combined" if device.role is Role.BANK else device.unit_id
    history = "history" if device.key.endswith("-history") else None
    return "_".join(str(word) for word in (device.alias or device.role.value, unit, history) if word)


def _spot(device: PowerDevice, taken: set[str]) -> Spot:
    words = "Combined" if device.role is Role.BANK else f"Battery {device.unit_id}"
    words = _alone(words, device, taken, " ")
    return Spot(0, f"renogy_{words.lower().replace(' ', '_')}_", f"{words} ")


def _alone(words: str, device: PowerDevice, taken: set[str], joint: str) -> str:
    if words in taken:
        end = device.key if device.address is None else f"{device.address:012x}"
        words = f"{words}{joint}{end[-4:]}"
    taken.add(words)
    return words


def _field(field: _Field, device: PowerDevice, spot: Spot) -> ShownValue:
    own = {each.name: each for each in device.quantities}.get(_source(field.quantity, device.role))
    entity = Sensor(
        spot.object_prefix + field.name,
        spot.name_prefix + field.words,
        icon=icon_of(own) if own else "",
        device_class=field.device_class,
        category=Category.NONE,
        unit=own.unit if own else field.unit,
        decimals=own.decimals if own else field.decimals,
    )
    return ShownValue(entity, lambda values: _state(values, field.quantity, device.role))


def _rest(quantity: Quantity, alias: str, role: Role, *, switchable: bool) -> ShownValue:
    words = quantity.name.replace("_", " ").title()
    return value_of(quantity, f"{alias}_{quantity.name}", f"{alias} {words}", switchable=switchable)


def _source(quantity: str, role: Role) -> str:
    return quantity if role is not Role.BANK else _OF_BANK.get(quantity, f"combined_{quantity}")


def _state(values: Values, quantity: str, role: Role) -> float | None:
    """Of the device; of a bank that does not have it, from what it has of its batteries."""
    value = values.get(_source(quantity, role))
    if isinstance(value, (int, float)):
        return value
    if quantity.endswith("_delta"):
        return _difference(values, quantity.removesuffix("_delta"), role)
    extreme = _EXTREMES.get(quantity[-4:])
    if extreme is None or role is not Role.BANK:
        return None
    name = re.compile(rf"battery_\d+_{quantity}")
    return extreme(
        (each for key, each in values.items() if name.fullmatch(key) and isinstance(each, (int, float))),
        default=None,
    )


def _difference(values: Values, stem: str, role: Role) -> float | None:
    low, high = (_state(values, stem + end, role) for end in _EXTREMES)
    return None if low is None or high is None else round(high - low, _DELTA_DECIMALS)
