"""Peers that are gone without having said so."""

import time

import pytest
from aioesphomeapi import api_pb2
from clients.peers import HELLO, frame, peer
from clients.serving import Served, connected, until

from renogybt.proxy import session


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "PING_AFTER_S", 0.1)
    monkeypatch.setattr(session, "DEAD_AFTER_S", 0.35)


async def test_who_answers_no_ping_is_closed(served: Served) -> None:
    async with peer(served.port) as dead:
        await dead.send(HELLO)
        began = time.monotonic()
        await dead.messages(until=api_pb2.PingRequest)
        pinged_s = time.monotonic() - began
        await dead.rest()
        closed_s = time.monotonic() - began

    assert 0.09 < pinged_s < 0.3
    assert 0.34 < closed_s < 1.0
    await until(lambda: served.server.connections == 0, "nothing is held for it")


async def test_who_answers_stays(served: Served) -> None:
    async with peer(served.port) as alive:
        await alive.send(HELLO)
        for _ in range(6):
            await alive.messages(until=api_pb2.PingRequest)
            await alive.send(frame(api_pb2.PingResponse()))
        assert served.server.connections == 1


async def test_who_pings_is_alive(served: Served) -> None:
    async with peer(served.port) as alive:
        await alive.send(HELLO)
        began = time.monotonic()
        while time.monotonic() - began < 0.7:
            await alive.send(frame(api_pb2.PingRequest()))
            await alive.messages(until=api_pb2.PingResponse)


async def test_the_official_client_answers_without_doing_anything(served: Served) -> None:
    async with connected(served.port) as client, peer(served.port) as dead:
        await dead.send(HELLO)
        await dead.rest()  # the other one has been silent for just as long
        await client.round_trip()
        assert not client.ended.done()
