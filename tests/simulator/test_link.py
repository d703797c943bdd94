"""The demo's hub over its simulated link, in virtual time; the rules of the port are in the conformance."""

import asyncio
import contextlib

import pytest
from simulator.modbus import crc, read
from simulator.world import World

from renogybt.model.gatt import (
    AttCode,
    AttError,
    ConnectError,
    GattLink,
    LinkEnd,
    LinkLostError,
    NotHeardError,
    PairingError,
)
from renogybt.model.radio import Intake, ScannerState
from renogybt.model.slots import ConnectionSlots, Holder
from renogybt.simulator.demo_hub import DECOY_HANDLE, NAME_HANDLE, NOTIFY_HANDLE, WRITE_HANDLE
from renogybt.simulator.hub import HUB_ADDRESS
from renogybt.simulator.hub_faults import Fault
from renogybt.simulator.lamp import LAMP_ADDRESS
from renogybt.simulator.radio import DemoRadio

pytestmark = pytest.mark.asyncio(loop_factories=["virtual"])

CELLS = read(48, 5000, 34)
STATE = read(49, 5042, 7)
ABSENT = 0x6CB2FD000000
CONNECTABLE = (HUB_ADDRESS, LAMP_ADDRESS)


class Client:
    """Asks, and notes when which notification came."""

    def __init__(self, link: GattLink) -> None:
        self.link = link
        self.pieces: list[tuple[float, bytes]] = []

    async def begin(self) -> "Client":
        loop = asyncio.get_running_loop()
        await self.link.subscribe(NOTIFY_HANDLE, lambda piece: self.pieces.append((loop.time(), piece)))
        return self

    async def ask(self, request: bytes, patience_s: float = 1.0) -> bytes:
        """All that came within this time."""
        self.pieces.clear()
        await self.link.write(WRITE_HANDLE, request, response=False)
        await asyncio.sleep(patience_s)
        return b"".join(piece for _, piece in self.pieces)


# -- connecting


async def test_a_link_takes_less_than_a_second(world: World) -> None:
    began = world.loop.time()
    async with world.radio.connect(HUB_ADDRESS):
        assert world.loop.time() - began < 1.0


@pytest.mark.parametrize("address", CONNECTABLE)
async def test_who_has_been_heard_just_now_is_not_waited_for(world: World, address: int) -> None:
    await world.listen(1.0)
    began = world.loop.time()
    async with world.radio.connect(address):
        assert world.loop.time() - began == pytest.approx(0.06)


async def test_attempts_are_made_one_after_the_other(world: World) -> None:
    await world.listen(1.0)
    began = world.loop.time()
    took: list[float] = []

    async def enter(address: int) -> None:
        async with world.radio.connect(address):
            took.append(world.loop.time() - began)
            await asyncio.sleep(1.0)

    await asyncio.gather(*map(enter, CONNECTABLE))

    assert took == pytest.approx([0.06, 0.12])


async def test_who_is_not_there_is_listened_for_five_seconds(world: World) -> None:
    began = world.loop.time()

    with pytest.raises(NotHeardError, match="6C:B2:FD:00:00:00"):
        async with world.radio.connect(ABSENT):
            pytest.fail("nobody is there")

    assert world.loop.time() - began == pytest.approx(5.0, abs=0.1)


async def test_a_hub_that_comes_back_meanwhile_is_heard(world: World) -> None:
    world.hub.vanish()
    world.loop.call_later(3.0, world.hub.reappear)

    async with world.radio.connect(HUB_ADDRESS) as link:
        assert link.open


async def test_whoever_only_advertises_lets_nobody_connect(world: World) -> None:
    await world.listen(5.0)
    other = next(each.address for each in world.heard if each.address != HUB_ADDRESS)
    began = world.loop.time()

    with pytest.raises(ConnectError):
        async with world.radio.connect(other):
            pytest.fail("it has nothing to connect to")
    assert world.loop.time() - began < 11.0


async def test_a_hub_that_hangs_is_given_up_after_ten_seconds_and_still_heard(world: World) -> None:
    world.hub.refuse()
    began = world.loop.time()

    with pytest.raises(ConnectError):
        async with world.radio.connect(HUB_ADDRESS):
            pytest.fail("it refuses")

    assert 10.0 <= world.loop.time() - began < 16.0
    await world.listen(2.0)
    assert world.hub_is_heard


