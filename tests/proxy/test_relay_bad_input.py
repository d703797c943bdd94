"""What no proper client does, and what many do at once: the relay stays consistent and goes on."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from proxy.relay_world import (
    CACHED,
    CLEAR_CACHE,
    DISCONNECT,
    PAIR,
    UNCACHED,
    UNPAIR,
    Caller,
    Failed,
    Linked,
    Snapshot,
    World,
    Worlds,
    descriptor_of,
    device,
    failed,
    gone,
    handle_of,
    notify,
    read,
    read_descriptor,
    real_reader,
    services,
    tune,
    value,
    write,
    write_descriptor,
)

from renogybt.model.slots import Holder
from renogybt.protocols.esphome.messages import api
from renogybt.proxy.chores import MOST_CHORES
from renogybt.proxy.relay import RelayRules
from renogybt.proxy.relayed_link import MOST_WAITING
from renogybt.simulator.demo_hub import NAME_HANDLE, NOTIFY_HANDLE, WRITE_HANDLE
from renogybt.simulator.hub import HUB_ADDRESS
from renogybt.simulator.lamp import (
    BEGIN_TO_TICK,
    BRIGHTNESS,
    COMMAND,
    EVENT,
    LAMP_ADDRESS,
    SCHEDULE,
    TICK,
    USER_DESCRIPTION,
)

BRIGHT, PLAN = handle_of(BRIGHTNESS), handle_of(SCHEDULE)
NO_SUCH_ADDRESSES = (2**48, 2**64 - 1)
NOT_CONNECTED, GENERIC, NO_RESOURCES = -1, 0x85, 0x11


def all_requests(address: int) -> Iterator[Any]:
    """One of each kind, but no wish to connect."""
    for kind in (0, DISCONNECT, PAIR, UNPAIR, CLEAR_CACHE, 99):
        yield device(kind, address)
    yield services(address)
    yield read(BRIGHT, address)
    yield write(BRIGHT, b"\1", address=address)
    yield read_descriptor(BRIGHT, address)
    yield write_descriptor(BRIGHT, b"\1", address)
    yield notify(BRIGHT, address=address)
    yield tune(8, 8, address)


# -- floods


def test_more_requests_than_may_wait_are_refused_and_the_link_goes_on(world: World) -> None:
    home = world.caller()
    world.open(home)

    told = world.ask(home, *[read(BRIGHT)] * (MOST_WAITING + 3), seconds=10.0)

    assert told == [failed(BRIGHT, NO_RESOURCES)] * 3 + [value(BRIGHT, b"\x28")] * MOST_WAITING
    assert world.ask(home, read(BRIGHT)) == [value(BRIGHT, b"\x28")]


def test_a_flood_on_one_link_does_not_keep_another_client_waiting(world: World) -> None:
    home, other = world.caller(), world.caller("other")
    world.open(home)
    world.open(other, HUB_ADDRESS)
    world.ask(home, *[read(BRIGHT)] * MOST_WAITING, seconds=0.0)

    told = world.ask(other, read(NAME_HANDLE, HUB_ADDRESS), seconds=0.1)

    assert [each.address for each in told] == [HUB_ADDRESS]


def test_of_many_wishes_as_many_go_on_as_there_are_slots_and_the_others_are_answered(world: World) -> None:
    home = world.caller()
    addresses = [0x6C_B2_FD_00_00_00 + number for number in range(100)]

    told = world.ask(home, *(device(UNCACHED, each) for each in addresses), seconds=0.0)

    refused = [each for each in told if type(each) is Linked]
    assert refused == [gone(NO_RESOURCES, each) for each in addresses[5:]]
    assert set(world.slots.clients) == set(addresses[:5])
    world.run(60.0)
    assert len([each for each in home.told if type(each) is Linked]) == 100
    assert world.slots.free == 5


def test_wishes_and_second_thoughts_in_one_moment_end_with_the_last(world: World) -> None:
    home = world.caller()

    world.ask(home, *(device(kind) for _ in range(100) for kind in (UNCACHED, DISCONNECT)), seconds=5.0)
    assert not world.lamp.taken

    world.ask(home, *(device(kind) for _ in range(100) for kind in (DISCONNECT, CACHED)), seconds=5.0)
    assert world.lamp.taken
    assert home.of(Linked)[-1].connected


def test_more_chores_than_may_be_under_way_are_refused_and_later_ones_are_done(world: World) -> None:
    home = world.caller()

    told = world.ask(home, *[device(CLEAR_CACHE)] * (MOST_CHORES + 4))

    outcomes = Counter((each.success, each.error) for each in told)
    assert outcomes == {(True, 0): MOST_CHORES, (False, GENERIC): 4}
    assert [each.success for each in world.ask(home, device(CLEAR_CACHE))] == [True]


def test_a_forbidden_flood_is_answered_and_logged_a_few_times(
    worlds: Worlds, caplog: pytest.LogCaptureFixture
) -> None:
    world = worlds(rules=RelayRules(allowed=(HUB_ADDRESS,)))
    home = world.caller()

    told = world.ask(home, *[device(UNCACHED)] * 200, seconds=0.0)

    assert told == [gone(GENERIC)] * 200
    assert len([each for each in caplog.records if each.levelname == "WARNING"]) < 10


# -- numbers out of range


@pytest.mark.parametrize("address", NO_SUCH_ADDRESSES)
@pytest.mark.parametrize("allowed", [(), (LAMP_ADDRESS,)])
def test_an_address_of_more_than_48_bits_is_refused_at_once(
    worlds: Worlds, address: int, allowed: tuple[int, ...]
) -> None:
    world = worlds(rules=RelayRules(allowed=allowed))
    home = world.caller()

    told = world.ask(home, device(CACHED, address), *all_requests(address), seconds=0.0)

    assert len(told) == 14
    assert {each.address for each in told} == {address}
    assert all(each.error for each in told if each != gone(0, address))
    assert not world.radio.entered
    world.ask(home, device(CACHED))
    assert world.lamp.taken


@pytest.mark.parametrize("address", [0, 2**48 - 1])
def test_the_first_and_the_last_address_are_addresses_as_any_other(world: World, address: int) -> None:
    home = world.caller()

    told = world.ask(home, device(UNCACHED, address), *all_requests(address), seconds=10.0)

    assert all(not each.connected for each in told if type(each) is Linked)
    assert world.slots.clients == ()


@pytest.mark.parametrize("handle", [0, 0xFFFF, 0x10000, 2**32 - 1])
def test_a_handle_that_cannot_be_is_an_invalid_one(world: World, handle: int) -> None:
    home = world.caller()
    world.open(home)

    told = world.ask(
        home,
        read(handle),
        write(handle, b"\1"),
        write(handle, b"\1", response=False),
        read_descriptor(handle),
        write_descriptor(handle, b"\1"),
        notify(handle),
        read(BRIGHT),
    )

    assert told == [failed(handle, 0x01)] * 6 + [value(BRIGHT, b"\x28")]


@pytest.mark.parametrize("size", [0, 2, 512, 513, 100_000])
def test_a_value_of_the_wrong_size_is_refused_and_the_link_goes_on(world: World, size: int) -> None:
    home = world.caller()
    world.open(home)

    assert world.ask(home, write(BRIGHT, bytes(size)), read(BRIGHT)) == [
        failed(BRIGHT, 0x0D),
        value(BRIGHT, b"\x28"),
    ]


def test_connection_parameters_out_of_range_are_refused(world: World) -> None:
    home = world.caller()
    world.open(home)
    most = 2**32 - 1
    request = api.BluetoothSetConnectionParamsRequest(
        address=LAMP_ADDRESS, min_interval=most, max_interval=most, latency=most, timeout=most
    )

    assert [each.error for each in world.ask(home, request, tune(0, 0), tune(9, 8))] == [0x13] * 3
    assert world.ask(home, read(BRIGHT)) == [value(BRIGHT, b"\x28")]


# -- everything at once

ONE_ANSWER = (
    api.BluetoothGATTReadResponse,
    api.BluetoothGATTWriteResponse,
    api.BluetoothGATTNotifyResponse,
    api.BluetoothGATTGetServicesDoneResponse,
    Failed,
)


class Chaos:
    """Clients that ask whatever comes to their minds, while everything fails that can."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.asked: Counter[str] = Counter()
        self._dice = random.Random(seed)

    def go_on(self, caller: Caller, *addresses: int) -> None:
        """A few requests, and a while."""
        requests = [self._request(self._dice.choice(addresses)) for _ in range(self._dice.randint(1, 6))]
        self.asked[caller.label] += sum(_wants_one_answer(each) for each in requests)
        self.world.ask(caller, *requests, seconds=self._dice.choice((0.0, 0.01, 0.05, 0.3, 3.0)))
        if self._dice.random() < 0.3:
            self.world.loop.call_soon(self._dice.choice(self._mishaps()))

    def _request(self, address: int) -> Any:
        handles = (BRIGHT, PLAN, handle_of(EVENT), handle_of(TICK), NAME_HANDLE, NOTIFY_HANDLE, 0, 0xBEEF)
        handle = self._dice.choice(handles)
        return self._dice.choice(
            (
                device(UNCACHED, address),
                device(CACHED, address),
                device(CACHED, address),
                device(self._dice.choice((DISCONNECT, PAIR, UNPAIR, CLEAR_CACHE)), address),
                services(address),
                read(handle, address),
                write(handle, self._dice.randbytes(self._dice.randrange(3)), address=address),
                write(handle_of(COMMAND), BEGIN_TO_TICK, response=False, address=address),
                write(WRITE_HANDLE, b"\0", response=False, address=address),
                read_descriptor(handle + 1, address),
                write_descriptor(handle + 1, b"\1\0", address),
                notify(handle, enable=self._dice.random() < 0.8, address=address),
                tune(8, self._dice.choice((0, 8, 80)), address),
            )
        )

    def _mishaps(self) -> list[Any]:
        radio = self.world.radio
        return [
            radio.lamp.drop,
            radio.hub.drop,
            radio.lamp.vanish,
            radio.lamp.reappear,
            radio.lamp.refuse,
            radio.lamp.reappear,
            lambda: radio.fail("pulled out"),
            radio.recover,
            radio.recover,
            lambda: setattr(radio, "closing_s", self._dice.choice((0.0, 0.0, 2.0))),
        ]

    def come_to_rest(self, *callers: Caller) -> None:
        """All is well again, and all requests have been answered."""
        self.world.run(0.0)
        self.world.loop.call_soon(self.world.radio.recover)
        self.world.loop.call_soon(self.world.radio.lamp.reappear)
        self.world.run(120.0)
        for caller in callers:
            answers = Counter(type(each) for each in caller.said)
            surplus = sum(_may_fail_unasked(each) for each in caller.said)
            answered = sum(answers[kind] for kind in ONE_ANSWER)
            assert self.asked[caller.label] <= answered <= self.asked[caller.label] + surplus


