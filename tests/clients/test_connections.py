"""Peripherals behind the proxy, used with what Home Assistant's integrations use."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aioesphomeapi import BluetoothProxyFeature, api_pb2
from aioesphomeapi.core import APIConnectionError
from bleak import BleakError
from cli.program import free_port, started
from clients.connecting import (
    HEARD_WITHIN_S,
    HUB,
    LAMP,
    Integration,
    Notified,
    ask_the_hub,
    cable,
    found,
    grumbles,
)
from clients.home import Entry, Home, home
from clients.lamp_rules import DEMO_RULES, RULES, Rule
from clients.peers import HELLO, LIST_ENTITIES, frame, peer
from clients.serving import KEY, Served, connected, serving, until
from clients.test_demo_house import BATTERIES, INTERVAL_S, View, arguments

from renogybt.model.slots import DEFAULT_SLOTS
from renogybt.proxy.relay import RelayRules
from renogybt.simulator.demo_lamp import DemoLamp
from renogybt.simulator.hub import HUB_ADDRESS
from renogybt.simulator.lamp import (
    BRIGHTNESS,
    CHANNEL_SERVICE,
    DEVICE_SERVICE,
    LAMP_ADDRESS,
    LAMP_SERVICE,
    LEVEL,
    MANUFACTURER,
    SERVICES,
    TICK,
    Lamp,
)
from renogybt.simulator.radio import DemoRadio


@pytest.fixture(autouse=True)
def nobody_grumbles(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No warning in the log of Home Assistant, nor in ours, until everything has ended."""
    yield
    assert grumbles(caplog) == []


@pytest.fixture
async def manager(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Home]:
    async with home(monkeypatch) as manager:
        yield manager


@pytest.fixture
def radio() -> DemoRadio:
    return DemoRadio()


@pytest.fixture
async def served(radio: DemoRadio, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path, radio=radio, rules=RelayRules()) as served:
        yield served


@pytest.fixture
async def lamp(manager: Home, served: Served) -> AsyncIterator[Integration]:
    async with Entry(manager, served.port, None) as entry:
        yield Integration(manager, entry, LAMP)


@pytest.mark.parametrize("rule", [*RULES, *DEMO_RULES], ids=lambda rule: rule.__name__)
async def test_of_the_lamp(rule: Rule, lamp: Integration) -> None:
    await rule(lamp)


async def test_they_all_hold_in_the_program_with_encryption(manager: Home, tmp_path: Path) -> None:
    port = free_port()
    encrypted = arguments(tmp_path, port, encryption="key", encryption_key=KEY)
    async with started(*encrypted, cwd=tmp_path) as program:
        await program.line("ready:")
        async with Entry(manager, port, KEY) as entry:
            lamp = Integration(manager, entry, LAMP)
            for rule in (*RULES, *DEMO_RULES):
                await rule(lamp)
        ended = await program.stop()

    assert ended.code == 0
    assert "WARNING" not in ended.err
    assert "Traceback" not in ended.err


# what only a lamp at hand can do


async def test_a_lamp_that_hangs_up_is_noticed_and_can_be_had_again(
    lamp: Integration, radio: DemoRadio
) -> None:
    async with lamp.link() as client:
        async with Notified(client, found(client, LAMP_SERVICE, TICK)):
            radio.lamp.drop()
            await lamp.ended()
        assert not client.is_connected
    assert lamp.ends == 1
    async with lamp.link() as client:
        assert bytes(await client.read_gatt_char(found(client, DEVICE_SERVICE, MANUFACTURER))) == b"renogybt"


async def test_what_was_under_way_when_it_hangs_up_fails_at_once(lamp: Integration, radio: DemoRadio) -> None:
    async with lamp.link() as client:
        await client.set_connection_params(80, 80, 0, 600)  # so that there is time to hang up
        reading = asyncio.create_task(client.read_gatt_char(found(client, LAMP_SERVICE, BRIGHTNESS)))
        for _ in range(2):
            await lamp.entry.client.device_info()  # afterwards the proxy has got the request
        began = time.monotonic()
        radio.lamp.drop()
        with pytest.raises(BleakError, match=r"Not connected|changed connection status"):
            await reading
        assert time.monotonic() - began < 0.5
        await lamp.ended()
        assert not client.is_connected