async def test_a_hub_that_vanishes_during_the_attempt_is_not_reached(world: World) -> None:
    await world.listen(1.0)
    world.loop.call_later(0.03, world.hub.vanish)

    with pytest.raises(ConnectError, match="gone"):
        async with world.radio.connect(HUB_ADDRESS):
            pytest.fail("it has vanished")


async def test_in_use_is_known_at_once(world: World) -> None:
    async with world.radio.connect(HUB_ADDRESS):
        began = world.loop.time()
        with pytest.raises(ConnectError, match="in use"):
            async with world.radio.connect(HUB_ADDRESS):
                pytest.fail("one central at a time")
        assert world.loop.time() == began


async def test_of_two_who_want_the_hub_at_once_one_gets_it(world: World) -> None:
    async def try_it() -> bool:
        try:
            async with world.radio.connect(HUB_ADDRESS):
                await asyncio.sleep(60.0)
        except ConnectError:
            return False
        return True

    assert sorted(await asyncio.gather(try_it(), try_it())) == [False, True]
    assert world.hub.connects == 1


async def test_who_waits_for_the_attempts_of_others_waits_half_a_minute(world: World) -> None:
    await world.listen(5.0)
    others = [each for each in sorted({each.address for each in world.heard}) if each not in CONNECTABLE]
    began = world.loop.time()

    async def give_up(address: int) -> float:
        with pytest.raises(ConnectError):
            async with world.radio.connect(address):
                pytest.fail("it has nothing to connect to")
        return world.loop.time() - began

    waited = await asyncio.gather(*(give_up(address) for address in others[:5]))

    assert max(waited) == pytest.approx(30.0)


async def test_a_radio_that_does_not_run_connects_to_nobody() -> None:
    radio = DemoRadio()

    with pytest.raises(ConnectError, match="does not run"):
        async with radio.connect(HUB_ADDRESS):
            pytest.fail("it does not run")


async def test_the_end_of_the_radio_is_the_end_of_its_links() -> None:
    radio = DemoRadio(clock=asyncio.get_running_loop().time)
    task = asyncio.create_task(radio.run())
    await asyncio.sleep(0)
    async with radio.connect(HUB_ADDRESS) as link:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

        assert radio.status.state is ScannerState.STOPPED
        assert link.end is LinkEnd.RADIO
        with pytest.raises(LinkLostError):
            await link.read(NAME_HANDLE)
    assert not radio.hub.taken


async def test_an_adapter_that_is_gone_has_no_links(world: World) -> None:
    async with world.radio.connect(HUB_ADDRESS) as hub, world.radio.connect(LAMP_ADDRESS) as lamp:
        told: list[ScannerState] = []
        lamp.on_close(lambda: told.append(world.radio.status.state))
        world.radio.fail("somebody has unplugged it")

        assert hub.end is lamp.end is LinkEnd.RADIO
        assert told == [ScannerState.FAILED]
        assert world.radio.status.reason == "somebody has unplugged it"
        assert world.radio.status.intake is Intake.NONE
        assert world.radio.slots.free == world.radio.slots.limit
    with pytest.raises(ConnectError, match="does not run"):
        async with world.radio.connect(HUB_ADDRESS):
            pytest.fail("there is no adapter")


async def test_an_adapter_that_is_gone_hears_nothing_until_it_is_back(world: World) -> None:
    world.radio.fail("somebody has unplugged it")
    await world.listen(3600.0)
    assert world.heard == []

    world.radio.recover()
    assert world.radio.status.state is ScannerState.RUNNING
    assert world.radio.status.reason == ""
    await world.listen(2.0)
    assert world.hub_is_heard
    assert 50 < len(world.heard) < 200
    async with world.radio.connect(HUB_ADDRESS) as link:
        assert link.open


async def test_an_adapter_that_goes_during_the_attempt_ends_it(world: World) -> None:
    await world.listen(1.0)
    world.loop.call_later(0.03, world.radio.fail, "somebody has unplugged it")

    with pytest.raises(ConnectError, match="does not run"):
        async with world.radio.connect(HUB_ADDRESS):
            pytest.fail("there is no adapter")
    assert not world.hub.taken


