"""Every long task of the program can be run again after it has died, and works as before."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from proxy.power_devices import CONTROLLER_VALUES, controller, key
from proxy.relay_world import UNCACHED, Caller, Linked, Occupant, Snapshot, World, device, linked, snapshot
from proxy.test_mdns import LOOPBACK, identity, watching
from proxy.virtual_time import VirtualLoop
from readers.fake_hub import Notes
from zeroconf import ServiceStateChange

from renogybt.config import Encryption, EntityNaming
from renogybt.model.advertisement import Advertisement
from renogybt.model.gatt import GattError
from renogybt.model.radio import ScannerState, ScannerStatus
from renogybt.model.reading import Reading
from renogybt.protocols.esphome.messages import Message
from renogybt.proxy.chores import Chores
from renogybt.proxy.entities import EntityStore
from renogybt.proxy.entity_kinds import fnv1a
from renogybt.proxy.keys import KeyStore
from renogybt.proxy.mdns import Announcer
from renogybt.proxy.network import IPAddress
from renogybt.proxy.power import PowerEntities
from renogybt.proxy.silent_peripherals import REPEAT_S, SilentPeripherals
from renogybt.proxy.vitals import ENTITIES, PERIOD_S, RATE, Vitals
from renogybt.readers.errors import LoadSwitchError
from renogybt.readers.reader import Reader
from renogybt.readers.settings import ReaderSettings
from renogybt.service.supervisor import PAUSES_S, Supervisor, Work
from renogybt.simulator.hub import HUB_ADDRESS
from renogybt.simulator.lamp import LAMP_ADDRESS
from renogybt.simulator.radio import DemoRadio
from renogybt.simulator.renogy import READ_INTERVAL_S, demo_devices, demo_layout
from renogybt.simulator.renogy_bus import BATTERY_UNITS, CONTROLLER_UNIT

UNITS = (*BATTERY_UNITS, CONTROLLER_UNIT, "bank-6cb2fd86824d")
BACK_S = PAUSES_S[0] + 0.1
LOAD = "roof_solar_controller_96_load_status"


class Trap:
    """Breaks what the ports ask of a listener: raises when it is called next after `set`."""

    def __init__(self) -> None:
        self.deaths = 0
        self._set = False

    def set(self) -> None:
        self._set = True

    def __call__(self, *_arguments: object) -> None:
        if self._set:
            self._set = False
            self.deaths += 1
            raise ZeroDivisionError("a listener that breaks its word")


class House:
    """Long tasks under a supervisor, in virtual time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.trap = Trap()
        self._supervisor = Supervisor(loop.time)
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def run(self, *work: Work) -> None:
        for each in work:
            self._supervisor.add(each.__qualname__, each)
        self._task = self.loop.create_task(self._run())
        self.loop.advance(0.0)

    async def _run(self) -> None:
        async with self._supervisor.running():
            await self._stop.wait()

    def advance(self, seconds: float) -> None:
        self.loop.advance(seconds)
        assert self._task is not None
        assert not self._task.done()

    def close(self) -> None:
        self._stop.set()
        if self._task is not None:
            self.loop.run_until_complete(self._task)


@pytest.fixture
def house(virtual_loop: VirtualLoop) -> Iterator[House]:
    house = House(virtual_loop)
    yield house
    house.close()
    assert house.trap.deaths == 1, "nothing has died"


# the radio


@pytest.fixture
def radio(virtual_loop: VirtualLoop) -> DemoRadio:
    return DemoRadio(clock=virtual_loop.time)


def test_a_radio_whose_listener_raises_scans_again(house: House, radio: DemoRadio) -> None:
    heard: list[float] = []
    states: list[ScannerState] = []
    radio.listen(house.trap)
    radio.listen(lambda _batch: heard.append(house.loop.time()))
    radio.watch(lambda status: states.append(status.state))
    house.run(radio.run)
    house.advance(5.0)
    house.trap.set()
    house.advance(1.0)
    assert states[-3:] == [ScannerState.STOPPED, ScannerState.STARTING, ScannerState.RUNNING]

    heard.clear()
    house.advance(5.0)

    assert len(heard) > 20


