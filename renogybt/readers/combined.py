"""The batteries of one address as a device of their own."""

import asyncio
from collections.abc import Iterable, Sequence

from renogybt.model.quantity import Value
from renogybt.model.reading import DeviceHealth, LinkState, PowerDevice, Reading, Role
from renogybt.protocols.renogy.catalogue import ordered
from renogybt.readers.bank import combine
from renogybt.readers.present import present, shown
from renogybt.readers.unit import Shelf, Unit

_NAMES = (
    "combined_charge_percentage",
    "combined_voltage",
    "combined_current",
    "combined_power",
    "combined_remaining_charge",
    "combined_capacity",
    "combined_energy_in_kwh",
    "combined_energy_out_kwh",
    "combined_cell_count",
)
_OF_A_MEMBER = ("cell_voltage_min", "cell_voltage_max", "temperature_min", "temperature_max")


class Bank:
    """Two or more batteries; it has a reading when each of them has one of the same round."""

    def __init__(self, members: Sequence[Unit], shelf: Shelf) -> None:
        self.key = f"bank-{members[0].address:012x}"
        self.reading: Reading | None = None
        self._members = tuple(members)
        self._shelf = shelf
        self._values: dict[str, Value] = {}
        self._last_good: float | None = None
        self._stale_after_s = max(member.stale_after_s for member in members)

    @property
    def device(self) -> PowerDevice:
        """As it is known by now."""
        known = self._shelf.layout.of(self.key, None)
        settings = self._shelf.settings
        quantities = shown(
            ordered(known.names.union(self._expected())),
            temperature_unit=settings.temperature_unit,
            fields=settings.fields,
        )
        return PowerDevice(self.key, Role.BANK, self._members[0].alias, quantities)

    def add_up(self, since: float, now: float, wall: float) -> Reading | None:
        """The reading of a round that began at `since`; None when a member missed it."""
        readings = [member.reading for member in self._members]
        if not all(reading is not None and reading.taken_at >= since for reading in readings):
            return None
        self._values = values = combine([(member.unit_id, member.values) for member in self._members])
        settings = self._shelf.settings
        shown_values = present(values, temperature_unit=settings.temperature_unit, fields=settings.fields)
        self._last_good = wall
        self.reading = Reading(self.key, now, shown_values)
        return self.reading

    def learn(self) -> bool:
        """Keep what the last reading has shown; whether anything of it is new."""
        return self._shelf.layout.learn(self.key, None, self._values)

    def seed(self, names: Iterable[str]) -> None:
        """These quantities are known beforehand."""
        self._shelf.layout.learn(self.key, None, names)

    def health(self, link: LinkState, rssi: int | None) -> DeviceHealth:
        """As fresh as the member that is least so, if all of them were read in one round lately."""
        missing = [member.unit_id for member in self._members if not member.fresh]
        trouble = f"no values of unit {', '.join(map(str, missing))}" if missing else ""
        failed = sum(member.health(link, rssi).failed for member in self._members)
        fresh = not missing and self._is_recent()
        return DeviceHealth(self.key, fresh, link, self._last_good, failed, 0, rssi, trouble)

    def _is_recent(self) -> bool:
        if self.reading is None or self._shelf.settings.once:
            return self.reading is not None
        return asyncio.get_running_loop().time() - self.reading.taken_at <= self._stale_after_s

    def _expected(self) -> tuple[str, ...]:
        of_members = [f"battery_{member.unit_id}_{name}" for member in self._members for name in _OF_A_MEMBER]
        return (*_NAMES, *of_members)