async def test_the_slot_of_a_reader_is_free_when_its_link_is_gone(world: World) -> None:
    async with world.radio.connect(HUB_ADDRESS):
        assert world.radio.slots.holder(HUB_ADDRESS) is Holder.READER
        world.hub.drop()
        assert world.radio.slots.holder(HUB_ADDRESS) is None
        async with world.radio.connect(HUB_ADDRESS) as second:
            assert second.open
            assert world.radio.slots.holder(HUB_ADDRESS) is Holder.READER


async def test_a_client_does_not_get_the_link_before_the_reader_has_left(world: World) -> None:
    async with world.radio.connect(HUB_ADDRESS):
        slot = world.radio.slots.reserve(HUB_ADDRESS, Holder.CLIENT)
        with pytest.raises(ConnectError, match="in use"):
            async with world.radio.connect(HUB_ADDRESS, slot):
                pytest.fail("one central at a time")
    async with world.radio.connect(HUB_ADDRESS, slot) as link:
        assert link.open
    assert world.radio.slots.holder(HUB_ADDRESS) is Holder.CLIENT


async def test_the_slots_can_be_those_of_somebody_else() -> None:
    slots = ConnectionSlots(1)

    assert DemoRadio(slots=slots).slots is slots


# -- advertising


async def test_a_hub_does_not_advertise_while_it_serves_and_all_others_do(world: World) -> None:
    await world.listen(2.0)
    assert world.hub_is_heard

    async with world.radio.connect(HUB_ADDRESS):
        await world.listen(10.0)
        assert not world.hub_is_heard
        assert len(world.heard) > 400

    await world.listen(2.0)
    assert world.hub_is_heard


async def test_a_lamp_does_not_advertise_while_it_serves(world: World) -> None:
    await world.listen(2.0)
    assert world.is_heard(LAMP_ADDRESS)

    async with world.radio.connect(LAMP_ADDRESS):
        await world.listen(10.0)
        assert not world.is_heard(LAMP_ADDRESS)
        assert world.hub_is_heard

    await world.listen(2.0)
    assert world.is_heard(LAMP_ADDRESS)


async def test_a_hub_that_has_vanished_is_silent_until_it_reappears(world: World) -> None:
    world.hub.vanish()
    await world.listen(5.0)
    assert not world.hub_is_heard

    world.hub.reappear()
    await world.listen(2.0)
    assert world.hub_is_heard


# -- asking


async def test_an_answer_comes_after_80_ms_and_in_notifications_of_20_octets(world: World) -> None:
    async with world.radio.connect(HUB_ADDRESS) as link:
        client = await Client(link).begin()
        asked = world.loop.time()
        answer = await client.ask(CELLS)

    assert crc(answer) == 0
    assert [len(piece) for _, piece in client.pieces] == [20, 20, 20, 13]
    assert client.pieces[0][0] - asked == pytest.approx(0.08, abs=0.001)
    assert client.pieces[-1][0] - asked < 0.1


async def test_one_request_is_answered_after_the_other(world: World) -> None:
    async with world.radio.connect(HUB_ADDRESS) as link:
        client = await Client(link).begin()
        asked = world.loop.time()
        await link.write(WRITE_HANDLE, CELLS, response=False)
        answer = await client.ask(STATE)

    assert answer[:3] == bytes((48, 3, 68))
    assert answer[73:76] == bytes((49, 3, 14))
    assert client.pieces[-1][0] - asked == pytest.approx(0.16, abs=0.01)


async def test_values_change_with_time(world: World) -> None:
    async with world.radio.connect(HUB_ADDRESS) as link:
        client = await Client(link).begin()
        first = await client.ask(STATE)
        await asyncio.sleep(60.0)
        second = await client.ask(STATE)

    assert first != second
    assert crc(first) == crc(second) == 0


async def test_four_batteries_are_read_in_less_than_a_second_and_a_half(world: World) -> None:
    async with world.radio.connect(HUB_ADDRESS) as link:
        client = await Client(link).begin()
        began = world.loop.time()
        for unit in (48, 49, 50, 51):
            for register, count in ((5000, 34), (5042, 7), (5100, 10)):
                client.pieces.clear()
                await link.write(WRITE_HANDLE, read(unit, register, count), response=False)
                while sum(len(piece) for _, piece in client.pieces) < 5 + 2 * count:
                    await asyncio.sleep(0.001)

        assert world.loop.time() - began < 1.5


