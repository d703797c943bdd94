"""A radio without hardware: the port `Radio` on a simulated neighbourhood."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from renogybt.model.broadcast import Broadcast
from renogybt.model.radio import Intake, ScanMode, ScannerState, ScannerStatus
from renogybt.simulator.kinds import DEFAULT_ADVERTISERS
from renogybt.simulator.neighbourhood import DEFAULT_RATE, Neighbourhood

_LOGGER = logging.getLogger(__name__)

DEMO_ADAPTER = 0x02_52_42_54_00_01
"""Locally administered, so that it is the address of no adapter ever sold."""

_LOOK_INTERVAL_S = 0.050
"""A busy radio looks at most this often: the rule of the port."""
_LONGEST_QUEUE_S = 1.0
"""A process that was suspended does not catch up: a kernel's queue holds no more than this either."""


class DemoRadio(Broadcast):
    """The simulated adapter `adapter` among `advertisers` devices; implements `renogybt.model.radio.Radio`.

    `rate` is the number of advertisements per second of all devices together, `clock` counts
    monotonic seconds. Before `run` the status is IDLE, afterwards STOPPED; it may run again.
    """

    def __init__(
        self,
        adapter: int = DEMO_ADAPTER,
        *,
        advertisers: int = DEFAULT_ADVERTISERS,
        rate: float = DEFAULT_RATE,
        seed: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(ScannerStatus(ScannerState.IDLE, ScanMode.ACTIVE, adapter=adapter))
        self._neighbourhood = Neighbourhood(seed, advertisers=advertisers, rate=rate)
        self._clock = clock
        self._began = clock()

    def set_mode(self, mode: ScanMode) -> None:
        """Scan in this mode from now on: a simulated adapter can do both."""
        self._become(replace(self._status, mode=mode))

    async def run(self) -> None:
        """Scan until cancelled."""
        self._become(replace(self._status, state=ScannerState.STARTING))
        _LOGGER.info("demo radio: all advertisements are simulated, no Bluetooth hardware is used")
        self._become(replace(self._status, state=ScannerState.RUNNING, intake=Intake.DEMO))
        try:
            await self._scan()
        finally:
            self._become(replace(self._status, state=ScannerState.STOPPED, intake=Intake.NONE))

    async def _scan(self) -> None:
        looked = -_LOOK_INTERVAL_S
        while True:
            look_at = max(self._neighbourhood.next_due, looked + _LOOK_INTERVAL_S)
            await asyncio.sleep(max(0.0, look_at - self._now()))
            looked = self._now()
            if looked - self._neighbourhood.next_due > _LONGEST_QUEUE_S:
                self._neighbourhood.skip(looked - _LOOK_INTERVAL_S)
            if batch := self._neighbourhood.hear(looked, self._status.mode):
                self._deliver(batch)

    def _now(self) -> float:
        return self._clock() - self._began
