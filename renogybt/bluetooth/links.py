"""The GATT links of a radio, on a bus connection of their own.

A call that hangs on a link does the scan no harm then, and the end of the scan's connection ends no link.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

from renogybt.bluetooth.approach import OTHERS, Approach, LinkTiming, Scan, as_connect_error, hear
from renogybt.bluetooth.bonds import read_state, remove
from renogybt.bluetooth.bus import Bus
from renogybt.bluetooth.bus_on_demand import BusOnDemand
from renogybt.bluetooth.errors import BluetoothError, BusError
from renogybt.bluetooth.farewell import in_any_case
from renogybt.bluetooth.gatt_link import BlueZLink
from renogybt.bluetooth.pairing import Pairings
from renogybt.bluetooth.patience import Patience
from renogybt.bluetooth.peripheral import MATCHES, VALUES, Peripheral, device_path
from renogybt.model.advertisement import format_address
from renogybt.model.gatt import ConnectError, GattLink, LinkEnd, LinkLostError, PairingError
from renogybt.model.slots import ConnectionSlots, Holder, NoSlotError, Slot
from renogybt.service.logs import printable
from renogybt.service.repetition import Repetition

_LOGGER = logging.getLogger(__name__)

_MOST_LINKS = 32
"""Twice what the configuration allows, for links that end count as well; what goes beyond would be a leak."""
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
        slots: ConnectionSlots,
    ) -> None:
        self._scan = scan
        self._bus_address = bus_address
        self._timing = timing
        self._slots = slots
        self._bus = BusOnDemand(
            partial(Bus, bus_address, repetition, max_matches=2 + MATCHES * _MOST_LINKS), _prepare, _STOPPED
        )
        self._turn = asyncio.Lock()
        self._pairings = Pairings(timing.pair_s, self._is_linked)
        self._claimed: set[int] = set()
        self._stale: set[int] = set()  # peripherals in use whose services are to be forgotten afterwards
        self._followed: dict[Peripheral, Slot | None] = {}
        self._partings: dict[Peripheral, asyncio.Task[None]] = {}
        self._over = False

    async def wait_calm(self) -> None:
        """Until no transaction is under way: an attempt to connect, a read, a write, a pairing."""
        await self._bus.wait_calm()

    @contextlib.asynccontextmanager
    async def connect(self, address: int, slot: Slot | None = None) -> AsyncIterator[GattLink]:
        """As `Radio.connect`."""
        patience = Patience(address, self._timing.total_s)
        with self._claim(address):
            peripheral = await self._approach(address, slot, patience)
            within_s = None
            try:
                link = await self._establish(peripheral, patience)
                within_s = self._timing.goodbye_s
                try:
                    yield link
                finally:
                    link.close()
            finally:
                await self._leave(peripheral, within_s or min(self._timing.goodbye_s, patience.left_s))

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

    async def _approach(self, address: int, slot: Slot | None, patience: Patience) -> Peripheral:
        """What there is to follow of it; raises ConnectError. From here on `_leave` gives our slot back."""
        if partings := [task for each, task in self._partings.items() if each.address == address]:
            async with patience.waiting_for("the end of the last link to it"):
                await asyncio.wait(partings)
        await self._forget_stale(address)
        adapter = self._scan.adapter
        own = self._slots.reserve(address, Holder.READER) if slot is None else None
        with contextlib.ExitStack() as undo:
            if own is not None:
                undo.callback(own.release)
            try:
                async with patience.waiting_for("D-Bus"):
                    bus = await self._connection()
            except BluetoothError as error:
                raise as_connect_error(error) from error
            undo.pop_all()
        hang_up = partial(self._scan.hang_up, adapter.index, address)
        peripheral = Peripheral(bus, adapter.path, address, hang_up)
        self._followed[peripheral] = own
        return peripheral

    async def _establish(self, peripheral: Peripheral, patience: Patience) -> BlueZLink:
        """Raises NotHeardError, ConnectError."""
        try:
            async with patience.waiting_for("BlueZ"):
                await peripheral.follow()
            async with patience.waiting_for("an advertisement"):
                await hear(peripheral, self._scan, self._timing)
            my_turn = partial(self._my_turn, peripheral, patience)
            approach = Approach(peripheral, self._scan, self._timing, self._bus_address, patience, my_turn)
            tree = await approach.connect()
        except BluetoothError as error:
            raise as_connect_error(error) from error
        except LinkLostError as error:
            raise ConnectError(str(error)) from error
        except NoSlotError:
            self._learn_limit(peripheral)
            raise
        _LOGGER.debug("linked to %s", format_address(peripheral.address))
        ask = partial(self._scan.tune, self._scan.adapter.index, peripheral.address, peripheral.address_type)
        return BlueZLink(peripheral, tree, self._timing.operation_s, self._pairings, ask)

    @contextlib.asynccontextmanager
    async def _my_turn(self, peripheral: Peripheral, patience: Patience) -> AsyncIterator[None]:
        """One attempt after the other: the kernel makes one at a time. Raises ConnectError."""
        async with patience.waiting_for(OTHERS):
            await self._turn.acquire()
        try:
            if peripheral.lost:
                raise LinkLostError(peripheral.lost)
            yield
        finally:
            self._turn.release()

    def _learn_limit(self, refused: Peripheral) -> None:
        """The controller refuses one more than there are."""
        count = sum(1 for each in self._followed if each.connected and each is not refused)
        before = self._slots.limit
        self._slots.allow(count)
        if self._slots.limit < before:
            _LOGGER.warning(
                "the number of links that this adapter allows at a time is %d, not %d",
                self._slots.limit,
                before,
            )

    # the end of a link

    async def _leave(self, peripheral: Peripheral, within_s: float) -> None:
        """Also when cancelled; what takes longer goes on."""
        await in_any_case(self._part(peripheral), within_s)

    def _part(self, peripheral: Peripheral) -> asyncio.Task[None]:
        """The end of it, once."""
        if (parting := self._partings.get(peripheral)) is None:
            self._partings[peripheral] = parting = asyncio.create_task(self._say_goodbye(peripheral))
            parting.add_done_callback(lambda _done: self._let_go(peripheral))
        return parting

    def _let_go(self, peripheral: Peripheral) -> None:
        """It is gone, or nothing more can be done about it."""
        self._partings.pop(peripheral, None)
        if (slot := self._followed.pop(peripheral, None)) is not None:
            slot.release()

    async def _say_goodbye(self, peripheral: Peripheral) -> None:
        try:
            if peripheral.bus.open:
                await peripheral.disconnect()
                await peripheral.stop_notifying()
            elif peripheral.engaged and not self._over:
                await peripheral.disconnect(await self._connection())
            await peripheral.leave()
        except BusError as error:
            _LOGGER.debug("leaving %s: %s", format_address(peripheral.address), error)
        if not self._over:
            await self._forget_stale(peripheral.address)

    # what BlueZ is to forget

    async def unpair(self, address: int) -> None:
        """As `Radio.unpair`."""
        self._stale.discard(address)
        ours = [each for each in self._followed if each.address == address]
        for peripheral in ours:
            self._part(peripheral)
            peripheral.lose("its bond is being removed", LinkEnd.OURSELVES)
        try:
            if partings := [self._partings[each] for each in ours if each in self._partings]:
                await asyncio.wait(partings)  # bounded by the deadlines in them
            bus, adapter_path = await self._connection(), self._scan.adapter.path
            await remove(bus, adapter_path, device_path(adapter_path, address))
        except (BluetoothError, ConnectError) as error:
            text = f"the bond with {format_address(address)} cannot be removed: {printable(str(error))}"
            raise PairingError(text) from error

    async def forget(self, address: int) -> None:
        """As `Radio.forget`; while the peripheral is in use, afterwards."""
        await self._forget_services(address, lambda: address in self._claimed)

    async def _forget_stale(self, address: int) -> None:
        """At a moment at which there is neither a link nor an attempt of ours."""
        if address in self._stale:
            self._stale.discard(address)
            try:
                await self._forget_services(address, lambda: False)
            except ConnectError as error:
                self._stale.add(address)  # before the next link
                _LOGGER.debug("its services are kept for now: %s", error)

    async def _forget_services(self, address: int, in_use: Callable[[], bool]) -> None:
        """BlueZ has those of a device with a bond told of their changes. Raises ConnectError."""
        try:
            bus, adapter_path = await self._connection(), self._scan.adapter.path
            path = device_path(adapter_path, address)
            state = await read_state(bus, path)
            if state is None or state.paired:
                return
            if in_use():  # as of now
                self._stale.add(address)
            elif state.connected:
                raise ConnectError(f"{format_address(address)} is in use by another program")
            else:
                await remove(bus, adapter_path, path)
        except BluetoothError as error:
            raise as_connect_error(error) from error

    # the connection

    async def _connection(self) -> Bus:
        """The bus, opened when it is needed, with a pairing agent on it; raises BusError."""
        bus = await self._bus.get()
        await self._pairings.attend(bus)
        return bus

    def _is_linked(self, path: str) -> bool:
        """Whether we have a link to the device of this path, and are not leaving it."""
        return any(
            each.path == path and each.connected and each not in self._partings for each in self._followed
        )

    async def close(self) -> None:
        """End every link and every attempt, within `end_s`; later ones are refused."""
        self._over = True
        self._bus.end()
        for peripheral in tuple(self._followed):
            self._part(peripheral)
            peripheral.lose(_STOPPED)
        try:
            if self._partings:
                timeout_s = min(self._timing.end_s, self._timing.goodbye_s)
                await asyncio.wait(self._partings.values(), timeout=timeout_s)
        finally:
            await self._bus.close()


async def _prepare(bus: Bus) -> None:
    await bus.follow_bluez()
    await bus.match(VALUES)
