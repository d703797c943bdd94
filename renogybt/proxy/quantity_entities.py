"""From a quantity to the entity that shows it."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from renogybt.model.quantity import Form, Quantity, Statistics, Value
from renogybt.protocols.renogy.catalogue import is_raw
from renogybt.proxy.entity_kinds import (
    BinarySensor,
    Category,
    Entity,
    Sensor,
    State,
    StateClass,
    Switch,
    TextSensor,
)
from renogybt.proxy.shown import ShownValue

STATE_CLASSES = {
    Statistics.NONE: StateClass.NONE,
    Statistics.MEASUREMENT: StateClass.MEASUREMENT,
    Statistics.TOTAL: StateClass.TOTAL,
    Statistics.TOTAL_INCREASING: StateClass.TOTAL_INCREASING,
}

_KINDS: dict[Form, Callable[..., Entity]] = {
    Form.NUMBER: Sensor,
    Form.TEXT: TextSensor,
    Form.LIST: TextSensor,
    Form.FLAG: BinarySensor,
    Form.ON_OFF: BinarySensor,
}

NOTHING = "none"
"""What an empty list is shown as: an empty state looks like a fault."""

_ON_OFF = {"on": True, "off": False}

_ICONS = {
    "battery_type": "mdi:car-battery",
    "cell_count": "mdi:car-battery",
    "charge_mosfet": "mdi:electric-switch",
    "charging_mode": "mdi:swap-horizontal",
    "charging_status": "mdi:solar-power",
    "count_battery_fully_charged": "mdi:battery-check",
    "count_battery_overdischarged": "mdi:battery-alert-variant-outline",
    "cycle_count": "mdi:battery-sync",
    "discharge_mosfet": "mdi:electric-switch",
    "error": "mdi:alert-circle-outline",
    "firmware": "mdi:chip",
    "heater": "mdi:radiator",
    "ignition": "mdi:key",
    "load_percentage": "mdi:gauge",
    "load_status": "mdi:power-plug",
    "model": "mdi:tag-outline",
    "problems": "mdi:alert-circle-outline",
    "sensor_count": "mdi:thermometer-lines",
    "serial": "mdi:identifier",
    "temperature_delta": "mdi:thermometer-lines",
    "total_working_days": "mdi:calendar-clock",
}
_ICONS_OF_UNITS = {"Ah": "mdi:battery-charging"}
"""Where Home Assistant has no device class and therefore no icon."""

_NOT_SHOWN = frozenset({"device_id", "function"})
"""They say how the device was asked, not how it is."""


def shown(quantities: Iterable[Quantity]) -> tuple[Quantity, ...]:
    """Those that become entities: not the words of the protocol, and no rows of numbers, which Home
    Assistant can make nothing of."""
    return tuple(
        each
        for each in quantities
        if not (is_raw(each.name) or each.name in _NOT_SHOWN or (each.form is Form.LIST and each.unit))
    )


def value_of(
    quantity: Quantity, object_id: str, name: str, device_id: int = 0, *, switchable: bool = False
) -> ShownValue:
    """The entity of a quantity, and its state in a reading. `switchable`: what is on or off is a switch."""
    kind = Switch if switchable and quantity.form is Form.ON_OFF else _KINDS[quantity.form]
    entity = kind(
        object_id=object_id,
        name=name,
        icon="" if quantity.device_class else icon_of(quantity),
        device_class=quantity.device_class,
        category=Category.DIAGNOSTIC if quantity.diagnostic else Category.NONE,
        device_id=device_id,
        disabled=quantity.name.endswith("_limit"),
    )
    if isinstance(entity, Sensor):
        entity = replace(
            entity,
            unit=quantity.unit,
            decimals=quantity.decimals,
            state_class=STATE_CLASSES[quantity.statistics],
        )
    return ShownValue(entity, lambda values: state_of(quantity, values.get(quantity.name)))


def icon_of(quantity: Quantity) -> str:
    """Empty where Home Assistant's own choice is as good."""
    return _ICONS.get(quantity.name) or _ICONS_OF_UNITS.get(quantity.unit, "")


def state_of(quantity: Quantity, value: Value | None) -> State:
    """The state that shows a value."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or NOTHING
    if quantity.form is Form.ON_OFF and isinstance(value, str):
        return _ON_OFF.get(value)
    return value
