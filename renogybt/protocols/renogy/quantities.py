"""The quantities of Renogy devices, in the order to show them.

The names are those of the earlier program where it had one. Units, device classes and state
classes are Home Assistant's. Ah goes without a device class: `energy_storage` means Wh there.
"""

from renogybt.model.quantity import Form, Quantity, Statistics

_MEASURED = Statistics.MEASUREMENT
_GROWING = Statistics.TOTAL_INCREASING
_NO_STATISTICS = Statistics.NONE


def _volts(name: str, label: str, decimals: int = 1) -> Quantity:
    return Quantity(name, label, "V", "voltage", _MEASURED, decimals)


def _amperes(name: str, label: str, decimals: int = 2) -> Quantity:
    return Quantity(name, label, "A", "current", _MEASURED, decimals)


def _watts(name: str, label: str, decimals: int = 0) -> Quantity:
    return Quantity(name, label, "W", "power", _MEASURED, decimals)


def _celsius(name: str, label: str, decimals: int = 1) -> Quantity:
    return Quantity(name, label, "°C", "temperature", _MEASURED, decimals)


def _level(name: str, label: str, decimals: int = 0) -> Quantity:
    return Quantity(name, label, "%", "battery", _MEASURED, decimals)


def _ampere_hours(name: str, label: str, decimals: int = 3) -> Quantity:
    return Quantity(name, label, "Ah", "", _MEASURED, decimals)


def _charge(name: str, label: str) -> Quantity:
    return Quantity(name, label, "Ah", "", _GROWING)


def _energy(name: str, label: str, unit: str = "Wh", decimals: int = 0) -> Quantity:
    return Quantity(name, label, unit, "energy", _GROWING, decimals)


def _hertz(name: str, label: str) -> Quantity:
    return Quantity(name, label, "Hz", "frequency", _MEASURED, 2)


def _count(name: str, label: str) -> Quantity:
    return Quantity(name, label, statistics=_GROWING, diagnostic=True)


def _fixed(name: str, label: str, unit: str = "", device_class: str = "", decimals: int = 0) -> Quantity:
    return Quantity(name, label, unit, device_class, _NO_STATISTICS, decimals, diagnostic=True)


def _flag(name: str, label: str, device_class: str = "", *, diagnostic: bool = False) -> Quantity:
    return Quantity(name, label, "", device_class, _NO_STATISTICS, form=Form.FLAG, diagnostic=diagnostic)


def _text(name: str, label: str, *, diagnostic: bool = True) -> Quantity:
    return Quantity(name, label, statistics=_NO_STATISTICS, form=Form.TEXT, diagnostic=diagnostic)


def _days(name: str, label: str, unit: str, device_class: str = "", decimals: int = 0) -> Quantity:
    return Quantity(name, label, unit, device_class, _NO_STATISTICS, decimals, Form.LIST)


CELL_DECIMALS = 3
"""Most packs tell 0.1 V, some tell mV: no digit of either may be lost."""

