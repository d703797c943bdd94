"""Which values of a device are believed: possible, in agreement with each other, no sudden jump."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from renogybt.model.quantity import Value
from renogybt.model.reading import DeviceType
from renogybt.readers.limits import band_of, range_of
from renogybt.readers.physics import contradictions
from renogybt.readers.trail import Trail

ENOUGH_TO_TELL = 3
"""Values with a range, below which their number does not tell what kind of device it is."""

_BATTERIES = frozenset({DeviceType.BATTERY, DeviceType.BATTERY_PRO})
_COUNTED = (("cell_count", "cell_voltage_"), ("sensor_count", "temperature_"))
_CURRENT_LIMITS = ("charge_current_limit", "discharge_current_limit")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A value that is not believed, and why, as the end of a line of the log.

    `final` is False for one that only waits for the next reading to confirm it.
    """

    name: str
    value: Value
    reason: str
    final: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """`accepted` in the order of the values that were judged, and what was refused of them.

    `alien`: most values are impossible, so this is another type of device than was said; then
    nothing is accepted.
    """

    accepted: dict[str, Value]
    refused: tuple[Refusal, ...] = ()
    alien: bool = False


class Judge:
    """Judges the readings of one device, as decoded and before anything is derived from them.

    Out of range: never believed. In contradiction: what goes on as before is believed. A jump: believed
    when the next reading confirms it. Texts and flags pass.
    """

    def __init__(self, device_type: DeviceType) -> None:
        self._type = device_type
        self._trails: dict[str, Trail] = {}

    def judge(self, values: Mapping[str, Value], now: float) -> Verdict:
        """The verdict on one reading; `now` in monotonic seconds, never less than before.

        What contradicts itself shows only where it is in one reading.
        """
        reasons = dict(_impossible(values))
        if _alien(values, reasons):
            other = f"not a value of a {self._type.value}"
            return Verdict(
                {}, tuple(Refusal(name, value, other) for name, value in values.items()), alien=True
            )
        numbers = {name: number for name, number in _numbers(values) if name not in reasons}
        doubts = self._contradicted(numbers, now, reasons)
        final = frozenset(reasons)
        for name, number in numbers.items():
            if name not in reasons:
                reasons.update(self._held_back(name, number, now, doubts.get(name)))
        reasons.update(self._uncounted(values, reasons))
        accepted = {name: value for name, value in values.items() if name not in reasons}
        refused = tuple(
            Refusal(name, value, reasons[name], name in final)
            for name, value in values.items()
            if name in reasons
        )
        return Verdict(accepted, refused)

    def _contradicted(
        self, numbers: Mapping[str, float], now: float, reasons: dict[str, str]
    ) -> dict[str, str]:
        """Refuse what gives way in a contradiction; answers what needs to be confirmed, and why."""
        doubts: dict[str, str] = {}
        if self._type not in _BATTERIES:
            return doubts
        for found in contradictions(numbers, self._limits(numbers)):
            strong = bool(found.weak) and self._expects(found.strong, numbers, now)
            if not strong:
                doubts[found.strong] = found.reason
            sudden = [name for name in found.weak if not self._expects(name, numbers, now)]
            # where all goes on as before, the two have drifted apart
            gone = sudden or (found.weak if strong else ())
            reasons.update(dict.fromkeys(gone, found.reason))
        return doubts

    def _uncounted(
        self, values: Mapping[str, Value], reasons: Mapping[str, str]
    ) -> Iterator[tuple[str, str]]:
        """Cells and temperatures that are there only by a count that is not believed."""
        for count, prefix in _COUNTED:
            if count not in reasons:
                continue
            believed = self._trail(count).last or 0
            for name in values:
                number = name.removeprefix(prefix)
                if number != name and number.isdecimal() and int(number) >= believed:
                    yield name, f"{count} is in doubt"

    def _expects(self, name: str, numbers: Mapping[str, float], now: float) -> bool:
        return self._trail(name).expects(numbers[name], now)

    def _held_back(self, name: str, number: float, now: float, doubt: str | None) -> dict[str, str]:
        trail = self._trail(name)
        last = trail.last
        if trail.believes(number, now, doubtful=doubt is not None):
            return {}
        jump = "the first value" if last is None else f"after {last}"
        return {name: f"{doubt or jump}; to be confirmed by the next reading"}

    def _limits(self, numbers: Mapping[str, float]) -> dict[str, float]:
        """The current limits, of this reading or the last one that had them."""
        known = {name: numbers.get(name, self._trail(name).last) for name in _CURRENT_LIMITS}
        return {name: limit for name, limit in known.items() if limit is not None}

    def _trail(self, name: str) -> Trail:
        if name not in self._trails:
            self._trails[name] = Trail(band_of(name))
        return self._trails[name]


def _numbers(values: Mapping[str, Value]) -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield name, value


def _measured(value: Value) -> tuple[float, ...]:
    """The numbers in a value."""
    items = value if isinstance(value, tuple) else (value,)
    return tuple(item for item in items if isinstance(item, int | float) and not isinstance(item, bool))


def _impossible(values: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """Names of values that cannot be, with the reason."""
    for name, value in values.items():
        limits = range_of(name)
        if limits is not None and not all(limits.holds(number) for number in _measured(value)):
            yield name, f"not within {limits.low:g} to {limits.high:g}"
        elif not all(map(math.isfinite, _measured(value))):
            yield name, "not a number"


def _alien(values: Mapping[str, Value], impossible: Mapping[str, str]) -> bool:
    ranged = [name for name, value in values.items() if range_of(name) is not None and _measured(value)]
    return len(ranged) >= ENOUGH_TO_TELL and 2 * sum(name in impossible for name in ranged) > len(ranged)
