"""A radio that emits what a test tells it to, and never a thing of its own accord."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from fakes.nobody import Reach
from proxy.care import SpokenCare

from renogybt.model.advertisement import Advertisement
from renogybt.model.broadcast import Broadcast
from renogybt.model.radio import Intake, ScanMode, ScannerState, ScannerStatus

ADAPTER = 0x00_1A_7D_DA_71_13


class ScriptedRadio(Broadcast, Reach):
    """Implements `renogybt.model.radio.Radio`; `emit` and `become` are the test's hands."""

    def __init__(self, *, adapter: int | None = ADAPTER) -> None:
        Broadcast.__init__(self, ScannerStatus(ScannerState.IDLE, ScanMode.ACTIVE, adapter=adapter))
        Reach.__init__(self)
        self.care = SpokenCare()
        self.asked: list[ScanMode] = []
        """Every scan mode that was asked for, in order."""
        self.emitted: list[Advertisement] = []

    def set_mode(self, mode: ScanMode) -> None:
        self.asked.append(mode)
        self.become(replace(self.status, mode=mode))

    async def run(self) -> None:
        self.become(replace(self.status, state=ScannerState.RUNNING, intake=Intake.DEMO))
        try:
            await asyncio.Event().wait()
        finally:
            self.become(replace(self.status, state=ScannerState.STOPPED, intake=Intake.NONE))

    def emit(self, batch: Sequence[Advertisement]) -> None:
        """One batch to all listeners."""
        self.emitted += batch
        self._deliver(batch)

    def become(self, status: ScannerStatus) -> None:
        """A change of the status."""
        self._become(status)


def batch(first: int, count: int) -> list[Advertisement]:
    """Well-formed advertisements, all different, of many lengths; the number stands in the data."""
    return [_advertisement(number) for number in range(first, first + count)]


def _advertisement(number: int) -> Advertisement:
    filling = bytes([number % 251]) * (number % 20)
    body = b"\xff\x4c\x00" + number.to_bytes(4, "big") + filling
    flags = b"\x02\x01\x06"
    address = 0xC0_00_00_00_00_00 | number * 7919 % 0xFFFF_FFFF
    return Advertisement(address, -(number % 128), number % 2, flags + bytes([len(body)]) + body)
