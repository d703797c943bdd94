"""The lamp over its simulated link, in virtual time; the rules of the port are in the conformance."""

import asyncio
from itertools import pairwise

import pytest
from simulator.world import World

from renogybt.model.gatt import AttCode, AttError, LinkLostError, LinkParameters, PairingError
from renogybt.simulator.lamp import (
    BEGIN_TO_TICK,
    INDICATE_NOW,
    LAMP_ADDRESS,
    LAMP_MTU,
    SERVICES,
    STOP_TICKING,
)

pytestmark = pytest.mark.asyncio(loop_factories=["virtual"])

NAME, BRIGHTNESS, COMMAND, EVENT, SCHEDULE, SECRET, TICK = 0x03, 0x32, 0x35, 0x37, 0x3A, 0x3D, 0x3F
EVENT_CONFIGURATION, TICK_CONFIGURATION = 0x38, 0x40


def parameters(shortest: int, longest: int) -> LinkParameters:
    return LinkParameters(shortest, longest, latency=0, timeout=400)


async def test_a_link_shows_the_lamp_as_it_is(world: World) -> None:
    async with world.radio.connect(LAMP_ADDRESS) as link:
        assert (link.address, link.name, link.mtu) == (LAMP_ADDRESS, "Demo Lamp", LAMP_MTU)
        assert link.services == SERVICES
        assert await link.read(NAME) == b"Demo Lamp"


# -- sending


async def test_ticks_come_each_10_ms_for_as_long_as_they_are_asked_for(world: World) -> None:
    times: list[float] = []
    async with world.radio.connect(LAMP_ADDRESS) as link:
        await link.subscribe(TICK, lambda _: times.append(world.loop.time()))
        await link.write(COMMAND, BEGIN_TO_TICK, response=False)
        await asyncio.sleep(10.005)
        assert len(times) == 1000
        await link.write(COMMAND, STOP_TICKING, response=False)
        await asyncio.sleep(1.0)

    assert len(times) == 1000
    assert all(later - earlier == pytest.approx(0.01) for earlier, later in pairwise(times))


async def test_who_begins_again_counts_from_zero_and_no_faster(world: World) -> None:
    ticks: list[bytes] = []
    async with world.radio.connect(LAMP_ADDRESS) as link:
        await link.subscribe(TICK, ticks.append)
        for command in (BEGIN_TO_TICK, BEGIN_TO_TICK, STOP_TICKING, BEGIN_TO_TICK):
            await link.write(COMMAND, command, response=False)
        await asyncio.sleep(0.105)

    assert ticks == [number.to_bytes(4, "little") for number in range(10)]


async def test_ticks_end_with_the_link(world: World) -> None:
    ticks: list[bytes] = []
    async with world.radio.connect(LAMP_ADDRESS) as link:
        await link.write(COMMAND, BEGIN_TO_TICK, response=False)
        await asyncio.sleep(0.1)
    async with world.radio.connect(LAMP_ADDRESS) as link:
        await link.subscribe(TICK, ticks.append)
        await asyncio.sleep(0.1)
        assert ticks == []
        await link.write(COMMAND, BEGIN_TO_TICK, response=False)
        await asyncio.sleep(0.1)

    assert ticks[0] == bytes(4)


async def test_a_listener_may_be_the_end_of_the_link(world: World) -> None:
    async with world.radio.connect(LAMP_ADDRESS) as link:
        await link.subscribe(TICK, lambda _: world.lamp.drop())
        await link.write(COMMAND, BEGIN_TO_TICK, response=False)
        await asyncio.sleep(0.1)
        assert not link.open

    assert not world.lamp.model.ticking


async def test_a_write_responds_before_its_indication_comes(world: World) -> None:
    told: list[bytes] = []
    async with world.radio.connect(LAMP_ADDRESS) as link:
        await link.subscribe(EVENT, told.append)
        await link.write(BRIGHTNESS, b"\x01", response=True)
        assert told == []
        await asyncio.sleep(0.01)
        assert told == [b"\x01"]


async def test_nobody_is_told_what_he_has_not_subscribed_to(world: World) -> None:
    told: list[bytes] = []
    async with world.radio.connect(LAMP_ADDRESS) as link:
        await link.subscribe(EVENT, told.append)
        await link.write(COMMAND, BEGIN_TO_TICK, response=False)
        await link.write(COMMAND, INDICATE_NOW, response=False)
        await asyncio.sleep(0.1)

    assert told == [b"\x28"]


# -- what the link itself answers


