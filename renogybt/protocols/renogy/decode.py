"""Registers of a device to named values."""

from collections.abc import Sequence
from functools import lru_cache

from renogybt.model.quantity import Value
from renogybt.model.reading import DeviceType
from renogybt.protocols.renogy import alarms, charger
from renogybt.protocols.renogy.errors import ImplausibleError, UnknownRegistersError
from renogybt.protocols.renogy.maps import MAPS
from renogybt.protocols.renogy.registers import Group, RegisterMap, Row, Values

_MOST_CYCLES = 10_000
"""Batteries whose names begin with RNGC send the count with its bytes swapped; more than this betrays it."""
_WINDOWS = 256


def decode(device_type: DeviceType, register: int, data: bytes, *, name: str = "") -> Values:
    """The values in the registers from `register` on; `data` holds their words, high byte first.

    Every row of the type's map that lies wholly inside becomes a value. `name` is what the device
    calls itself, where that is known: some models depart from their map. Temperatures in °C.
    Raises UnknownRegistersError when nothing is known of these registers, ImplausibleError when
    they cannot be those of such a device.
    """
    register = _first_register(device_type, register)
    values: Values = {}
    for each, start, end in _window(told_by_name(device_type, name), register, len(data) // 2):
        if isinstance(each, Group):
            _add_group(values, each, data[start:end])
        elif (value := each.value(data[start:end])) is not None:
            values[each.name] = value
    _add_problems(values, device_type, register, data, name)
    cycles = values.get("cycle_count")
    if isinstance(cycles, int) and cycles > _MOST_CYCLES and name.startswith("RNGC"):
        values["cycle_count"] = int.from_bytes(cycles.to_bytes(2), "little")
    return values


def history(days: Sequence[Values]) -> Values:
    """The decoded days of a history in one: lists in the order of the days, the oldest first.

    A list that one of the days lacks is left out: its numbers would stand for other days.
    """
    columns = {name: [day.get(name) for day in days] for name in (days[0] if days else ())}
    return {
        name: tuple(number for of_day in column for number in _numbers(of_day))
        for name, column in columns.items()
        if all(_numbers(of_day) for of_day in column)
    }


def told_by_name(device_type: DeviceType, name: str) -> DeviceType:
    """The type whose map a device has: a battery called RNGRBP... is a Pro one."""
    if device_type is DeviceType.BATTERY and name.startswith("RNGRBP"):
        return DeviceType.BATTERY_PRO
    return device_type


def map_of(device_type: DeviceType) -> RegisterMap:
    """The register map of a type; raises UnknownRegistersError for the shunt, which has none."""
    found = MAPS.get(device_type)
    if found is None:
        raise UnknownRegistersError(f"{device_type.value} has no registers: it sends its values by itself")
    return found


def _numbers(value: Value | None) -> tuple[float, ...]:
    if not isinstance(value, tuple):
        return ()
    return tuple(number for number in value if not isinstance(number, str))


def _first_register(device_type: DeviceType, register: int) -> int:
    """Every address of a history answers with the same words, each for another day."""
    past = register - charger.HISTORY
    if device_type is DeviceType.CONTROLLER_HISTORY and 0 <= past < charger.HISTORY_DAYS:
        return charger.HISTORY
    return register


Placed = tuple[tuple[Row | Group, int, int], ...]
"""Rows and groups, each with where its octets begin and end."""


@lru_cache(_WINDOWS)
def _window(device_type: DeviceType, register: int, words: int) -> Placed:
    """What of a map lies inside a window; raises UnknownRegistersError when that is nothing."""
    inside = map_of(device_type).inside(register, words)
    if not inside:
        raise UnknownRegistersError(_whose(device_type, register, words))
    starts = [2 * (each.register - register) for each in inside]
    return tuple((each, start, start + 2 * _words(each)) for each, start in zip(inside, starts, strict=True))


def _words(each: Row | Group) -> int:
    return each.words if isinstance(each, Row) else 1 + each.slots


def _whose(device_type: DeviceType, register: int, words: int) -> str:
    last = register + words - 1
    shown = f"0x{register:04X}" if words == 1 else f"0x{register:04X} to 0x{last:04X}"
    there = f"nothing of {device_type.value} is known in the registers {shown} ({register} on)"
    others = [
        other.value
        for other, register_map in MAPS.items()
        if register_map.inside(_first_register(other, register), words)
    ]
    return f"{there}: try {' or '.join(others)}" if others else there


def _add_group(values: Values, group: Group, data: bytes) -> None:
    count = int.from_bytes(data[:2])
    if count > group.slots:
        raise ImplausibleError(f"{count} {group.noun}, at most {group.slots}: not a battery's register map")
    values[group.count_name] = count
    values.update(group.values(data[2 : 2 + 2 * count]))


def _add_problems(values: Values, device_type: DeviceType, register: int, data: bytes, name: str) -> None:
    def read(first: int, words: int) -> int | None:
        start = 2 * (first - register)
        end = start + 2 * words
        return int.from_bytes(data[start:end]) if start >= 0 and end <= len(data) else None

    found = alarms.problems(map_of(told_by_name(device_type, name)), read)
    if found is None:
        return
    values["problem"] = bool(found)
    values["problems"] = found
    if found and device_type is DeviceType.DC_CHARGER:
        values["error"] = found[0]
