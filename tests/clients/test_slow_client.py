"""A client that does not read as fast as the radio hears."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from aioesphomeapi import api_pb2
from clients.heard import Heard
from clients.peers import (
    HELLO,
    LIST_ENTITIES,
    PING,
    SUBSCRIBE,
    SUBSCRIBE_LOGS,
    SUBSCRIBE_STATES,
    Peer,
    peer,
    wire,
)
from clients.scripted_radio import batch
from clients.serving import Client, Served, connected, until

from renogybt.protocols.esphome.messages import type_of
from renogybt.proxy import outbox
from renogybt.proxy.vitals import RATE

ADVERTISEMENTS = type_of(api_pb2.BluetoothLERawAdvertisementsResponse)
STATE = type_of(api_pb2.SensorStateResponse)
SUBSCRIBED = HELLO + SUBSCRIBE_STATES + SUBSCRIBE + PING
BATCH = 200


@pytest.fixture
async def quick(served: Served) -> AsyncIterator[Heard]:
    """Another client, who must not feel anything."""
    async with connected(served.port) as client:
        yield Heard(client)


async def flood_until_lost(served: Served, client: Client) -> None:
    """Emit until the slow one loses; the quick one keeps up."""
    while not served.server.lost_advertisements:
        served.scripted.emit(batch(len(served.scripted.emitted), BATCH))
        await client.round_trip()
        assert len(served.scripted.emitted) < 400_000


def count(payload: bytes) -> int:
    return len(api_pb2.BluetoothLERawAdvertisementsResponse.FromString(payload).advertisements)


async def test_it_loses_the_oldest_and_the_others_lose_nothing(served: Served, quick: Heard) -> None:
    async with peer(served.port, receive_buffer=4_096) as slow:
        await slow.send(SUBSCRIBED)
        await slow.messages(until=api_pb2.PingResponse)
        await flood_until_lost(served, quick.client)
        assert quick.advertisements == served.scripted.emitted

        served.entities.publish(RATE, 77.0)
        await slow.send(PING)
        got = await slow.messages(until=api_pb2.PingResponse)

        received = sum(count(data) for kind, data in got if kind == ADVERTISEMENTS)
        assert 0 < received < len(served.scripted.emitted)
        states = [api_pb2.SensorStateResponse.FromString(data).state for kind, data in got if kind == STATE]
        assert 77.0 in states
        assert served.server.connections == 2


async def test_every_advertisement_is_either_delivered_or_counted_as_lost(
    served: Served, quick: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "BACKLOG_AGE_S", 60.0)
    async with peer(served.port, receive_buffer=4_096) as slow:
        await slow.send(SUBSCRIBED)
        await slow.messages(until=api_pb2.PingResponse)
        await flood_until_lost(served, quick.client)
        received = 0
        lost = served.server.lost_advertisements
        while received + lost < len(served.scripted.emitted):
            received += await deliveries(slow)
            lost = served.server.lost_advertisements

    assert received + lost == len(served.scripted.emitted)
    assert served.server.lost_advertisements == lost  # also after it has gone


async def deliveries(slow: Peer) -> int:
    got = await slow.messages(until=api_pb2.BluetoothLERawAdvertisementsResponse)
    return sum(count(data) for kind, data in got if kind == ADVERTISEMENTS)


async def test_what_waited_too_long_is_not_delivered_at_all(
    served: Served, quick: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "BACKLOG_AGE_S", 0.0)
    async with peer(served.port, receive_buffer=4_096) as slow:
        await slow.send(SUBSCRIBED)
        await slow.messages(until=api_pb2.PingResponse)
        await flood_until_lost(served, quick.client)
        await slow.send(PING)
        got = await slow.messages(until=api_pb2.PingResponse)
        fresh = batch(len(served.scripted.emitted), 1)
        served.scripted.emit(fresh)
        got += await slow.messages(until=api_pb2.BluetoothLERawAdvertisementsResponse)

    received = sum(count(data) for kind, data in got if kind == ADVERTISEMENTS)
    assert received + served.server.lost_advertisements == len(served.scripted.emitted)
    assert served.server.lost_advertisements > BATCH


async def test_who_stands_still_is_closed_and_says_so_once(
    served: Served, quick: Heard, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "renogybt")
    # long enough for something to be lost before, also on a busy machine
    monkeypatch.setattr(outbox, "STANDSTILL_S", 2.0)
    async with peer(served.port, receive_buffer=4_096) as slow:
        await slow.send(SUBSCRIBED + SUBSCRIBE_LOGS)
        await slow.messages(until=api_pb2.PingResponse)
        await flood_until_lost(served, quick.client)
        await until(lambda: served.server.connections == 1, "the slow one is closed")

    assert len(caplog.messages) == 1
    assert "it took nothing for" in caplog.text
    assert f"({served.server.lost_advertisements} advertisements were lost)" in caplog.text
    await quick.client.round_trip()
    assert quick.advertisements == served.scripted.emitted


async def test_who_asks_and_never_reads_is_closed(
    served: Served, quick: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    """With the log subscribed, so that the complaint about it is due to it too."""
    caplog.set_level(logging.INFO, "renogybt")
    async with peer(served.port, receive_buffer=4_096) as slow:
        await slow.send(HELLO + SUBSCRIBE_LOGS)
        asking = asyncio.create_task(slow.send(LIST_ENTITIES * 100_000))
        await until(lambda: served.server.connections == 1, "it is closed")
        await asyncio.gather(asking, return_exceptions=True)

    assert caplog.text.count("unread") == 1
    await quick.client.round_trip()


async def test_the_official_client_is_slow_when_its_program_is(served: Served, quick: Heard) -> None:
    """Its process hangs for a while, as Home Assistant does at start-up, and then goes on."""
    async with wire(served.port) as slow, connected(slow.port) as client:
        heard = Heard(client)
        await client.round_trip()
        slow.flowing.clear()
        await flood_until_lost(served, quick.client)
        slow.flowing.set()
        await client.round_trip()
        served.scripted.emit(batch(5_000_000, 1))
        await until(lambda: heard.advertisements[-1:] == batch(5_000_000, 1), "the newest arrives")

    places = {advertisement: place for place, advertisement in enumerate(served.scripted.emitted)}
    order = [places[advertisement] for advertisement in heard.advertisements]
    assert order == sorted(order)


async def test_a_server_can_stop_while_a_client_stands_still(served: Served, quick: Heard) -> None:
    async with peer(served.port, receive_buffer=4_096) as slow:
        await slow.send(SUBSCRIBED)
        await slow.messages(until=api_pb2.PingResponse)
        await flood_until_lost(served, quick.client)
        async with asyncio.timeout(3.0):
            await served.server.__aexit__()

    assert served.server.connections == 0
    assert await quick.client.end() is True
