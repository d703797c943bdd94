"""The whole program on a radio of the test's, in virtual time."""

import asyncio
import contextlib
from pathlib import Path
from typing import Self

import pytest
from cli.program import free_port, settings
from lightness.counted_loop import CountedLoop
from lightness.watched_radio import WatchedRadio

from renogybt import app
from renogybt.config import default_configuration
from renogybt.model.advertisement import AddressType, Advertisement

_DEVICES = 40
_DATA = b"\x02\x01\x06"


class Program:
    """`with` runs it, as `renogybt run` does but for the radio; without mDNS, which has the network's time.

    `past_bluez`: advertisements come by the management socket.
    """

    def __init__(self, state_dir: Path, patch: pytest.MonkeyPatch, *, past_bluez: bool) -> None:
        self.loop = CountedLoop()
        self.radio = WatchedRadio(self.loop.time, past_bluez=past_bluez)
        patch.setattr(app, "build_radio", lambda *_parts, **_options: self.radio)
        patch.delenv("NOTIFY_SOCKET", raising=False)
        self._configuration = default_configuration(settings(state_dir, free_port())[1::2], {})

    def __enter__(self) -> Self:
        self._task = self.loop.run_until_complete(self._start())
        return self

    async def _start(self) -> asyncio.Task[None]:
        return asyncio.create_task(app.Gateway(self._configuration, demo=False).run())

    def hear(self, seconds: int) -> None:
        """Somebody advertises each second, while time passes."""
        start = self.loop.time()
        for number in range(seconds):
            found = Advertisement(number % _DEVICES, -60, AddressType.PUBLIC, _DATA)
            self.loop.outside_at(start + number + 0.5, self.radio.hear, [found])
        self.loop.pass_time(seconds)

    def __exit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            self.loop.run_until_complete(self._task)
        self.loop.close()