@pytest.mark.parametrize("state", [ScannerState.STARTING, ScannerState.RUNNING])
def test_a_radio_whose_watcher_raises_scans_again(
    house: House, radio: DemoRadio, state: ScannerState
) -> None:
    def look(status: ScannerStatus) -> None:
        if status.state is state:
            house.trap()

    heard: list[Sequence[Advertisement]] = []
    radio.watch(look)
    radio.listen(heard.append)
    house.trap.set()
    house.run(radio.run)

    house.advance(5.0)

    assert radio.status.state is ScannerState.RUNNING
    assert len(heard) > 10


def test_a_reader_has_its_values_again_after_the_radio_has_died(house: House, radio: DemoRadio) -> None:
    reader, notes = demo_reader(house, radio)
    radio.listen(house.trap)
    house.run(radio.run, reader.run)
    house.advance(25.0)

    house.trap.set()
    house.advance(2 * READ_INTERVAL_S)

    assert all(notes.state(unit).fresh for unit in UNITS)


# the entities of the radio


def test_vitals_of_which_a_listener_raises_look_again(house: House, radio: DemoRadio) -> None:
    store = EntityStore(ENTITIES)
    vitals = Vitals(radio, store, house.loop.time)
    store.subscribe(house.trap)
    beats: list[float] = []
    vitals.beats.add(lambda _: beats.append(house.loop.time()))
    house.run(radio.run, vitals.run)
    house.advance(PERIOD_S - 1.0)
    house.trap.set()
    house.advance(2.0)
    assert beats == []

    house.advance(3 * PERIOD_S)

    assert beats == pytest.approx([PERIOD_S * (n + 1) + PAUSES_S[0] for n in (1, 2, 3)])
    rate: Any = store.state(fnv1a(RATE))
    assert 40.0 < rate.state < 60.0


# those that are silent


def test_silent_peripherals_are_repeated_again(house: House, radio: DemoRadio) -> None:
    silent = SilentPeripherals(radio, [HUB_ADDRESS], lambda: [HUB_ADDRESS])
    repeated: list[float] = []
    silent.repeats.add(house.trap)
    silent.repeats.add(lambda _batch: repeated.append(house.loop.time()))
    house.run(radio.run, silent.run)
    house.trap.set()
    house.advance(REPEAT_S + 1.0)
    assert repeated == []

    house.advance(2 * REPEAT_S)

    assert repeated == pytest.approx([2 * REPEAT_S + PAUSES_S[0], 3 * REPEAT_S + PAUSES_S[0]])


# the relay


class Faulty(Caller):
    """A client to which nothing can be sent when the trap is set, as if there were a fault in the encoder."""

    def __init__(self, trap: Trap) -> None:
        super().__init__("faulty")
        self._trap = trap

    def send(self, message: Message) -> None:
        self._trap()
        super().send(message)

    def send_all(self, messages: Iterable[Message]) -> None:
        self._trap()
        super().send_all(messages)


class Relaying:
    """A relay under a supervisor, with a tenant of the hub, and a client that is its death."""

    def __init__(self, house: House) -> None:
        self.world = World(house.loop, running=False, tenant=lambda radio: Occupant(radio, HUB_ADDRESS))
        self.house = house
        house.run(self.world.relay.run)
        self.faulty = Faulty(house.trap)
        self.world.callers.append(self.faulty)

    @property
    def tenant(self) -> Occupant:
        assert isinstance(self.world.tenant, Occupant)
        return self.world.tenant

    def die(self, address: int = LAMP_ADDRESS) -> None:
        """In the task of a link, when its client is told of it."""
        self.house.trap.set()
        self.world.ask(self.faulty, device(UNCACHED, address), seconds=0.3)
        assert self.house.trap.deaths == 1


@pytest.fixture
def relaying(house: House) -> Iterator[Relaying]:
    made = Relaying(house)
    yield made
    house.close()
    made.world.close()


