"""The whole way of an advertisement, from the socket that it comes by to the transports of clients.

All of it is the program's own: the intake and its pace, all that listens to a radio, the server with its
sessions. Only who sends, the clients and time are made here, so that every count is exact.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Protocol, Self

from lightness.client import Client
from lightness.counted_loop import CountedLoop
from lightness.neighbourhood import FIRST_ADDRESS
from lightness.watched_radio import WatchedRadio

from renogybt.config import Encryption
from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import AdvertisementListener, ScanMode
from renogybt.proxy.entities import EntityStore
from renogybt.proxy.identity import Identity, IdentityFile
from renogybt.proxy.keys import KeyStore
from renogybt.proxy.server import ProxyServer
from renogybt.proxy.silent_peripherals import SilentPeripherals
from renogybt.proxy.vitals import ENTITIES, Vitals
from renogybt.readers.candidates import CandidateWatch

KEY = bytes(range(1, 33))
KEYS = {"plaintext": None, "Noise": KEY}
_HOST = "127.0.0.1"
_CALM_S = 0.2137
"""Some ticks, and never the moment of any other timer."""


class Way(Protocol):
    """One of the two by which advertisements come: an intake, and who sends."""

    packets: Sequence[bytes]
    past_bluez: bool

    async def open(self, listener: AdvertisementListener, prompt: Callable[[], bool]) -> None: ...

    def send(self, packet: bytes) -> None: ...

    async def close(self) -> None: ...


class House:
    """`with` runs it; `key`: that of all clients, None for plaintext. `batches`: how many were heard."""

    def __init__(self, state_dir: Path, way: Callable[[CountedLoop, Path], Way], key: bytes | None) -> None:
        self.loop = CountedLoop()
        self.way = way(self.loop, state_dir)
        self.clients: list[Client] = []
        self.batches = self.heard = 0
        self._key = key
        self._state_dir = state_dir
        self._packets = cycle(self.way.packets)

    def __enter__(self) -> Self:
        self._run(self._build())
        return self

    async def _build(self) -> None:
        entities = EntityStore(ENTITIES)
        self.radio = WatchedRadio(self.loop.time, past_bluez=self.way.past_bluez)
        silent = SilentPeripherals(self.radio, (FIRST_ADDRESS,), tuple)
        encryption = Encryption.OFF if self._key is None else Encryption.KEY
        self.server = ProxyServer(
            self.radio,
            Identity("test.proxy", "Test Proxy", 0x02_00_5E_10_20_30, "Test bench"),
            IdentityFile(self._state_dir, None),
            KeyStore(encryption, self._state_dir, self._key),
            entities,
            host=_HOST,
            port=0,
            scan_mode=ScanMode.ACTIVE,
            silent=silent,
        )
        vitals = Vitals(self.radio, entities, self.loop.time, lambda: self.server.lost_advertisements)
        self.radio.listen(CandidateWatch().hear, patient=True)
        self._tasks = [self.loop.create_task(each()) for each in (self.radio.run, vitals.run, silent.run)]
        await self.server.__aenter__()
        self.radio.listen(self._count, patient=True)
        await self.way.open(self.radio.hear, lambda: self.radio.prompt)

    def _count(self, batch: Sequence[Advertisement]) -> None:
        self.batches += 1
        self.heard += len(batch)

    def connect(self, count: int) -> None:
        """So many clients come."""
        for _ in range(count):
            self.clients.append(Client(self.loop.make_session(), self.loop, self._key))

    def hear(self, per_s: float, seconds: float) -> int:
        """Advertisements come one by one while time passes; how many."""
        count = round(per_s * seconds)
        start = self.loop.time()
        for number, packet in enumerate(islice(self._packets, count)):
            # never in the same moment as a tick
            self.loop.outside_at(start + (number + 0.37) / per_s, self.way.send, packet)
        self.loop.pass_time(seconds)
        return count

    def hear_at_once(self, packets: Iterable[bytes]) -> None:
        """Advertisements that are there for one reading, as right behind `hear_one` all of them are."""
        for packet in packets:
            self.way.send(packet)
        self.loop.pass_time(0.0)

    def hear_one(self) -> None:
        """An advertisement by itself, which counts nowhere."""
        self.hear_at_once([self.way.packets[0]])
        for client in self.clients:
            client.forget()

    def calm_down(self) -> None:
        """Until a packet is read at once again, with nothing left to read."""
        self.loop.pass_time(_CALM_S)

    def __exit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                self._run(asyncio.wait_for(task, None))
        self._run(self.way.close())
        self._run(self.server.__aexit__())
        self.loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(work)
