"""What one reading comes down to in a few rows of words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from renogybt.model.quantity import Quantity, Value
from renogybt.model.reading import PowerDevice, Reading
from renogybt.protocols.renogy.catalogue import is_raw, quantity
from renogybt.terminal.values import in_words, number_in_words, quantity_or_name

NARROWEST_SCALE_V = 0.4
"""Cells within this of each other look alike in their bars: most packs tell no less than 0.1 V."""

_CELL = re.compile(r"cell_voltage_\d+")
_SENSOR = re.compile(r"temperature_\d+")


@dataclass(frozen=True, slots=True)
class Row:
    """`alarming`: to be shown in a colour that is seen."""

    title: str
    text: str
    alarming: bool = False


@dataclass(frozen=True, slots=True)
class _Group:
    """Values that are read at a glance side by side, without a title each."""

    title: str
    names: tuple[str, ...]
    between: str = ", "


_GROUPS = (
    _Group("Level", ("battery_level", "battery_percentage", "main_battery_percent")),
    _Group("Battery", ("voltage", "current", "power")),
    _Group("Battery", ("battery_voltage", "battery_current", "combined_charge_current")),
    _Group("Battery", ("main_battery_voltage", "charge_amps", "charge_watts")),
    _Group("Charge", ("remaining_charge", "capacity"), " of "),
    _Group("Charging", ("charging_status", "charging_mode", "charging_current", "charging_power")),
    _Group(
        "Solar", ("pv_voltage", "pv_current", "pv_power", "solar_voltage", "solar_current", "solar_power")
    ),
    _Group("Alternator", ("alternator_voltage", "alternator_current", "alternator_power")),
    _Group("Input", ("input_voltage", "input_current", "input_frequency")),
    _Group("Output", ("output_voltage", "output_current", "output_frequency", "output_power_W")),
    _Group("Load", ("load_status", "load_voltage", "load_current", "load_power")),
)
_BANK = (
    _Group("Now", ("combined_charge_percentage", "combined_current", "combined_power")),
    _Group("Charge", ("combined_remaining_charge", "combined_capacity"), " of "),
)
_TOLD_OTHERWISE = frozenset(
    [name for group in _GROUPS for name in group.names]
    + ["cell_voltage_min", "cell_voltage_max", "cell_voltage_delta"]
    + ["temperature_min", "temperature_max", "temperature_delta"]
    + ["problem", "problems", "error"]
)


def rows(device: PowerDevice, reading: Reading, bars: str) -> Iterator[Row]:
    """The main values first, then cells and temperatures, then what else is not diagnostic, then problems."""
    values = reading.values
    quantities = _quantities(device, values)
    yield from _grouped(_GROUPS, values, quantities)
    yield from _cells(values, bars)
    yield from _temperatures(values, quantities)
    for name, each in quantities.items():
        if not (each.diagnostic or name in _TOLD_OTHERWISE or _is_numbered(name) or is_raw(name)):
            yield Row(each.label, in_words(values[name], each))
    yield from _problems(values, quantities)


def bank_in_words(device: PowerDevice, reading: Reading) -> str:
    """The combined values in one line."""
    return ", ".join(row.text for row in _grouped(_BANK, reading.values, _quantities(device, reading.values)))


def model(device: PowerDevice, reading: Reading | None) -> str:
    """As far as it has been read, else nothing."""
    read = "" if reading is None else reading.values.get("model", "")
    return device.model or str(read)


def cell_bars(voltages: Sequence[float], bars: str) -> str:
    """A sign per cell, `▃▃▆▃`; their middle is in the middle, so that drift shows and the level does not."""
    lowest, highest = min(voltages), max(voltages)
    scale = max(highest - lowest, NARROWEST_SCALE_V)
    bottom = (lowest + highest - scale) / 2
    steps = (int((voltage - bottom) / scale * len(bars)) for voltage in voltages)
    return "".join(bars[min(max(step, 0), len(bars) - 1)] for step in steps)


def _quantities(device: PowerDevice, values: Mapping[str, Value]) -> dict[str, Quantity]:
    """Those of all values, in the device's order; they may have another unit there than in the catalogue."""
    known = {each.name: each for each in device.quantities if each.name in values}
    return known | {name: quantity_or_name(name) for name in values if name not in known}


def _grouped(
    groups: Sequence[_Group], values: Mapping[str, Value], quantities: Mapping[str, Quantity]
) -> Iterator[Row]:
    for group in groups:
        texts = [in_words(values[name], quantities[name]) for name in group.names if name in values]
        if texts:
            yield Row(group.title, group.between.join(texts))


def _is_numbered(name: str) -> bool:
    return bool(_CELL.fullmatch(name) or _SENSOR.fullmatch(name))


def _numbers(values: Mapping[str, Value], pattern: re.Pattern[str]) -> dict[str, float]:
    return {
        name: value
        for name, value in values.items()
        if pattern.fullmatch(name) and isinstance(value, int | float)
    }


def _cells(values: Mapping[str, Value], bars: str) -> Iterator[Row]:
    cells = _numbers(values, _CELL)
    if not cells:
        return
    lowest, highest = min(cells.values()), max(cells.values())
    shown = [
        number_in_words(each, quantity("cell_voltage_delta")) for each in (lowest, highest, highest - lowest)
    ]
    text = f"{shown[0]} to {shown[1]} V, difference {shown[2]} V"
    yield Row(f"{len(cells)} cells", f"{cell_bars(list(cells.values()), bars)}  {text}")


def _temperatures(values: Mapping[str, Value], quantities: Mapping[str, Quantity]) -> Iterator[Row]:
    sensors = _numbers(values, _SENSOR)
    if sensors:
        texts = [number_in_words(value, quantities[name]) for name, value in sensors.items()]
        yield Row("Temperatures", f"{', '.join(texts)} {quantities[next(iter(sensors))].unit}")


def _problems(values: Mapping[str, Value], quantities: Mapping[str, Quantity]) -> Iterator[Row]:
    named = [in_words(values[name], quantities[name]) for name in ("problems", "error") if values.get(name)]
    if named:
        yield Row("Problems", ", ".join(named), alarming=True)
    elif values.get("problem"):
        yield Row("Problems", "yes, without a name", alarming=True)
    elif "problem" in values or "problems" in values:
        yield Row("Problems", "none")