def test_links_end_with_the_relay_and_can_be_made_again(relaying: Relaying) -> None:
    world = relaying.world
    caller = world.caller()
    world.open(caller, HUB_ADDRESS)

    relaying.die()
    assert [each.connected for each in caller.of(Linked)] == [True, False]
    assert [each.connected for each in relaying.faulty.of(Linked)] == [False]
    relaying.house.advance(BACK_S)

    world.open(caller, HUB_ADDRESS)
    world.open(relaying.faulty)
    assert relaying.house.trap.deaths == 1


def test_changes_of_the_slots_are_told_by_a_relay_that_is_back(relaying: Relaying) -> None:
    world = relaying.world
    caller = world.caller()
    relaying.die()
    world.slots.allow(4)  # while it is away; the tenant has one of them
    relaying.house.advance(BACK_S)
    assert caller.of(Snapshot)[-1] == snapshot(limit=3)

    told = world.ask(caller, device(UNCACHED))

    assert told == [snapshot(LAMP_ADDRESS, limit=3), linked(), snapshot(LAMP_ADDRESS, limit=3)]


def test_a_request_while_the_relay_is_away_is_refused_at_once(relaying: Relaying) -> None:
    caller = relaying.world.caller()
    relaying.die()

    told = relaying.world.ask(caller, device(UNCACHED), seconds=0.0)

    assert [each.connected for each in told if type(each) is Linked] == [False]
    relaying.house.advance(BACK_S)


def test_a_tenant_has_its_link_back_after_the_relay_has_died(relaying: Relaying) -> None:
    relaying.die(HUB_ADDRESS)
    relaying.house.advance(BACK_S)

    assert relaying.tenant.calls == ["release", "resume"]
    assert relaying.tenant.holds


def test_who_waits_for_the_end_of_a_link_of_which_the_relay_dies_is_answered(relaying: Relaying) -> None:
    world = relaying.world
    caller = world.caller()
    world.radio.closing_s = 1.0
    world.open(relaying.faulty)
    relaying.house.trap.set()
    world.lamp.drop()  # its client cannot be told
    relaying.house.advance(0.5)
    assert relaying.house.trap.deaths == 1

    told = world.ask(caller, device(UNCACHED), seconds=1.0)

    assert [each.connected for each in told if type(each) is Linked] == [False]
    assert world.slots.clients == ()
    relaying.house.advance(BACK_S)
    world.open(caller)


def test_a_chore_for_a_relay_that_is_just_dying_is_refused(virtual_loop: VirtualLoop) -> None:
    told: list[object] = []
    chores = Chores()

    async def chore() -> None:
        raise AssertionError("begun")

    async def dying() -> None:
        async with asyncio.TaskGroup() as tasks:
            chores.tasks = tasks
            failing = tasks.create_task(_fail())
            failing.add_done_callback(lambda _done: chores.do(chore(), told.append))
            await asyncio.sleep(1.0)

    with pytest.raises(ExceptionGroup):
        virtual_loop.run_until_complete(dying())
    assert [type(each) for each in told] == [GattError]


async def _fail() -> None:
    raise ZeroDivisionError


# commands for loads


