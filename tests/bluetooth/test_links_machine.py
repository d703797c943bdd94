"""Clients, peripherals, the reader, the adapter and BlueZ at their worst: links leave nothing behind.

A walk at random through what can happen, on a real bus and in real time. The relay and the radio stay; after
each chapter all is well again, and what there is has to be what there was. RENOGYBT_CYCLES asks for more
links, RENOGYBT_SEED for another walk.
"""

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from fakes import hub
from fakes.bluez_gatt import FakeCharacteristic
from fakes.bus_client import until
from fakes.fixtures import ADAPTER_ADDRESS
from fakes.lamp import LAMP, lamp
from fakes.linking import ABSENT, REQUEST, WRITE, match_rules, with_hub
from fakes.peripheral import FakePeripheral
from fakes.radio_world import World, both, is_running
from proxy.lodger import Lodger
from proxy.relay_ledger import Ledger, Party, Patience
from proxy.relay_world import (
    CACHED,
    CLEAR_CACHE,
    DISCONNECT,
    PAIR,
    UNCACHED,
    UNPAIR,
    device,
    handle_of,
    notify,
    read,
    services,
    write,
)

from renogybt.bluetooth.approach import LinkTiming
from renogybt.bluetooth.radio import BlueZRadio
from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import parse_address
from renogybt.model.radio import ScanMode
from renogybt.model.slots import ConnectionSlots
from renogybt.proxy.relay import Relay
from renogybt.proxy.service_database import ServiceDatabase
from renogybt.simulator.lamp import BRIGHTNESS, EVENT, LAMP_ADDRESS, SECRET, TEMPERATURE, TICK

CYCLES = int(os.environ.get("RENOGYBT_CYCLES", "1200"))
SEED = int(os.environ.get("RENOGYBT_SEED", "1"))
CHAPTER = 300
"""Links and attempts between two inspections."""
PARTIES, LIMIT = 3, 3
OTHER_HUB = "6C:B2:FD:86:82:4E"
HUB_ADDRESS, OTHER_ADDRESS = parse_address(hub.HUB), parse_address(OTHER_HUB)
BEAT = hub.SERVICES[1].attributes[1].handle + 1
TIMING = LinkTiming(
    hear_s=0.15,
    link_s=0.1,
    attempt_s=0.2,
    pauses_s=(0.005, 0.005),
    total_s=1.0,
    operation_s=0.5,
    pair_s=0.5,
    goodbye_s=0.5,
)
# of a machine that does other things as well
PATIENCE = Patience(connect_s=10.0, operation_s=6.0, closing_s=6.0)
SPANS_S = (0.0, 0.0, 0.001, 0.002, 0.004, 0.004, 0.008, 0.016)
HANDLES = [handle_of(each) for each in (BRIGHTNESS, SECRET, TEMPERATURE, TICK, EVENT)]
HANDLES += [BEAT, hub.WRITE + 1, hub.NOTIFY + 1, 0x7777]
QUIET_WITHIN_S, WELL_WITHIN_S = 15.0, 15.0


@dataclass(frozen=True, slots=True)
class Left:
    """What there is while nobody wants anything."""

    rules: dict[str, int]
    tasks: dict[str, int]
    descriptors: int
    agents: int


async def left(world: World) -> Left:
    """What there is now."""
    return Left(
        Counter(await match_rules(world)),
        Counter(_name(task) for task in asyncio.all_tasks()),
        len(list(Path("/proc/self/fd").iterdir())),
        len(world.bluez.agents.registered),
    )


