"""The scanner's status in the log: each change, but not a thousand in a night."""

import asyncio
import logging

from renogybt.model.radio import ScannerState, ScannerStatus
from renogybt.service.repetition import EVERY_S, Repetition

_LOGGER = logging.getLogger(__name__)


class StatusLog:
    """Writes a line when scanning fails, and one when it goes on.

    Of faults that come again and again some are held back, and the return from them with them; at
    DEBUG all are there. One that was held back and then stays is told after all.
    """

    def __init__(self, repetition: Repetition) -> None:
        self._repetition = repetition
        self._fault = ""
        self._fault_told = False
        self._running: ScannerStatus | None = None
        self._overdue: asyncio.TimerHandle | None = None

    def tell(self, status: ScannerStatus) -> None:
        """Take in the status of now; to be called in the event loop."""
        if status.state is ScannerState.FAILED:
            if status.reason != self._fault:
                self._fail(status.reason)
        elif status.state is ScannerState.RUNNING:
            if status != self._running or self._fault:
                self._run(status)
        else:
            _LOGGER.debug("scanner: %s", status.state.value)
            self._running = None
            if status.state is not ScannerState.STARTING:
                self._fault = ""
                self._stop_waiting()

    def _fail(self, reason: str) -> None:
        self._stop_waiting()
        self._running = None
        self._fault = reason
        self._fault_told = self._write(logging.WARNING, f"not scanning: {reason}")
        if not self._fault_told:
            self._overdue = asyncio.get_running_loop().call_later(EVERY_S, self._still_failing)

    def _still_failing(self) -> None:
        self._fault_told = self._write(logging.WARNING, f"not scanning: {self._fault}")

    def _run(self, status: ScannerStatus) -> None:
        self._stop_waiting()
        text = f"scanning ({status.mode.value})"
        if not self._fault:
            self._write(logging.INFO, text)
        else:
            _LOGGER.log(logging.INFO if self._fault_told else logging.DEBUG, "%s", text)
        self._fault = ""
        self._running = status

    def _write(self, level: int, text: str) -> bool:
        told = self._repetition.allows(text)
        _LOGGER.log(
            level if told else logging.DEBUG, "%s%s", text, self._repetition.remark(text) if told else ""
        )
        return told

    def _stop_waiting(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None