async def test_the_name_can_be_read(world: World) -> None:
    async with world.radio.connect(HUB_ADDRESS) as link:
        assert await link.read(NAME_HANDLE) == b"BT-TH-FD86824D"


async def test_a_write_that_does_not_fit_is_refused(world: World) -> None:
    async with world.radio.connect(HUB_ADDRESS) as link:
        with pytest.raises(AttError) as refused:
            await link.write(WRITE_HANDLE, bytes(21), response=False)
        assert refused.value.code == AttCode.INVALID_LENGTH


async def test_a_hub_knows_no_bonds(world: World) -> None:
    async with world.radio.connect(HUB_ADDRESS) as link:
        with pytest.raises(PairingError, match="not support"):
            await link.pair()
        assert link.open
        await world.radio.unpair(HUB_ADDRESS)
        assert not link.open


async def test_what_goes_to_the_decoy_is_no_request(world: World) -> None:
    async with world.radio.connect(HUB_ADDRESS) as link:
        client = await Client(link).begin()
        await link.write(DECOY_HANDLE, CELLS, response=True)
        await asyncio.sleep(1.0)

    assert client.pieces == []


# -- faults on the way


async def test_a_late_answer_comes_after_the_next_one(world: World) -> None:
    world.hub.bus.faults.add(Fault.LATE, 2.5, times=1)
    async with world.radio.connect(HUB_ADDRESS) as link:
        client = await Client(link).begin()
        assert await client.ask(CELLS, patience_s=2.0) == b""
        assert (await client.ask(STATE, patience_s=0.2))[:3] == bytes((49, 3, 14))

        client.pieces.clear()
        await asyncio.sleep(1.0)
        stray = b"".join(piece for _, piece in client.pieces)

    assert stray[:3] == bytes((48, 3, 68))


async def test_a_late_answer_dies_with_its_link(world: World) -> None:
    world.hub.bus.faults.add(Fault.LATE, 2.5, times=1)
    async with world.radio.connect(HUB_ADDRESS) as link:
        await (await Client(link).begin()).ask(CELLS)
    async with world.radio.connect(HUB_ADDRESS) as link:
        client = await Client(link).begin()
        await asyncio.sleep(5.0)

    assert client.pieces == []


async def test_a_silent_unit_stays_silent_until_it_is_cured(world: World) -> None:
    world.hub.bus.faults.add(Fault.SILENT, unit=49)
    async with world.radio.connect(HUB_ADDRESS) as link:
        client = await Client(link).begin()
        assert await client.ask(STATE) == b""
        assert crc(await client.ask(CELLS)) == 0

        world.hub.bus.faults.cure()
        assert crc(await client.ask(STATE)) == 0


async def test_a_link_may_break_within_an_answer(world: World) -> None:
    world.hub.bus.faults.add(Fault.DROP, times=1)
    closed: list[float] = []
    async with world.radio.connect(HUB_ADDRESS) as link:
        link.on_close(lambda: closed.append(world.loop.time()))
        client = await Client(link).begin()
        answer = await client.ask(CELLS)

        assert len(answer) == 20
        assert len(closed) == 1
        assert not link.open
    async with world.radio.connect(HUB_ADDRESS) as link:
        assert crc(await (await Client(link).begin()).ask(CELLS)) == 0


async def test_a_hub_that_vanishes_during_an_operation_ends_it(world: World) -> None:
    async with world.radio.connect(HUB_ADDRESS) as link:
        world.loop.call_later(0.01, world.hub.vanish)
        with pytest.raises(LinkLostError):
            await link.subscribe(NOTIFY_HANDLE, lambda _: None)


async def test_a_thousand_links_leave_nothing_behind(world: World) -> None:
    for _ in range(1000):
        async with world.radio.connect(HUB_ADDRESS) as link:
            await link.write(WRITE_HANDLE, CELLS, response=False)

    assert not world.hub.taken
    assert world.hub.connects == 1000