async def test_handles_of_an_earlier_firmware_are_refused_until_services_are_asked_for_again(
    lamp: Integration, radio: DemoRadio, caplog: pytest.LogCaptureFixture
) -> None:
    async with lamp.link() as client:
        await client.read_gatt_char(found(client, CHANNEL_SERVICE, LEVEL))
    radio.lamp.services = tuple(each for each in SERVICES if each.uuid != CHANNEL_SERVICE)
    async with lamp.link() as client:  # Home Assistant still shows the old ones
        with pytest.raises(BleakError, match=r"error=1 description=Invalid handle"):
            await client.write_gatt_char(found(client, CHANNEL_SERVICE, LEVEL), b"\x01", response=True)
        assert len(await client.read_gatt_char(found(client, LAMP_SERVICE, BRIGHTNESS))) == 1
        await client.clear_cache()
    warnings = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert warnings == [
        f"{LAMP} has other services than before; its next connection without cache sets that right"
    ]
    caplog.clear()
    async with lamp.link() as client:
        assert CHANNEL_SERVICE not in [each.uuid for each in client.services]


async def test_a_radio_that_fails_ends_the_link(lamp: Integration, radio: DemoRadio) -> None:
    async with lamp.link() as client:
        radio.fail("the adapter is gone")
        await lamp.ended()
        assert not client.is_connected
        radio.recover()
    async with lamp.link() as client:
        assert client.is_connected


async def test_a_passkey_that_was_configured_pairs(manager: Home, tmp_path: Path) -> None:
    radio = DemoRadio(lamp=DemoLamp(Lamp(passkey=123_456)))
    for passkeys, pairs in (({}, False), ({LAMP_ADDRESS: 654_321}, False), ({LAMP_ADDRESS: 123_456}, True)):
        rules = RelayRules(passkeys=passkeys)
        async with (
            serving(tmp_path, radio=radio, rules=rules) as served,
            Entry(manager, served.port, None) as entry,
            Integration(manager, entry, LAMP).link() as client,
        ):
            if pairs:
                await client.pair()
                continue
            with pytest.raises(BleakError, match="Pairing failed due to error: 5"):
                await client.pair()

    assert radio.lamp.bonded


@pytest.mark.parametrize("politely", [True, False])
async def test_a_client_that_leaves_and_does_not_read_keeps_no_link(
    served: Served, radio: DemoRadio, politely: bool
) -> None:
    connect = frame(api_pb2.BluetoothDeviceRequest(address=LAMP_ADDRESS, request_type=5))
    async with peer(served.port, receive_buffer=4_096) as rude:
        await rude.send(HELLO + connect)
        await rude.messages(until=api_pb2.BluetoothDeviceConnectionResponse)
        assert radio.slots.clients == (LAMP_ADDRESS,)
        await rude.send(LIST_ENTITIES * 60)  # the answers fill every buffer, and stay unread
        if politely:
            await rude.send(frame(api_pb2.DisconnectRequest()))
        else:
            rude.end_sending()
        await until(lambda: not radio.slots.clients, "its link is ended", 2.0)
        assert served.server.connections == 1  # it still waits for what it does not read


# the hub, which is read at the same time


async def test_a_client_talks_to_the_hub_and_the_reader_goes_on_afterwards(
    manager: Home, tmp_path: Path
) -> None:
    port = free_port()
    async with started(*arguments(tmp_path, port), cwd=tmp_path) as program:
        await program.line("ready:")
        async with Entry(manager, port, None) as entry:
            view = await View.of(entry.client)
            await view.readings(1)
            await view.readings(2, BATTERIES[:1])  # the second battery is being read now
            since = {device: len(view.history[device, "Voltage"]) for device in BATTERIES}
            async with Integration(manager, entry, HUB).link() as client:
                current, voltage = await ask_the_hub(client)
            left = time.monotonic()
            stamps = {device: len(view.history[device, "Last good reading"]) for device in BATTERIES}
            await until(
                lambda: all(
                    len(view.history[each, "Last good reading"]) > stamps[each] for each in BATTERIES
                ),
                "all batteries are read again",
                INTERVAL_S + 3.0,
            )
            late_s = time.monotonic() - left
        ended = await program.stop()

    print(f"unit 48 through the proxy: {voltage} V, {current} A; read again {late_s:.1f} s later")
    assert voltage == pytest.approx(view.states[BATTERIES[0], "Voltage"], abs=0.5)
    for device in BATTERIES:
        assert None not in view.history[device, "Voltage"][since[device] - 1 :]
        assert view.states[device, "Trouble"] == "none"
        assert view.states[device, "Failed readings"] == 0
    assert ended.code == 0
    assert "WARNING" not in ended.err


async def test_a_home_assistant_that_comes_while_the_hub_is_read_knows_of_it(
    manager: Home, tmp_path: Path
) -> None:
    port = free_port()
    async with started(*arguments(tmp_path, port), cwd=tmp_path) as program:
        await program.line("ready:")
        async with Entry(manager, port, None) as entry:
            await (await View.of(entry.client)).readings(1)  # from now on the hub does not advertise
        manager.discovered.clear()
        async with Entry(manager, port, None) as entry, Integration(manager, entry, HUB).link() as client:
            await ask_the_hub(client)
        await program.stop()


