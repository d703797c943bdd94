"""The button in Home Assistant that resets the adapter."""

import asyncio
import logging
from collections.abc import Callable

from renogybt.model.recovery import LONGEST_RESET_S, RadioCare, ResetFailedError, ResetRefusedError
from renogybt.proxy.care_entities import RESET
from renogybt.proxy.entities import ButtonPress, EntityStore
from renogybt.service.repetition import Repetition

_LOGGER = logging.getLogger(__name__)

CAUSE = "somebody pressed the button"
MOST_LINES = 10
"""Refusals that are logged one by one: more than a person causes in ten minutes."""

_NOT_RESET, _IN_VAIN = "the adapter is not reset", "the adapter was to be reset, in vain"


class ResetButton:
    """Has the adapter reset, once at a time; what is pressed meanwhile is refused, not kept.

    What comes of it appears in the status of `care`. `now` counts monotonic seconds.
    """

    def __init__(self, care: RadioCare, entities: EntityStore, now: Callable[[], float]) -> None:
        self._care = care
        self._pressed = asyncio.Event()
        """Set from a press until the reset is over."""
        self._lines = Repetition(now, first=MOST_LINES)
        entities.presses.add(self._on_press)

    def _on_press(self, press: ButtonPress) -> None:
        if press.object_id != RESET:
            return
        if self._pressed.is_set():
            self._complain("refused", f"{_NOT_RESET}: a reset is under way already")
        self._pressed.set()

    async def run(self) -> None:
        """Do what is asked for, until cancelled."""
        while True:
            await self._pressed.wait()
            try:
                await self._reset()
            finally:
                self._pressed.clear()

    async def _reset(self) -> None:
        try:
            async with asyncio.timeout(LONGEST_RESET_S):
                await self._care.reset(CAUSE)
        except ResetRefusedError as error:
            self._complain("refused", f"{_NOT_RESET}: {error}")
        except ResetFailedError as error:
            self._complain("failed", f"{_IN_VAIN}: {error}")
        except TimeoutError:
            self._complain("failed", f"{_IN_VAIN}: it was not over within {LONGEST_RESET_S:.0f} s")

    def _complain(self, topic: str, text: str) -> None:
        self._lines.log(_LOGGER, logging.WARNING, text, topic)
