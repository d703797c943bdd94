"""A radio in virtual time that falls ill on request, and what a watchdog does about it."""

import asyncio
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Self

from proxy.virtual_time import VirtualLoop

from renogybt.bluetooth.budget import Budget
from renogybt.bluetooth.errors import BusError, MissingUnitError
from renogybt.bluetooth.health import Fault
from renogybt.bluetooth.recovery import STEPS, Price
from renogybt.bluetooth.watchdog import CareSettings, Watchdog
from renogybt.model.advertisement import AddressType, Advertisement
from renogybt.model.recovery import CareStatus, RadioEvent, RestartNeededError, Rung
from renogybt.service.repetition import Repetition

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S * float(os.environ.get("RENOGYBT_DAYS", "1"))
"""RENOGYBT_DAYS shortens the days: what a second interpreter shows needs no whole ones."""
RESETS = frozenset(rung for rung, step in STEPS.items() if step.price is not Price.FREE)
UNPRIVILEGED = frozenset({Rung.POKE, Rung.RESTART_SCAN, Rung.REOPEN_BUS, Rung.POWER_ON, Rung.POWER_CYCLE})
"""What can be done without the management socket, without root's units, and not under systemd."""
BY_MGMT = UNPRIVILEGED | {Rung.STOP_KERNEL_SCAN, Rung.POWER_CYCLE_BY_KERNEL}
RETRY_S = 0.5
_RESTARTS_SCAN = frozenset(Rung) - {Rung.POKE, Rung.RESTART_PROGRAM}


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many devices, each heard every `every_s` seconds on average; with data or without."""

    count: int
    every_s: float
    data: bytes = b"\x02\x01\x06"


BUSY = Crowd(35, 0.7)
LONELY = Crowd(1, 2.0)
QUIET = Crowd(1, 300.0)
NOBODY = Crowd(0, 1.0)


@dataclass
class Patient:
    """`async`-free: `advance` lets time pass. Taken rungs are in `taken` with their time (seconds)."""

    crowd: Crowd = BUSY
    able: frozenset[Rung] = BY_MGMT
    monitored: bool = True
    budget: Budget | None = None
    settings: CareSettings | None = None
    undoable: frozenset[Rung] = frozenset()
    """Rungs that fail with an error."""
    missing: frozenset[Rung] = frozenset()
    """Rungs whose unit is not installed."""
    loop: VirtualLoop = field(default_factory=VirtualLoop)
    taken: list[tuple[float, Rung]] = field(default_factory=list)
    statuses: list[tuple[float, CareStatus]] = field(default_factory=list)
    linked: bool = False
    """Whether somebody has a link."""
    answers: bool = True
    """Whether probes are answered."""
    asked: int = 0
    """How often BlueZ was asked whether it lives."""
    late: int = 0
    """So many questions are answered too late."""
    past_bluez: bool = False
    """Whether advertisements come also where BlueZ does not answer."""

    def __post_init__(self) -> None:
        self._cures: frozenset[Rung] = frozenset()
        self._silent = False
        self._garbled = False
        self._fault: Fault | None = None
        self._random = Random(1)
        self._tasks: list[asyncio.Task[None]] = []
        clock = self.loop.time
        own = Budget(clock=clock, boot=lambda: "boot") if self.budget is None else self.budget
        self.care_budget = own
        self.care = Watchdog(
            _Hands(self),
            own,
            clock,
            Repetition(clock),
            settings=self.settings,
            linked=lambda: self.linked,
        )
        self.care.watch(lambda status: self.statuses.append((self.loop.time(), status)))

    def __enter__(self) -> Self:
        self._tasks = [self.loop.create_task(each) for each in (self.care.run(), self._air())]
        self.loop.call_soon(lambda: self.care.begin(monitored=self.monitored))
        self.loop.advance(0.0)
        return self

    def __exit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
            self.loop.run_until_complete(asyncio.wait([task]))
        self.loop.close()
        for task in self._tasks:
            if not task.cancelled() and task.exception() is not None:
                raise task.exception()  # type: ignore[misc]

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.loop.advance(seconds)

    def fall_silent(self, *cures: Rung) -> None:
        """Nothing is heard until one of these rungs."""
        self._silent, self._cures = True, frozenset(cures)

    def lose_data(self, *cures: Rung) -> None:
        """Advertisements come without data until one of these rungs."""
        self._garbled, self._cures = True, frozenset(cures)

    def fail(self, fault: Fault, *cures: Rung) -> None:
        """Scanning is not possible until one of these rungs."""
        self._fault, self._cures = fault, frozenset(cures)
        self.loop.call_soon(self._tell_fault)

    def _tell_fault(self) -> None:
        """The scanner tries again and again, and tells it each time."""
        if self._fault is not None:
            self.care.fail(self._fault)
            self.loop.call_later(RETRY_S, self._tell_fault)

    def hang(self, *cures: Rung) -> None:
        """Probes are not answered until one of these rungs."""
        self.answers, self._cures = False, frozenset(cures)

    def heal(self) -> None:
        """All is well again, without anybody's help."""
        self._silent = self._garbled = False
        self._fault = None
        self.care.begin(monitored=self.monitored)

    def ask_for_reset(self) -> RadioEvent:
        """As a person does; what came of it."""
        return self.loop.run_until_complete(self.care.reset("a person asks"))

    @property
    def well(self) -> bool:
        """Whether nothing ails it."""
        return not (self._silent or self._garbled) and self._fault is None

    def leave(self, crowd: Crowd) -> None:
        """Other devices are here from now on."""
        self.crowd = crowd

    @property
    def rungs(self) -> list[Rung]:
        """Which were taken, in their order."""
        return [rung for _, rung in self.taken]

    @property
    def resets(self) -> list[float]:
        """When the adapter was reset."""
        return [at for at, rung in self.taken if rung in RESETS]

    @property
    def events(self) -> list[RadioEvent]:
        """What was told of them."""
        told = [status.last for _, status in self.statuses if status.last is not None]
        return [event for number, event in enumerate(told) if number == 0 or told[number - 1] is not event]

    # -- for the watchdog

    def take(self, rung: Rung) -> None:
        self.taken.append((self.loop.time(), rung))
        if rung in self.missing:
            raise MissingUnitError("there is no such unit")
        if rung in self.undoable:
            raise BusError("it cannot be done")
        if rung in self._cures:
            self.answers = True
            self._silent = self._garbled = False
            self._fault = None
        if rung is Rung.RESTART_PROGRAM:
            raise RestartNeededError("the last rung")
        if rung in _RESTARTS_SCAN and self._fault is None:
            self.care.begin(monitored=self.monitored)

    async def _air(self) -> None:
        """One batch a second is enough for a crowd; a few speak one by one."""
        while True:
            crowd = self.crowd
            rate = crowd.count / crowd.every_s
            await asyncio.sleep(1.0 if rate > 1 else self._random.expovariate(rate) if rate else 1.0)
            if crowd is self.crowd and crowd.count and not self._silent and self._fault is None:
                self.care.hear(self._batch(round(rate) if rate > 1 else 1))

    def _batch(self, count: int) -> Sequence[Advertisement]:
        data = b"" if self._garbled else self.crowd.data
        addresses: Iterable[int] = (self._random.randrange(self.crowd.count) for _ in range(count))
        return [Advertisement(each, -60, AddressType.PUBLIC, data) for each in addresses]


class _Hands:
    def __init__(self, patient: Patient) -> None:
        self._patient = patient

    @property
    def past_bluez(self) -> bool:
        return self._patient.past_bluez

    def check(self) -> None:
        """It is always there."""

    def able(self) -> frozenset[Rung]:
        return self._patient.able

    async def take(self, rung: Rung) -> None:
        await asyncio.sleep(0.05)
        self._patient.take(rung)

    async def answers(self, *, anew: bool) -> bool | None:
        self._patient.asked += 1
        answers = self._patient.answers and not self._patient.late
        self._patient.late = max(0, self._patient.late - 1)
        await asyncio.sleep(0.01 if answers else 3.0)
        return answers

    async def probe(self) -> bool:
        await asyncio.sleep(0.01 if self._patient.answers else 5.0)
        return self._patient.answers
