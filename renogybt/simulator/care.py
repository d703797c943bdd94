"""What keeps the demo's radio well: nothing ever ails it, but its adapter can be reset."""

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from renogybt.config.table import MOST_RESETS
from renogybt.model.radio import ScannerState
from renogybt.model.recovery import (
    CareListener,
    CareState,
    CareStatus,
    RadioEvent,
    ResetFailedError,
    ResetRefusedError,
    Result,
    Rung,
    Unsubscribe,
)
from renogybt.model.subscribers import Subscribers
from renogybt.service.reset_limit import SHORTEST_GAP_S, Window, refusal

if TYPE_CHECKING:
    from renogybt.simulator.radio import DemoRadio

_LOGGER = logging.getLogger(__name__)

RESET_S = 1.0
"""About what a real adapter takes."""
_LATER_S = 1.0
"""Watchers are told so long after a reset is possible again: two clocks need not agree to the last digit."""
REASON = "the adapter is being reset"


class DemoCare:
    """Implements `renogybt.model.recovery.RadioCare` for `radio`; `clock` counts monotonic seconds."""

    def __init__(self, radio: "DemoRadio", clock: Callable[[], float]) -> None:
        self._radio = radio
        self._clock = clock
        self._window = Window(MOST_RESETS)
        """That of a real radio, so that the demo shows it as well."""
        self._status = self._told = CareStatus(resets_left=MOST_RESETS)
        self._changes: Subscribers[CareStatus] = Subscribers()
        self.looks: Subscribers[None] = Subscribers()
        self.look_limit_s = math.inf

    @property
    def status(self) -> CareStatus:
        """The truth at this moment."""
        return replace(self._status, resets_left=self._left())

    def watch(self, listener: CareListener) -> Unsubscribe:
        """Tell `listener` every further change of `status`, until the answer is called."""
        return self._changes.add(listener)

    async def reset(self, cause: str, *, force: bool = False) -> RadioEvent:
        """Take the adapter away for a second; raises ResetRefusedError or ResetFailedError."""
        self._admit(force=force)
        began = self._clock()
        self._spend(began)
        try:
            came_back = await self._power_cycle()
        except asyncio.CancelledError:
            self._become(state=CareState.WELL)
            raise
        result = Result.HELPED if came_back else Result.IN_VAIN
        event = RadioEvent(Rung.POWER_CYCLE, cause, result, self._clock() - began, "simulated")
        _LOGGER.info("%s", event.text)
        self._become(state=CareState.WELL, rungs=self._status.rungs + 1, last=event)
        if not came_back:
            raise ResetFailedError("the radio was stopped meanwhile")
        return event

    def _admit(self, *, force: bool) -> None:
        """Raise ResetRefusedError where nothing is to be reset, or no more."""
        if self._status.state is CareState.RECOVERING:
            raise ResetRefusedError("a reset is under way already")
        scanner = self._radio.status
        if scanner.state is not ScannerState.RUNNING:
            raise ResetRefusedError(f"there is nothing to reset: {scanner.reason or scanner.state.value}")
        spent, now = self._window.spent, self._clock()
        gap_ends = spent[-1] + SHORTEST_GAP_S if spent else now
        wait_s = max(self._window.free_at(now), gap_ends) - now
        if wait_s > 0 and not force:
            raise ResetRefusedError(refusal(len(self._window.spent), wait_s))

    def _spend(self, now: float) -> None:
        self._window.spend(now)
        asyncio.get_running_loop().call_later(Window.LENGTH_S + _LATER_S, self._tell)
        self._become(state=CareState.RECOVERING, resets=self._status.resets + 1)

    async def _power_cycle(self) -> bool:
        """Whether the radio works afterwards."""
        self._radio.fail(REASON)
        try:
            await asyncio.sleep(RESET_S)
        finally:
            self._radio.recover()
        return self._radio.status.state is ScannerState.RUNNING

    def _left(self) -> int:
        return self._window.left(self._clock())

    def _become(self, **changes: object) -> None:
        self._status = replace(self._status, **changes)  # type: ignore[arg-type]
        self._tell()

    def _tell(self) -> None:
        status = self.status
        if status != self._told:
            self._told = status
            self._changes.notify(status)
