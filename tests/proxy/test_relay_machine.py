"""Whatever clients, peripherals, the reader and the adapter do in whatever order: nothing is left behind.

Each run makes `CYCLES` links or attempts, in virtual time. RENOGYBT_CYCLES asks for more.
"""

import asyncio
import itertools
import os
from collections.abc import Callable
from random import Random
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from proxy.lodger import Lodger
from proxy.relay_ledger import Ledger, Party, Patience
from proxy.relay_world import (
    CACHED,
    CLEAR_CACHE,
    DISCONNECT,
    PAIR,
    UNCACHED,
    UNPAIR,
    RelayRadio,
    device,
    handle_of,
    notify,
    read,
    services,
    tune,
    write,
)
from proxy.virtual_time import VirtualLoop

from renogybt.model.radio import AdvertisementListener, StatusListener, Unsubscribe
from renogybt.model.slots import ConnectionSlots, Holder
from renogybt.proxy.relay import Relay
from renogybt.proxy.service_database import ServiceDatabase
from renogybt.readers.reader import Reader
from renogybt.readers.settings import ReaderSettings
from renogybt.simulator.demo_hub import NAME_HANDLE, NOTIFY_HANDLE, WRITE_HANDLE
from renogybt.simulator.hub import HUB_ADDRESS
from renogybt.simulator.lamp import BEGIN_TO_TICK, BRIGHTNESS, COMMAND, LAMP_ADDRESS, SECRET, TICK
from renogybt.simulator.renogy import demo_devices, demo_layout

CYCLES = int(os.environ.get("RENOGYBT_CYCLES", "9000"))
EXAMPLES, STEPS = 50, 30
PARTIES = 3
ABSENT, TOO_LARGE = 0x6C_B2_FD_00_00_00, 1 << 48
REQUEST = bytes.fromhex("300313b20006654a")
TO_SETTLE_S, AT_ONCE_S, LONGEST_CLOSING_S = 45.0, 0.5, 2.8

WHO = st.integers(0, PARTIES - 1)
ADDRESSES = st.sampled_from([LAMP_ADDRESS, HUB_ADDRESS, LAMP_ADDRESS, HUB_ADDRESS, TOO_LARGE, ABSENT])
SPANS_S = st.sampled_from([None, None, 0.0, 0.0, 0.02, 0.059, 0.061, 0.2, 0.2, 1.0, 3.0, 6.0, 12.0])
"""None: the next thing happens in the same turn of the loop."""
SHORT_SPANS_S = (None, None, 0.0, 0.02, 0.059, 0.06, 0.061, 0.2)
MOST_IN_A_ROW = 40
HANDLES = [handle_of(BRIGHTNESS), handle_of(SECRET), handle_of(COMMAND), handle_of(TICK)]
HANDLES += [NAME_HANDLE, WRITE_HANDLE, NOTIFY_HANDLE, 0x7777]
VALUES = [b"\x32", b"\xff", BEGIN_TO_TICK, REQUEST, b""]


class CountingLoop(VirtualLoop):
    """Knows the timers that have not come yet."""

    def __init__(self) -> None:
        super().__init__()
        self._timers: dict[object, asyncio.TimerHandle] = {}

    @property
    def timers(self) -> list[asyncio.TimerHandle]:
        return [each for each in self._timers.values() if not each.cancelled()]

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:
        # not by the time: a loop also runs what is due a tick of its clock later
        key = object()

        def run() -> None:
            self._timers.pop(key)
            callback(*args)

        self._timers = {each: handle for each, handle in self._timers.items() if not handle.cancelled()}
        self._timers[key] = handle = super().call_at(when, run, context=context)
        return handle


class CountingRadio(RelayRadio):
    """Knows how many listen to it."""

    listeners = 0

    def listen(self, listener: AdvertisementListener, *, patient: bool = False) -> Unsubscribe:
        return self._counted(super().listen(listener, patient=patient))

    def watch(self, listener: StatusListener) -> Unsubscribe:
        return self._counted(super().watch(listener))

    def _counted(self, leave: Unsubscribe) -> Unsubscribe:
        self.listeners += 1
        left: list[bool] = []

        def once() -> None:
            leave()
            if not left:
                left.append(True)
                self.listeners -= 1

        return once


