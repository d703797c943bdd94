"""The links of the demo radio: who is heard, who is tried, who is connected."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

from renogybt.model.advertisement import Advertisement, format_address
from renogybt.model.broadcast import Broadcast
from renogybt.model.gatt import ConnectError, GattLink, LinkEnd, NotHeardError
from renogybt.model.radio import ScannerState
from renogybt.model.slots import ConnectionSlots, Holder, Slot
from renogybt.simulator.link import DemoLink
from renogybt.simulator.peripheral import Peripheral

_HEARING_S = 5.0
"""How long a peripheral is listened for."""
_FRESH_S = 1.0
"""Who has been heard so lately needs not be listened for; twice the interval of the demo's peripherals."""
_ATTEMPT_S = 10.0
"""How long an attempt to connect may take."""
_ENTERING_S = 30.0
"""What the port allows, the wait for other attempts included."""
_CONNECTING_S = 0.06
"""How long it takes with all services read: four connection events, as where they are known already."""


class DemoLinks:
    """Links of `radio` to `peripherals`, one attempt at a time; `clock` counts monotonic seconds."""

    def __init__(
        self,
        radio: Broadcast,
        peripherals: Iterable[Peripheral],
        slots: ConnectionSlots,
        clock: Callable[[], float],
    ) -> None:
        self._radio = radio
        self._peripherals = {each.address: each for each in peripherals}
        self._slots = slots
        self._clock = clock
        self._links: dict[int, DemoLink] = {}
        self._heard_at: dict[int, float] = {}
        self._attempt = asyncio.Lock()
        radio.listen(self._note)

    @contextlib.asynccontextmanager
    async def connect(self, address: int, slot: Slot | None) -> AsyncIterator[GattLink]:
        """As `Radio.connect`."""
        with self._slot(address, slot) as own:
            link = await self._enter(address)
            if own is not None:
                link.on_close(own.release)
            try:
                yield link
            finally:
                link.close()

    def unpair(self, address: int) -> None:
        """End the link to this peripheral, and its bond."""
        if address in self._links:
            self._links[address].close()
        if address in self._peripherals:
            self._peripherals[address].unpair()

    def end(self) -> None:
        """The radio is gone: all links end."""
        for link in tuple(self._links.values()):
            link.close(LinkEnd.RADIO)

    @contextlib.contextmanager
    def _slot(self, address: int, slot: Slot | None) -> Iterator[Slot | None]:
        """The slot that a reader gets where none was given."""
        if slot is not None:
            yield None
            return
        own = self._slots.reserve(address, Holder.READER)
        try:
            yield own
        finally:
            own.release()

    async def _enter(self, address: int) -> DemoLink:
        try:
            async with asyncio.timeout(_ENTERING_S), self._attempt:
                return await self._open(address)
        except TimeoutError:
            raise ConnectError(
                f"{format_address(address)} had to wait for other attempts for {_ENTERING_S:g} s"
            ) from None

    async def _open(self, address: int) -> DemoLink:
        self._must_run()
        peripheral = self._peripherals.get(address)
        if peripheral is not None and peripheral.taken:
            raise ConnectError(f"{format_address(address)} is in use: it serves one central at a time")
        await self._hear(address)
        if peripheral is None or not peripheral.accepting:
            await asyncio.sleep(_ATTEMPT_S)
            raise ConnectError(f"{format_address(address)} advertises, but lets nobody connect")
        await asyncio.sleep(_CONNECTING_S)
        self._must_run()
        if not peripheral.accepting:
            raise ConnectError(f"{format_address(address)} is gone before the link was there")
        link = self._links[address] = DemoLink(peripheral)
        link.on_close(lambda: self._forget(address))
        return link

    async def _hear(self, address: int) -> None:
        """Wait for an advertisement of it, unless it was heard just now; raises NotHeardError."""
        if self._clock() - self._heard_at.get(address, float("-inf")) <= _FRESH_S:
            return
        heard = asyncio.Event()

        def look(batch: Sequence[Advertisement]) -> None:
            if any(each.address == address for each in batch):
                heard.set()

        leave = self._radio.listen(look)
        try:
            async with asyncio.timeout(_HEARING_S):
                await heard.wait()
        except TimeoutError:
            raise NotHeardError(
                f"{format_address(address)} does not advertise: nothing heard in {_HEARING_S:g} s"
            ) from None
        finally:
            leave()

    def _note(self, batch: Sequence[Advertisement]) -> None:
        for each in batch:
            if each.address in self._peripherals:
                self._heard_at[each.address] = self._clock()

    def _forget(self, address: int) -> None:
        del self._links[address]
        if self._peripherals[address].advertising:
            self._heard_at[address] = self._clock()  # who is left by its central calls for the next at once

    def _must_run(self) -> None:
        if self._radio.status.state is not ScannerState.RUNNING:
            raise ConnectError("the demo radio does not run")
