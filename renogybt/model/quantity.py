"""What a measured value is: its name, its unit, and how it is to be understood."""

from dataclasses import dataclass
from enum import Enum

Value = float | int | str | bool | tuple[str, ...] | tuple[float, ...]
"""A number, a text, a flag, or a list; never None: what is missing is missing."""


class Form(Enum):
    """The kind of values that a quantity takes; ON_OFF: one of the texts `on` and `off`."""

    NUMBER = "number"
    TEXT = "text"
    FLAG = "flag"
    ON_OFF = "on_off"
    LIST = "list"


class Statistics(Enum):
    """What Home Assistant may make of a row of values; its state classes."""

    NONE = "none"
    MEASUREMENT = "measurement"
    TOTAL = "total"
    TOTAL_INCREASING = "total_increasing"


@dataclass(frozen=True, slots=True)
class Quantity:
    """`name` is the field of the outputs and stays for ever, `label` is for people, in English.

    `unit` and `device_class` are those of Home Assistant; `decimals` is the resolution of the
    source, to which outputs round. `diagnostic`: of interest only when something is wrong.
    """

    name: str
    label: str
    unit: str = ""
    device_class: str = ""
    statistics: Statistics = Statistics.MEASUREMENT
    decimals: int = 0
    form: Form = Form.NUMBER
    diagnostic: bool = False
