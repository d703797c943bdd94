"""The register maps of charge controllers and DC chargers: Charge Controller RS485 Modbus V1.7.

DC chargers have no public document; what differs there is what owners and other programs found.
"""

from renogybt.protocols.renogy.registers import AlarmWord, Block, Coding, RegisterMap, Row

DYNAMIC = 0x0100
FAULTS = 0x0121
LOAD_SWITCH = 0x010A
HISTORY = 0xF000
HISTORY_DAYS = 0x400
"""One address per day back; each of them answers with a whole block of words."""
_HIGH_BYTE, _LOW_BYTE = 0xFF00, 0x00FF
_STATE = "CC V1.7, dynamic information"
_FOUND = "found by owners of DC chargers"

CHARGING_STATES = {
    0: "deactivated",
    1: "activated",
    2: "mppt",
    3: "equalizing",
    4: "boost",
    5: "floating",
    6: "current limiting",
}
_BATTERY_TYPES = {0: "custom", 1: "open", 2: "sealed", 3: "gel", 4: "lithium", 5: "custom"}
ON_OFF = {0: "off", 1: "on"}

_COMMON = (
    Row(0x000C, "model", 8, Coding.TEXT, source="CC V1.7, static information"),
    Row(0x001A, "device_id", mask=_LOW_BYTE, source="CC V1.7, static information"),
    Row(0x0100, "battery_percentage", source=_STATE),
    Row(0x0101, "battery_voltage", decimals=1, source=_STATE),
    Row(
        0x0103,
        "controller_temperature",
        coding=Coding.SIGN_AND_MAGNITUDE,
        mask=_HIGH_BYTE,
        source=_STATE,
    ),
    Row(0x0103, "battery_temperature", coding=Coding.SIGN_AND_MAGNITUDE, mask=_LOW_BYTE, source=_STATE),
    Row(0x0107, "pv_voltage", decimals=1, source=_STATE),
    Row(0x0108, "pv_current", decimals=2, source=_STATE),
    Row(0x0109, "pv_power", source=_STATE),
    Row(0x010B, "battery_min_voltage_today", decimals=1, source=_STATE),
    Row(0x010C, "battery_max_voltage_today", decimals=1, source=_STATE),
    Row(0x010D, "battery_max_current_today", decimals=2, source=_STATE),
    Row(0x010F, "max_charging_power_today", source=_STATE),
    Row(0x0111, "charging_amp_hours_today", source=_STATE),
    Row(0x0113, "power_generation_today", source=_STATE),
    Row(0x0115, "total_working_days", source=_STATE),
    Row(0x0116, "count_battery_overdischarged", source=_STATE),
    Row(0x0117, "count_battery_fully_charged", source=_STATE),
    Row(0x0118, "battery_ah_total_accumulated", 2, source=_STATE),
    Row(0x011C, "power_generation_total", 2, source=_STATE),
    Row(0xE004, "battery_type", coding=Coding.CHOICE, texts=_BATTERY_TYPES, source="CC V1.7, settings"),
)

_CONTROLLER_ROWS = (
    *_COMMON,
    Row(0x0102, "battery_current", decimals=2, source=_STATE),
    Row(0x0104, "load_voltage", decimals=1, source=_STATE),
    Row(0x0105, "load_current", decimals=2, source=_STATE),
    Row(0x0106, "load_power", source=_STATE),
    Row(0x010E, "max_discharging_current_today", decimals=2, source=_STATE),
    Row(0x0110, "max_discharging_power_today", source=_STATE),
    Row(0x0112, "discharging_amp_hours_today", source=_STATE),
    Row(0x0114, "power_consumption_today", source=_STATE),
    Row(0x011A, "battery_ah_total_discharged", 2, source=_STATE),
    Row(0x011E, "power_consumption_total", 2, source=_STATE),
    Row(0x0120, "load_status", coding=Coding.CHOICE, mask=0x8000, texts=ON_OFF, source=_STATE),
    Row(
        0x0120,
        "charging_status",
        coding=Coding.CHOICE,
        mask=_LOW_BYTE,
        texts=CHARGING_STATES,
        source=_STATE,
    ),
    Row(FAULTS, "faults", source=_STATE),
)

