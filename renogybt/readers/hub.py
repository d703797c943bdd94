"""One address and all that is behind it: when it is read, and over which link."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from renogybt.model.advertisement import Advertisement
from renogybt.model.errors import RenogyBTError
from renogybt.model.gatt import ConnectError, GattError
from renogybt.model.radio import Radio
from renogybt.model.reading import DeviceHealth, LinkState
from renogybt.model.slots import Holder, NoSlotError
from renogybt.protocols.renogy.registers import Values
from renogybt.readers.back_off import BackOff
from renogybt.readers.combined import Bank
from renogybt.readers.connection import Connection
from renogybt.readers.errors import LineError, LoadSwitchError, NoAnswerError
from renogybt.readers.handover import Handover
from renogybt.readers.orders import Orders
from renogybt.readers.pace import Pace
from renogybt.readers.plan import LOAD_SWITCH, PLANS
from renogybt.readers.presence import Presence
from renogybt.readers.report import Report
from renogybt.readers.settings import ReaderSettings
from renogybt.readers.unit import Unit
from renogybt.readers.visit import Visit

IN_USE = "the link is in use by Home Assistant"
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
        self._radio = radio
        self._connection = Connection(
            radio,
            address,
            modbus=any(PLANS[unit.device_type].blocks for unit in units),
            pushes=any(not PLANS[unit.device_type].blocks for unit in units),
            changed=self._link_changed,
        )
        self._stir = asyncio.Event()
        self._orders = Orders(self._stir)
        self._handover = Handover(self._stir)
        self._back_off = BackOff(interval_s)
        self._pace: Pace | None = None
        self._woken = False  # a round is wanted, beside the schedule or because one was not had
        for unit in units:
            unit.on_stale(self.tell_health)

    def heard(self, advertisement: Advertisement) -> None:
        """An advertisement of this address."""
        now = _now()
        self._presence.heard(advertisement, now)
        if self._back_off.awaits_advertisement(now) and not self._handover.released:
            self._retry()

    async def run(self) -> None:
        """Read on schedule until cancelled, then close the link. May be run again."""
        self._pace = pace = Pace(self._interval_s, _now())
        for unit in self.units:
            unit.open()
        with self._handover.served():
            try:
                with self._orders.taken(_not_read):
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
        released = self._handover.released
        self._woken = released and (self._woken or bool(due))
        if due and not released and self._back_off.allows(began):
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

    @property
    def linked(self) -> bool:
        """Whether there is a link now."""
        return self._connection.state is LinkState.CONNECTED

    async def release(self) -> None:
        """Close the link for somebody else, at once; it is not opened again until `resume`."""
        if not self._handover.released:
            self._handover.release()
            self._orders.refuse(lambda: LoadSwitchError(IN_USE))
            self.tell_health()
        await self._handover.wait()

    def resume(self) -> None:
        """Read again: at once where a round was not had, or not to be had before."""
        if not self._handover.released:
            return
        self._handover.resume()
        self.try_again()
        self.tell_health()

    def try_again(self) -> None:
        """Something has changed for the better: what failed before is tried at once, not when it is due."""
        if not self._handover.released and (
            self._back_off.waits or any(unit.failures for unit in self.units)
        ):
            self._retry()

    async def switch_load(self, unit: Unit, on: bool) -> None:
        """Switch a controller's load output, checked by its echo; raises LoadSwitchError."""
        if self._handover.released or not self._orders.open:
            raise _not_read()
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
        if self._handover.released:
            return replace(health, trouble=IN_USE)
        if not self._settings.keep_connection and health.fresh:
            return replace(health, link=LinkState.CONNECTED)  # it is let go between rounds on purpose
        return health

    async def _visit(self, due: Sequence[Unit]) -> None:
        began = _now()
        until = _NEVER if self._pace is None else self._pace.end_of(began)
        visit = Visit(self._connection, due, self._deliver, until)
        fault: GattError | TimeoutError | None = None
        self._back_off.begin()
        try:
            async with self._handover.within(self._settings.read_timeout_s):
                await visit.run(self._called)
        except (GattError, TimeoutError) as error:
            fault = error
            cut = self._handover.cut
            await self._connection.close()
            if cut:  # nobody's fault
                self._woken = True
                return
            self._give_up(visit, error, began)
        else:
            self._report.hub_trouble(self.address, "")
        if not self._lacks_slot(fault):
            self._back_off.end(fault, began, _now(), read=any(unit.read_since(began) for unit in due))
        for unit in due:
            self._report.unit_trouble(unit)

    def _give_up(self, visit: Visit, fault: GattError | TimeoutError, began: float) -> None:
        late = f"the round took longer than {self._settings.read_timeout_s:g} s"
        trouble = str(fault) if isinstance(fault, GattError) else late
        for unit in visit.waiting:
            own = unit.silent and isinstance(fault, LineError)
            unit.miss(f"unit {unit.unit_id} does not answer" if own else trouble, began, own=own)
        self._report.hub_trouble(self.address, trouble)

    def _lacks_slot(self, fault: Exception | None) -> bool:
        """Whether all links are in use, or this one by a client: that costs no time and is no fault."""
        if isinstance(fault, NoSlotError):
            return True
        return isinstance(fault, ConnectError) and self._radio.slots.holder(self.address) is Holder.CLIENT

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
            async with self._handover.within(self._settings.read_timeout_s):
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
            await self._connection.close()  # whatever was asked last may still be answered
            raise LoadSwitchError("the device did not answer in time") from error
        if reading := unit.show({"load_status": "on" if on else "off"}):
            self._report.reading(reading)

    async def _rest(self, until: float) -> None:
        """Until the next round: leave the link when asked to, obey orders, watch the link and the air."""
        while True:
            self._stir.clear()
            if self._handover.leaving or self._connection.broken:
                await self._connection.close()
                self._handover.left()
            await self._orders.obey()
            if self._handover.leaving:
                continue
            if (self._woken and not self._handover.released) or _now() >= until:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until if until < _NEVER else None):
                    await self._stir.wait()

    def _retry(self) -> None:
        """Something has changed: wait no longer."""
        self._back_off.retry()
        for unit in self.units:
            unit.retry()
        self._woken = True
        self._stir.set()

    def _called(self) -> str:
        return self._presence.name or self._connection.device_name

    def _link_changed(self) -> None:
        self._stir.set()
        self.tell_health()


def _not_read() -> LoadSwitchError:
    return LoadSwitchError("the device is not being read at the moment")


def _now() -> float:
    return asyncio.get_running_loop().time()
