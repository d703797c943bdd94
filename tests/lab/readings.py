"""For tests in the guest: a Reader on a running BlueZRadio, all that it tells, and what is true."""

import asyncio
import contextlib
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ears import Ears, listening
from world import HUB_ADDRESS, until, world

from renogybt.config import AdvertisementSource, Device, DeviceType, TemperatureUnit
from renogybt.model.advertisement import parse_address
from renogybt.model.quantity import Value
from renogybt.model.radio import ScanMode
from renogybt.model.reading import DeviceHealth, PowerDevice, Reading
from renogybt.protocols.modbus.requests import ReadRequest
from renogybt.protocols.renogy.decode import decode
from renogybt.protocols.renogy.derive import derive
from renogybt.readers.plan import PLANS
from renogybt.readers.present import present
from renogybt.readers.reader import Reader
from renogybt.readers.settings import ReaderSettings

HUB = parse_address(HUB_ADDRESS)
BATTERIES = (48, 49, 50, 51)
CONTROLLER = 96
ALL = (*BATTERIES, CONTROLLER)
KINDS = {**dict.fromkeys(BATTERIES, DeviceType.BATTERY), CONTROLLER: DeviceType.CONTROLLER}


@dataclass
class Notes:
    """All readings and the course of everybody's health, by unit id; the bank is left out."""

    ears: Ears
    began: float = field(default_factory=time.monotonic)
    readings: dict[int, list[Reading]] = field(default_factory=lambda: {unit: [] for unit in ALL})
    healths: dict[int, list[DeviceHealth]] = field(default_factory=lambda: {unit: [] for unit in ALL})
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def devices(self, devices: Sequence[PowerDevice]) -> None:
        """Who they are is known beforehand."""

    def reading(self, reading: Reading) -> None:
        """A reading."""
        if not reading.device.startswith("bank"):
            self.readings[_unit(reading.device)].append(reading)
            self._changed.set()

    def health(self, health: DeviceHealth) -> None:
        """How it goes."""
        if not health.device.startswith("bank"):
            self.healths[_unit(health.device)].append(health)
            self._changed.set()

    def count(self, unit: int) -> int:
        """How many readings there were."""
        return len(self.readings[unit])

    def fresh(self, unit: int) -> bool:
        """Whether it counts as available."""
        return bool(self.healths[unit]) and self.healths[unit][-1].fresh

    def trouble(self, unit: int) -> str:
        """What is wrong now."""
        return self.healths[unit][-1].trouble if self.healths[unit] else ""

    async def until(self, condition: Callable[[], bool], timeout_s: float) -> float:
        """Wait for it; the seconds that it took."""
        start = time.monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            last = {unit: healths[-1:] for unit, healths in self.healths.items()}
            raise AssertionError(f"not within {timeout_s} s; {last}") from error
        return time.monotonic() - start

    async def more(self, units: Iterable[int] = ALL, times: int = 1, timeout_s: float = 30) -> float:
        """Wait until each of them has had so many further readings; the seconds that it took."""
        goal = {unit: self.count(unit) + times for unit in units}
        return await self.until(
            lambda: all(self.count(unit) >= wanted for unit, wanted in goal.items()), timeout_s
        )


def _unit(key: str) -> int:
    return int(key.rpartition("-")[2])


def sections(units: Iterable[int], interval_s: float) -> list[Device]:
    """As config.ini would name them: one section per type."""
    wanted = tuple(units)
    return [
        Device(
            kind.value, None, HUB, "", kind, tuple(unit for unit in wanted if KINDS[unit] is kind), interval_s
        )
        for kind in dict.fromkeys(KINDS[unit] for unit in wanted)
    ]


@contextlib.asynccontextmanager
async def reading_with(
    ears: Ears, interval_s: float, units: Iterable[int] = ALL, *, keep_connection: bool = True
) -> AsyncIterator[Notes]:
    """A reader on this radio until the end of the block."""
    notes = Notes(ears)
    settings = ReaderSettings(keep_connection=keep_connection)
    reader = Reader(ears.radio, sections(units, interval_s), settings)
    reader.add_sink(notes)
    task = asyncio.create_task(reader.run())
    try:
        yield notes
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()


@contextlib.asynccontextmanager
async def reading(
    source: AdvertisementSource,
    interval_s: float,
    units: Iterable[int] = ALL,
    *,
    mode: ScanMode = ScanMode.ACTIVE,
    keep_connection: bool = True,
) -> AsyncIterator[Notes]:
    """A radio that scans and a reader on it."""
    async with listening(source) as ears:
        ears.radio.set_mode(mode)
        await ears.running(mode)
        async with reading_with(ears, interval_s, units, keep_connection=keep_connection) as notes:
            yield notes


async def requests() -> int:
    """How many the hub has got so far."""
    return int((await world("stats"))["hub"]["requests"])


async def asked() -> None:
    """Wait until the hub is being asked."""
    before = await requests()

    async def some_more() -> bool:
        return await requests() > before + 2

    await until(some_more, 20)


async def truth(unit: int) -> dict[str, Value]:
    """What a faultless reading of a unit has to say; everything stands still from now on."""
    await world("still 1")
    values: dict[str, Value] = {}
    for block in PLANS[KINDS[unit]].blocks:
        request = ReadRequest(unit, block.register, block.words).encode()
        answer = bytes.fromhex(await world(f"answer {request.hex()}"))
        assert answer[:3] == struct.pack("BBB", unit, 3, 2 * block.words)
        values |= decode(KINDS[unit], block.register, answer[3:-2])
    return present(derive(KINDS[unit], values), temperature_unit=TemperatureUnit.CELSIUS)


def without_energy(reading: Reading) -> dict[str, Value]:
    """The values that stand still when the house does."""
    return {name: value for name, value in reading.values.items() if not name.startswith("energy_")}
