import asyncio
import gc
from pathlib import Path

import pytest
from dbus_fast.aio import MessageBus
from fakes.bus_client import until
from fakes.private_bus import PrivateBus
from fakes.radio_world import World

from renogybt.bluetooth import bus_internals
from renogybt.bluetooth.bus import ADAPTER, DBUS, DBUS_PATH, MAX_MATCHES, MAX_UNANSWERED, OBJECT_MANAGER, Bus
from renogybt.bluetooth.errors import BusError, CallError, CallTimeoutError
from renogybt.service.repetition import Repetition

PATH = "/org/bluez/hci0"


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_reply_is_returned_and_an_error_has_its_name(world: World) -> None:
    async with Bus(world.bus.address) as bus:
        (objects,) = await bus.call("/", OBJECT_MANAGER, "GetManagedObjects")
        assert PATH in objects
        with pytest.raises(CallError) as refused:
            await bus.call(PATH, ADAPTER, "StopDiscovery")
        assert refused.value.name == "org.bluez.Error.Failed"
        assert refused.value.text == "No discovery started"


async def test_an_unanswered_call_is_given_up_in_time(world: World) -> None:
    world.bluez.swallow("StartDiscovery")
    async with Bus(world.bus.address) as bus:
        with pytest.raises(CallTimeoutError, match=r"StartDiscovery within 0\.05 s"):
            await bus.call(PATH, ADAPTER, "StartDiscovery", timeout_s=0.05)
        assert bus.open


async def test_sixteen_unanswered_calls_end_the_connection(world: World) -> None:
    """The bus allows 128, and then answers nothing but LimitsExceeded."""
    world.bluez.swallow("*")
    async with Bus(world.bus.address) as bus:
        for number in range(MAX_UNANSWERED):
            assert bus.open, number
            with pytest.raises(CallTimeoutError):
                await bus.call(PATH, ADAPTER, "StartDiscovery", timeout_s=0.002)
        assert not bus.open
        async with asyncio.timeout(1):
            await bus.wait_closed()
        with pytest.raises(BusError):
            await bus.call("/", OBJECT_MANAGER, "GetManagedObjects")
    assert world.bluez.calls["StartDiscovery"] <= MAX_UNANSWERED


async def test_calls_that_were_cancelled_count_as_well(world: World) -> None:
    world.bluez.swallow("*")
    async with Bus(world.bus.address) as bus:
        for number in range(MAX_UNANSWERED):
            assert bus.open, number
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.002):
                    await bus.call(PATH, ADAPTER, "StartDiscovery")
        assert not bus.open


async def given_up(bus: Bus, member: str) -> None:
    with pytest.raises(CallTimeoutError):
        await bus.call(PATH, ADAPTER, member, timeout_s=0.002)


async def answered_too_late(world: World, bus: Bus) -> None:
    """One that was given up; its answer has come."""
    world.bluez.fail_next("StartDiscovery", "org.bluez.Error.Failed", "late", after_s=0.01)
    await given_up(bus, "StartDiscovery")
    world.bluez.fail_next("SetDiscoveryFilter", "org.bluez.Error.Failed", "later still", after_s=0.01)
    with pytest.raises(CallError):
        await bus.call(PATH, ADAPTER, "SetDiscoveryFilter", "a{sv}", ({},))


async def test_a_call_that_is_answered_too_late_counts_no_more(world: World) -> None:
    async with Bus(world.bus.address) as bus:
        for _ in range(3 * MAX_UNANSWERED):
            await answered_too_late(world, bus)
        assert bus.open


async def test_late_answers_make_room_for_as_many_calls_and_no_more(world: World) -> None:
    async with Bus(world.bus.address) as bus:
        world.bluez.swallow("StopDiscovery")
        for number in range(MAX_UNANSWERED - 1):
            await given_up(bus, "StopDiscovery")
            if number < MAX_UNANSWERED - 2:
                await answered_too_late(world, bus)
        assert bus.open
        await given_up(bus, "StopDiscovery")
        assert not bus.open


