"""The main thing: what the radio hears arrives at every client, as it was, in order."""

import asyncio
import contextlib

import pytest
from aioesphomeapi import BluetoothScannerMode, BluetoothScannerState
from aioesphomeapi.api_pb2 import BluetoothScannerStateResponse
from aioesphomeapi.model import BluetoothScannerStateResponse as ScannerState
from clients.conftest import Serve
from clients.heard import Heard
from clients.scripted_radio import batch
from clients.serving import DEADLINE_S, ZERO_KEY, Served, connected, until

from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import ScanMode
from renogybt.simulator.radio import DemoRadio


async def test_three_clients_get_every_byte_in_order(served: Served) -> None:
    radio = served.scripted
    async with contextlib.AsyncExitStack() as stack:
        keys = (None, ZERO_KEY, None)
        heard = [Heard(await stack.enter_async_context(connected(served.port, key))) for key in keys]
        for each in heard:
            await each.client.round_trip()

        for first, count in ((0, 1), (1, 500), (501, 7), (508, 1_492)):
            radio.emit(batch(first, count))
            await asyncio.sleep(0)
        for each in heard:
            await each.client.round_trip()

    assert len(radio.emitted) == 2_000
    for each in heard:
        assert each.advertisements == radio.emitted
    assert served.server.lost_advertisements == 0


@pytest.mark.parametrize("key", [None, ZERO_KEY], ids=["plaintext", "noise"])
async def test_the_longest_advertisement_there_is_arrives_whole(served: Served, key: str | None) -> None:
    longest = Advertisement(0xFFFF_FFFF_FFFF, -127, 1, b"\xfe\xff" + bytes(252) + b"\xfe\xff" * 600)
    async with connected(served.port, key) as client:
        heard = Heard(client)
        await client.round_trip()
        served.scripted.emit([longest] * 20)
        await client.round_trip()

    assert heard.advertisements == [longest] * 20


async def test_subscribing_twice_is_subscribing_once(served: Served) -> None:
    async with connected(served.port) as client:
        heard = Heard(client)
        heard.subscribe()
        await client.round_trip()
        served.scripted.emit(batch(0, 3))
        await client.round_trip()

        assert heard.advertisements == batch(0, 3)
        assert len(heard.states) == 2  # each request is answered with the state


async def test_unsubscribing_ends_it_and_subscribing_again_goes_on(served: Served) -> None:
    async with connected(served.port) as client:
        heard = Heard(client)
        served.scripted.emit(batch(0, 2))  # nobody has subscribed yet: the request is on its way
        await client.round_trip()
        served.scripted.emit(batch(2, 2))
        await client.round_trip()
        heard.unsubscribe()
        heard.unsubscribe()
        await client.round_trip()
        served.scripted.emit(batch(4, 2))
        await client.round_trip()
        heard.subscribe()
        await client.round_trip()
        served.scripted.emit(batch(6, 2))
        await client.round_trip()

    assert heard.advertisements == [*batch(2, 2), *batch(6, 2)]


async def test_the_scanner_state_comes_with_the_subscription_and_to_nobody_else(served: Served) -> None:
    async with connected(served.port) as client, connected(served.port) as stranger:
        strangers_states: list[ScannerState] = []
        stranger.api.subscribe_bluetooth_scanner_state(strangers_states.append)
        heard = Heard(client)
        await client.round_trip()
        served.scripted.set_mode(ScanMode.PASSIVE)
        await client.round_trip()
        await stranger.round_trip()

    told = [(state.state, state.mode, state.configured_mode) for state in heard.states]
    running, active = BluetoothScannerState.RUNNING, BluetoothScannerMode.ACTIVE
    assert told == [(running, active, active), (running, BluetoothScannerMode.PASSIVE, active)]
    assert strangers_states == []


async def test_each_wish_for_a_mode_is_answered_with_the_real_one(served: Served) -> None:
    async with connected(served.port) as first, connected(served.port) as second:
        heard = Heard(first)
        Heard(second)
        await second.round_trip()
        passive, active = BluetoothScannerMode.PASSIVE, BluetoothScannerMode.ACTIVE
        for client, wish in ((first, passive), (second, active), (first, passive), (second, passive)):
            client.api.bluetooth_scanner_set_mode(wish)
            await client.round_trip()
        await first.round_trip()
        assert [state.mode for state in heard.states] == [active, passive, active, active, passive]
        second.api.bluetooth_scanner_set_mode(active)
        await second.round_trip()
        await second.api.disconnect()
        await until(lambda: served.radio.status.mode is ScanMode.PASSIVE, "the wish of a gone client is void")


async def test_it_goes_on_for_others_when_one_leaves_without_a_word(served: Served) -> None:
    async with connected(served.port) as stays:
        heard = Heard(stays)
        async with connected(served.port) as leaves:
            Heard(leaves)
            await leaves.round_trip()
            leaves.api.force_disconnect()
        served.scripted.emit(batch(0, 100))
        await stays.round_trip()

    assert heard.advertisements == batch(0, 100)


async def test_the_demo_radio_arrives_as_it_is(serve: Serve) -> None:
    radio = DemoRadio(rate=1_000.0)
    served = await serve(radio=radio)
    async with connected(served.port) as plain, connected(served.port, ZERO_KEY) as noise:
        both = Heard(plain), Heard(noise)
        for heard in both:
            await heard.client.round_trip()
        emitted: list[Advertisement] = []
        enough = asyncio.Event()

        def listen(heard: list[Advertisement]) -> None:
            emitted.extend(heard)
            if len(emitted) > 500:
                stop()
                enough.set()

        for heard in both:
            heard.advertisements.clear()
        stop = radio.listen(listen)  # in one turn of the loop with the clearing
        async with asyncio.timeout(DEADLINE_S):
            await enough.wait()
        for heard in both:
            await heard.client.round_trip()

    for heard in both:
        assert heard.advertisements[: len(emitted)] == emitted


def test_the_answer_for_a_state_has_all_fields() -> None:
    """A field that this schema adds would be told wrong by silence."""
    fields = [field.name for field in BluetoothScannerStateResponse.DESCRIPTOR.fields]
    assert fields == ["state", "mode", "configured_mode"]