async def test_the_configuration_belongs_to_the_link(world: World) -> None:
    async with world.radio.connect(LAMP_ADDRESS) as link:
        await link.subscribe(EVENT, lambda _: None)
        assert await link.read(EVENT_CONFIGURATION) == b"\2\0"
        assert await link.read(TICK_CONFIGURATION) == b"\0\0"
    async with world.radio.connect(LAMP_ADDRESS) as link:
        assert await link.read(EVENT_CONFIGURATION) == b"\0\0"
        with pytest.raises(AttError) as refused:
            await link.write(EVENT_CONFIGURATION, b"\2\0", response=True)
        assert refused.value.code == AttCode.WRITE_NOT_PERMITTED


async def test_a_write_without_response_where_there_is_none_is_refused(world: World) -> None:
    async with world.radio.connect(LAMP_ADDRESS) as link:
        with pytest.raises(AttError) as refused:
            await link.write(BRIGHTNESS, b"\x01", response=False)
        assert refused.value.code == AttCode.WRITE_NOT_PERMITTED


@pytest.mark.parametrize(("octets", "fits"), [(LAMP_MTU - 3, True), (LAMP_MTU - 2, False)])
async def test_a_write_without_response_fits_into_a_packet(world: World, octets: int, fits: bool) -> None:
    async with world.radio.connect(LAMP_ADDRESS) as link:
        if fits:
            await link.write(COMMAND, bytes(octets), response=False)
            return
        with pytest.raises(AttError) as refused:
            await link.write(COMMAND, bytes(octets), response=False)
        assert refused.value.code == AttCode.INVALID_LENGTH


async def test_who_meets_the_lamp_less_often_waits_longer(world: World) -> None:
    async with world.radio.connect(LAMP_ADDRESS) as link:
        for wish, round_trip_s in ((None, 0.03), (parameters(6, 6), 0.015), (parameters(24, 40), 0.1)):
            if wish is not None:
                await link.tune(wish)
            began = world.loop.time()
            await link.read(BRIGHTNESS)
            assert world.loop.time() - began == pytest.approx(round_trip_s)
    async with world.radio.connect(LAMP_ADDRESS) as link:
        began = world.loop.time()
        await link.read(BRIGHTNESS)
        assert world.loop.time() - began == pytest.approx(0.03)


@pytest.mark.parametrize("wrong", [parameters(0, 6), parameters(6, 3201), parameters(12, 6)])
async def test_intervals_that_cannot_be_are_refused(world: World, wrong: LinkParameters) -> None:
    async with world.radio.connect(LAMP_ADDRESS) as link:
        with pytest.raises(AttError):
            await link.tune(wrong)


# -- bonds


async def test_a_bond_encrypts_this_link_and_the_next_from_the_start(world: World) -> None:
    async with world.radio.connect(LAMP_ADDRESS) as link:
        await link.pair()
        assert await link.read(SECRET) == b"open sesame"
    async with world.radio.connect(LAMP_ADDRESS) as link:
        assert await link.read(SECRET) == b"open sesame"
        began = world.loop.time()
        await link.pair()
        assert world.loop.time() - began < 0.05


async def test_a_bond_is_that_of_one_lamp_and_no_other(world: World) -> None:
    async with world.radio.connect(LAMP_ADDRESS) as link:
        await link.pair()
    other = World()

    assert world.lamp.bonded
    assert not other.lamp.bonded


@pytest.mark.parametrize(("given", "why"), [(None, "no passkey"), (654321, "wrong")])
async def test_a_lamp_with_a_passkey_says_why_it_refuses(world: World, given: int | None, why: str) -> None:
    world.lamp.model.passkey = 123456
    async with world.radio.connect(LAMP_ADDRESS) as link:
        with pytest.raises(PairingError, match=why):
            await link.pair(given)
        with pytest.raises(AttError):
            await link.read(SECRET)
        await link.pair(123456)
        assert await link.read(SECRET) == b"open sesame"


async def test_there_is_nothing_to_unpair_from_nobody(world: World) -> None:
    await world.radio.unpair(0x6CB2FD000000)


async def test_a_lamp_without_a_passkey_takes_any(world: World) -> None:
    async with world.radio.connect(LAMP_ADDRESS) as link:
        await link.pair(654321)
        assert world.lamp.bonded


async def test_a_link_that_ends_while_they_pair_makes_no_bond(world: World) -> None:
    async with world.radio.connect(LAMP_ADDRESS) as link:
        world.loop.call_later(0.1, world.lamp.drop)
        with pytest.raises(LinkLostError):
            await link.pair()

    assert not world.lamp.bonded