class House:
    """The radio, the relay and the reader at work, and who lives there."""

    def __init__(self, limit: int, closing_s: float, real_reader: bool) -> None:
        self.loop = CountingLoop()
        self.faults: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _loop, context: self.faults.append(context))
        self.slots = ConnectionSlots(limit)
        self.radio = CountingRadio(slots=self.slots, clock=self.loop.time)
        self.radio.closing_s = closing_s
        self._own_listeners = self.radio.listeners
        self.lodger = Lodger(self.radio, HUB_ADDRESS, NAME_HANDLE)
        self.reader = _reader(self.radio) if real_reader else None
        tenant = self.reader or self.lodger
        self.relay = Relay(self.radio, ServiceDatabase(None), tenant=tenant, clock=self.loop.time)
        self.ledger = Ledger(self.loop.time, Patience(31 + 2 * closing_s, 1.5, LONGEST_CLOSING_S + closing_s))
        self.cycles = 0
        self._alone_since: dict[int, float] = {}
        self._had: frozenset[int] = frozenset()
        self.slots.changes.add(lambda _: self._count())
        works = (self.radio.run(), self.relay.run(), tenant.run())
        self._tasks = [self.loop.create_task(each) for each in works]
        self.loop.advance(2.0)
        self.parties = [self.come(str(number)) for number in range(PARTIES)]
        self.base = self.state()

    def state(self) -> tuple[list[str], int, int]:
        """What there is while nobody wants anything: tasks, timers, listeners. A reader's come and go."""
        own = [] if self.reader else [_name(task) for task in asyncio.all_tasks(self.loop)]
        links = [task.get_name() for task in asyncio.all_tasks(self.loop) if task.get_name()[:5] == "link "]
        timers = 0 if self.reader else len(self.loop.timers)
        return sorted(links + own), timers, self.radio.listeners

    def come(self, label: str) -> Party:
        """A new client, which wants to be told of slots."""
        party = Party(self.ledger, label)
        self.relay.slots.subscribe(party)
        return party

    def leave(self, party: Party) -> None:
        """Its connection ends."""
        self.ledger.leaves(party)
        self.relay.left(party)

    def ask(self, party: Party, request: Any) -> None:
        """Hand a request to the relay, unless its client has left in the same moment."""
        if not party.gone:
            self.ledger.hand(party, request, self.relay.handle)

    def check(self) -> None:
        """Between two events."""
        assert self.faults == []
        self.ledger.check(self.slots.clients, self.relay.links)
        self._check_beliefs()
        assert self.radio.most_at_once <= 1
        assert all(not task.done() for task in self._tasks)

    def _check_beliefs(self) -> None:
        """Who has lost a link is told so at once."""
        now = self.loop.time()
        for each in (self.radio.hub, self.radio.lamp):
            if self.ledger.believed(each.address) and not each.taken:
                assert now - self._alone_since.setdefault(each.address, now) <= AT_ONCE_S
            else:
                self._alone_since.pop(each.address, None)

    def settle(self) -> None:
        """All is well again, everybody leaves, time passes: nothing is left behind."""
        self.loop.call_soon(self._all_well)
        self.loop.advance(TO_SETTLE_S)
        self.check()
        assert self.slots.clients == ()
        assert not self.radio.lamp.taken
        assert not self.lodger.released
        if self.reader is not None:
            self.loop.advance(TO_SETTLE_S)
        assert self.slots.holder(HUB_ADDRESS) is Holder.READER
        assert self.state() == self.base

    def _all_well(self) -> None:
        self.radio.recover()
        self.radio.hub.reappear()
        self.radio.lamp.reappear()
        self.lodger.want(True)
        for party in self.parties:
            self.leave(party)

    def close(self) -> None:
        """Everything ends."""
        for task in reversed(self._tasks):
            task.cancel()
            self.loop.run_until_complete(asyncio.wait([task]))
        left = asyncio.all_tasks(self.loop), self.loop.timers
        self.loop.close()
        assert left == (set(), [])
        assert self.faults == []
        assert self.slots.free == self.slots.limit
        assert self.radio.listeners == self._own_listeners

    def _count(self) -> None:
        """A cycle begins when a client gets a slot."""
        have = frozenset(self.slots.clients)
        self.cycles += len(have - self._had)
        self._had = have


