"""A radio without hardware: the port `Radio` on a simulated neighbourhood."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from renogybt.model.advertisement import Advertisement, format_address
from renogybt.model.broadcast import Broadcast
from renogybt.model.gatt import ConnectError, GattLink, NotHeardError
from renogybt.model.radio import Intake, ScanMode, ScannerState, ScannerStatus
from renogybt.simulator.demo_hub import DemoHub
from renogybt.simulator.kinds import DEFAULT_ADVERTISERS
from renogybt.simulator.link import DemoLink
from renogybt.simulator.neighbourhood import DEFAULT_RATE, Neighbourhood

_LOGGER = logging.getLogger(__name__)

DEMO_ADAPTER = 0x02_52_42_54_00_01
"""Locally administered, so that it is the address of no adapter ever sold."""

_LOOK_INTERVAL_S = 0.050
"""A busy radio looks at most this often: the rule of the port."""
_LONGEST_QUEUE_S = 1.0
"""A process that was suspended does not catch up: a kernel's queue holds no more than this either."""

_HEARING_S = 5.0
"""How long a peripheral is listened for."""
_ADVERTISING_INTERVAL_S = 0.5
"""Of the hub: so often it can be heard."""
_ATTEMPT_S = 10.0
"""How long an attempt to connect may take."""
_ENTERING_S = 30.0
"""What the port allows, the wait for other attempts included."""
_CONNECTING_S = 0.2
"""How long it takes, with all services read."""


class DemoRadio(Broadcast):
    """The simulated adapter `adapter` among `advertisers` devices; implements `renogybt.model.radio.Radio`.

    `rate` is the number of advertisements per second of all devices together, `clock` counts
    monotonic seconds. `hub` is the one peripheral that links can be opened to. Before `run` the
    status is IDLE, afterwards STOPPED; it may run again.
    """

    def __init__(
        self,
        adapter: int = DEMO_ADAPTER,
        *,
        advertisers: int = DEFAULT_ADVERTISERS,
        rate: float = DEFAULT_RATE,
        seed: int = 1,
        clock: Callable[[], float] = time.monotonic,
        hub: DemoHub | None = None,
    ) -> None:
        super().__init__(ScannerStatus(ScannerState.IDLE, ScanMode.ACTIVE, adapter=adapter))
        self._neighbourhood = Neighbourhood(seed, advertisers=advertisers, rate=rate)
        self._clock = clock
        self._began = clock()
        self.hub = DemoHub(clock=clock) if hub is None else hub
        self._link: DemoLink | None = None
        self._attempt = asyncio.Lock()

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
            if self._link is not None:
                self._link.close()
            self._become(replace(self._status, state=ScannerState.STOPPED, intake=Intake.NONE))

    @contextlib.asynccontextmanager
    async def connect(self, address: int) -> AsyncIterator[GattLink]:
        """A GATT link to the hub, for the time of the `async with`; raises NotHeardError or ConnectError."""
        try:
            async with asyncio.timeout(_ENTERING_S):
                link = await self._open(address)
        except TimeoutError:
            raise ConnectError(
                f"{format_address(address)} had to wait for other attempts for {_ENTERING_S:g} s"
            ) from None
        try:
            yield link
        finally:
            link.close()

    async def _open(self, address: int) -> DemoLink:
        async with self._attempt:
            self._must_run()
            if address == self.hub.address and self.hub.taken:
                raise ConnectError(f"{format_address(address)} is in use: it serves one central at a time")
            await self._hear(address)
            if address != self.hub.address or not self.hub.accepting:
                await asyncio.sleep(_ATTEMPT_S)
                raise ConnectError(f"{format_address(address)} advertises, but lets nobody connect")
            await asyncio.sleep(_CONNECTING_S)
            self._must_run()
            if not self.hub.accepting:
                raise ConnectError(f"{format_address(address)} is gone before the link was there")
            self._link = DemoLink(self.hub)
            return self._link

    async def _hear(self, address: int) -> None:
        """Wait for an advertisement of it; raises NotHeardError."""
        for _ in range(round(_HEARING_S / _ADVERTISING_INTERVAL_S)):
            await asyncio.sleep(_ADVERTISING_INTERVAL_S)
            if self._neighbourhood.is_near(address) and (address != self.hub.address or self.hub.advertising):
                return
        raise NotHeardError(
            f"{format_address(address)} does not advertise: nothing heard in {_HEARING_S:g} s"
        )

    def _must_run(self) -> None:
        if self._status.state is not ScannerState.RUNNING:
            raise ConnectError("the demo radio does not run")

    async def _scan(self) -> None:
        looked = -_LOOK_INTERVAL_S
        while True:
            look_at = max(self._neighbourhood.next_due, looked + _LOOK_INTERVAL_S)
            await asyncio.sleep(max(0.0, look_at - self._now()))
            looked = self._now()
            if looked - self._neighbourhood.next_due > _LONGEST_QUEUE_S:
                self._neighbourhood.skip(looked - _LOOK_INTERVAL_S)
            if batch := self._audible(self._neighbourhood.hear(looked, self._status.mode)):
                self._deliver(batch)

    def _audible(self, sent: list[Advertisement]) -> list[Advertisement]:
        """Without those of the hub while it has no reason to advertise."""
        if self.hub.advertising:
            return sent
        return [each for each in sent if each.address != self.hub.address]

    def _now(self) -> float:
        return self._clock() - self._began
