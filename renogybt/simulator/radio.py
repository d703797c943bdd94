"""A radio without hardware: the port `Radio` on a simulated neighbourhood."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from renogybt.model.advertisement import Advertisement, format_address
from renogybt.model.broadcast import Broadcast
from renogybt.model.gatt import GattLink
from renogybt.model.radio import Intake, ScanMode, ScannerState, ScannerStatus
from renogybt.model.slots import ConnectionSlots, Slot
from renogybt.simulator.care import DemoCare
from renogybt.simulator.demo_hub import DemoHub
from renogybt.simulator.demo_lamp import DemoLamp
from renogybt.simulator.kinds import DEFAULT_ADVERTISERS, LAMP
from renogybt.simulator.links import DemoLinks
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

    `rate` is the number of advertisements per second of all these together, `clock` counts
    monotonic seconds. `hub` is one of them; `lamp` comes in addition. Links can be opened to these
    two. Before `run` the status is IDLE, afterwards STOPPED; it may run again.
    """

    tunes_links = True

    def __init__(
        self,
        adapter: int = DEMO_ADAPTER,
        *,
        advertisers: int = DEFAULT_ADVERTISERS,
        rate: float = DEFAULT_RATE,
        seed: int = 1,
        clock: Callable[[], float] = time.monotonic,
        hub: DemoHub | None = None,
        lamp: DemoLamp | None = None,
        slots: ConnectionSlots | None = None,
    ) -> None:
        super().__init__(ScannerStatus(ScannerState.IDLE, ScanMode.ACTIVE, adapter=adapter))
        self._neighbourhood = Neighbourhood(seed, advertisers=advertisers, rate=rate, guests=(LAMP,))
        self._clock = clock
        self._began = clock()
        self.hub = DemoHub(clock=clock) if hub is None else hub
        self.lamp = DemoLamp() if lamp is None else lamp
        self.slots = ConnectionSlots() if slots is None else slots
        self.care = DemoCare(self, clock)
        self._links = DemoLinks(self, (self.hub, self.lamp), self.slots, clock)
        self._works = asyncio.Event()

    @property
    def adapter_names(self) -> tuple[str, ...]:
        """Its address: the kernel has no name for it."""
        return () if self.status.adapter is None else (format_address(self.status.adapter),)

    def set_mode(self, mode: ScanMode) -> None:
        """Scan in this mode from now on: a simulated adapter can do both."""
        self._become(replace(self._status, mode=mode))

    def connect(self, address: int, slot: Slot | None = None) -> AbstractAsyncContextManager[GattLink]:
        """A GATT link to the hub or the lamp, for the time of the `async with`.

        Raises NotHeardError or ConnectError.
        """
        return self._links.connect(address, slot)

    async def unpair(self, address: int) -> None:
        """Remove the bond with a peripheral; a link to it ends."""
        self._links.unpair(address)

    async def forget(self, address: int) -> None:
        """Nothing to do: services are read anew for each link."""

    async def run(self) -> None:
        """Scan until cancelled."""
        self._become(replace(self._status, state=ScannerState.STARTING))
        _LOGGER.info("demo radio: all advertisements are simulated, no Bluetooth hardware is used")
        self._work()
        try:
            await self._scan()
        finally:
            self._rest(ScannerState.STOPPED)

    # -- on request

    def fail(self, reason: str) -> None:
        """Take the adapter away from a radio that runs: it hears nothing, and all links end."""
        if self._status.state is ScannerState.RUNNING:
            self._rest(ScannerState.FAILED, reason)

    def recover(self) -> None:
        """Give it back."""
        if self._status.state is ScannerState.FAILED:
            self._work()

    def _work(self) -> None:
        self._works.set()
        self._become(replace(self._status, state=ScannerState.RUNNING, intake=Intake.DEMO, reason=""))

    def _rest(self, state: ScannerState, reason: str = "") -> None:
        """The status first: whoever is told that a link has ended shall not try again at once."""
        self._works.clear()
        self._become(replace(self._status, state=state, intake=Intake.NONE, reason=reason))
        self._links.end()

    async def _scan(self) -> None:
        looked = -_LOOK_INTERVAL_S
        while True:
            look_at = max(self._neighbourhood.next_due, looked + _LOOK_INTERVAL_S)
            await asyncio.sleep(max(0.0, look_at - self._now()))
            await self._works.wait()
            looked = self._now()
            if looked - self._neighbourhood.next_due > _LONGEST_QUEUE_S:
                self._neighbourhood.skip(looked - _LOOK_INTERVAL_S)
            if batch := self._audible(self._neighbourhood.hear(looked, self._status.mode)):
                self._deliver(batch)

    def _audible(self, sent: list[Advertisement]) -> list[Advertisement]:
        """Without those of peripherals that have no reason to advertise."""
        silent = [each.address for each in (self.hub, self.lamp) if not each.advertising]
        return [each for each in sent if each.address not in silent] if silent else sent

    def _now(self) -> float:
        return self._clock() - self._began
