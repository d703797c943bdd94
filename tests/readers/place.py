"""A reader at work in virtual time."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from proxy.virtual_time import VirtualLoop
from readers.fake_hub import Answers, Bend, FakeHub, FakeRadio, Notes, section, straight

from renogybt.model.reading import DeviceType
from renogybt.readers.reader import Reader
from renogybt.readers.settings import ReaderSettings

BATTERIES = (48, 49, 50, 51)
BANK = "bank-6cb2fd86824d"


class Place:
    """A reader at work in virtual time on a hub with four batteries and a controller."""

    def __init__(
        self,
        loop: VirtualLoop,
        hub: FakeHub,
        *sections: object,
        settings: ReaderSettings | None = None,
        state_dir: Path | None = None,
    ) -> None:
        self.loop = loop
        self.hub = hub
        self.radio = FakeRadio(hub)
        self.notes = Notes()
        devices = sections or (section(DeviceType.BATTERY, *BATTERIES), section(DeviceType.CONTROLLER, 96))
        self.reader = Reader(
            self.radio,
            devices,  # type: ignore[arg-type]
            settings or ReaderSettings(),
            state_dir=state_dir,
            wall=loop.time,
        )
        self.reader.add_sink(self.notes)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = self.loop.create_task(self.reader.run())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                self.loop.run_until_complete(self._task)
            self._task = None

    def run(self, seconds: float) -> None:
        if self._task is None:
            self.start()
        self.loop.advance(seconds)
        assert self._task is not None
        if self._task.done():
            self._task.result()

    def do(self, act: Callable[..., None], *arguments: object) -> None:
        """Have it done inside the loop."""
        self.loop.call_soon(act, *arguments)
        self.loop.advance(0.01)

    def release(self) -> float:
        """Have the link left to somebody else; how long that has taken."""
        begun = self.loop.time()
        self.loop.run_until_complete(self.reader.release(self.hub.address))
        return self.loop.time() - begun

    def resume(self) -> None:
        """Give it back."""
        self.loop.call_soon(self.reader.resume, self.hub.address)
        self.loop.advance(0.0)

    def bend_unit(self, unit: int, bend: Bend) -> None:
        def bent(request: bytes, reply: bytes) -> Answers:
            return bend(request, reply) if request[0] == unit else straight(request, reply)

        self.hub.bend = bent


Places = Callable[..., Place]