def _wants_one_answer(request: Any) -> bool:
    """Whether a GATT answer is due."""
    if type(request) is api.BluetoothGATTWriteRequest:
        return bool(request.response)
    return type(request) not in (api.BluetoothDeviceRequest, api.BluetoothSetConnectionParamsRequest)


def _may_fail_unasked(request: Any) -> bool:
    return type(request) is api.BluetoothGATTWriteRequest and not request.response


@pytest.mark.parametrize("seed", range(12))
def test_whatever_two_clients_do_what_they_are_told_is_consistent(world: World, seed: int) -> None:
    chaos = Chaos(world, seed)
    lamp, hub = world.caller("lamp"), world.caller("hub")
    for _ in range(60):
        chaos.go_on(lamp, LAMP_ADDRESS)
        chaos.go_on(hub, HUB_ADDRESS)

    chaos.come_to_rest(lamp, hub)

    assert any(each.connected for each in lamp.of(Linked))
    assert any(each.connected for each in hub.of(Linked))


@pytest.mark.parametrize("seed", range(50, 56))
def test_whatever_clients_do_what_they_are_told_is_consistent_beside_a_reader(
    worlds: Worlds, seed: int
) -> None:
    world = worlds(limit=1 + seed % 3, tenant=real_reader)
    chaos = Chaos(world, seed)
    lamp, hub = world.caller("lamp"), world.caller("hub")
    for _ in range(60):
        chaos.go_on(lamp, LAMP_ADDRESS)
        chaos.go_on(hub, HUB_ADDRESS)

    chaos.come_to_rest(lamp, hub)
    world.leave(hub)
    world.leave(lamp, 100.0)

    assert world.slots.holder(HUB_ADDRESS) is Holder.READER


