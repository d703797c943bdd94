"""How a link comes about: the peripheral is heard, then BlueZ connects, in several attempts."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from renogybt.bluetooth.bus import Bus
from renogybt.bluetooth.discovery import ACCESS_DENIED, NOT_READY, Discovery, InProgressError
from renogybt.bluetooth.errors import BluetoothError, BusError, CallError
from renogybt.bluetooth.faults import call_fault
from renogybt.bluetooth.gatt_tree import GattTree
from renogybt.bluetooth.patience import Patience
from renogybt.bluetooth.peripheral import Peripheral
from renogybt.bluetooth.tree import AdapterRecord
from renogybt.model.advertisement import AddressType, Advertisement, format_address
from renogybt.model.gatt import ConnectError, LinkLostError, LinkParameters, NotHeardError
from renogybt.model.radio import AdvertisementListener, Unsubscribe
from renogybt.model.slots import NoSlotError
from renogybt.protocols.advertising import mgmt
from renogybt.service.logs import printable

_LOGGER = logging.getLogger(__name__)

_ALREADY_CONNECTED = "org.bluez.Error.AlreadyConnected"
OTHERS = "another connect to end (one at a time)"
_MOST_IN_VAIN = 2
"""Attempts that may pass without an answer: each of them holds up the scan."""
_HOPELESS = (NOT_READY, ACCESS_DENIED)
"""Refusals that a further attempt does not change."""
_NO_ROOM = ("le-connection-concurrent-connection-limit", "Too many links")
"""How org.bluez.Error.Failed says that the controller has all the links it can have: EMLINK, in the words of
BlueZ src/error.h, and before BlueZ had them in those of the C library. Measured on 5.66 with Linux 6.12, a
full controller looks like any other failure there, and the management socket alone tells it apart."""


@dataclass(frozen=True, slots=True)
class LinkTiming:
    """The deadlines of a link, in seconds.

    BlueZ would try to connect for ever. A busy neighbourhood makes attempts fail within a moment
    (`le-connection-abort-by-local`); then it helps to try again soon. It ends a link 1.75 to 2.75 s after
    it was asked to (two seconds by a timer of GLib, which rounds), unless the kernel does so at our wish.

    While the kernel calls a peripheral that it has heard, it does not scan. One that lets us in does so
    within a moment: where every advertisement is reported, no more than `link_s` are spent on that.

    The kernel gives a pairing up when nothing has happened for `pair_s` (Core Specification, volume 3 part H
    3.4). `total_s` is for all that comes before a link is there, the wait for other connects included.
    BlueZ takes 2 s to end a link: `goodbye_s` is how long that is waited for, `end_s` at the program's end,
    which has 3 s for everything; what BlueZ was told by then it does without us.
    """

    hear_s: float = 5.0
    link_s: float = 4.0
    attempt_s: float = 10.0
    pauses_s: tuple[float, ...] = (0.25, 0.5, 1.0)
    total_s: float = 30.0
    operation_s: float = 5.0
    pair_s: float = 30.0
    goodbye_s: float = 2.8
    end_s: float = 2.5


class Scan(Protocol):
    """The scan beside the links, on the same adapter."""

    @property
    def adapter(self) -> AdapterRecord:
        """The one in use; raises ConnectError where there is none."""
        ...

    @property
    def every_repeat(self) -> bool:
        """Whether every advertisement is reported, and not each advertiser once in ten seconds."""
        ...

    def begin_anew(self) -> None:
        """Have everybody reported once more, if possible."""
        ...

    def hang_up(self, index: int, address: int, address_type: AddressType) -> bool:
        """Have the kernel end a link of that adapter now; False: cannot. BlueZ tells when it has ended."""
        ...

    def connect_failures(self) -> Sequence[mgmt.ConnectFailure]:
        """What has failed on the adapter since this was asked last, as far as the kernel tells us."""
        ...

    async def tune(
        self, index: int, address: int, address_type: AddressType, parameters: LinkParameters
    ) -> None:
        """Have the kernel ask a peripheral of that adapter for other connection parameters.

        Raises MgmtUnavailableError, MgmtError, CallTimeoutError.
        """
        ...

    def listen(self, listener: AdvertisementListener) -> Unsubscribe:
        """Hand advertisements to `listener`, until the answer is called."""
        ...


async def hear(peripheral: Peripheral, scan: Scan, timing: LinkTiming) -> None:
    """Wait until the peripheral is known to be there; raises NotHeardError.

    Where the controller suppresses repeats, it counts that BlueZ has heard it in this discovery.
    """

    def look(batch: Sequence[Advertisement]) -> None:
        if any(each.address == peripheral.address for each in batch):
            peripheral.hear()

    def is_there() -> bool:
        return peripheral.connected or peripheral.heard or (peripheral.in_range and not scan.every_repeat)

    if is_there():
        return
    if not scan.every_repeat:
        scan.begin_anew()
    leave = scan.listen(look)
    try:
        async with asyncio.timeout(timing.hear_s):
            await peripheral.until(is_there)
    except TimeoutError as error:
        raise NotHeardError(
            f"{format_address(peripheral.address)} was not heard within {timing.hear_s:g} s: away, switched"
            " off, or in use by another program (one central at a time)"
        ) from error
    finally:
        leave()


class Approach:
    """The attempts of one connect. `bus_address` is where a discovery of its own can be started."""

    def __init__(
        self,
        peripheral: Peripheral,
        scan: Scan,
        timing: LinkTiming,
        bus_address: str | None,
        patience: Patience,
        my_turn: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        self._peripheral = peripheral
        self._scan = scan
        self._timing = timing
        self._bus_address = bus_address
        self._patience = patience
        self._my_turn = my_turn
        self._reason = ""
        self._count = 0
        self._in_vain = 0

    async def connect(self) -> GattTree:
        """Connect and resolve the services; raises ConnectError, NotHeardError, NoSlotError."""
        try:
            async with asyncio.timeout_at(self._patience.deadline):
                for pause_s in self._timing.pauses_s:
                    if (tree := await self._try_in_turn()) is not None:
                        return tree
                    await asyncio.sleep(pause_s)
                    await self._hear_again()
                if (tree := await self._try_in_turn()) is not None:
                    return tree
        except TimeoutError:
            self._reason = self._reason or f"no link within {self._timing.total_s:g} s"
            if not self._count:
                address = format_address(self._peripheral.address)
                raise ConnectError(
                    f"no link to {address} within {self._timing.total_s:g} s: waited for {OTHERS}"
                ) from None
        raise self._failure()

    async def _hear_again(self) -> None:
        """Raise NotHeardError where it was reported before the first attempt only, and may have left."""
        if not self._scan.every_repeat and not self._peripheral.in_range:
            self._peripheral.heard = False
            await hear(self._peripheral, self._scan, self._timing)

    def _failure(self) -> ConnectError:
        attempts = f"{self._count} attempts" if self._count > 1 else "one attempt"
        return ConnectError(
            f"no link to {format_address(self._peripheral.address)} in {attempts}: {self._reason}"
        )

    async def _try_in_turn(self) -> GattTree | None:
        """Others have theirs between our attempts."""
        async with self._my_turn():
            return await self._try()

    async def _try(self) -> GattTree | None:
        """One attempt; None: another one may do. Raises ConnectError."""
        self._count += 1
        try:
            async with asyncio.timeout(self._timing.attempt_s):
                return await self._attempt()
        except TimeoutError as error:
            self._reason = str(error) or self._why_in_vain()
        except (CallError, InProgressError) as error:
            self._reason = printable(str(error))
            if isinstance(error, CallError):
                self._give_up_where_hopeless(error)
        except (BusError, LinkLostError) as error:
            self._reason = str(error)
            raise self._failure() from error
        _LOGGER.debug("attempt %d failed: %s", self._count, self._reason)
        await self._peripheral.disconnect()
        if self._peripheral.lost or self._in_vain >= _MOST_IN_VAIN:
            self._reason = self._peripheral.lost or self._reason
            raise self._failure()
        return None

    def _give_up_where_hopeless(self, error: CallError) -> None:
        if error.name in _HOPELESS:
            self._reason = str(call_fault(error))
            raise self._failure() from error
        if error.text in _NO_ROOM or self._found_no_room():
            address = format_address(self._peripheral.address)
            raise NoSlotError(
                f"no link to {address}: the controller has all the links it can have"
            ) from error

    def _found_no_room(self) -> bool:
        """Whether the kernel says so of the attempt that has failed."""
        return (self._peripheral.address, mgmt.NO_RESOURCES) in self._scan.connect_failures()

    def _why_in_vain(self) -> str:
        if self._peripheral.connected:
            return f"no link within {self._timing.attempt_s:g} s: its services did not become known"
        self._in_vain += 1
        return (
            f"no link within {self._patience_s:g} s, though it was heard: perhaps in use by another program"
            " (one central at a time)"
        )

    async def _attempt(self) -> GattTree | None:
        """Raises CallError, InProgressError, BusError, LinkLostError, TimeoutError."""
        peripheral = self._peripheral
        if not peripheral.known:
            await self._make_known()
        if not peripheral.connected:
            await self._connect()
        await peripheral.until(lambda: peripheral.resolved or not peripheral.connected)
        if peripheral.connected:
            return await peripheral.tree()
        self._reason = "the link broke before its services were known"
        return None

    async def _make_known(self) -> None:
        """BlueZ makes objects only while somebody discovers; on a connection whose end ends that as well."""
        async with Bus(self._bus_address) as bus:
            discovery = Discovery(bus)
            await discovery.start(self._scan.adapter)
            try:
                await self._peripheral.until(lambda: self._peripheral.known)
            finally:
                await discovery.stop()

    @property
    def _patience_s(self) -> float:
        """How long a peripheral may take to let us in. Under the filter it may not be reported for long."""
        timing = self._timing
        return min(timing.link_s, timing.attempt_s) if self._scan.every_repeat else timing.attempt_s

    async def _connect(self) -> None:
        if not self._scan.every_repeat:
            # the kernel connects at the next report of the peripheral, which the filter would suppress
            self._scan.begin_anew()
        self._scan.connect_failures()  # those of others and of before
        async with asyncio.timeout(self._patience_s) as deadline:
            self._peripheral.on_link = lambda: None if deadline.expired() else deadline.reschedule(None)
            try:
                # longer than the attempt: given up it is answered by `disconnect`, and not left unanswered
                await self._peripheral.connect(2 * self._timing.attempt_s)
            except CallError as error:
                if error.name != _ALREADY_CONNECTED:
                    raise
            finally:
                self._peripheral.on_link = _nothing
        await self._peripheral.refresh()


def _nothing() -> None:
    """The link came about."""


def as_connect_error(error: BluetoothError) -> ConnectError:
    """Whatever went wrong on the way to BlueZ."""
    return ConnectError(f"no link: {printable(str(error))}")
