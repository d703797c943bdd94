"""What a reader says: to its sinks, and in the log, where nothing is told again and again."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from renogybt.model.advertisement import format_address
from renogybt.model.reading import DeviceHealth, DeviceType, Reading
from renogybt.protocols.renogy.decode import told_by_name
from renogybt.readers.judge import Refusal
from renogybt.readers.sinks import Sinks
from renogybt.readers.unit import BATTERIES, Unit
from renogybt.service.repetition import Repetition

_LOGGER = logging.getLogger(__name__)

DAY_S = 86400.0
_MOST_TOPICS = 512


class Report:
    """`wall` tells seconds since the epoch; `devices_changed` is called when a device shows something new."""

    def __init__(self, sinks: Sinks, wall: Callable[[], float], devices_changed: Callable[[], None]) -> None:
        self.wall = wall
        self.devices_changed = devices_changed
        self._sinks = sinks
        self._often = Repetition(_now)
        self._daily = Repetition(_now, first=1, every_s=DAY_S, forget_s=DAY_S, most=_MOST_TOPICS)
        self._troubles: dict[str, str] = {}
        self._told: set[str] = set()
        self._scales: dict[str, DeviceType] = {}

    def reading(self, reading: Reading) -> None:
        """A good reading."""
        self._sinks.reading(reading)

    def health(self, health: DeviceHealth) -> None:
        """How it goes with one device."""
        self._sinks.health(health)

    def hub_trouble(self, address: int, trouble: str) -> None:
        """What is wrong with the way to a hub; empty when nothing is."""
        self._tell(address, "", trouble, self._often)

    def unit_trouble(self, unit: Unit) -> None:
        """What a unit itself does wrong: one line a day, for it may do so for ever."""
        trouble = unit.trouble if unit.failures else ""
        self._tell(unit.address, f" unit {unit.unit_id}", trouble, self._daily)

    def refusals(self, unit: Unit, refused: Iterable[Refusal]) -> None:
        """Values that are not believed; what may be confirmed is no alarm, as each night's fall to zero."""
        for each in refused:
            topic = f"{unit.key} {each.name} {each.final}"
            level = logging.WARNING if each.final else logging.INFO
            if not self._daily.allows(topic):
                level = logging.DEBUG
            _LOGGER.log(
                level,
                "%s unit %d: %s = %s is not believed: %s%s"
                if each.final
                else "%s unit %d: %s = %s is held back: %s%s",
                format_address(unit.address),
                unit.unit_id,
                each.name,
                each.value,
                each.reason,
                self._daily.remark(topic) if level > logging.DEBUG else "",
            )

    def recognised(self, unit: Unit, name: str) -> None:
        """What is read there, told once; of batteries also the scale, which nothing in registers tells."""
        taken = told_by_name(unit.device_type, name)
        if self._scales.get(unit.key) is taken:
            return
        self._scales[unit.key] = taken
        _LOGGER.info(
            "%s unit %d: reading %s%s",
            format_address(unit.address),
            unit.unit_id,
            " ".join(filter(None, (unit.device_type.value, str(unit.values.get("model", ""))))),
            _scale(taken, name) if unit.device_type in BATTERIES else "",
        )

    def _tell(self, address: int, unit: str, trouble: str, repetition: Repetition) -> None:
        """Troubles of a unit name it themselves."""
        place = format_address(address)
        who = place + unit
        if self._troubles.get(who, "") == trouble:
            return
        self._troubles[who] = trouble
        if not trouble:
            _LOGGER.log(logging.INFO if who in self._told else logging.DEBUG, "%s: read again", who)
            self._told.discard(who)
            return
        topic = f"{who} {trouble}"
        if repetition.allows(topic):
            self._told.add(who)
            _LOGGER.warning("%s: %s%s", place, trouble, repetition.remark(topic))
        else:
            _LOGGER.debug("%s: %s", place, trouble)


def _scale(taken: DeviceType, name: str) -> str:
    step = "0.1" if taken is DeviceType.BATTERY_PRO else "0.01"
    return f", current in steps of {step} A ({f'called {name}' if name else 'its name was not heard'})"


def _now() -> float:
    return asyncio.get_running_loop().time()
