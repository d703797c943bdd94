"""The register map of inverters with a charger: no public document, found by owners.

The values are those of real frames of an RIV4835CSH1S. There a negative charging current means
charging, the opposite of batteries: the sign is passed on as it is.
"""

from renogybt.protocols.renogy.registers import Block, Coding, RegisterMap, Row

_FRAMES = "frames of an RIV4835CSH1S"
_CHARGING_STATES = {
    0: "deactivated",
    1: "constant current",
    2: "constant voltage",
    4: "floating",
    6: "battery activation",
    7: "battery disconnecting",
}

INVERTER = RegisterMap(
    (
        Row(4000, "input_voltage", decimals=1, source=_FRAMES),
        Row(4001, "input_current", decimals=2, source=_FRAMES),
        Row(4002, "output_voltage", decimals=1, source=_FRAMES),
        Row(4003, "output_current", decimals=2, source=_FRAMES),
        Row(4004, "output_frequency", decimals=2, source=_FRAMES),
        Row(4005, "battery_voltage", decimals=1, source=_FRAMES),
        Row(4006, "temperature", coding=Coding.SIGNED, decimals=1, source=_FRAMES),
        Row(4009, "input_frequency", decimals=2, source=_FRAMES),
        Row(4109, "device_id", source=_FRAMES),
        Row(4311, "model", 8, Coding.TEXT, source=_FRAMES),
        Row(4327, "battery_percentage", source=_FRAMES),
        Row(4328, "charging_current", coding=Coding.SIGNED, decimals=1, source=_FRAMES),
        Row(4329, "solar_voltage", decimals=1, source=_FRAMES),
        Row(4330, "solar_current", decimals=1, source=_FRAMES),
        Row(4331, "solar_power", source=_FRAMES),
        Row(4332, "charging_status", coding=Coding.CHOICE, texts=_CHARGING_STATES, source=_FRAMES),
        Row(4333, "charging_power", source=_FRAMES),
        Row(4408, "load_current", decimals=1, source=_FRAMES),
        # an old spelling, which dashboards use
        Row(4408, "load_curent", decimals=1, source=_FRAMES),
        Row(4409, "load_active_power", source=_FRAMES),
        Row(4410, "load_apparent_power", source=_FRAMES),
        Row(4412, "line_charging_current", decimals=1, source=_FRAMES),
        Row(4413, "load_percentage", source=_FRAMES),
    ),
    blocks=(
        Block(4000, 10),
        Block(4000, 8),
        Block(4109, 1),
        Block(4311, 8, text=True),
        Block(4327, 7),
        Block(4408, 6),
    ),
)