class Street:
    """The machine, the relay on it, its clients, and all that can happen to them."""

    def __init__(self, world: World, radio: BlueZRadio, random: Random) -> None:
        self.world = world
        self.radio = radio
        self.random = random
        self.slots = radio.slots
        self.lodger = Lodger(radio, HUB_ADDRESS, BEAT, every_s=0.01)
        self.relay = Relay(radio, ServiceDatabase(None), tenant=self.lodger)
        self.ledger = Ledger(asyncio.get_running_loop().time, PATIENCE)
        self.parties = [self._come() for _ in range(PARTIES)]
        self.cycles = 0
        self.happened: Counter[str] = Counter()
        self._had: frozenset[int] = frozenset()
        self.slots.changes.add(lambda _: self._count())

    @property
    def peripherals(self) -> dict[str, FakePeripheral]:
        return self.world.bluez.peripherals

    # -- what happens

    async def step(self) -> None:
        """Something, and then a moment."""
        (deed,) = self.random.choices(list(DEEDS), list(DEEDS.values()))
        self.happened[deed.__name__] += 1
        if asyncio.iscoroutine(lasting := deed(self)):
            await lasting
        await asyncio.sleep(self.random.choice(SPANS_S))
        self.check()

    def check(self) -> None:
        self.ledger.check(self.slots.clients, self.relay.links)

    def connect(self) -> None:
        self._ask(device(self.random.choice((CACHED, UNCACHED)), self._address()))

    def disconnect(self) -> None:
        self._ask(device(DISCONNECT, self._address()))

    async def cycle(self) -> None:
        """What happens most: a link comes, is used, and goes."""
        party, address = self.random.choice(self.parties), self._address()
        self._hand(party, device(CACHED, address))
        await asyncio.sleep(self.random.choice(SPANS_S))
        self._hand(party, read(self.random.choice(HANDLES), address))
        await asyncio.sleep(self.random.choice(SPANS_S))
        self._hand(party, device(DISCONNECT, address))

    def use(self) -> None:
        address, handle = self._address(), self.random.choice(HANDLES)
        self._ask(
            self.random.choice(
                (
                    services(address),
                    read(handle, address),
                    write(handle, b"\x32", response=self.random.random() < 0.5, address=address),
                    write(WRITE + 1, REQUEST, response=False, address=address),
                    notify(handle, self.random.random() < 0.7, address),
                )
            )
        )

    def bond_or_cache(self) -> None:
        self._ask(device(self.random.choice((PAIR, UNPAIR, CLEAR_CACHE)), self._address()))

    def leave(self) -> None:
        which = self.random.randrange(PARTIES)
        self._leave(self.parties[which])
        self.parties[which] = self._come()

    def drop(self) -> None:
        self.world.bluez.drop(self.random.choice(list(self.peripherals)))

    def switch(self) -> None:
        self.world.bluez.switch(self.random.choice(list(self.peripherals)), on=self.random.random() < 0.7)

    def fail(self) -> None:
        peripheral = self.random.choice(list(self.peripherals.values()))
        peripheral.failures = ["le-connection-abort-by-local"] * self.random.randrange(5)

    def hang(self) -> None:
        peripheral = self.random.choice(list(self.peripherals.values()))
        peripheral.hangs = not peripheral.hangs

    def want(self) -> None:
        self.lodger.want(self.random.random() < 0.7)

    def scan(self) -> None:
        """Actively, or passively, and then BlueZ does not know whom it has not been connected to."""
        self.radio.set_mode(self.random.choice(list(ScanMode)))

    async def unplug(self) -> None:
        """The adapter is gone, and comes back."""
        if "hci0" in self.world.bluez.adapters:
            self.world.unplug()
            await asyncio.sleep(self.random.choice(SPANS_S))
            self.world.plug("hci0", ADAPTER_ADDRESS)

    async def power(self) -> None:
        self.world.bluez.power("hci0", False)
        await asyncio.sleep(self.random.choice(SPANS_S))
        self.world.bluez.power("hci0", True)

    async def restart_bluetoothd(self) -> None:
        await (self.world.bluez.crash() if self.random.random() < 0.5 else self.world.bluez.stop())
        await asyncio.sleep(self.random.choice(SPANS_S))
        await self.world.bluez.start()
        await self.world.bluez.ready()

    async def restart_bus(self) -> None:
        await asyncio.gather(self.world.bus.kill(), self.world.bluez.crash())
        await self.world.bus.start()
        await self.world.bluez.start()
        await self.world.bluez.ready()

    # -- the end of a chapter

    async def settle(self) -> Left:
        """All is well again, nobody has or wants a link, each has been had once: what is left?"""
        for party in self.parties:
            self._leave(party)
        self.lodger.want(False)
        self.radio.set_mode(ScanMode.ACTIVE)
        for address, peripheral in self.peripherals.items():
            self.world.bluez.switch(address, on=True)
            peripheral.failures, peripheral.hangs = [], False
        await until(self._is_quiet, QUIET_WITHIN_S)
        await until(self._scans, WELL_WITHIN_S)
        self.parties = [self._come() for _ in range(PARTIES)]
        await self._warm_up()
        await until(self._is_quiet, QUIET_WITHIN_S)
        self.check()
        assert not self.lodger.released
        assert list(self._listeners()) == []
        return await left(self.world)

    async def _warm_up(self) -> None:
        """One link to each: the connection for links is there then, and BlueZ knows everybody."""
        for address in (HUB_ADDRESS, OTHER_ADDRESS, LAMP_ADDRESS):
            async with asyncio.timeout(WELL_WITHIN_S):
                while not await self._linked(self.parties[0], address):
                    await asyncio.sleep(0.05)
            await self._answered(self.parties[0], device(DISCONNECT, address))

    async def _linked(self, party: Party, address: int) -> bool:
        await self._answered(party, device(UNCACHED, address))
        return self.ledger.opened(party, address)

    async def _answered(self, party: Party, request: Any) -> None:
        self._hand(party, request)
        await until(lambda: not self.ledger.waits(party, request.address), WELL_WITHIN_S)

    def _is_quiet(self) -> bool:
        return (
            self.relay.links == 0
            and self.slots.free == LIMIT
            and not self.lodger.holds
            and not any(each.connected for each in self.peripherals.values())
            and not any(task.get_name() == "lodger" for task in asyncio.all_tasks())
        )

    def _scans(self) -> bool:
        return is_running(self.radio.status) and self.radio.status.mode is ScanMode.ACTIVE

    def _listeners(self) -> Iterable[FakeCharacteristic]:
        for adapter in self.world.bluez.adapters.values():
            for each in adapter.devices.values():
                for one in each.link.objects if each.link is not None else []:
                    if isinstance(one, FakeCharacteristic) and one.listeners:
                        yield one

    # -- clients

    def _address(self) -> int:
        return self.random.choice((HUB_ADDRESS, LAMP_ADDRESS, OTHER_ADDRESS) * 3 + (ABSENT,))

    def _ask(self, request: Any) -> None:
        self._hand(self.random.choice(self.parties), request)

    def _hand(self, party: Party, request: Any) -> None:
        if not party.gone:
            self.ledger.hand(party, request, self.relay.handle)

    def _come(self) -> Party:
        party = Party(self.ledger, f"client {self.random.randrange(1000)}")
        self.relay.slots.subscribe(party)
        return party

    def _leave(self, party: Party) -> None:
        self.ledger.leaves(party)
        self.relay.left(party)

    def _count(self) -> None:
        """A cycle begins when a client gets a slot."""
        have = frozenset(self.slots.clients)
        self.cycles += len(have - self._had)
        self._had = have


