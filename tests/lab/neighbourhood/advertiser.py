"""One advertiser with a payload of the test's choice."""

import asyncio

from neighbourhood.air import Air
from neighbourhood.broadcast import Broadcast

INTERVAL_S = 0.1


class Advertiser:
    """Repeats one advertisement ten times per second, until it is silenced."""

    def __init__(self, air: Air, broadcast: Broadcast) -> None:
        self._air = air
        self._broadcast = broadcast
        self._task = asyncio.create_task(self._repeat())

    def silence(self) -> None:
        self._task.cancel()

    async def _repeat(self) -> None:
        while True:
            self._air.broadcast("advertise", self._broadcast)
            await asyncio.sleep(INTERVAL_S)