async def test_whoever_comes_while_the_hub_is_being_connected_to_knows_of_it(tmp_path: Path) -> None:
    """It is silent then, and not linked yet; one of them comes at such a moment."""
    port = free_port()
    heard: list[int] = []

    async def come(number: int) -> None:
        await asyncio.sleep(number * 0.05)
        async with connected(port) as client:

            def look(message: api_pb2.BluetoothLERawAdvertisementsResponse) -> None:
                if any(each.address == HUB_ADDRESS for each in message.advertisements):
                    there.set()

            there = asyncio.Event()
            client.api.subscribe_bluetooth_le_raw_advertisements(look)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_S + 3.0):
                    await there.wait()
                    heard.append(number)

    async with started(*arguments(tmp_path, port, renogy_keep_connection="true"), cwd=tmp_path) as program:
        await program.line("ready:")
        await asyncio.gather(*map(come, range(8)))
        await program.stop()

    assert sorted(heard) == list(range(8))


# several Home Assistants


async def test_a_peripheral_belongs_to_the_home_assistant_that_has_it(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        wire = await stack.enter_async_context(cable(served.port))
        first, second = [
            Integration(manager, await stack.enter_async_context(Entry(manager, port, None)), LAMP)
            for manager, port in [
                (await stack.enter_async_context(home(monkeypatch)), wire.port),
                (await stack.enter_async_context(home(monkeypatch)), served.port),
            ]
        ]
        entries = first.entry, second.entry
        await until(lambda: all(each.advertisements > 10 for each in entries), "both hear")
        client = await first.connect()
        taken = (DEFAULT_SLOTS, DEFAULT_SLOTS - 1, [LAMP])
        await until(lambda: first.slots() == second.slots() == taken, "both know who is connected")

        began = time.monotonic()
        with pytest.raises(BleakError, match="Error ESP_GATT_ERROR while connecting"):
            await second.try_once()
        refused_s = time.monotonic() - began
        assert bytes(await client.read_gatt_char(found(client, DEVICE_SERVICE, MANUFACTURER))) == b"renogybt"
        assert second.slots() == taken

        began = time.monotonic()
        wire.cut()
        await first.ended()
        async with second.link() as other:
            taken_s = time.monotonic() - began
            assert not client.is_connected
            assert (
                bytes(await other.read_gatt_char(found(other, DEVICE_SERVICE, MANUFACTURER))) == b"renogybt"
            )

    print(f"refused within {1e3 * refused_s:.0f} ms, had {taken_s:.2f} s after the cut")
    assert refused_s < 0.5
    assert taken_s < 2.0


async def test_links_end_with_the_connection_of_their_client(lamp: Integration, radio: DemoRadio) -> None:
    client = await lamp.connect()
    await lamp.entry.client.disconnect(force=True)
    await lamp.ended()
    assert not client.is_connected
    await until(lambda: not radio.lamp.taken, "the lamp is free")
    assert radio.slots.free == DEFAULT_SLOTS


# without connections


async def test_a_proxy_that_may_not_connect_says_so_and_answers(manager: Home, tmp_path: Path) -> None:
    port = free_port()
    # not read either: while it is, the hub does not advertise
    settings = arguments(tmp_path, port, active_connections="false", with_renogy_client="false")
    async with started(*settings, cwd=tmp_path) as program:
        await program.line("ready:")
        async with connected(port) as client:
            info = await client.api.device_info()
            slots: list[tuple[int, int, list[int]]] = []
            client.api.subscribe_bluetooth_connections_free(lambda *numbers: slots.append(numbers))
            await client.round_trip()
            began = time.monotonic()
            states: list[tuple[bool, int, int]] = []
            stop = await client.api.bluetooth_device_connect(
                HUB_ADDRESS,
                lambda *state: states.append(state),
                feature_flags=BluetoothProxyFeature.REMOTE_CACHING,
                address_type=0,
            )
            answered_s = time.monotonic() - began
            stop()
            with pytest.raises(APIConnectionError, match="Not connected"):
                await client.api.bluetooth_gatt_read(HUB_ADDRESS, 3)
        async with Entry(manager, port, None) as entry:
            await until(lambda: HUB in manager.discovered, "the hub is heard", HEARD_WITHIN_S)
            assert not manager.discovered[HUB].connectable
            assert entry.scanner is not None
            assert not entry.scanner.connectable
        assert (await program.stop()).code == 0

    assert info.bluetooth_proxy_feature_flags == 97
    assert slots == [(0, 0, [])]
    assert [connected for connected, _, _ in states] == [False]
    assert answered_s < 0.5
