"""What clients ask of peripherals through the relay, and what they are told."""

import dataclasses
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from aioesphomeapi.model import BluetoothGATTServices
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
    Occupant,
    Snapshot,
    World,
    Worlds,
    descriptor_of,
    device,
    failed,
    gone,
    handle_of,
    linked,
    notified,
    notifies,
    notify,
    read,
    read_descriptor,
    real_reader,
    services,
    snapshot,
    tune,
    value,
    write,
    write_descriptor,
    written,
)
from proxy.virtual_time import VirtualLoop

from renogybt.model.gatt import Service
from renogybt.model.slots import Holder
from renogybt.protocols.esphome.messages import Message, api
from renogybt.proxy.gatt_services import with_cccds
from renogybt.proxy.relay import RelayRules
from renogybt.proxy.service_database import FILE
from renogybt.simulator.demo_hub import NOTIFY_HANDLE
from renogybt.simulator.hub import HUB_ADDRESS
from renogybt.simulator.lamp import (
    BEGIN_TO_TICK,
    BRIGHTNESS,
    CCCD,
    COMMAND,
    EVENT,
    LAMP_ADDRESS,
    LEVEL,
    MODEL,
    SCHEDULE,
    SECRET,
    SERVICES,
    TEMPERATURE,
    TICK,
    USER_DESCRIPTION,
)

BRIGHT, MODEL_NAME, PLAN = handle_of(BRIGHTNESS), handle_of(MODEL), handle_of(SCHEDULE)
CONFIDENTIAL, CHANGES, TICKS, ORDER = (
    handle_of(SECRET),
    handle_of(EVENT),
    handle_of(TICK),
    handle_of(COMMAND),
)
ABSENT = 0x6C_B2_FD_00_00_00
NOT_CONNECTED, TIMEOUT, BY_PEER, BY_US, NOT_ESTABLISHED, GENERIC = -1, 0x08, 0x13, 0x16, 0x3E, 0x85
CLOSING_S = 2.0


def ends(told: list[Any]) -> list[Any]:
    """The ends of links, or of attempts, in what a client was told."""
    return [each for each in told if type(each) is Linked and not each.connected]


def pairing(paired: bool, error: int = 0) -> Any:
    return api.BluetoothDevicePairingResponse(address=LAMP_ADDRESS, paired=paired, error=error)


def unpairing(success: bool, error: int = 0) -> Any:
    return api.BluetoothDeviceUnpairingResponse(address=LAMP_ADDRESS, success=success, error=error)


def clearing(success: bool, error: int = 0, address: int = LAMP_ADDRESS) -> Any:
    return api.BluetoothDeviceClearCacheResponse(address=address, success=success, error=error)


# -- connecting


@pytest.mark.parametrize("kind", [CACHED, UNCACHED])
def test_a_link_is_announced_in_the_slots_then_told_then_in_the_slots_again(world: World, kind: int) -> None:
    home = world.caller()

    told = world.ask(home, device(kind))

    assert told == [snapshot(LAMP_ADDRESS), linked(), snapshot(LAMP_ADDRESS)]


@pytest.mark.parametrize("kind", [0, 7, 2**31 - 1])
def test_old_and_unknown_ways_to_connect_are_refused_and_nothing_is_tried(world: World, kind: int) -> None:
    home = world.caller()

    assert world.ask(home, device(kind)) == [gone(GENERIC)]
    assert not world.radio.entered


def test_who_connects_to_an_open_link_is_told_again_that_it_is_there(world: World) -> None:
    home = world.caller()
    world.open(home)

    assert world.ask(home, device(CACHED)) == [linked(), snapshot(LAMP_ADDRESS)]
    assert world.radio.entered[LAMP_ADDRESS] == 1


def test_a_second_wish_while_connecting_changes_nothing(world: World) -> None:
    home = world.caller()

    told = world.ask(home, device(UNCACHED), device(CACHED), device(UNCACHED))

    assert told == [snapshot(LAMP_ADDRESS), linked(), snapshot(LAMP_ADDRESS)]
    assert world.radio.entered[LAMP_ADDRESS] == 1


def test_who_is_not_heard_is_not_connected_and_leaves_its_slot(world: World) -> None:
    home = world.caller()

    told = world.ask(home, device(UNCACHED, ABSENT), seconds=5.5)

    assert told == [snapshot(ABSENT), gone(NOT_ESTABLISHED, ABSENT), snapshot()]


def test_who_lets_nobody_in_is_not_connected_and_leaves_its_slot(world: World) -> None:
    home = world.caller()
    world.lamp.refuse()

    assert ends(world.ask(home, device(UNCACHED), seconds=9.9)) == []
    assert world.ask(home, seconds=2.0) == [gone(NOT_ESTABLISHED), snapshot()]


def test_a_second_wish_in_the_moment_in_which_the_first_fails_has_failed_as_well(world: World) -> None:
    home = world.caller()
    world.lamp.refuse()
    world.radio.as_it_fails = lambda: world.loop.call_soon(world.relay.handle, home, device(CACHED))

    told = world.ask(home, device(UNCACHED), seconds=25.0)

    assert told == [snapshot(LAMP_ADDRESS), gone(NOT_ESTABLISHED), snapshot()]


def test_with_all_slots_in_use_a_wish_is_refused_at_once(worlds: Worlds) -> None:
    world = worlds(limit=1)
    home = world.caller()
    world.open(home, HUB_ADDRESS)

    assert world.ask(home, device(UNCACHED), seconds=0.0) == [gone(0x11), snapshot(HUB_ADDRESS, limit=1)]


def test_a_client_that_does_not_follow_the_slots_is_not_told_of_them(world: World) -> None:
    home = world.caller(follows=False)

    assert world.ask(home, device(UNCACHED)) == [linked()]
    assert world.ask(home, device(DISCONNECT)) == [gone(BY_US)]