async def test_calls_that_were_cancelled_count_until_they_are_answered(world: World) -> None:
    async with Bus(world.bus.address) as bus:
        world.bluez.swallow("StopDiscovery")
        for _ in range(MAX_UNANSWERED - 1):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.002):
                    await bus.call(PATH, ADAPTER, "StopDiscovery")
        assert bus.open
        await given_up(bus, "StopDiscovery")
        assert not bus.open


@pytest.mark.parametrize("dies", ["bluetoothd", "the bus", "nobody"])
async def test_a_call_that_was_given_up_leaves_nothing_when_the_connection_ends(
    world: World, dies: str
) -> None:
    """asyncio would complain of an exception that nobody has looked at."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    world.bluez.swallow("StartDiscovery")
    before = asyncio.all_tasks()
    async with Bus(world.bus.address) as bus:
        await given_up(bus, "StartDiscovery")
        if dies == "bluetoothd":
            await world.bluez.crash()
        elif dies == "the bus":
            await world.bus.kill()
            await bus.wait_closed()
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []
    assert asyncio.all_tasks() <= before


async def test_closing_ends_the_discovery_of_the_connection(world: World) -> None:
    async with Bus(world.bus.address) as bus:
        await bus.call(PATH, ADAPTER, "StartDiscovery")
        assert len(world.owners) == 1
        bus.close()
        await until(lambda: not world.owners)


async def test_a_call_under_way_fails_when_the_connection_is_closed(world: World) -> None:
    world.bluez.swallow("StartDiscovery")
    async with Bus(world.bus.address) as bus:
        call = asyncio.create_task(bus.call(PATH, ADAPTER, "StartDiscovery"))
        await until(lambda: world.bluez.calls["StartDiscovery"])
        bus.close()
        with pytest.raises(BusError):
            await call


async def test_a_call_under_way_fails_when_the_bus_dies(world: World) -> None:
    world.bluez.swallow("StartDiscovery")
    async with Bus(world.bus.address) as bus:
        call = asyncio.create_task(bus.call(PATH, ADAPTER, "StartDiscovery"))
        await until(lambda: world.bluez.calls["StartDiscovery"])
        await world.bus.kill()
        with pytest.raises(BusError):
            await call
        async with asyncio.timeout(1):
            await bus.wait_closed()
        assert not bus.open


async def test_a_closed_connection_holds_no_descriptor(private_bus: PrivateBus) -> None:
    before = descriptors()
    for _ in range(20):
        async with Bus(private_bus.address):
            pass
        assert descriptors() == before


async def test_it_may_be_closed_after_it_broke(private_bus: PrivateBus) -> None:
    """The number of its descriptor belongs to somebody else by then, who must go on."""
    async with Bus(private_bus.address) as broken:
        await private_bus.restart()
        async with asyncio.timeout(1):
            await broken.wait_closed()
        async with Bus(private_bus.address) as other:
            broken.close()
            names = await other.call(DBUS_PATH, DBUS, "ListNames", destination=DBUS)
            assert names


@pytest.mark.parametrize("address", ["unix:path=/nonexistent/bus", "nonsense", "unix:path=/dev/null"])
async def test_a_bus_that_cannot_be_reached_is_one_error(address: str) -> None:
    with pytest.raises(BusError, match="cannot be reached"):
        async with Bus(address):
            pass


async def test_a_bus_that_accepts_and_says_nothing_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("renogybt.bluetooth.bus.CONNECT_TIMEOUT_S", 0.05)

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_unix_server(listen, tmp_path / "socket")
    async with server:
        with pytest.raises(BusError):
            async with Bus(f"unix:path={tmp_path / 'socket'}"):
                pass
        async with asyncio.timeout(1):
            await ended.wait()  # our end is closed


@pytest.mark.parametrize("error", [EOFError, TimeoutError, ConnectionResetError])
async def test_an_error_without_words_is_named(
    private_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    async def connect(_bus: MessageBus) -> None:
        raise error

    monkeypatch.setattr(MessageBus, "connect", connect)
    with pytest.raises(BusError, match=rf"cannot be reached \({error.__name__}\)"):
        async with Bus(private_bus.address):
            pass


@pytest.mark.parametrize("garbage", [b"\0" * 64, b"\xf0\xff" * 32, b"REJECTED", b""])
async def test_a_bus_that_talks_nonsense_is_one_error(tmp_path: Path, garbage: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(garbage + b"\r\n")
        writer.close()

    server = await asyncio.start_unix_server(talk, tmp_path / "socket")
    async with server:
        with pytest.raises(BusError):
            async with Bus(f"unix:path={tmp_path / 'socket'}"):
                pass


async def test_who_is_told_of_the_end_can_still_let_go_of_the_descriptor(private_bus: PrivateBus) -> None:
    seen: list[int] = []
    async with Bus(private_bus.address) as bus:
        before = descriptors()
        bus.on_close(lambda: seen.append(descriptors()))
        bus.close()
        bus.close()
        assert seen == [before]
        assert descriptors() < before


async def test_the_end_of_a_bus_that_dies_is_told_once(private_bus: PrivateBus) -> None:
    ends: list[None] = []
    async with Bus(private_bus.address) as bus:
        bus.on_close(lambda: ends.append(None))
        bus.on_close(lambda: ends.append(None))()  # and left again
        await private_bus.kill()
        async with asyncio.timeout(1):
            await bus.wait_closed()
    assert ends == [None]


async def test_connections_that_are_given_up_again_and_again_are_few_warnings(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "renogybt")
    world.bluez.swallow("*")
    repetition = Repetition(lambda: 0.0)
    for _ in range(6):
        async with Bus(world.bus.address, repetition) as bus:
            for _ in range(MAX_UNANSWERED):
                with pytest.raises(CallTimeoutError):
                    await bus.call(PATH, ADAPTER, "StartDiscovery", timeout_s=0.002)
    told = [record.levelname for record in caplog.records if "never answered" in record.getMessage()]
    assert told == ["WARNING"] * 3 + ["DEBUG"] * 3


async def test_without_the_private_ways_of_dbus_fast_it_closes_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = descriptors()
    async with Bus(world.bus.address) as bus:
        await bus.call(PATH, ADAPTER, "StartDiscovery")
        with monkeypatch.context() as patch:
            patch.setattr(bus_internals, "_FINALIZE", "no_more")
            bus.close()
        assert not bus.open
        await until(lambda: not world.owners)
    await until(lambda: descriptors() == before)


async def test_match_rules_are_counted(private_bus: PrivateBus) -> None:
    async with Bus(private_bus.address) as bus:
        for number in range(MAX_MATCHES):
            await bus.match(f"type='signal',arg0='{number}'")
        with pytest.raises(AssertionError):
            await bus.match("type='signal'")


async def test_a_match_rule_that_the_bus_refuses_is_an_error_of_the_bus(private_bus: PrivateBus) -> None:
    async with Bus(private_bus.address) as bus:
        with pytest.raises(BusError, match="MatchRuleInvalid"):
            await bus.match("nonsense")


async def test_a_match_rule_that_is_taken_back_makes_room_for_another(private_bus: PrivateBus) -> None:
    async with Bus(private_bus.address, max_matches=2) as bus:
        await bus.match("type='signal',member='One'")
        for number in range(10):
            rule = f"type='signal',member='Nr{number}'"
            await bus.match(rule)
            await bus.unmatch(rule)
        await bus.match("type='signal',member='Two'")
        with pytest.raises(AssertionError):
            await bus.match("type='signal',member='Three'")
