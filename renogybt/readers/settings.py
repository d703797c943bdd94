"""How devices are read, the same for all of them."""

from dataclasses import dataclass

from renogybt.config import TemperatureUnit


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """`read_timeout_s` is for a whole round; how often there is one stands with each device.

    `fields` empty: all. `once`: one good round, and no more. `load_switch`: the load output of
    controllers may be switched.
    """

    read_timeout_s: float = 45.0
    temperature_unit: TemperatureUnit = TemperatureUnit.CELSIUS
    fields: tuple[str, ...] = ()
    keep_connection: bool = True
    load_switch: bool = False
    once: bool = False
