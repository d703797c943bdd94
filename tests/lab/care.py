"""For tests in the guest: a radio that knows its place, and what is done about it when it falls ill."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from bluez import Bluez
from dbus_fast import Message, MessageType
from ears import Ears
from world import world

from renogybt.bluetooth.rhythm import SLOT_S
from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import ScannerState
from renogybt.model.recovery import CareState, RadioEvent, Rung

_SLOTS = 6
"""More than a rhythm needs to be known."""
_STEP_S = SLOT_S / 2
"""Shorter than any silence that means something."""
_PER_STEP = 20
"""Which makes several per second."""
_DBUS = "org.freedesktop.DBus"


class Clock:
    """Monotonic seconds, which can be put forward."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self._ahead_s

    def put_forward(self, seconds: float) -> None:
        """So much time has passed."""
        self._ahead_s += seconds


@dataclass(frozen=True, slots=True)
class Told:
    """An event, and when it was told (monotonic seconds)."""

    at: float
    event: RadioEvent


class Ward(Ears):
    """With the time of each batch, and all events of the care."""

    def __init__(self, source: AdvertisementSource, **options: Any) -> None:
        self.clock = Clock()
        super().__init__(source, clock=self.clock, **options)
        self.heard_at: list[float] = []
        self.told: list[Told] = []
        self._last: RadioEvent | None = None
        self.radio.listen(self._note_time)
        self.radio.care.watch(self._on_care)

    def _note_time(self, _: Sequence[Advertisement]) -> None:
        self.heard_at.append(time.monotonic())

    def _on_care(self, _: object) -> None:
        last = self.radio.care.status.last
        if last is not None and last is not self._last:
            self._last = last
            self.told.append(Told(time.monotonic(), last))
        self._changed.set()

    @property
    def state(self) -> CareState:
        """Where the care stands."""
        return self.radio.care.status.state

    @property
    def rungs(self) -> list[Rung]:
        """Which were taken, in their order."""
        return [each.event.rung for each in self.told]

    async def acquainted(self) -> None:
        """It has listened to this crowd for a minute and a half."""
        for _ in range(2 * _SLOTS):
            await self.hears_some(_PER_STEP)
            self.clock.put_forward(_STEP_S)
        # it sleeps by another clock, and is to look again now that it knows
        self.radio.begin_anew()
        await self.hears_some(_PER_STEP)

    async def hears_some(self, count: int = 10, timeout_s: float = 5.0) -> None:
        """Wait for so many advertisements from now on."""
        start = len(self.heard)
        await self.until(lambda: len(self.heard) >= start + count, timeout_s)

    async def away(self) -> None:
        """Wait until it does not scan."""
        await self.until(lambda: self.radio.status.state is not ScannerState.RUNNING)

    async def back(self, timeout_s: float) -> float:
        """Wait until it scans and hears; the seconds."""
        start = time.monotonic()
        await self.running(timeout_s=timeout_s)
        await self.hears_some(timeout_s=timeout_s)
        return time.monotonic() - start

    def tell(self, what: str, seconds: float) -> None:
        """For who reads along: how long it took, and what was done."""
        print(f"{what}: {seconds:.2f} s", *(each.event.text for each in self.told), sep="\n    ")


@contextlib.asynccontextmanager
async def ward(
    source: AdvertisementSource, *, acquainted: bool = False, **options: Any
) -> AsyncIterator[Ward]:
    """A radio among ten devices that send 100 advertisements per second, until the end of the block."""
    await world("noise 100 10")
    ears = Ward(source, **options)
    task = asyncio.create_task(ears.radio.run())
    try:
        await ears.back(10)
        if acquainted:
            await ears.acquainted()
        yield ears
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def name_back(timeout_s: float = 10.0) -> None:
    """Wait until somebody owns BlueZ's name."""
    async with _Bus() as bus, asyncio.timeout(timeout_s):
        while not await bus.has_bluez():
            await asyncio.sleep(0.005)


class _Bus(Bluez):
    async def has_bluez(self) -> bool:
        reply = await self._bus.call(
            Message(
                destination=_DBUS,
                path="/org/freedesktop/DBus",
                interface=_DBUS,
                member="NameHasOwner",
                signature="s",
                body=["org.bluez"],
            )
        )
        assert reply is not None
        assert reply.message_type is MessageType.METHOD_RETURN
        return bool(reply.body[0])
