"""The GATT links of a radio, on a bus connection of their own.

A call that hangs on a link does the scan no harm then, and the end of the scan's connection ends no link.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from functools import partial

from renogybt.bluetooth.approach import Approach, LinkTiming, Scan, as_connect_error, hear
from renogybt.bluetooth.bus import Bus
from renogybt.bluetooth.errors import BluetoothError, BusError
from renogybt.bluetooth.gatt_link import BlueZLink
from renogybt.bluetooth.peripheral import MATCHES, Peripheral
from renogybt.model.advertisement import format_address
from renogybt.model.gatt import ConnectError, GattLink, LinkLostError
from renogybt.service.repetition import Repetition

_LOGGER = logging.getLogger(__name__)

_MOST_LINKS = 16
"""More than any controller has; what goes beyond would be a leak."""
_STOPPED = "the radio has stopped"


class Links:
    """Makes links for the time of one `run` of the radio; `close` ends them all.

    BlueZ keeps a link when the program that made it is gone. So each one, and each attempt, is ended by
    us, and one that was left behind is used on.
    """

    def __init__(
        self,
        scan: Scan,
        bus_address: str | None,
        repetition: Repetition,
        timing: LinkTiming,
    ) -> None:
        self._scan = scan
        self._bus_address = bus_address
        self._repetition = repetition
        self._timing = timing
        self._bus: Bus | None = None
        self._opening = asyncio.Lock()
        self._turn = asyncio.Lock()
        self._claimed: set[int] = set()
        self._followed: set[Peripheral] = set()
        self._partings: dict[Peripheral, asyncio.Task[None]] = {}
        self._over = False

    @contextlib.asynccontextmanager
    async def connect(self, address: int) -> AsyncIterator[GattLink]:
        """As `Radio.connect`."""
        with self._claim(address):
            peripheral = await self._approach(address)
            try:
                link = await self._establish(peripheral)
                try:
                    yield link
                finally:
                    link.end()
            finally:
                await self._leave(peripheral)

    @contextlib.contextmanager
    def _claim(self, address: int) -> Iterator[None]:
        if self._over:
            raise ConnectError(_STOPPED)
        if address in self._claimed:
            raise ConnectError(f"there is a link to {format_address(address)} already")
        self._claimed.add(address)
        try:
            yield
        finally:
            self._claimed.discard(address)

    async def _approach(self, address: int) -> Peripheral:
        """What there is to follow of it; raises ConnectError."""
        if partings := [task for each, task in self._partings.items() if each.address == address]:
            await asyncio.wait(partings)  # bounded by the deadlines in them
        adapter = self._scan.adapter
        try:
            bus = await self._connection()
        except BluetoothError as error:
            raise as_connect_error(error) from error
        hang_up = partial(self._scan.hang_up, adapter.index, address)
        return Peripheral(bus, adapter.path, address, hang_up)

    async def _establish(self, peripheral: Peripheral) -> BlueZLink:
        """Raises NotHeardError, ConnectError."""
        self._followed.add(peripheral)
        try:
            await peripheral.follow()
            await hear(peripheral, self._scan, self._timing)
            async with self._turn:
                approach = Approach(peripheral, self._scan, self._timing, self._bus_address)
                tree = await approach.connect()
        except BluetoothError as error:
            raise as_connect_error(error) from error
        except LinkLostError as error:
            raise ConnectError(str(error)) from error
        _LOGGER.debug("linked to %s", format_address(peripheral.address))
        return BlueZLink(peripheral, tree, self._timing.operation_s)

    # the end of a link

    async def _leave(self, peripheral: Peripheral) -> None:
        """Also when cancelled; what takes longer goes on."""
        try:
            await _in_any_case(self._part(peripheral), self._timing.goodbye_s)
        finally:
            self._followed.discard(peripheral)

    def _part(self, peripheral: Peripheral) -> asyncio.Task[None]:
        """The end of it, once."""
        if (parting := self._partings.get(peripheral)) is None:
            self._partings[peripheral] = parting = asyncio.create_task(self._say_goodbye(peripheral))
            parting.add_done_callback(lambda _done: self._partings.pop(peripheral, None))
        return parting

    async def _say_goodbye(self, peripheral: Peripheral) -> None:
        try:
            if peripheral.bus.open:
                await peripheral.disconnect()
            elif peripheral.engaged and not self._over:
                await peripheral.disconnect(await self._connection())
            await peripheral.leave()
        except BusError as error:
            _LOGGER.debug("leaving %s: %s", format_address(peripheral.address), error)

    # the connection

    async def _connection(self) -> Bus:
        """The bus, opened when it is needed; raises BusError."""
        async with self._opening:
            if self._over:
                raise BusError(_STOPPED)
            if self._bus is None or not self._bus.open:
                await self._drop()
                bus = await self._open()
                if self._over:  # meanwhile
                    await bus.__aexit__()
                    raise BusError(_STOPPED)
                self._bus = bus
            return self._bus

    async def _open(self) -> Bus:
        bus = Bus(self._bus_address, self._repetition, max_matches=1 + MATCHES * _MOST_LINKS)
        await bus.__aenter__()
        try:
            await bus.follow_bluez()
        except BaseException:
            await bus.__aexit__()
            raise
        return bus

    async def _drop(self) -> None:
        if self._bus is not None:
            bus, self._bus = self._bus, None
            await bus.__aexit__()

    async def close(self) -> None:
        """End every link and every attempt, within `goodbye_s`; later ones are refused."""
        self._over = True
        for peripheral in tuple(self._followed):
            self._part(peripheral)
            peripheral.lose(_STOPPED)
        try:
            if self._partings:
                await asyncio.wait(self._partings.values(), timeout=self._timing.goodbye_s)
        finally:
            await self._drop()


async def _in_any_case(task: asyncio.Task[None], within_s: float) -> None:
    """Wait for it, though we are cancelled meanwhile; that comes out afterwards."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    cancelled: asyncio.CancelledError | None = None
    while not task.done() and (left_s := deadline - loop.time()) > 0:
        try:
            await asyncio.wait([task], timeout=left_s)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