BATTERY = (
    _level("battery_level", "Battery level", 1),
    _volts("voltage", "Voltage"),
    _amperes("current", "Current"),
    _watts("power", "Power", 1),
    _ampere_hours("remaining_charge", "Remaining charge"),
    _ampere_hours("capacity", "Capacity"),
    _energy("energy_in_kwh", "Energy charged", "kWh", 3),
    _energy("energy_out_kwh", "Energy discharged", "kWh", 3),
    _flag("problem", "Problem", "problem"),
    _volts("cell_voltage_min", "Lowest cell voltage", CELL_DECIMALS),
    _volts("cell_voltage_max", "Highest cell voltage", CELL_DECIMALS),
    _volts("cell_voltage_delta", "Cell voltage difference", CELL_DECIMALS),
    _celsius("temperature_min", "Lowest temperature"),
    _celsius("temperature_max", "Highest temperature"),
    # a difference: as a temperature Home Assistant would add 32 to it in °F
    Quantity("temperature_delta", "Temperature difference", "K", "", _MEASURED, 1),
)
BATTERY_STATE = (
    _celsius("board_temperature", "BMS board temperature"),
    _count("cycle_count", "Cycles"),
    _flag("charge_mosfet", "Charge MOSFET", diagnostic=True),
    _flag("discharge_mosfet", "Discharge MOSFET", diagnostic=True),
    _flag("heater", "Heater"),
    _fixed("charge_voltage_limit", "Charge voltage limit", "V", "voltage", 1),
    _fixed("discharge_voltage_limit", "Discharge voltage limit", "V", "voltage", 1),
    _fixed("charge_current_limit", "Charge current limit", "A", "current", 2),
    _fixed("discharge_current_limit", "Discharge current limit", "A", "current", 2),
    _fixed("cell_count", "Cells"),
    _fixed("sensor_count", "Temperature sensors"),
)
BANK = (
    _level("combined_charge_percentage", "Battery level", 1),
    _volts("combined_voltage", "Average voltage", 2),
    _amperes("combined_current", "Current"),
    _watts("combined_power", "Power", 1),
    _ampere_hours("combined_remaining_charge", "Remaining charge"),
    _ampere_hours("combined_capacity", "Capacity"),
    _energy("combined_energy_in_kwh", "Energy charged", "kWh", 3),
    _energy("combined_energy_out_kwh", "Energy discharged", "kWh", 3),
    _fixed("combined_cell_count", "Cells"),
)
CHARGER = (
    _level("battery_percentage", "Battery level"),
    _volts("battery_voltage", "Battery voltage"),
    _amperes("battery_current", "Battery current"),
    _amperes("combined_charge_current", "Charge current"),
    _celsius("battery_temperature", "Battery temperature"),
    _celsius("controller_temperature", "Controller temperature", 0),
    _text("charging_status", "Charging status", diagnostic=False),
    _volts("pv_voltage", "Solar voltage"),
    _amperes("pv_current", "Solar current"),
    _watts("pv_power", "Solar power"),
    _volts("alternator_voltage", "Alternator voltage"),
    _amperes("alternator_current", "Alternator current"),
    _watts("alternator_power", "Alternator power"),
    Quantity("load_status", "Load", statistics=_NO_STATISTICS, form=Form.ON_OFF),
    _volts("load_voltage", "Load voltage"),
    _amperes("load_current", "Load current"),
    _watts("load_power", "Load power"),
    _text("charging_mode", "Charging mode", diagnostic=False),
    _text("ignition", "Ignition", diagnostic=False),
    _watts("output_power_W", "Output power"),
)
CHARGER_TODAY = (
    _energy("power_generation_today", "Energy generated today"),
    _energy("power_consumption_today", "Energy consumed today"),
    _charge("charging_amp_hours_today", "Charge in today"),
    _charge("discharging_amp_hours_today", "Charge out today"),
    _watts("max_charging_power_today", "Highest charging power today"),
    _watts("max_discharging_power_today", "Highest discharging power today"),
    _amperes("battery_max_current_today", "Highest charging current today"),
    _amperes("max_discharging_current_today", "Highest discharging current today"),
    _volts("battery_min_voltage_today", "Lowest battery voltage today"),
    _volts("battery_max_voltage_today", "Highest battery voltage today"),
)
CHARGER_TOTAL = (
    _energy("power_generation_total", "Energy generated"),
    _energy("power_consumption_total", "Energy consumed"),
    _charge("battery_ah_total_accumulated", "Charge in"),
    _charge("battery_ah_total_discharged", "Charge out"),
    _count("total_working_days", "Days in operation"),
    _count("count_battery_overdischarged", "Over-discharges"),
    _count("count_battery_fully_charged", "Full charges"),
    _text("battery_type", "Battery type"),
)
HISTORY = (
    _days("daily_power_generation", "Energy generated per day", "Wh", "energy"),
    _days("daily_power_consumption", "Energy consumed per day", "Wh", "energy"),
    _days("daily_charge_ah", "Charge in per day", "Ah"),
    _days("daily_discharge_ah", "Charge out per day", "Ah"),
    _days("daily_max_power", "Highest charging power per day", "W", "power"),
    _days("daily_max_discharge_power", "Highest discharging power per day", "W", "power"),
    _days("daily_max_current", "Highest charging current per day", "A", "current", 2),
    _days("daily_max_discharge_current", "Highest discharging current per day", "A", "current", 2),
    _days("daily_min_voltage", "Lowest battery voltage per day", "V", "voltage", 1),
    _days("daily_max_voltage", "Highest battery voltage per day", "V", "voltage", 1),
)
INVERTER = (
    _volts("input_voltage", "Input voltage"),
    _amperes("input_current", "Input current"),
    _hertz("input_frequency", "Input frequency"),
    _volts("output_voltage", "Output voltage"),
    _amperes("output_current", "Output current"),
    _hertz("output_frequency", "Output frequency"),
    _celsius("temperature", "Temperature"),
    _amperes("charging_current", "Charging current", 1),
    _watts("charging_power", "Charging power"),
    _amperes("line_charging_current", "Line charging current", 1),
    _volts("solar_voltage", "Solar voltage"),
    _amperes("solar_current", "Solar current", 1),
    _watts("solar_power", "Solar power"),
    _watts("load_active_power", "Load power"),
    Quantity("load_apparent_power", "Load apparent power", "VA", "apparent_power"),
    Quantity("load_percentage", "Load", "%"),
)
SHUNT = (
    _level("main_battery_percent", "Battery level", 1),
    _volts("main_battery_voltage", "Battery voltage", 3),
    _amperes("charge_amps", "Battery current", 3),
    _watts("charge_watts", "Battery power", 2),
    _volts("starter_battery_voltage", "Starter battery voltage", 3),
)
IDENTITY = (
    Quantity("problems", "Problems", statistics=_NO_STATISTICS, form=Form.LIST, diagnostic=True),
    _text("error", "Error"),
    _text("model", "Model"),
    _text("serial", "Serial number"),
    _text("firmware", "Firmware"),
    _fixed("device_id", "Unit id"),
)
WORDS = (
    _text("function", "Function"),
    _fixed("register", "Register"),
    _fixed("value", "Value"),
    _text("write", "Write"),
    _amperes("load_curent", "Load current"),
    _fixed("environment_sensor_count", "Environment sensors"),
    _fixed("heater_sensor_count", "Heater sensors"),
    _fixed("cell_voltage_alarm", "Cell voltage alarms"),
    _fixed("cell_temp_alarm", "Cell temperature alarms"),
    _fixed("other_alarm", "Other alarms"),
    _fixed("status1", "Status 1"),
    _fixed("status2", "Status 2"),
    _fixed("status3", "Status 3"),
    _fixed("charge_discharge_status", "Charge and discharge status"),
    _flag("charge_enable", "Charging enabled", diagnostic=True),
    _flag("discharge_enable", "Discharging enabled", diagnostic=True),
    _flag("charge_immediately", "Asks to be charged at once", diagnostic=True),
    _flag("full_charge_request", "Asks for a full charge", diagnostic=True),
    _flag("using_module_power", "In use", diagnostic=True),
    _fixed("faults", "Faults"),
    _fixed("fault_high", "Faults, high word"),
    _fixed("fault_low", "Faults, low word"),
)
"""Words of the protocol, and values that are shown under another name: for `decode`, not for entities."""

NUMBERED = (
    _volts("cell_voltage_{}", "Cell {} voltage", CELL_DECIMALS),
    _celsius("temperature_{}", "Temperature {}"),
    _celsius("environment_temperature_{}", "Environment temperature {}"),
    _celsius("heater_temperature_{}", "Heater temperature {}"),
)
"""Names count from 0, labels from 1."""

OF_A_MEMBER = (
    _volts("battery_{}_cell_voltage_min", "Battery {} lowest cell voltage", CELL_DECIMALS),
    _volts("battery_{}_cell_voltage_max", "Battery {} highest cell voltage", CELL_DECIMALS),
    _celsius("battery_{}_temperature_min", "Battery {} lowest temperature"),
    _celsius("battery_{}_temperature_max", "Battery {} highest temperature"),
)
"""Of one battery of a bank, by its unit id."""