# -- disconnecting


def test_a_disconnect_ends_the_link_and_is_answered(world: World) -> None:
    home = world.caller()
    world.open(home)

    assert world.ask(home, device(DISCONNECT)) == [gone(BY_US), snapshot()]
    assert not world.lamp.taken


def test_a_disconnect_from_where_there_is_no_link_is_answered(world: World) -> None:
    home = world.caller()

    assert world.ask(home, device(DISCONNECT, ABSENT), seconds=0.0) == [gone(0, ABSENT), snapshot()]


def test_a_disconnect_ends_an_attempt_at_once(world: World) -> None:
    home = world.caller()
    world.lamp.refuse()
    world.ask(home, device(UNCACHED), seconds=1.0)

    assert world.ask(home, device(DISCONNECT), seconds=0.1) == [gone(BY_US), snapshot()]


def test_a_disconnect_in_the_same_moment_as_the_wish_is_answered(world: World) -> None:
    home = world.caller()

    told = world.ask(home, device(UNCACHED), device(DISCONNECT), seconds=0.1)

    assert told == [snapshot(LAMP_ADDRESS), gone(BY_US), snapshot()]


def test_a_disconnect_in_the_moment_in_which_the_link_is_lost_is_answered(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.radio.closing_s = CLOSING_S
    world.lamp.drop()

    told = world.ask(home, device(DISCONNECT), seconds=CLOSING_S + 0.1)

    assert told == [gone(BY_PEER), gone(0), snapshot(limit=4), snapshot()]


def test_a_disconnect_while_a_lost_link_is_cleared_away_is_answered_at_once(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.radio.closing_s = CLOSING_S
    world.lamp.drop()
    assert world.ask(home, seconds=0.1) == [gone(BY_PEER)]

    told = world.ask(home, device(DISCONNECT), seconds=0.1)

    assert told == [gone(0), snapshot(limit=4)]
    assert world.ask(home, seconds=CLOSING_S) == [snapshot()]


def test_a_lost_link_is_not_shown_while_it_is_cleared_away(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.radio.closing_s = CLOSING_S
    world.lamp.drop()
    world.run(0.1)

    told = world.ask(home, device(UNCACHED, HUB_ADDRESS))

    assert told[0] == snapshot(HUB_ADDRESS, limit=4)


# -- while a link is closing


def test_a_wish_while_the_former_link_is_closing_is_fulfilled_afterwards(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.radio.closing_s = CLOSING_S

    assert world.ask(home, device(DISCONNECT), device(CACHED), seconds=CLOSING_S - 0.1) == []
    told = world.ask(home, seconds=1.0)

    assert told == [gone(BY_US), snapshot(), snapshot(LAMP_ADDRESS), linked(), snapshot(LAMP_ADDRESS)]


def test_a_wish_while_a_lost_link_is_cleared_away_is_fulfilled_afterwards(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.radio.closing_s = CLOSING_S
    world.lamp.drop()
    world.run(0.1)

    assert world.ask(home, device(CACHED), seconds=1.0) == []
    assert world.ask(home, seconds=2.0) == [
        snapshot(),
        snapshot(LAMP_ADDRESS),
        linked(),
        snapshot(LAMP_ADDRESS),
    ]


def test_a_wish_that_waits_is_withdrawn_by_a_disconnect(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.radio.closing_s = CLOSING_S

    told = world.ask(home, device(DISCONNECT), device(CACHED), device(DISCONNECT), seconds=4.0)

    assert told == [gone(BY_US), snapshot()]


def test_who_comes_first_gets_a_link_that_another_client_leaves(world: World) -> None:
    first, second, third = world.caller("first"), world.caller("second"), world.caller("third")
    world.open(first)
    world.radio.closing_s = CLOSING_S
    world.ask(first, device(DISCONNECT), seconds=0.1)

    third.envy()
    assert world.ask(second, device(UNCACHED), seconds=0.1) == []
    assert world.ask(third, device(UNCACHED), seconds=0.1) == [gone(GENERIC)]
    world.run(3.0)

    assert [each.connected for each in second.of(Linked)] == [True]
    assert ends(first.told) == [gone(BY_US)]


def test_who_has_lost_a_link_that_another_client_waits_for_is_refused_at_once(world: World) -> None:
    first, second = world.caller("first"), world.caller("second")
    world.open(first)
    world.radio.closing_s = CLOSING_S
    world.lamp.drop()
    world.run(0.1)
    world.ask(second, device(UNCACHED), seconds=0.1)
    first.envy()

    assert world.ask(first, device(CACHED), seconds=0.1) == [gone(GENERIC)]
    world.run(3.0)
    assert [each.connected for each in second.of(Linked)] == [True]


def test_nobody_is_told_that_a_closing_link_is_open(world: World) -> None:
    first, second = world.caller("first"), world.caller("second")
    world.open(first)
    first.envy()
    world.radio.closing_s = CLOSING_S

    world.loop.call_soon(world.relay.handle, first, device(DISCONNECT))
    world.loop.call_soon(world.relay.handle, second, device(UNCACHED))
    told = world.ask(first, device(CACHED), seconds=0.1)

    assert told == [gone(GENERIC)]


def test_a_wish_that_waits_goes_with_its_client(world: World) -> None:
    first, second = world.caller("first"), world.caller("second")
    world.open(first)
    world.radio.closing_s = CLOSING_S
    world.ask(first, device(DISCONNECT), seconds=0.1)
    world.ask(second, device(UNCACHED), seconds=0.1)

    world.leave(second, 3.0)

    assert world.radio.entered[LAMP_ADDRESS] == 1
    assert world.slots.clients == ()


# -- services


def test_services_come_in_batches_and_then_one_end(world: World) -> None:
    home = world.caller()
    world.open(home)

    told = world.ask(home, services())

    *batches, end = told
    assert all(type(each) is api.BluetoothGATTGetServicesResponse for each in batches)
    assert end == api.BluetoothGATTGetServicesDoneResponse(address=LAMP_ADDRESS)
    seen = [each for batch in batches for each in BluetoothGATTServices.from_pb(batch).services]
    assert [(each.uuid, each.handle) for each in seen] == [(each.uuid, each.handle) for each in SERVICES]


def test_who_asks_twice_for_services_is_told_twice(world: World) -> None:
    home = world.caller()
    world.open(home)

    told = world.ask(home, services(), services())

    half = len(told) // 2
    assert told[:half] == told[half:]
    assert len(home.of(api.BluetoothGATTGetServicesDoneResponse)) == 2


def test_a_hidden_cccd_is_shown_and_reads_as_what_is_subscribed_to(world: World) -> None:
    home = world.caller()
    world.open(home, HUB_ADDRESS)
    (batch, _end) = world.ask(home, services(HUB_ADDRESS))
    cccd = batch.services[-1].characteristics[0].descriptors[0].handle

    off = world.ask(home, read_descriptor(cccd, HUB_ADDRESS))
    world.ask(home, notify(NOTIFY_HANDLE, address=HUB_ADDRESS))
    on = world.ask(home, read_descriptor(cccd, HUB_ADDRESS))
    world.ask(home, notify(NOTIFY_HANDLE, enable=False, address=HUB_ADDRESS))

    assert off == [value(cccd, b"\0\0", HUB_ADDRESS)]
    assert on == [value(cccd, b"\1\0", HUB_ADDRESS)]
    assert world.ask(home, read_descriptor(cccd, HUB_ADDRESS)) == off


def without_cccds() -> tuple[Service, ...]:
    """The lamp's services as BlueZ may show them."""
    return tuple(
        dataclasses.replace(
            service,
            characteristics=tuple(
                dataclasses.replace(
                    each, descriptors=tuple(one for one in each.descriptors if one.uuid != CCCD)
                )
                for each in service.characteristics
            ),
        )
        for service in SERVICES
    )


@pytest.mark.parametrize(("uuid", "on"), [(EVENT, b"\2\0"), (TICK, b"\1\0")])
def test_an_invented_cccd_tells_notifications_from_indications_and_can_be_written(
    world: World, uuid: str, on: bytes
) -> None:
    home = world.caller()
    world.lamp.services = without_cccds()
    world.open(home)
    cccd = descriptor_of(uuid, CCCD, with_cccds(without_cccds()))

    told = world.ask(home, notify(handle_of(uuid)), write_descriptor(cccd, on), read_descriptor(cccd))

    assert told == [notifies(handle_of(uuid)), written(cccd), value(cccd, on)]


# -- values


def test_a_long_value_is_read_whole(world: World) -> None:
    home = world.caller()
    world.open(home)

    assert world.ask(home, read(PLAN)) == [value(PLAN, bytes(range(200)))]


def test_a_write_with_response_is_answered_and_has_happened(world: World) -> None:
    home = world.caller()
    world.open(home)

    told = world.ask(home, write(BRIGHT, b"\x07"), read(BRIGHT))

    assert told == [written(BRIGHT), value(BRIGHT, b"\x07")]


def test_a_write_without_response_is_not_answered_and_has_happened(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.ask(home, notify(TICKS))

    told = world.ask(home, write(ORDER, BEGIN_TO_TICK, response=False), seconds=0.055)

    assert told == [notified(TICKS, bytes((count, 0, 0, 0))) for count in range(5)]


def test_a_long_value_is_written_whole(world: World) -> None:
    home = world.caller()
    world.open(home)

    told = world.ask(home, write(PLAN, b"\xaa" * 199), read(PLAN))

    assert told == [written(PLAN), value(PLAN, b"\xaa" * 199)]


def test_descriptors_are_read_and_written(world: World) -> None:
    home = world.caller()
    world.open(home)
    name = descriptor_of(SCHEDULE, USER_DESCRIPTION)

    told = world.ask(home, read_descriptor(name), write_descriptor(name, b"Evenings"), read_descriptor(name))

    assert told == [value(name, b"Schedule"), written(name), value(name, b"Evenings")]


@pytest.mark.parametrize("data", [b"\1\0", b"\2\0", b"\0\0"])
def test_a_write_to_a_cccd_is_answered_and_not_passed_on(world: World, data: bytes) -> None:
    home = world.caller()
    world.open(home)
    cccd = descriptor_of(EVENT, CCCD)

    told = world.ask(home, write_descriptor(cccd, data), read_descriptor(cccd), write(BRIGHT, b"\1"))

    assert told == [written(cccd), value(cccd, b"\0\0"), written(BRIGHT)]


def test_a_cccd_takes_two_octets_and_no_other_number(world: World) -> None:
    home = world.caller()
    world.open(home)
    cccd = descriptor_of(EVENT, CCCD)

    assert world.ask(home, write_descriptor(cccd, b"\1")) == [failed(cccd, 0x0D)]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (read(0xBEEF), 0x01),
        (write(0xBEEF, b"\0"), 0x01),
        (read_descriptor(0xBEEF), 0x01),
        (write_descriptor(0xBEEF, b"\0\0"), 0x01),
        (notify(0xBEEF), 0x01),
        (read(ORDER), 0x02),
        (write(MODEL_NAME, b"x"), 0x03),
        (write(BRIGHT, b"\1", response=False), 0x03),
        (notify(BRIGHT), 0x06),
        (write(BRIGHT, b"\0\0"), 0x0D),
        (write(BRIGHT, b"\x65"), 0x80),
        (read(CONFIDENTIAL), 0x05),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, int) else f"{each:#04x}",
)
def test_what_a_peripheral_refuses_is_told_with_its_code_and_the_link_goes_on(
    world: World, request_: Any, code: int
) -> None:
    home = world.caller()
    world.open(home)

    told = world.ask(home, request_, read(BRIGHT))

    assert told == [failed(request_.handle, code), value(BRIGHT, b"\x28")]


def test_requests_are_answered_in_their_order(world: World) -> None:
    home = world.caller()
    world.open(home)

    told = world.ask(home, read(BRIGHT), read(0xBEEF), write(BRIGHT, b"\1"), read(MODEL_NAME), read(BRIGHT))

    assert told == [
        value(BRIGHT, b"\x28"),
        failed(0xBEEF, 0x01),
        written(BRIGHT),
        value(MODEL_NAME, b"Lamp 2"),
        value(BRIGHT, b"\x01"),
    ]


# -- notifications


def test_notifications_come_from_their_begin_to_their_end(world: World) -> None:
    home = world.caller()
    world.open(home)

    silent = world.ask(home, write(BRIGHT, b"\1"))
    on = world.ask(home, notify(CHANGES))
    loud = world.ask(home, write(BRIGHT, b"\2"))
    off = world.ask(home, notify(CHANGES, enable=False))

    assert silent == [written(BRIGHT)]
    assert on == off == [notifies(CHANGES)]
    assert loud == [written(BRIGHT), notified(CHANGES, b"\2")]
    assert world.ask(home, write(BRIGHT, b"\3")) == [written(BRIGHT)]


def test_a_second_subscription_brings_nothing_twice(world: World) -> None:
    home = world.caller()
    world.open(home)

    assert world.ask(home, notify(CHANGES), notify(CHANGES)) == [notifies(CHANGES)] * 2
    assert world.ask(home, write(BRIGHT, b"\2")) == [written(BRIGHT), notified(CHANGES, b"\2")]


def test_two_subscriptions_are_told_apart(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.ask(home, notify(CHANGES), notify(handle_of(TEMPERATURE)), notify(TICKS))

    told = world.ask(home, write(BRIGHT, b"\2"), write(ORDER, BEGIN_TO_TICK, response=False), seconds=0.1)

    assert {each.handle for each in told if type(each) is api.BluetoothGATTNotifyDataResponse} == {
        CHANGES,
        TICKS,
    }


def test_an_end_of_what_never_began_is_answered(world: World) -> None:
    home = world.caller()
    world.open(home)

    assert world.ask(home, notify(CHANGES, enable=False)) == [notifies(CHANGES)]


def test_subscriptions_end_with_their_link(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.ask(home, notify(TICKS), write(ORDER, BEGIN_TO_TICK, response=False))
    world.ask(home, device(DISCONNECT))

    world.open(home, kind=CACHED)
    told = world.ask(home, write(ORDER, BEGIN_TO_TICK, response=False), seconds=1.0)

    assert told == []


# -- bonds


def test_a_bond_opens_what_needs_one(world: World) -> None:
    home = world.caller()
    world.open(home)

    told = world.ask(home, device(PAIR), read(CONFIDENTIAL), seconds=1.0)

    assert told == [pairing(True), value(CONFIDENTIAL, b"open sesame")]


def test_a_passkey_comes_from_the_rules(worlds: Worlds) -> None:
    world = worlds(passkey=123456, rules=RelayRules(passkeys={LAMP_ADDRESS: 123456, HUB_ADDRESS: 1}))
    home = world.caller()
    world.open(home)

    assert world.ask(home, device(PAIR)) == [pairing(True)]


@pytest.mark.parametrize("passkeys", [{}, {LAMP_ADDRESS: 654321}, {HUB_ADDRESS: 123456}])
def test_without_the_right_passkey_there_is_no_bond_and_the_link_goes_on(
    worlds: Worlds, passkeys: dict[int, int]
) -> None:
    world = worlds(passkey=123456, rules=RelayRules(passkeys=passkeys))
    home = world.caller()
    world.open(home)

    told = world.ask(home, device(PAIR), read(BRIGHT))

    assert told == [pairing(False, 0x05), value(BRIGHT, b"\x28")]


def test_to_remove_a_bond_ends_the_link(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.ask(home, device(PAIR))

    assert world.ask(home, device(UNPAIR)) == [unpairing(True), gone(BY_US), snapshot()]
    assert not world.lamp.bonded


def test_a_bond_can_be_removed_without_a_link(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.ask(home, device(PAIR))
    world.ask(home, device(DISCONNECT))

    assert world.ask(home, device(UNPAIR)) == [unpairing(True)]
    assert not world.lamp.bonded


def test_no_bond_can_be_made_without_a_link(world: World) -> None:
    home = world.caller()

    assert world.ask(home, device(PAIR)) == [pairing(False, NOT_CONNECTED)]
    assert not world.lamp.bonded


def test_nobody_removes_the_bond_under_another_clients_link(world: World) -> None:
    home, other = world.caller(), world.caller("other")
    world.open(home)
    world.ask(home, device(PAIR))

    assert world.ask(other, device(UNPAIR)) == [unpairing(False, GENERIC)]
    assert world.lamp.bonded
    assert world.lamp.taken


# -- what is remembered of services


def test_a_cache_is_cleared_with_a_link_and_without(world: World) -> None:
    home = world.caller()

    without = world.ask(home, device(CLEAR_CACHE, ABSENT))
    world.open(home)
    within = world.ask(home, device(CLEAR_CACHE), read(BRIGHT))

    assert without == [clearing(True, address=ABSENT)]
    assert within == [clearing(True), value(BRIGHT, b"\x28")]
    assert world.radio.forgotten == [ABSENT, LAMP_ADDRESS]


def swapped() -> tuple[Service, ...]:
    """The lamp's services, where brightness and schedule have changed places."""

    def uuid(before: str) -> str:
        return {BRIGHTNESS: SCHEDULE, SCHEDULE: BRIGHTNESS}.get(before, before)

    return tuple(
        dataclasses.replace(
            service,
            characteristics=tuple(
                dataclasses.replace(each, uuid=uuid(each.uuid)) for each in service.characteristics
            ),
        )
        for service in SERVICES
    )


def changed(world: World) -> Any:
    """A client that has been told the services of the lamp, before that became another one."""
    home = world.caller()
    world.open(home)
    world.ask(home, services())
    world.ask(home, device(DISCONNECT))
    world.lamp.services = swapped()
    return home


def test_a_handle_that_has_become_another_one_is_refused_to_who_goes_by_the_cache(world: World) -> None:
    home = changed(world)
    world.open(home, kind=CACHED)

    told = world.ask(
        home, write(BRIGHT, b"\1"), read(PLAN), read(MODEL_NAME), write(handle_of(LEVEL, 1), b"\1")
    )

    assert told == [
        failed(BRIGHT, 0x01),
        failed(PLAN, 0x01),
        value(MODEL_NAME, b"Lamp 2"),
        written(handle_of(LEVEL, 1)),
    ]
    assert world.lamp.read(BRIGHT, encrypted=False) == b"\x28"
    world.ask(home, device(DISCONNECT))
    assert world.radio.forgotten == []


def test_it_is_refused_at_the_next_link_as_well(world: World) -> None:
    home = changed(world)
    world.open(home, kind=CACHED)
    world.ask(home, read(0xBEEF), write(BRIGHT, b"\1"))
    world.ask(home, device(DISCONNECT))
    world.open(home, kind=CACHED)

    assert world.ask(home, write(BRIGHT, b"\1")) == [failed(BRIGHT, 0x01)]
    assert world.lamp.read(BRIGHT, encrypted=False) == b"\x28"


def test_once_the_services_were_asked_for_again_all_handles_work(world: World) -> None:
    home = changed(world)
    world.open(home, kind=CACHED)
    world.ask(home, services())

    assert world.ask(home, write(BRIGHT, b"\1")) == [written(BRIGHT)]
    world.ask(home, device(DISCONNECT))
    world.open(home, kind=CACHED)
    assert world.ask(home, read(BRIGHT)) == [value(BRIGHT, b"\1")]


def test_who_connects_without_cache_is_not_held_to_it(world: World) -> None:
    home = changed(world)
    world.open(home, kind=UNCACHED)

    assert world.ask(home, write(BRIGHT, b"\1")) == [written(BRIGHT)]


def test_after_the_cache_was_cleared_nothing_is_refused(world: World) -> None:
    home = changed(world)
    world.ask(home, device(CLEAR_CACHE))
    world.open(home, kind=CACHED)

    assert world.ask(home, write(BRIGHT, b"\1")) == [written(BRIGHT)]


def test_what_clients_were_told_outlives_the_program(worlds: Worlds, tmp_path: Path) -> None:
    first = worlds(path=tmp_path / FILE)
    changed(first)
    first.close()

    second = worlds(path=tmp_path / FILE)
    second.lamp.services = swapped()
    home = second.caller()
    second.open(home, kind=CACHED)

    assert second.ask(home, write(BRIGHT, b"\1")) == [failed(BRIGHT, 0x01)]


def test_a_peripheral_without_services_has_no_empty_list(world: World) -> None:
    home = world.caller()
    world.lamp.services = ()
    world.open(home)

    assert world.ask(home, services()) == [failed(0, 0x0E)]


UNKNOWN_TO_THE_LAMP = Service(
    SERVICES[-1].uuid,
    0x70,
    (dataclasses.replace(SERVICES[-1].characteristics[0], handle=0x72),),
)


def test_a_handle_that_the_peripheral_should_know_and_does_not_has_its_services_read_anew(
    world: World,
) -> None:
    home = world.caller()
    world.lamp.services = (*SERVICES, UNKNOWN_TO_THE_LAMP)
    world.open(home)

    assert world.ask(home, read(0x72)) == [failed(0x72, 0x01)]
    assert world.radio.forgotten == []
    world.ask(home, device(DISCONNECT))
    assert world.radio.forgotten == [LAMP_ADDRESS]


def test_a_handle_that_nobody_should_know_changes_nothing(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.ask(home, read(0x72))
    world.ask(home, device(DISCONNECT))

    assert world.radio.forgotten == []


# -- connection parameters


def test_connection_parameters_are_asked_for(world: World) -> None:
    home = world.caller()
    world.open(home)

    told = world.ask(home, tune(800, 800), read(BRIGHT), seconds=1.9)

    assert told == [api.BluetoothSetConnectionParamsResponse(address=LAMP_ADDRESS)]
    assert world.ask(home, seconds=0.2) == [value(BRIGHT, b"\x28")]


def test_impossible_connection_parameters_are_refused_and_the_link_goes_on(world: World) -> None:
    home = world.caller()
    world.open(home)

    told = world.ask(home, tune(5, 0), read(BRIGHT))

    refused = api.BluetoothSetConnectionParamsResponse(address=LAMP_ADDRESS, error=0x13)
    assert told == [refused, value(BRIGHT, b"\x28")]


# -- links that end


@pytest.mark.parametrize(
    "request_",
    [
        read(BRIGHT),
        write(BRIGHT, b"\1"),
        write(ORDER, b"\1", response=False),
        read_descriptor(BRIGHT),
        write_descriptor(BRIGHT, b"\1"),
        notify(CHANGES),
        services(),
    ],
    ids=lambda each: type(each).__name__,
)
def test_without_a_link_each_operation_is_answered_not_connected(world: World, request_: Any) -> None:
    home = world.caller()
    refused = [failed(getattr(request_, "handle", 0), NOT_CONNECTED)]

    assert world.ask(home, request_, seconds=0.0) == refused
    assert world.ask(home, device(UNCACHED), request_, seconds=0.0)[1:] == refused
    world.run(1.0)
    world.ask(home, device(DISCONNECT))
    assert world.ask(home, request_, seconds=0.0) == refused


def test_what_is_under_way_and_what_waits_is_answered_when_the_peripheral_hangs_up(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.loop.call_later(0.01, world.lamp.drop)

    told = world.ask(home, write(BRIGHT, b"\1"), read(PLAN), device(PAIR), seconds=0.1)

    assert told == [
        failed(BRIGHT, NOT_CONNECTED),
        failed(PLAN, NOT_CONNECTED),
        pairing(False, NOT_CONNECTED),
        gone(BY_PEER),
        snapshot(),
    ]


def test_what_is_under_way_and_what_waits_is_answered_when_the_client_disconnects(world: World) -> None:
    home = world.caller()
    world.open(home)

    told = world.ask(home, write(BRIGHT, b"\1"), read(PLAN), seconds=0.01)
    told += world.ask(home, device(DISCONNECT), seconds=0.1)

    assert told == [
        failed(BRIGHT, NOT_CONNECTED),
        failed(PLAN, NOT_CONNECTED),
        gone(BY_US),
        snapshot(),
    ]


def test_a_peripheral_that_hangs_up_is_told_at_once(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.radio.closing_s = CLOSING_S
    world.lamp.drop()

    assert world.ask(home, seconds=0.0) == [gone(BY_PEER)]
    assert world.ask(home, seconds=CLOSING_S) == [snapshot()]


def test_a_link_that_was_lost_can_be_had_again(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.lamp.drop()
    world.run(0.1)
    world.open(home, kind=CACHED)

    assert world.ask(home, read(BRIGHT)) == [value(BRIGHT, b"\x28")]


def test_all_links_of_an_adapter_that_is_gone_are_told_and_leave_their_slots(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.open(home, HUB_ADDRESS)
    world.radio.fail("pulled out")

    told = world.ask(home, seconds=0.1)

    assert sorted(each.address for each in ends(told)) == sorted((LAMP_ADDRESS, HUB_ADDRESS))
    assert {each.error for each in ends(told)} == {GENERIC}
    assert told[-1] == snapshot()


def test_without_an_adapter_no_link_comes_about_and_with_it_again_one_does(world: World) -> None:
    home = world.caller()
    world.radio.fail("pulled out")
    assert ends(world.ask(home, device(UNCACHED))) == [gone(NOT_ESTABLISHED)]

    world.radio.recover()
    world.run(1.0)
    world.open(home)


def test_an_attempt_dies_with_the_adapter(world: World) -> None:
    home = world.caller()
    world.loop.call_later(0.03, world.radio.fail, "pulled out")

    assert world.ask(home, device(UNCACHED))[1:] == [gone(NOT_ESTABLISHED), snapshot()]


# -- several clients


def test_a_second_client_gets_no_link_and_is_told_at_once(world: World) -> None:
    home, other = world.caller(), world.caller("other")
    world.open(home)
    other.envy()

    assert world.ask(other, device(UNCACHED), seconds=0.0) == [gone(GENERIC)]
    assert world.ask(home, read(BRIGHT)) == [value(BRIGHT, b"\x28")]


def test_a_second_client_cannot_use_the_link_of_another(world: World) -> None:
    home, other = world.caller(), world.caller("other")
    world.open(home)

    told = world.ask(other, write(BRIGHT, b"\1"), read(BRIGHT), device(PAIR), services(), seconds=0.0)

    assert [each.error for each in told] == [NOT_CONNECTED] * 4
    assert world.lamp.read(BRIGHT, encrypted=False) == b"\x28"


def test_a_second_client_cannot_end_the_link_of_another(world: World) -> None:
    home, other = world.caller(), world.caller("other")
    world.open(home)
    other.envy()
    before = len(home.told)

    assert world.ask(other, device(DISCONNECT))[0] == gone(0)
    assert home.told[before:] == []
    assert world.ask(home, read(BRIGHT)) == [value(BRIGHT, b"\x28")]


def test_notifications_go_to_the_client_that_asked_for_them(world: World) -> None:
    home, other = world.caller(), world.caller("other")
    world.open(home)
    world.ask(home, notify(CHANGES), write(BRIGHT, b"\1"))

    assert other.of(api.BluetoothGATTNotifyDataResponse) == []
    assert home.of(api.BluetoothGATTNotifyDataResponse) == [notified(CHANGES, b"\1")]


def test_each_client_is_told_of_every_change_of_the_slots(world: World) -> None:
    home, other = world.caller(), world.caller("other")
    world.open(home)
    world.ask(home, device(DISCONNECT))

    assert other.told == [snapshot(), snapshot(LAMP_ADDRESS), snapshot()]


# -- clients that leave


def test_links_go_with_their_client_and_others_stay(world: World) -> None:
    home, other = world.caller(), world.caller("other")
    world.open(home)
    world.open(other, HUB_ADDRESS)

    world.leave(home, 2.0)

    assert not world.lamp.taken
    assert world.slots.clients == (HUB_ADDRESS,)
    assert other.told[-1] == snapshot(HUB_ADDRESS)
    assert ends(other.told) == []


def test_an_attempt_goes_with_its_client(world: World) -> None:
    home = world.caller()
    world.lamp.refuse()
    world.ask(home, device(UNCACHED), seconds=1.0)

    world.leave(home, 0.1)

    assert world.slots.clients == ()
    assert world.relay.links == 0


def test_what_is_under_way_goes_with_its_client(world: World) -> None:
    home = world.caller()
    world.open(home)
    world.ask(home, write(PLAN, b"\1"), read(PLAN), seconds=0.01)

    world.leave(home, 0.1)

    assert not world.lamp.taken
    assert world.lamp.read(PLAN, encrypted=False) == bytes(range(200))


def test_a_client_that_leaves_twice_or_had_nothing_leaves_once(world: World) -> None:
    home, other = world.caller(), world.caller("other")
    world.open(home)

    world.leave(other)
    world.leave(other)
    world.leave(home, 0.1)
    world.leave(home, 0.1)

    assert world.slots.clients == ()


# -- the reader


def occupied(worlds: Worlds, **options: Any) -> tuple[World, Occupant]:
    """A world whose hub is being read."""
    world = worlds(tenant=lambda radio: Occupant(radio, HUB_ADDRESS), **options)
    world.run(1.0)
    assert world.tenant.holds
    return world, world.tenant


def test_a_reader_leaves_its_link_to_a_client_and_gets_it_back(worlds: Worlds) -> None:
    world, reader = occupied(worlds)
    home = world.caller()
    assert home.told == [snapshot(limit=4)]

    told = world.ask(home, device(UNCACHED, HUB_ADDRESS), seconds=2.0)
    assert told == [snapshot(HUB_ADDRESS), linked(HUB_ADDRESS, mtu=23), snapshot(HUB_ADDRESS)]
    assert reader.calls == ["release"]
    assert not reader.holds

    told = world.ask(home, device(DISCONNECT, HUB_ADDRESS), seconds=2.0)
    assert told == [gone(BY_US, HUB_ADDRESS), snapshot(), snapshot(limit=4)]
    assert reader.calls == ["release", "resume"]
    assert reader.holds


def test_a_reader_that_holds_the_last_slot_leaves_it(worlds: Worlds) -> None:
    world, reader = occupied(worlds, limit=2)
    home = world.caller()
    world.open(home)
    assert world.ask(home, device(UNCACHED, ABSENT))[0] == gone(0x11, ABSENT)

    told = world.ask(home, device(UNCACHED, HUB_ADDRESS), seconds=2.0)

    assert set(told[0].allocated) == {LAMP_ADDRESS, HUB_ADDRESS}
    assert told[1] == linked(HUB_ADDRESS, mtu=23)
    assert reader.calls == ["release"]


def test_a_reader_gets_its_link_back_when_the_clients_does_not_come_about(worlds: Worlds) -> None:
    world, reader = occupied(worlds)
    home = world.caller()
    world.radio.hub.refuse()

    told = world.ask(home, device(UNCACHED, HUB_ADDRESS), seconds=13.0)

    assert told[:3] == [snapshot(HUB_ADDRESS), gone(NOT_ESTABLISHED, HUB_ADDRESS), snapshot()]
    assert reader.calls == ["release", "resume"]


def test_a_reader_gets_its_link_back_when_the_client_changes_its_mind_at_once(worlds: Worlds) -> None:
    world, reader = occupied(worlds)
    home = world.caller()

    world.ask(home, device(UNCACHED, HUB_ADDRESS), device(DISCONNECT, HUB_ADDRESS), seconds=2.0)

    assert reader.holds
    assert world.slots.holder(HUB_ADDRESS) is Holder.READER
    assert ends(home.told) == [gone(BY_US, HUB_ADDRESS)]


class Timed(Caller):
    """Knows when it was last told of a link."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__("timed")
        self.linked_at = 0.0
        self._loop = loop

    def send_all(self, messages: Iterable[Message]) -> None:
        came = list(messages)
        if any(type(each) is Linked for each in came):
            self.linked_at = self._loop.time()
        super().send_all(came)


@pytest.mark.parametrize("turns", range(6))
def test_after_a_disconnect_no_link_comes_up_be_it_in_the_same_moment(worlds: Worlds, turns: int) -> None:
    first = worlds()
    timed = Timed(first.loop)
    began = first.loop.time()
    first.ask(timed, device(UNCACHED))
    up_after_s = timed.linked_at - began

    world = worlds()
    home = world.caller()
    loop = world.loop

    def change_mind(left: int) -> None:
        if left:
            loop.call_soon(change_mind, left - 1)
        else:
            world.relay.handle(home, device(DISCONNECT))
            heard.append(len(home.told))

    heard: list[int] = []
    world.ask(home, device(UNCACHED), seconds=0.0)
    loop.call_later(up_after_s, change_mind, turns)
    loop.advance(5.0)

    assert [each for each in home.told[heard[0] :] if type(each) is Linked] == [gone(BY_US)]


def test_a_client_that_leaves_in_the_moment_of_its_request_is_told_nothing_more(worlds: Worlds) -> None:
    world = worlds()
    home = world.caller()
    world.open(home)
    before = world.lamp.connects

    world.loop.call_soon(world.relay.handle, home, services())
    world.loop.call_soon(world.relay.handle, home, write(ORDER, BEGIN_TO_TICK, response=False))
    world.leave(home, seconds=1.0)

    assert {type(each) for each in home.late} <= {Failed, Linked}
    assert world.lamp.connects == before
    assert not world.radio.slots.clients


def test_a_reader_does_not_come_between_two_links_of_a_client(worlds: Worlds) -> None:
    world, reader = occupied(worlds)
    home = world.caller()
    world.open(home, HUB_ADDRESS)
    world.radio.closing_s = CLOSING_S

    told = world.ask(home, device(DISCONNECT, HUB_ADDRESS), device(CACHED, HUB_ADDRESS), seconds=5.0)

    assert [each.connected for each in told if type(each) is Linked] == [False, True]
    assert reader.calls == ["release", "release"]
    assert not reader.holds


def test_a_link_that_is_open_stays_so_whatever_is_asked_for_it(worlds: Worlds) -> None:
    world = worlds()
    home = world.caller()
    world.open(home)

    assert world.ask(home, device(0)) == [linked(), snapshot(LAMP_ADDRESS)]
    assert world.ask(home, device(100)) == [linked(), snapshot(LAMP_ADDRESS)]


def test_a_reader_does_not_try_for_a_link_that_the_client_takes_again(worlds: Worlds) -> None:
    world = worlds(tenant=real_reader)
    home = world.caller()
    world.open(home, HUB_ADDRESS)
    world.run(25.0)  # more than one round is due by now
    entered = world.radio.attempts[HUB_ADDRESS]

    world.ask(home, device(DISCONNECT, HUB_ADDRESS), device(CACHED, HUB_ADDRESS), seconds=5.0)

    assert world.radio.attempts[HUB_ADDRESS] == entered + 1


def test_a_reader_is_not_asked_for_what_a_client_may_not_have(worlds: Worlds) -> None:
    world, reader = occupied(worlds, rules=RelayRules(allowed=(LAMP_ADDRESS,)))
    home = world.caller()

    assert world.ask(home, device(UNCACHED, HUB_ADDRESS)) == [gone(GENERIC, HUB_ADDRESS)]
    assert reader.calls == []
    assert reader.holds


@pytest.mark.parametrize("after_s", [0.0, 0.03, 0.1, 0.3, 0.5, 1.0, 3.0, 9.99, 10.05])
def test_the_real_reader_gives_way_at_any_moment_and_comes_back(worlds: Worlds, after_s: float) -> None:
    world = worlds(tenant=real_reader)
    world.run(after_s)
    home = world.caller()

    world.ask(home, device(UNCACHED, HUB_ADDRESS), seconds=1.0)
    assert home.of(Linked) == [linked(HUB_ADDRESS, mtu=23)]
    requests = world.radio.hub.requests
    world.run(30.0)
    assert world.slots.holder(HUB_ADDRESS) is Holder.CLIENT
    assert world.radio.hub.requests == requests

    world.ask(home, device(DISCONNECT, HUB_ADDRESS), seconds=5.0)
    assert world.slots.holder(HUB_ADDRESS) is Holder.READER
    assert world.radio.hub.requests >= requests + 5


def test_the_real_reader_comes_back_when_the_hub_lets_nobody_in_and_then_does(worlds: Worlds) -> None:
    world = worlds(tenant=real_reader)
    world.run(3.0)
    home = world.caller()
    world.radio.hub.refuse()

    world.ask(home, device(UNCACHED, HUB_ADDRESS), seconds=13.0)
    assert ends(home.told) == [gone(NOT_ESTABLISHED, HUB_ADDRESS)]
    world.radio.hub.reappear()
    requests = world.radio.hub.requests
    world.run(120.0)

    assert world.slots.holder(HUB_ADDRESS) is Holder.READER
    assert world.radio.hub.requests > requests


# -- who may


def test_only_allowed_devices_can_be_connected_to(worlds: Worlds, caplog: pytest.LogCaptureFixture) -> None:
    world = worlds(rules=RelayRules(allowed=(LAMP_ADDRESS,)))
    home = world.caller()

    told = world.ask(
        home,
        *(device(kind, HUB_ADDRESS) for kind in (UNCACHED, CACHED, CLEAR_CACHE, UNPAIR)),
        seconds=0.0,
    )

    assert [type(each) for each in told] == [
        Linked,
        Linked,
        api.BluetoothDeviceClearCacheResponse,
        api.BluetoothDeviceUnpairingResponse,
    ]
    assert {each.error for each in told} == {GENERIC}
    assert world.radio.forgotten == []
    assert not world.radio.entered
    assert {each.levelno for each in caplog.records if "connection_allow_list" in each.message} == {
        logging.WARNING
    }
    world.open(home)


def test_a_forbidden_device_is_disconnected_from_as_any_other(worlds: Worlds) -> None:
    world = worlds(rules=RelayRules(allowed=(LAMP_ADDRESS,)))
    home = world.caller()

    assert world.ask(home, device(DISCONNECT, HUB_ADDRESS)) == [gone(0, HUB_ADDRESS), snapshot()]


# -- begin and end of the relay


def all_refused(world: World) -> None:
    home = world.caller("late")
    told = world.ask(home, *(device(kind) for kind in range(7)), services(), tune(8, 8), seconds=0.0)
    told += world.ask(home, read(1), write(1, b""), read_descriptor(1), write_descriptor(1, b""), notify(1))
    assert not any(each.connected for each in told if type(each) is Linked)
    answers = [each for each in told if type(each) is not Snapshot]
    assert len(answers) == 14
    assert all(each.error or each == gone(0) for each in answers)


def test_a_relay_that_does_not_run_refuses_all_at_once(worlds: Worlds) -> None:
    world = worlds(running=False)

    all_refused(world)
    assert not world.radio.entered


def test_a_relay_that_has_ended_refuses_all_at_once(world: World) -> None:
    home = world.caller()
    world.open(home)
    entered = dict(world.radio.entered)

    world.stop()

    assert home.told[-2:] == [gone(BY_US), snapshot()]
    assert not world.lamp.taken
    all_refused(world)
    assert world.radio.entered == entered
    told = len(home.told)
    world.slots.reserve(HUB_ADDRESS, Holder.READER).release()
    assert len(home.told) == told


def test_the_end_of_the_relay_ends_links_and_attempts_and_wishes(world: World) -> None:
    home, other = world.caller(), world.caller("other")
    world.open(home)
    world.radio.hub.refuse()
    world.ask(home, device(UNCACHED, HUB_ADDRESS), seconds=1.0)
    world.radio.closing_s = CLOSING_S
    world.ask(home, device(DISCONNECT), seconds=0.1)
    other.envy()
    world.ask(other, device(UNCACHED), seconds=0.1)
    begun = world.loop.time()

    world.stop()

    assert world.loop.time() - begun <= CLOSING_S
    assert {each.address for each in ends(home.told)} == {LAMP_ADDRESS, HUB_ADDRESS}
    assert ends(other.told) == [gone(GENERIC)]
    assert world.slots.clients == ()