class Loads:
    """Load outputs of two controllers, as entities; switching takes two seconds."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.switched: list[tuple[str, bool]] = []
        self.breaks: Trap | None = None
        self.store = EntityStore([])
        power = PowerEntities(self.store, naming=EntityNaming.MODERN, switch_load=self._switch)
        power.devices([controller(96)])
        power.reading(Reading(key(96), 0.0, CONTROLLER_VALUES))
        self.told: list[Message] = []
        self.store.subscribe(self.told.extend)
        house.run(power.run)

    async def _switch(self, device_key: str, on: bool) -> None:
        await asyncio.sleep(2.0)
        if self.breaks is not None:
            self.breaks()
        self.switched.append((device_key, on))

    def command(self, on: bool) -> None:
        assert self.store.command(fnv1a(LOAD), on)


@pytest.fixture
def loads(house: House) -> Loads:
    return Loads(house)


def test_commands_are_carried_out_again_those_that_have_waited_first(loads: Loads) -> None:
    loads.store.subscribe(loads.house.trap)
    loads.house.trap.set()
    loads.command(True)
    loads.house.advance(1.0)
    loads.command(False)
    loads.house.advance(1.1)
    assert loads.switched == [(key(96), True)]
    assert loads.house.trap.deaths == 1

    loads.house.advance(BACK_S + 2.0)
    assert loads.switched == [(key(96), True), (key(96), False)]
    loads.command(True)
    loads.house.advance(2.1)
    assert loads.switched[2:] == [(key(96), True)]


def test_a_command_that_dies_shows_the_true_state_again(loads: Loads) -> None:
    loads.breaks = loads.house.trap
    loads.house.trap.set()
    loads.command(True)

    loads.house.advance(2.1)

    assert loads.told == [loads.store.state(fnv1a(LOAD))]


# the reader


class Breaking(Notes):
    """A sink that the trap is in."""

    def __init__(self, trap: Trap) -> None:
        super().__init__()
        self._trap = trap

    def reading(self, reading: Reading) -> None:
        self._trap()
        super().reading(reading)


def demo_reader(house: House, radio: DemoRadio, *, load_switch: bool = False) -> tuple[Reader, Notes]:
    reader = Reader(radio, demo_devices(), ReaderSettings(load_switch=load_switch), wall=house.loop.time)
    reader.seed(demo_layout())
    notes = Breaking(house.trap)
    reader.add_sink(notes)
    return reader, notes


def test_a_reader_whose_sink_raises_reads_again_on_schedule(house: House, radio: DemoRadio) -> None:
    reader, notes = demo_reader(house, radio)
    house.run(radio.run, reader.run)
    house.advance(25.0)
    house.trap.set()
    house.advance(2 * READ_INTERVAL_S)
    assert house.trap.deaths == 1
    before = len(notes.times(CONTROLLER_UNIT))

    house.advance(6 * READ_INTERVAL_S)

    assert all(notes.state(unit).fresh for unit in UNITS)
    assert len(notes.times(CONTROLLER_UNIT)) - before == 6
    assert not radio.slots.clients


def test_values_grow_old_although_the_reader_has_died_meanwhile(house: House, radio: DemoRadio) -> None:
    reader, notes = demo_reader(house, radio)
    house.run(radio.run, reader.run)
    house.advance(READ_INTERVAL_S * 3 - 1.0)
    house.trap.set()
    while not house.trap.deaths:
        house.advance(0.1)
    house.loop.call_soon(radio.hub.vanish)
    assert any(notes.state(unit).fresh for unit in UNITS)

    house.advance(4 * READ_INTERVAL_S)

    assert not any(notes.state(unit).fresh for unit in UNITS)


def test_an_order_is_answered_when_the_reader_dies(house: House, radio: DemoRadio) -> None:
    reader, _ = demo_reader(house, radio, load_switch=True)
    house.run(radio.run, reader.run)
    house.advance(25.0)
    house.trap.set()  # what was switched is told to the sinks, too
    device_key = next(each.key for each in reader.devices if each.unit_id == CONTROLLER_UNIT)
    orders = [house.loop.create_task(reader.switch_load(device_key, True)) for _ in range(2)]

    house.advance(5.0)

    assert [type(order.exception()) for order in orders] == [LoadSwitchError] * 2


# the announcement


async def test_a_device_is_announced_again(tmp_path: Path) -> None:
    device_identity, host = identity(), ip_address("192.0.2.10")
    trap = Trap()

    def find() -> tuple[IPAddress, ...]:
        trap()
        return (host,)

    announcer = Announcer(
        device_identity,
        KeyStore(Encryption.PROVISION, tmp_path),
        6053,
        find_addresses=find,
        interfaces=LOOPBACK,
        settle_s=0.0,
    )
    supervisor = Supervisor()
    supervisor.add("announcement", announcer.run)
    async with watching(device_identity) as watcher, supervisor.running():
        await watcher.sees_announced()
        trap.set()
        announcer.refresh()
        await watcher.sees(ServiceStateChange.Removed)
        await watcher.sees_announced()

    assert trap.deaths == 1
