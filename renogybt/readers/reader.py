"""All power devices of a configuration, read side by side: one task for each address."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from renogybt.config import Device
from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import Radio, ScannerState, ScannerStatus
from renogybt.model.reading import DeviceHealth, PowerDevice, Reading, ReadingSink, Role
from renogybt.readers.combined import Bank
from renogybt.readers.energy_file import EnergyLedger
from renogybt.readers.errors import LoadSwitchError
from renogybt.readers.hub import Hub
from renogybt.readers.layout import Layout
from renogybt.readers.report import Report
from renogybt.readers.settings import ReaderSettings
from renogybt.readers.sinks import Sinks
from renogybt.readers.unit import BATTERIES, Shelf, Unit, device_key

ENERGY_FILE = "energy.json"
SAVE_LOOK_S = 15.0
"""How often the layout is written if it has changed, and energy totals are offered to their file, which
takes them once a minute."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one round has brought for one device."""

    device: PowerDevice
    reading: Reading | None
    health: DeviceHealth


class Reader:
    """Reads `devices` over `radio` and tells sinks; a device without address or type is left out.

    `state_dir` keeps the layout of devices and their energy; None: nothing is kept, and no energy counted.
    `import_energy_from` is the earlier program's `energy_totals.json`. `wall` tells seconds since the epoch.
    """

    def __init__(
        self,
        radio: Radio,
        devices: Sequence[Device],
        settings: ReaderSettings,
        *,
        state_dir: Path | None = None,
        import_energy_from: Path | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._layout = Layout(state_dir)
        self._radio = radio
        self._settings = settings
        self._layout_changed = False
        self._ledger = None if state_dir is None else EnergyLedger(state_dir / ENERGY_FILE, wall=wall)
        self._sinks = Sinks()
        self._report = Report(self._sinks, wall, self._devices_changed)
        shelf = Shelf(settings, self._layout, self._ledger)
        sections = [each for each in devices if each.mac_addr is not None and each.device_type is not None]
        if import_energy_from is not None and self._ledger is not None:
            self._ledger.import_once(import_energy_from, _earlier_names(sections))
        self._scans = radio.status.state is ScannerState.RUNNING
        self._hubs: dict[int, Hub] = {}
        for address in dict.fromkeys(each.mac_addr for each in sections if each.mac_addr is not None):
            here = [each for each in sections if each.mac_addr == address]
            self._hubs[address] = self._hub(address, here, shelf)
        self._sinks.devices(self.devices)

    @property
    def devices(self) -> tuple[PowerDevice, ...]:
        """All devices as they are known by now, each hub's bank after its batteries."""
        return tuple(each.device for hub in self._hubs.values() for each in _all(hub))

    @property
    def addresses(self) -> Collection[int]:
        """Of the peripherals that are read."""
        return self._hubs.keys()

    def linked(self) -> Collection[int]:
        """The addresses to which there is a link now."""
        return [address for address, hub in self._hubs.items() if hub.linked]

    def seed(self, names: Mapping[str, Sequence[str]]) -> None:
        """By device key the names of quantities that are known beforehand, as in the demo."""
        for hub in self._hubs.values():
            for each in _all(hub):
                each.seed(names.get(each.key, ()))
        self._sinks.devices(self.devices)

    def add_sink(self, sink: ReadingSink) -> None:
        """Tell this sink: the devices at once, everything else as it comes."""
        self._sinks.add(sink)

    async def run(self) -> None:
        """Read on schedule until cancelled; then close all links and keep what is to be kept."""
        try:
            with self._listening():
                async with asyncio.TaskGroup() as tasks:
                    for hub in self._hubs.values():
                        tasks.create_task(hub.run(), name=f"read {hub.address:012x}")
                    tasks.create_task(self._keep(), name="keep")
        finally:
            if self._layout_changed:
                self._layout.save()
            if self._ledger is not None:
                self._ledger.save(_now(), force=True)

    async def once(self) -> list[Outcome]:
        """One round over all hubs at the same time, and what it has brought; keeps nothing."""
        with self._listening():
            async with asyncio.TaskGroup() as tasks:
                for hub in self._hubs.values():
                    tasks.create_task(_visit(hub), name=f"read {hub.address:012x}")
        return [
            Outcome(each.device, each.reading, hub.health_of(each))
            for hub in self._hubs.values()
            for each in _all(hub)
        ]

    async def switch_load(self, key: str, on: bool) -> None:
        """Switch the load output of the controller with this key; raises LoadSwitchError."""
        if not self._settings.load_switch:
            raise LoadSwitchError("load_switch is not set in the configuration")
        for hub in self._hubs.values():
            for unit in hub.units:
                if unit.key == key:
                    if unit.role is not Role.CONTROLLER:
                        raise LoadSwitchError(f"{key} is no charge controller")
                    await hub.switch_load(unit, on)
                    return
        raise LoadSwitchError(f"no device {key}")

    async def release(self, address: int) -> None:
        """Leave the link to `address` to somebody else; nothing where nothing is read."""
        if address in self._hubs:
            await self._hubs[address].release()

    def resume(self, address: int) -> None:
        """Have the link back."""
        if address in self._hubs:
            self._hubs[address].resume()

    def _hub(self, address: int, sections: Sequence[Device], shelf: Shelf) -> Hub:
        units = {unit.key: unit for unit in _units(sections, shelf)}
        batteries = [unit for unit in units.values() if unit.role is Role.BATTERY]
        bank = Bank(batteries, shelf) if len(batteries) > 1 else None
        names = [self._layout.of(unit.key, unit.device_type).name for unit in units.values()]
        return Hub(
            self._radio,
            address,
            tuple(units.values()),
            bank,
            self._settings,
            self._report,
            interval_s=min(each.read_interval_s for each in sections),
            name=next(filter(None, names), ""),
        )

    @contextmanager
    def _listening(self) -> Iterator[None]:
        stops = self._radio.listen(self._hear, patient=True), self._radio.watch(self._on_status)
        try:
            yield
        finally:
            for stop in stops:
                stop()

    def _on_status(self, status: ScannerStatus) -> None:
        """A radio that is back, after a reset perhaps, may reach what it did not reach before."""
        scans = status.state is ScannerState.RUNNING
        if scans and not self._scans:
            for hub in self._hubs.values():
                hub.try_again()
        self._scans = scans

    def _hear(self, batch: Sequence[Advertisement]) -> None:
        hubs = self._hubs
        for advertisement in batch:
            if advertisement.address in hubs:
                hubs[advertisement.address].heard(advertisement)

    def _devices_changed(self) -> None:
        self._layout_changed = True
        self._sinks.devices(self.devices)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(SAVE_LOOK_S)
            # in a thread: a memory card may take a second
            if self._layout_changed:
                self._layout_changed = False
                if not await asyncio.to_thread(self._layout.save):
                    self._layout_changed = True
            if self._ledger is not None:
                await asyncio.to_thread(self._ledger.save, _now())


def _units(sections: Sequence[Device], shelf: Shelf) -> Iterator[Unit]:
    for section in sections:
        for unit_id in section.device_ids:
            yield Unit(section, unit_id, shelf)


def _earlier_names(sections: Sequence[Device]) -> dict[str, str]:
    """What the earlier program called the batteries in its file of energy totals, to their keys."""
    return {
        f"{each.alias}_{unit_id}": device_key(each.mac_addr, unit_id, each.device_type)
        for each in sections
        for unit_id in each.device_ids
        if each.mac_addr is not None and each.device_type in BATTERIES
    }


def _all(hub: Hub) -> Sequence[Unit | Bank]:
    """The devices of a hub in the order to show them: the bank after its batteries."""
    if hub.bank is None:
        return hub.units
    batteries = [unit for unit in hub.units if unit.role is Role.BATTERY]
    others = [unit for unit in hub.units if unit not in batteries]
    return (*batteries, hub.bank, *others)


async def _visit(hub: Hub) -> None:
    try:
        await hub.round()
    finally:
        await hub.close()


def _now() -> float:
    return asyncio.get_running_loop().time()