@pytest.mark.parametrize("seed", range(100, 112))
def test_whatever_clients_do_with_the_same_devices_all_are_answered(worlds: Worlds, seed: int) -> None:
    world = worlds(limit=1 + seed % 3)
    chaos = Chaos(world, seed)
    callers = [world.caller(f"client {number}") for number in range(3)]
    for caller in callers:
        caller.envy(LAMP_ADDRESS)
        caller.envy(HUB_ADDRESS)
    for turn in range(100):
        chaos.go_on(callers[turn % 3], LAMP_ADDRESS, HUB_ADDRESS)

    chaos.come_to_rest(*callers)
    world.leave(callers.pop(), 5.0)
    for caller in callers:
        world.ask(caller, device(DISCONNECT), device(DISCONNECT, HUB_ADDRESS), seconds=5.0)

    assert world.relay.links == 0
    assert world.slots.free == world.slots.limit
    assert callers[0].of(Snapshot)[-1].allocated == []


def test_no_longer_value_is_passed_on_than_an_attribute_can_have(worlds: Worlds) -> None:
    world = worlds()
    home = world.caller()
    world.open(home)
    plan, name = handle_of(SCHEDULE), descriptor_of(SCHEDULE, USER_DESCRIPTION)

    assert world.ask(home, write(plan, bytes(513))) == [failed(plan, 0x0D)]
    assert world.ask(home, write(plan, bytes(65_000), response=False)) == [failed(plan, 0x0D)]
    assert world.ask(home, write_descriptor(name, bytes(513))) == [failed(name, 0x0D)]


@pytest.mark.parametrize("handle", [0, 0xFFFF, 2**32 - 1])
def test_an_end_of_notifications_of_nothing_is_refused(worlds: Worlds, handle: int) -> None:
    world = worlds()
    home = world.caller()
    world.open(home)

    assert world.ask(home, notify(handle, enable=False)) == [failed(handle, 0x01)]
