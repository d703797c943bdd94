"""The register map of Renogy's lithium batteries: BMS Modbus V1.7, tables 3.1 to 3.3.

It is the same for 12 V, 24 V and 48 V packs. The Pro models differ in the scale of the current,
and show cell voltage alarms while nothing is wrong.
"""

from collections.abc import Callable
from dataclasses import replace

from renogybt.protocols.renogy.registers import AlarmWord, Block, Coding, Group, RegisterMap, Row

MOST_SLOTS = 16
CURRENT = 5042
CELL_ALARMS, STATUS1, STATUS2 = 5100, 5106, 5107
_REALTIME = "BMS V1.7, real-time data"
_STATUS = "BMS V1.7, alarms and status"
_DEVICE = "BMS V1.7, device information"

_ROWS = (
    Row(5035, "board_temperature", coding=Coding.SIGNED, decimals=1, source=_REALTIME),
    Row(CURRENT, "current", coding=Coding.SIGNED, decimals=2, source=_REALTIME),
    Row(5043, "voltage", decimals=1, source=_REALTIME),
    Row(5044, "remaining_charge", 2, decimals=3, source=_REALTIME),
    Row(5046, "capacity", 2, decimals=3, source=_REALTIME),
    Row(5048, "cycle_count", source=_REALTIME),
    Row(5049, "charge_voltage_limit", decimals=1, source=_REALTIME),
    Row(5050, "discharge_voltage_limit", decimals=1, source=_REALTIME),
    Row(5051, "charge_current_limit", decimals=2, source=_REALTIME),
    Row(5052, "discharge_current_limit", coding=Coding.SIGNED, decimals=2, source=_REALTIME),
    Row(CELL_ALARMS, "cell_voltage_alarm", 2, source=_STATUS),
    Row(5102, "cell_temp_alarm", 2, source=_STATUS),
    Row(5104, "other_alarm", 2, source=_STATUS),
    Row(STATUS1, "status1", source=_STATUS),
    Row(STATUS1, "charge_mosfet", coding=Coding.FLAG, mask=1 << 1, source=_STATUS),
    Row(STATUS1, "discharge_mosfet", coding=Coding.FLAG, mask=1 << 2, source=_STATUS),
    Row(STATUS1, "using_module_power", coding=Coding.FLAG, mask=1 << 3, source=_STATUS),
    Row(STATUS2, "status2", source=_STATUS),
    Row(STATUS2, "heater", coding=Coding.FLAG, mask=1 << 13, source=_STATUS),
    Row(5108, "status3", source=_STATUS),
    Row(5109, "charge_discharge_status", source=_STATUS),
    Row(5109, "charge_enable", coding=Coding.FLAG, mask=1 << 7, source=_STATUS),
    Row(5109, "discharge_enable", coding=Coding.FLAG, mask=1 << 6, source=_STATUS),
    Row(5109, "charge_immediately", coding=Coding.FLAG, mask=1 << 5 | 1 << 4, source=_STATUS),
    Row(5109, "full_charge_request", coding=Coding.FLAG, mask=1 << 3, source=_STATUS),
    Row(5110, "serial", 8, Coding.TEXT, source=_DEVICE),
    Row(5122, "model", 8, Coding.TEXT, source=_DEVICE),
    Row(5130, "firmware", 2, Coding.TEXT, source=_DEVICE),
    Row(5223, "device_id", source="BMS V1.7, parameters"),
)

_MOST_CELL = 200
"""20.0 V: no cell has more. Some models are said to send mV, which is always more."""
_NEVER = 0x7FFF
_GROUPS = (
    Group(
        5000, "cell_count", "cells", MOST_SLOTS, "cell_voltage_{}", signed=False, most_tenths=_MOST_CELL,
        source=_REALTIME,
    ),
    Group(
        5017, "sensor_count", "temperature sensors", MOST_SLOTS, "temperature_{}", signed=True,
        most_tenths=_NEVER, source=_REALTIME,
    ),
    Group(
        5036, "environment_sensor_count", "environment sensors", 2, "environment_temperature_{}",
        signed=True, most_tenths=_NEVER, source=_REALTIME,
    ),
    Group(
        5039, "heater_sensor_count", "heater sensors", 2, "heater_temperature_{}", signed=True,
        most_tenths=_NEVER, source=_REALTIME,
    ),
)  # fmt: skip

_PROTECTIONS = {
    15: "module_under_voltage",
    14: "charge_over_temperature",
    13: "charge_under_temperature",
    12: "discharge_over_temperature",
    11: "discharge_under_temperature",
    10: "discharge_over_current_1",
    9: "charge_over_current_1",
    8: "cell_over_voltage",
    7: "cell_under_voltage",
    6: "module_over_voltage",
    5: "discharge_over_current_2",
    4: "charge_over_current_2",
    0: "short_circuit",
}
_WARNINGS = {
    7: "discharge_high_temperature_warning",
    6: "discharge_low_temperature_warning",
    5: "charge_high_temperature_warning",
    4: "charge_low_temperature_warning",
    3: "module_high_voltage_warning",
    2: "module_low_voltage_warning",
    1: "cell_high_voltage_warning",
    0: "cell_low_voltage_warning",
}
_OTHER_ALARMS = {
    30: "board_{}_temperature",
    28: "environment_1_{}_temperature",
    26: "environment_2_{}_temperature",
    24: "heater_1_{}_temperature",
    22: "heater_2_{}_temperature",
    20: "charge_{}_current",
    18: "discharge_{}_current",
}
_ALL_CELLS_HIGH = frozenset(int("10" * cells, 2) for cells in range(4, MOST_SLOTS + 1))
"""What healthy Pro batteries show: all cells too high at once, while no warning says so."""


def _of_each_cell(template: str) -> dict[int, str]:
    return {2 * cell: template.format(cell + 1, "{}") for cell in range(MOST_SLOTS)}


def _alarms(cell_alarms_alone: Callable[[int], bool]) -> tuple[AlarmWord, ...]:
    return (
        AlarmWord(STATUS1, bits=_PROTECTIONS, source=_STATUS),
        AlarmWord(STATUS2, bits=_WARNINGS, source=_STATUS),
        AlarmWord(
            5108, bits={cell: f"cell_{cell + 1}_voltage_error" for cell in range(MOST_SLOTS)}, source=_STATUS
        ),
        AlarmWord(
            CELL_ALARMS, 2, codes=_of_each_cell("cell_{}_{}_voltage"), alone=cell_alarms_alone, source=_STATUS
        ),
        AlarmWord(5102, 2, codes=_of_each_cell("cell_{}_{}_temperature"), source=_STATUS),
        AlarmWord(5104, 2, codes=_OTHER_ALARMS, source=_STATUS),
    )


_BLOCKS = (
    Block(5000, 34),
    Block(5000, 17),
    Block(5017, 17),
    Block(5042, 6),
    Block(5042, 7),
    Block(5049, 4),
    Block(5100, 10),
    Block(5100, 8),
    Block(5104, 28),
    Block(5110, 22),
    Block(5122, 8, text=True),
    Block(5223, 1),
)

BATTERY = RegisterMap(
    _ROWS,
    _GROUPS,
    _alarms(lambda value: value not in _ALL_CELLS_HIGH),
    judged_by=(STATUS1, STATUS2),
    blocks=_BLOCKS,
)
BATTERY_PRO = replace(
    BATTERY,
    # 0.1 A: an owner has compared it with another shunt; nothing in the registers tells
    rows=tuple(replace(row, decimals=1) if row.register == CURRENT else row for row in _ROWS),
    alarms=_alarms(lambda value: False),
)