def _reader(radio: RelayRadio) -> Reader:
    reader = Reader(radio, demo_devices(), ReaderSettings(), wall=lambda: 1e9)
    reader.seed(demo_layout())
    return reader


class Links(RuleBasedStateMachine):
    """Clients, peripherals, the reader and the adapter, each with a will of its own."""

    house: House
    real_reader: ClassVar[bool] = False
    cycles: ClassVar[int] = 0

    @initialize(limit=st.integers(1, 4), closing_s=st.sampled_from([0.0, 0.03, 2.0]))
    def begin(self, limit: int, closing_s: float) -> None:
        self.house = House(limit, closing_s, self.real_reader)

    # -- clients

    @rule(who=WHO, address=ADDRESSES, kind=st.sampled_from([CACHED, UNCACHED]), span_s=SPANS_S)
    def connect(self, who: int, address: int, kind: int, span_s: float | None) -> None:
        self._ask(who, device(kind, address), span_s)

    @rule(who=WHO, address=ADDRESSES, span_s=SPANS_S)
    def disconnect(self, who: int, address: int, span_s: float | None) -> None:
        self._ask(who, device(DISCONNECT, address), span_s)

    @rule(who=WHO, address=ADDRESSES, link_s=SPANS_S, drops=st.booleans(), span_s=SPANS_S)
    def cycle(self, who: int, address: int, link_s: float | None, drops: bool, span_s: float | None) -> None:
        """What happens most: a link comes, and goes."""
        self._ask(who, device(CACHED, address), link_s)
        if drops:
            self._do(self._peripheral(address).drop, span_s)
        else:
            self._ask(who, device(DISCONNECT, address), span_s)

    @rule(seed=st.integers(0, 2**32 - 1), count=st.integers(1, MOST_IN_A_ROW))
    def rush(self, seed: int, count: int) -> None:
        """Links come and go, one after the other and on top of each other."""
        random = Random(seed)
        for _ in range(count):
            who, address = random.randrange(PARTIES), random.choice((HUB_ADDRESS, LAMP_ADDRESS))
            self._ask(who, device(random.choice((CACHED, UNCACHED)), address), random.choice(SHORT_SPANS_S))
            if random.random() < 0.3:
                self._ask(who, read(random.choice(HANDLES), address), random.choice(SHORT_SPANS_S))
            end = random.random()
            if end < 0.1:
                self.leave_for(who)
            elif end < 0.3:
                self._do(self._peripheral(address).drop, None)
            else:
                self._ask(who, device(DISCONNECT, address), None)
            self._do(_nothing, random.choice(SHORT_SPANS_S))
            self.house.check()

    @rule(who=WHO, address=ADDRESSES, handle=st.sampled_from(HANDLES), span_s=SPANS_S)
    def read(self, who: int, address: int, handle: int, span_s: float | None) -> None:
        self._ask(who, read(handle, address), span_s)

    @rule(
        who=WHO,
        address=ADDRESSES,
        handle=st.sampled_from(HANDLES),
        data=st.sampled_from(VALUES),
        response=st.booleans(),
        span_s=SPANS_S,
    )
    def write(
        self, who: int, address: int, handle: int, data: bytes, response: bool, span_s: float | None
    ) -> None:
        self._ask(who, write(handle, data, response=response, address=address), span_s)

    @rule(who=WHO, address=ADDRESSES, handle=st.sampled_from(HANDLES), enable=st.booleans(), span_s=SPANS_S)
    def notify(self, who: int, address: int, handle: int, enable: bool, span_s: float | None) -> None:
        self._ask(who, notify(handle, enable, address), span_s)

    @rule(who=WHO, address=ADDRESSES, shortest=st.sampled_from([6, 12, 80]), span_s=SPANS_S)
    def services_and_tuning(self, who: int, address: int, shortest: int, span_s: float | None) -> None:
        self._ask(who, services(address), None)
        self._ask(who, tune(shortest, 60, address), span_s)

    @rule(who=WHO, address=ADDRESSES, kind=st.sampled_from([PAIR, UNPAIR, CLEAR_CACHE]), span_s=SPANS_S)
    def bond_or_cache(self, who: int, address: int, kind: int, span_s: float | None) -> None:
        self._ask(who, device(kind, address), span_s)

    @rule(who=WHO, span_s=SPANS_S)
    def leave(self, who: int, span_s: float | None) -> None:
        """A client goes, and comes back as another one."""
        self.leave_for(who)
        self._do(_nothing, span_s)

    # -- peripherals, the reader, the adapter, time

    @rule(
        address=ADDRESSES,
        how=st.sampled_from(["drop", "drop", "vanish", "refuse", "reappear", "reappear", "reappear"]),
        span_s=SPANS_S,
    )
    def peripheral(self, address: int, how: str, span_s: float | None) -> None:
        self._do(getattr(self._peripheral(address), how), span_s)

    @rule(wanting=st.booleans(), span_s=SPANS_S)
    def reader(self, wanting: bool, span_s: float | None) -> None:
        self._do(lambda: self.house.lodger.want(wanting), span_s)

    @rule(span_s=SPANS_S, back=st.booleans())
    def adapter(self, span_s: float | None, back: bool) -> None:
        self._do(lambda: self.house.radio.fail("no adapter"), span_s)
        if back:
            self._do(self.house.radio.recover, span_s)

    @rule(span_s=SPANS_S)
    def recover(self, span_s: float | None) -> None:
        self._do(self.house.radio.recover, span_s)

    def leave_for(self, who: int) -> None:
        party = self.house.parties[who]
        self._do(lambda: self.house.leave(party), None)
        self.house.parties[who] = self.house.come(f"{party.label}'")

    # -- what holds

    @invariant()
    def all_is_well(self) -> None:
        if hasattr(self, "house"):
            self.house.check()

    def teardown(self) -> None:
        if hasattr(self, "house"):
            try:
                self.house.loop.advance(0.0)
                self.house.settle()
            finally:
                self.house.close()
                type(self).cycles += self.house.cycles

    def _peripheral(self, address: int) -> Any:
        return self.house.radio.hub if address == HUB_ADDRESS else self.house.radio.lamp

    def _ask(self, who: int, request: Any, span_s: float | None) -> None:
        party = self.house.parties[who]
        self._do(lambda: self.house.ask(party, request), span_s)

    def _do(self, what: Callable[[], object], span_s: float | None) -> None:
        self.house.loop.call_soon(what)
        if span_s is not None:
            self.house.loop.advance(span_s)