Deed = Callable[[Street], Any]
DEEDS: dict[Deed, float] = {
    Street.connect: 20,
    Street.disconnect: 20,
    Street.cycle: 60,
    Street.use: 15,
    Street.bond_or_cache: 2,
    Street.leave: 4,
    Street.drop: 8,
    Street.switch: 3,
    Street.fail: 2,
    Street.hang: 0.5,
    Street.want: 3,
    Street.scan: 0.5,
    Street.unplug: 0.2,
    Street.power: 0.2,
    Street.restart_bluetoothd: 0.2,
    Street.restart_bus: 0.1,
}
"""What happens -> how often, beside the others."""


@contextlib.asynccontextmanager
async def street(world: World, source: AdvertisementSource) -> AsyncIterator[Street]:
    with_hub(world)
    world.bluez.peripherals[OTHER_HUB] = hub.hub(OTHER_HUB)
    world.bluez.peripherals[LAMP] = lamp()
    world.bluez.orphan_seconds = 0.05
    radio = world.radio(source, link_timing=TIMING, slots=ConnectionSlots(LIMIT))
    async with world.scanning(radio), asyncio.TaskGroup() as tasks:
        there = Street(world, radio, Random(SEED))
        works = [tasks.create_task(there.relay.run()), tasks.create_task(there.lodger.run())]
        await asyncio.sleep(0)  # they begin
        yield there
        for work in works:
            work.cancel()


@both
async def test_after_thousands_of_links_nothing_is_left_behind(
    world: World, source: AdvertisementSource
) -> None:
    without = await left(world)
    async with street(world, source) as there:
        before = await there.settle()
        while there.cycles < CYCLES / 2:
            chapter = there.cycles + CHAPTER
            there.lodger.want(True)
            while there.cycles < chapter:
                await there.step()
            assert await there.settle() == before
    assert await left(world) == without
    print(f"{there.cycles} links and attempts; {dict(there.happened)}")


def _name(task: asyncio.Task[Any]) -> str:
    """Without the number of those that have no other name."""
    name = task.get_name()
    return "a task" if name.startswith("Task-") else name
