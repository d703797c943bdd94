"""One address and all that is behind it: when it is read, and over which link."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from renogybt.model.advertisement import Advertisement
from renogybt.model.errors import RenogyBTError
from renogybt.model.gatt import ConnectError, GattError, NotHeardError
from renogybt.model.radio import Radio
from renogybt.model.reading import DeviceHealth, LinkState
from renogybt.protocols.renogy.registers import Values
from renogybt.readers.combined import Bank
from renogybt.readers.connection import Connection
from renogybt.readers.errors import LineError, LoadSwitchError, NoAnswerError, NoRenogyServiceError
from renogybt.readers.orders import Orders
from renogybt.readers.pace import Pace
from renogybt.readers.plan import LOAD_SWITCH, PLANS
from renogybt.readers.presence import Presence
from renogybt.readers.report import Report
from renogybt.readers.settings import ReaderSettings
from renogybt.readers.unit import LONGEST_BACK_OFF_S, Unit
from renogybt.readers.visit import Visit

BREATH_S = 5.0
"""After a link was lost, before an advertisement may start a round outside of the schedule."""
_NEVER = float("inf")


class Hub:
    """Reads `units`, all at `address`, in rounds; `bank` is None where they are not several batteries."""

    def __init__(
        self,
        radio: Radio,
        address: int,
        units: Sequence[Unit],
        bank: Bank | None,
        settings: ReaderSettings,
        report: Report,
        interval_s: float,
        name: str = "",
    ) -> None:
        self.address = address
        self.units = tuple(units)
        self.bank = bank
        self._settings = settings
        self._report = report
        self._interval_s = interval_s
        self._presence = Presence(name)
        self._connection = Connection(
            radio,
            address,
            modbus=any(PLANS[unit.device_type].blocks for unit in units),
            pushes=any(not PLANS[unit.device_type].blocks for unit in units),
            changed=self._link_changed,
        )
        self._stir = asyncio.Event()
        self._orders = Orders(self._stir)
        self._visiting: Visit | None = None
        self._released = False
        self._wake_from = _NEVER  # from when on an advertisement starts a round
        self._woken = False
        self._barren = 0  # rounds in a row from which no reading came
        self._not_before = float("-inf")
        for unit in units:
            unit.on_stale(self.tell_health)

    def heard(self, advertisement: Advertisement) -> None:
        """An advertisement of this address."""
        now = _now()
        self._presence.heard(advertisement, now)
        if now >= self._wake_from and not self._released:
            self._not_before = float("-inf")
            for unit in self.units:
                unit.retry()
            self._wake()

    async def run(self) -> None:
        """Read on schedule until cancelled, then close the link."""
        pace = Pace(self._interval_s, _now())
        try:
            with self._orders.taken():
                while True:
                    await self.round()
                    pace.advance(_now())
                    over = self._settings.once and all(unit.reading for unit in self.units)
                    if over:
                        await self._connection.close()
                    await self._rest(_NEVER if over else pace.due)
        finally:
            await self.close()

    async def round(self) -> None:
        """Read all units that are due, once."""
        began = _now()
        due = [unit for unit in self.units if unit.due(began)]
        self._woken = False
        if due and not self._released and began >= self._not_before:
            await self._visit(due)
            self._add_up(-_NEVER if self._settings.once else began)
        if not self._settings.keep_connection:
            await self._connection.close()
        self.tell_health()

    async def close(self) -> None:
        """End the link, and all timers."""
        for unit in self.units:
            unit.close()
        await self._connection.close()

    async def release(self) -> None:
        """Close the link for somebody else, and read no more until `resume`."""
        self._released = True
        if self._visiting is not None:
            self._visiting.given_up = True
        for unit in self.units:
            unit.trouble = "the link is in use by Home Assistant"
        await self._orders.give(self._connection.close)

    def resume(self) -> None:
        """Read again, at once."""
        self._released = False
        self._wake()

    async def switch_load(self, unit: Unit, on: bool) -> None:
        """Switch a controller's load output, checked by its echo; raises LoadSwitchError."""
        if self._released or not self._orders.open:
            raise LoadSwitchError("the device is not being read at the moment")
        try:
            await self._orders.give(lambda: self._switch(unit, on))
        except LoadSwitchError:
            raise
        except RenogyBTError as error:
            raise LoadSwitchError(f"the load was not switched: {error}") from error

    def tell_health(self) -> None:
        """How it goes with each device."""
        for unit in self.units:
            self._report.health(self.health_of(unit))
        if self.bank is not None:
            self._report.health(self.health_of(self.bank))

    def health_of(self, device: Unit | Bank) -> DeviceHealth:
        """How it goes with one of them."""
        health = device.health(self._connection.state, self._presence.rssi(_now()))
        if not self._settings.keep_connection and health.fresh:
            return replace(health, link=LinkState.CONNECTED)  # it is let go between rounds on purpose
        return health

    async def _visit(self, due: Sequence[Unit]) -> None:
        self._visiting = visit = Visit(self._connection, due, self._deliver)
        self._wake_from = _NEVER
        began = _now()
        fault: GattError | TimeoutError | None = None
        self._wake_from = _NEVER
        try:
            async with asyncio.timeout(self._settings.read_timeout_s):
                await visit.run(self._called)
        except GattError as error:
            await self._connection.close()
            self._give_up(visit, str(error), began, silent=isinstance(error, LineError))
            fault = error
        except TimeoutError as error:
            fault = error
            await self._connection.close()
            self._give_up(visit, f"the round took longer than {self._settings.read_timeout_s:g} s", began)
        else:
            self._report.hub_trouble(self.address, "")
        finally:
            self._visiting = None
        self._plan_return(fault, began, read=any(unit.read_since(began) for unit in due))
        for unit in due:
            self._report.unit_trouble(unit)

    def _give_up(self, visit: Visit, trouble: str, began: float, *, silent: bool = False) -> None:
        for unit in visit.waiting:
            own = silent and unit.silent
            unit.miss(f"unit {unit.unit_id} does not answer" if own else trouble, began, own=own)
        self._report.hub_trouble(self.address, trouble)

    def _plan_return(self, fault: GattError | TimeoutError | None, began: float, *, read: bool) -> None:
        """When the next round is worth while: each attempt to connect takes the radio's time from others.

        A device that was away is back when it is heard, and so it is after a link was lost. One that is
        heard and lets nobody in, or says nothing once it has, will do the same a moment later.
        """
        self._barren = 0 if read or fault is None else self._barren + 1
        if fault is None:
            return
        if isinstance(fault, NotHeardError):
            self._wake_from = _now()
        elif self._barren <= 1 and not isinstance(fault, ConnectError | NoRenogyServiceError):
            self._wake_from = _now() + BREATH_S
        if self._barren:
            pause_s = min(self._interval_s * 2.0 ** min(self._barren - 1, 30), LONGEST_BACK_OFF_S)
            self._not_before = began + pause_s - self._interval_s / 2

    def _deliver(self, unit: Unit, values: Values) -> None:
        refused = unit.accept(values, _now(), self._report.wall())
        self._report.refusals(unit, refused)
        self._report.recognised(unit, self._called())
        if unit.learn(self._called()):
            self._report.devices_changed()
        if unit.reading is not None:
            self._report.reading(unit.reading)

    def _add_up(self, began: float) -> None:
        if self.bank is None:
            return
        if reading := self.bank.add_up(began, _now(), self._report.wall()):
            if self.bank.learn():
                self._report.devices_changed()
            self._report.reading(reading)

    async def _switch(self, unit: Unit, on: bool) -> None:
        try:
            async with asyncio.timeout(self._settings.read_timeout_s):
                lines = await self._connection.open(self._called)
                if lines.modbus is None:
                    raise LoadSwitchError("the device has no load output")
                await lines.modbus.write(unit.unit_id, LOAD_SWITCH, int(on))
        except GattError:
            await self._connection.close()
            raise
        except NoAnswerError:
            raise
        except TimeoutError as error:
            raise LoadSwitchError("the device did not answer in time") from error
        if reading := unit.show({"load_status": "on" if on else "off"}):
            self._report.reading(reading)

    async def _rest(self, until: float) -> None:
        """Until the next round: obey orders, and watch the link and the air."""
        while True:
            self._stir.clear()
            await self._orders.obey()
            if self._connection.broken:
                await self._connection.close()
            if self._woken or _now() >= until:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until if until < _NEVER else None):
                    await self._stir.wait()

    def _wake(self) -> None:
        self._woken = True
        self._stir.set()

    def _called(self) -> str:
        return self._presence.name or self._connection.device_name

    def _link_changed(self) -> None:
        self._stir.set()
        self.tell_health()


def _now() -> float:
    return asyncio.get_running_loop().time()