class LinksBesideReader(Links):
    """The reader itself has the hub."""

    real_reader = True
    cycles = 0


def _name(task: asyncio.Task[Any]) -> str:
    """Without the number of those that have no other name."""
    name = task.get_name()
    return "a task" if name.startswith("Task-") else name


def test_what_has_run_within_a_tick_of_the_clock_is_no_timer_any_more() -> None:
    loop, ran = CountingLoop(), []
    loop.call_at(0.1 + 1e-13, ran.append, True)
    loop.advance(0.1)
    assert loop.time() < 0.1 + 1e-13
    assert ran
    assert loop.timers == []
    loop.close()


def test_a_wish_that_is_withdrawn_in_the_same_moment_leaves_the_reader_its_slot() -> None:
    """It may not even have begun to leave."""
    links = Links()
    links.begin(1, 0.0)
    links.connect(0, HUB_ADDRESS, UNCACHED, None)
    links.disconnect(0, HUB_ADDRESS, 0.02)
    assert links.house.slots.holder(HUB_ADDRESS) is Holder.READER
    links.teardown()


def _nothing() -> None:
    """Time passes."""


@pytest.mark.parametrize(("machine", "share"), [(Links, 0.9), (LinksBesideReader, 0.1)])
def test_after_thousands_of_links_nothing_is_left_behind(machine: type[Links], share: float) -> None:
    machine.cycles = 0
    rounds = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        # to find the smallest example takes minutes, in which nobody sees what happened
        phases=[phase for phase in Phase if phase is not Phase.shrink or "CI" not in os.environ],
    )
    for number in itertools.count():
        # other examples in each round, also where hypothesis takes the same ones in each run
        run_state_machine_as_test(seed(number)(machine), settings=rounds)
        if machine.cycles >= share * CYCLES:
            break
    assert machine.cycles >= share * CYCLES
    print(f"{machine.cycles} links and attempts")
