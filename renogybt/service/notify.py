"""What systemd is told about this service (`Type=notify`): sd_notify(3), sd_watchdog_enabled(3)."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from renogybt.service.logs import printable
from renogybt.service.repetition import Repetition

_LOGGER = logging.getLogger(__name__)

STATUS_EVERY_S = 5.0
"""The status line is for people; a radio that comes and goes would otherwise keep systemd busy."""
FEEDS = 3
"""In the time that the watchdog allows: one may get lost, and one may be late."""
RETRY_S = 1.0
_LONGEST_STATUS = 300


class Notifier:
    """Tells whoever has started this process how it goes; nothing happens where nobody has asked.

    `with` closes the socket, after the word that the service stops. Nothing here blocks or raises: what
    systemd does not take now is told again. `clock` counts monotonic seconds.
    """

    def __init__(
        self, environment: Mapping[str, str] = os.environ, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._lines = Repetition(clock)
        self._address = _address(environment)
        self.watchdog_s = _watchdog_s(environment) if self._address else None
        """What the watchdog allows without a word; None where there is none."""
        self._socket: socket.socket | None = None
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        self._owed: list[str] = []
        self._status = self._told = ""
        self._status_from = self._feed_at = float("-inf")
        self._stuck = ""
        self._wake = asyncio.Event()

    @property
    def wanted(self) -> bool:
        """Whether there is somebody to tell."""
        return self._socket is not None

    def ready(self) -> None:
        """The service has started, which is told once, with its status."""
        self._owed.append("READY=1")
        self._status_from = float("-inf")
        self._wake.set()

    def status(self, text: str) -> None:
        """How it goes, in a line."""
        self._status = printable(text, _LONGEST_STATUS)
        self._wake.set()

    def stopping(self) -> None:
        """The service begins to stop, and says nothing more."""
        if self._socket is not None:
            self._send(["STOPPING=1", "STATUS=stopping"])
            self._socket.close()
            self._socket = None

    async def run(self, stuck: Callable[[], str]) -> None:
        """Tell what is to be told, and feed the watchdog while `stuck` names nothing, until cancelled."""
        while self._socket is not None:
            self._wake.clear()
            pause_s = self._turn(stuck)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()

    def _turn(self, stuck: Callable[[], str]) -> float | None:
        """Tell what is due; how long there is nothing to tell, None: until something changes."""
        now = self._clock()
        lines = [*self._owed]
        if changed := self._status != self._told and now >= self._status_from:
            self._status_from = now + STATUS_EVERY_S
            lines.append(f"STATUS={self._status}")
        if self.watchdog_s is not None and now >= self._feed_at:
            self._feed_at = now + self.watchdog_s / FEEDS
            if not self._note(stuck()):
                lines.append("WATCHDOG=1")
        if lines and self._send(lines):
            self._owed.clear()
            if changed:
                self._told = self._status
        return self._pause_s(now)

    def _pause_s(self, now: float) -> float | None:
        due = []
        if self._owed:
            due.append(now + RETRY_S)
        if self._status != self._told:
            due.append(self._status_from)
        if self.watchdog_s is not None:
            due.append(self._feed_at)
        return max(0.0, min(due) - now) if due else None

    def _note(self, stuck: str) -> str:
        """What is stuck, which is logged when it begins and when it is over."""
        if stuck and not self._stuck:
            _LOGGER.error("systemd's watchdog is fed no more: %s", stuck)
        elif self._stuck and not stuck:
            _LOGGER.warning("systemd's watchdog is fed again")
        self._stuck = stuck
        return stuck

    def _send(self, lines: Sequence[str]) -> bool:
        """Whether systemd has it. The address is looked up each time: systemd may have started anew."""
        if self._socket is None:
            return False
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            text = f"systemd cannot be told how this service is: {error.strerror or error}"
            self._lines.log(_LOGGER, logging.WARNING, text)
            return False
        return True

    def __enter__(self) -> "Notifier":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stopping()


def _address(environment: Mapping[str, str]) -> str:
    """Of the socket; empty where there is none that can be used."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        if address:
            _LOGGER.warning("NOTIFY_SOCKET=%s is not understood", printable(address))
        return ""
    return "\0" + address[1:] if address.startswith("@") else address


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """WATCHDOG_USEC, unless it is meant for another process."""
    microseconds, process = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID")
    if process not in (None, str(os.getpid())) or not microseconds:
        return None
    if not microseconds.isascii() or not microseconds.isdigit() or int(microseconds) == 0:
        _LOGGER.warning("WATCHDOG_USEC=%s is not understood", printable(microseconds))
        return None
    return int(microseconds) / 1e6