_CONTROLLER_FAULTS = {
    15: "fan_failure",
    14: "charge_mosfet_short_circuit",
    13: "anti_reverse_mosfet_short_circuit",
    12: "solar_reverse_polarity",
    11: "solar_over_voltage",
    10: "solar_counter_current",
    9: "solar_input_overload",
    8: "solar_short_circuit",
    7: "solar_over_power",
    6: "ambient_over_temperature",
    5: "controller_over_temperature",
    4: "load_overload",
    3: "load_short_circuit",
    2: "battery_under_voltage_warning",
    1: "battery_under_voltage",
    0: "battery_over_charge",
}
"""Bits 31 to 16 of the faults, which are the first of their two words; the second is reserved."""

CONTROLLER = RegisterMap(
    _CONTROLLER_ROWS,
    alarms=(AlarmWord(FAULTS, bits=_CONTROLLER_FAULTS, source=_STATE),),
    judged_by=(FAULTS,),
    blocks=(
        Block(DYNAMIC, 34),
        Block(DYNAMIC, 35),
        Block(0x000C, 8, text=True),
        Block(0xE004, 1),
    ),
)

_CHARGING_MODES = {
    0: "standby",
    1: "alternator_to_house",
    2: "house_to_starter",
    3: "solar_to_house",
    4: "solar_alternator_to_house",
    5: "solar_to_starter",
}

_DC_CHARGER_ROWS = (
    *_COMMON,
    Row(0x0102, "combined_charge_current", decimals=2, source=_FOUND),
    Row(0x0104, "alternator_voltage", decimals=1, source=_FOUND),
    Row(0x0105, "alternator_current", decimals=2, source=_FOUND),
    Row(0x0106, "alternator_power", source=_FOUND),
    Row(
        0x0120,
        "charging_status",
        coding=Coding.CHOICE,
        mask=_LOW_BYTE,
        texts=CHARGING_STATES | {8: "alternator direct"},
        source=_FOUND,
    ),
    Row(FAULTS, "fault_high", source=_FOUND),
    Row(0x0122, "fault_low", source=_FOUND),
    Row(0x0124, "output_power_W", source=_FOUND),
    Row(0x0125, "charging_mode", coding=Coding.CHOICE, texts=_CHARGING_MODES, source=_FOUND),
    Row(
        0x0126,
        "ignition",
        coding=Coding.CHOICE,
        texts={0: "disconnected", 1: "connected"},
        source=_FOUND,
    ),
)

_HIGH_FAULTS = {
    11: "low_temp_shutdown",
    10: "bms_overcharge_protection",
    9: "starter_reverse_polarity",
    8: "alternator_over_voltage",
    5: "alternator_over_current",
    4: "controller_over_temp_2",
}
_LOW_FAULTS = {
    12: "solar_reverse_polarity",
    9: "solar_over_voltage",
    7: "solar_over_current",
    6: "battery_over_temperature",
    5: "controller_over_temp",
    2: "battery_low_voltage",
    1: "battery_over_voltage",
    0: "battery_over_discharge",
}

DC_CHARGER = RegisterMap(
    _DC_CHARGER_ROWS,
    alarms=(
        AlarmWord(FAULTS, bits=_HIGH_FAULTS, source=_FOUND),
        AlarmWord(0x0122, bits=_LOW_FAULTS, source=_FOUND),
    ),
    # models that end in -G6 never tell the second word
    judged_by=(FAULTS,),
    blocks=(
        Block(DYNAMIC, 34),
        Block(DYNAMIC, 30),
        Block(0x0120, 7),
        Block(0x0120, 3),
        Block(0x000C, 8, text=True),
        Block(0xE004, 1),
        Block(0xE003, 18),
    ),
)

_DAY = (
    ("daily_min_voltage", 1),
    ("daily_max_voltage", 1),
    ("daily_max_current", 2),
    ("daily_max_discharge_current", 2),
    ("daily_max_power", 0),
    ("daily_max_discharge_power", 0),
    ("daily_charge_ah", 0),
    ("daily_discharge_ah", 0),
    ("daily_power_generation", 0),
    ("daily_power_consumption", 0),
)
"""The words of one day, in the order of 0x010B to 0x0114."""

CONTROLLER_HISTORY = RegisterMap(
    tuple(
        Row(HISTORY + place, name, coding=Coding.DAY, decimals=decimals, source="CC V1.7, history")
        for place, (name, decimals) in enumerate(_DAY)
    ),
    blocks=(Block(HISTORY, len(_DAY)),),
)
