"""One device behind a hub: from its values to a reading, and how that goes."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from renogybt.config import Device
from renogybt.model.quantity import Value
from renogybt.model.reading import DeviceHealth, DeviceType, LinkState, PowerDevice, Reading, Role
from renogybt.protocols.renogy.catalogue import ROLES, is_raw, ordered
from renogybt.protocols.renogy.derive import derive
from renogybt.protocols.renogy.registers import Values
from renogybt.readers.energy import EnergyMeter
from renogybt.readers.energy_file import EnergyLedger
from renogybt.readers.errors import AlienError
from renogybt.readers.judge import Judge, Refusal
from renogybt.readers.layout import Layout
from renogybt.readers.plan import PLANS
from renogybt.readers.poll import Poll
from renogybt.readers.present import present, shown
from renogybt.readers.settings import ReaderSettings

STALE_AFTER = 2.5
"""Intervals without a good reading: two may fail, and the third has had its time."""
LONGEST_BACK_OFF_S = 300.0
"""A battery that was switched on again is back after this at the latest."""


BATTERIES = frozenset(each for each, role in ROLES.items() if role is Role.BATTERY)


@dataclass(frozen=True, slots=True)
class Shelf:
    """What all units share: how values are shown, and what is kept over restarts."""

    settings: ReaderSettings
    layout: Layout
    ledger: EnergyLedger | None


class Unit:
    """The device with this unit id at the address of a section.

    `failures` counts those since the last good reading; `silent`: it did not answer when it was asked last.
    """

    def __init__(self, section: Device, unit_id: int, shelf: Shelf) -> None:
        """Raises ValueError for a section that names no device."""
        if section.mac_addr is None or section.device_type is None:
            raise ValueError(f"[device:{section.name}] names no device")
        self.address = section.mac_addr
        self.device_type: DeviceType = section.device_type
        self.unit_id = unit_id
        self.key = device_key(self.address, unit_id, self.device_type)
        self.role = ROLES[self.device_type]
        self.alias = section.alias
        self.poll = Poll(self.device_type, unit_id)
        self.failures = 0
        self.silent = False
        self.trouble = ""
        self.probed_at = float("-inf")
        self.values: dict[str, Value] = {}
        self.reading: Reading | None = None
        self.fresh = False
        self._shelf = shelf
        self._stale: Callable[[], None] = lambda: None
        self._interval_s = section.read_interval_s
        self._period_s = max(self._interval_s, PLANS[self.device_type].period_s)
        self.stale_after_s = STALE_AFTER * self._period_s
        self._judge = Judge(self.device_type)
        self._meter = self._new_meter()
        self._last_good: float | None = None
        self._failed = 0
        self._counted_at = float("-inf")
        self._held_back = 0
        self._not_before = float("-inf")
        self._expiry: asyncio.TimerHandle | None = None

    @property
    def device(self) -> PowerDevice:
        """As it is known by now."""
        known = self._shelf.layout.of(self.key, self.device_type)
        settings = self._shelf.settings
        quantities = shown(
            ordered(known.names.union(PLANS[self.device_type].names)),
            temperature_unit=settings.temperature_unit,
            fields=settings.fields,
        )
        return PowerDevice(
            self.key, self.role, self.alias, quantities, self.unit_id, self.address, known.model
        )

    def on_stale(self, listener: Callable[[], None]) -> None:
        """Call `listener` when the values have become too old."""
        self._stale = listener

    def due(self, now: float) -> bool:
        """Whether it is to be read in a round that begins now."""
        return now >= self._not_before and not (self._shelf.settings.once and self.reading is not None)

    def read_since(self, began: float) -> bool:
        """Whether there was a good reading since the monotonic second `began`."""
        return self.reading is not None and self.reading.taken_at >= began

    def accept(self, values: Values, now: float, wall: float) -> tuple[Refusal, ...]:
        """Take all values of one round, which becomes `reading`; answers those that are not believed.

        Raises AlienError when they cannot be those of such a device.
        """
        verdict = self._judge.judge(values, now)
        self._held_back += len(verdict.refused)
        if verdict.alien:
            raise AlienError(f"unit {self.unit_id}: most values are impossible for {self.device_type.value}")
        derived = derive(self.device_type, dict(verdict.accepted))
        self.values = {name: value for name, value in derived.items() if not is_raw(name)}
        self.values |= self._energy(now)
        settings = self._shelf.settings
        self.reading = Reading(
            self.key,
            now,
            present(self.values, temperature_unit=settings.temperature_unit, fields=settings.fields),
        )
        self._good(now, wall)
        return verdict.refused

    def learn(self, name: str) -> bool:
        """Keep what the last reading has shown of the device called `name`; whether anything of it is new."""
        model = str(self.values.get("model", ""))
        return self._shelf.layout.learn(self.key, self.device_type, self.values, model=model, name=name)

    def miss(self, trouble: str, began: float, *, own: bool) -> None:
        """No reading from the round of `began`; `own`: by the fault of the unit, which then waits."""
        if (
            began - self._counted_at > self._interval_s / 2
        ):  # advertisements may start rounds beside the schedule
            self._counted_at = began
            self._failed += 1
        self.trouble = trouble
        if own:
            self.failures += 1
            pause_s = min(self._interval_s * 2.0 ** min(self.failures - 1, 30), LONGEST_BACK_OFF_S)
            # rounds do not begin to the millisecond
            self._not_before = began + pause_s - self._interval_s / 2

    def retry(self) -> None:
        """Something has changed: wait no longer."""
        if self.failures:
            self._not_before = float("-inf")

    def seed(self, names: Iterable[str]) -> None:
        """These quantities are known beforehand."""
        self._shelf.layout.learn(self.key, self.device_type, names)

    def show(self, values: dict[str, Value]) -> Reading | None:
        """The last reading with some values that were changed since; None where there is no fresh one."""
        if self.reading is None or not self.fresh:
            return None
        settings = self._shelf.settings
        changed = present(values, temperature_unit=settings.temperature_unit, fields=settings.fields)
        self.reading = Reading(self.key, self.reading.taken_at, {**self.reading.values, **changed})
        return self.reading

    def health(self, link: LinkState, rssi: int | None) -> DeviceHealth:
        """How it goes; `link` and `rssi` are those of the hub."""
        return DeviceHealth(
            self.key, self.fresh, link, self._last_good, self._failed, self._held_back, rssi, self.trouble
        )

    def open(self) -> None:
        """Tell the listener when what was read last is too old, as before `close`."""
        self.close()
        if self.reading is None or not self.fresh or self._shelf.settings.once:
            return  # read once, there will be no newer one
        loop = asyncio.get_running_loop()
        self._expiry = loop.call_at(self.reading.taken_at + self.stale_after_s, self._expire)

    def close(self) -> None:
        """No more calls of the listener."""
        if self._expiry is not None:
            self._expiry.cancel()

    def _good(self, now: float, wall: float) -> None:
        self.fresh, self.trouble, self.failures, self.silent = True, "", 0, False
        self._last_good = wall
        self._not_before = now + self._period_s - self._interval_s
        self.open()

    def _expire(self) -> None:
        self.fresh = False
        self._stale()

    def _new_meter(self) -> EnergyMeter | None:
        if self.role is not Role.BATTERY or self._shelf.ledger is None:
            return None
        return EnergyMeter(self._interval_s, self._shelf.ledger.totals(self.key))

    def _energy(self, now: float) -> dict[str, Value]:
        if self._meter is None or self._shelf.ledger is None:
            return {}
        power = self.values.get("power")
        self._meter.add(power if isinstance(power, int | float) else None, now)
        self._shelf.ledger.put(self.key, self._meter.totals)
        return {
            "energy_in_kwh": self._meter.energy_in_kwh,
            "energy_out_kwh": self._meter.energy_out_kwh,
        }


def device_key(address: int, unit_id: int, device_type: DeviceType) -> str:
    """What names a device in files; the history of a controller is a device of its own."""
    history = "-history" if device_type is DeviceType.CONTROLLER_HISTORY else ""
    return f"{address:012x}-{unit_id}{history}"
