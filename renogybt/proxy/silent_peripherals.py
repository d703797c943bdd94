"""Peripherals that do not advertise because this process is connected to them."""

import asyncio
from collections.abc import Callable, Collection, Sequence

from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import Radio
from renogybt.model.subscribers import Subscribers

REPEAT_S = 30.0
"""Home Assistant forgets a connectable device 195 s after its last advertisement (habluetooth, const.py)."""


class SilentPeripherals:
    """Knows the last advertisement of each of `addresses`, and repeats it while it is `linked`.

    Otherwise Home Assistant would forget a device that is read, and could never ask for it. It is there for
    certain: its link stands.
    """

    def __init__(
        self, radio: Radio, addresses: Collection[int], linked: Callable[[], Collection[int]]
    ) -> None:
        self.repeats: Subscribers[Sequence[Advertisement]] = Subscribers()
        """Told what is repeated, each `REPEAT_S` while `run` runs."""
        self._linked = linked
        self._addresses = frozenset(addresses)
        self._last: dict[int, Advertisement] = {}
        if self._addresses:
            radio.listen(self._hear, patient=True)

    def last(self) -> Sequence[Advertisement]:
        """Of those that are silent now."""
        return [self._last[address] for address in self._linked() if address in self._last]

    async def run(self) -> None:
        """Repeat until cancelled."""
        while True:
            await asyncio.sleep(REPEAT_S)
            if last := self.last():
                self.repeats.notify(last)

    def _hear(self, batch: Sequence[Advertisement]) -> None:
        addresses = self._addresses
        for advertisement in batch:
            if advertisement.address in addresses:
                self._last[advertisement.address] = advertisement
