"""Many advertisers at a given rate."""

import asyncio
import struct
import time
from collections.abc import Callable

from bumble.hci import Address

from neighbourhood.air import Air
from neighbourhood.broadcast import Broadcast, Kind

TICK_S = 0.005  # at high rates several advertisements go out at once

Payload = Callable[[int, int], bytes]


def counting(number: int, _member: int) -> bytes:
    """A payload that never comes twice: the number of the advertisement, as manufacturer data."""
    return b"\x02\x01\x06\x0b\xff\xff\xff" + struct.pack("<Q", number)


def constant(_number: int, member: int) -> bytes:
    """A payload that a member never changes."""
    return b"\x02\x01\x06\x05\xff\xff\xff" + struct.pack("<H", member)


class Crowd:
    """Members that advertise in turn from random static addresses, `prefix`:00:00 and following."""

    def __init__(self, air: Air, name: str, prefix: str, payload: Payload) -> None:
        self._air = air
        self._name = name
        self._prefix = prefix
        self._payload = payload
        self._task: asyncio.Task[None] | None = None

    def advertise(self, rate: float, count: int) -> None:
        """`rate` advertisements per second in all, from `count` members; nothing if either is 0."""
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(self._run(rate, count)) if rate > 0 and count > 0 else None

    async def _run(self, rate: float, count: int) -> None:
        addresses = [
            Address(f"{self._prefix}:{member >> 8:02X}:{member & 255:02X}", Address.RANDOM_DEVICE_ADDRESS)
            for member in range(count)
        ]
        start, number = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - start) * rate) + 1
            while number < due:
                member = number % count
                payload = self._payload(number, member)
                self._air.broadcast(self._name, Broadcast(addresses[member], Kind.PLAIN, payload))
                number += 1
            await asyncio.sleep(max(TICK_S, start + number / rate - time.monotonic()))
