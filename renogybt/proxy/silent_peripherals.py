"""Peripherals that do not advertise because this process is connected to them."""

import asyncio
from collections.abc import Callable, Collection, Sequence

from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import Radio
from renogybt.model.reading import DeviceHealth, PowerDevice, Reading
from renogybt.model.subscribers import Subscribers

REPEAT_S = 30.0
"""Home Assistant forgets a connectable device 195 s after its last advertisement (habluetooth, const.py)."""


class SilentPeripherals:
    """Knows the last advertisement of each of `addresses`, and repeats it while it is `linked`.

    Otherwise Home Assistant would forget a device that is read, and could never ask for it. It is there for
    certain: its link stands. As a sink of the reader it learns at once when one comes about: whoever
    subscribed meanwhile has not heard the peripheral, which fell silent before.
    """

    def __init__(
        self, radio: Radio, addresses: Collection[int], linked: Callable[[], Collection[int]]
    ) -> None:
        self.repeats: Subscribers[Sequence[Advertisement]] = Subscribers()
        """Told what is repeated: when a link comes about, and each `REPEAT_S` while `run` runs."""
        self._linked = linked
        self._addresses = frozenset(addresses)
        self._last: dict[int, Advertisement] = {}
        self._were_linked: frozenset[int] = frozenset()
        if self._addresses:
            radio.listen(self._hear, patient=True)

    def last(self) -> Sequence[Advertisement]:
        """Of those that are silent now."""
        return self._last_of(self._linked())

    async def run(self) -> None:
        """Repeat until cancelled."""
        while True:
            await asyncio.sleep(REPEAT_S)
            if last := self.last():
                self.repeats.notify(last)

    def health(self, _health: DeviceHealth) -> None:
        """How it goes with a device; perhaps its link has come about."""
        linked = frozenset(self._linked())
        new, self._were_linked = linked - self._were_linked, linked
        if last := self._last_of(new):
            self.repeats.notify(last)

    def devices(self, _devices: Sequence[PowerDevice]) -> None:
        """What is read tells nothing of links."""

    def reading(self, _reading: Reading) -> None:
        """A reading tells nothing of links that was not told before."""

    def _last_of(self, addresses: Collection[int]) -> Sequence[Advertisement]:
        return [self._last[address] for address in addresses if address in self._last]

    def _hear(self, batch: Sequence[Advertisement]) -> None:
        addresses = self._addresses
        for advertisement in batch:
            if advertisement.address in addresses:
                self._last[advertisement.address] = advertisement
