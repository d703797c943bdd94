"""Many clients, and clients that leave in all sorts of ways."""

import asyncio
import contextlib
import gc
import logging
import socket

import pytest
from aioesphomeapi import APIConnectionError, ReconnectLogic
from clients.conftest import Serve
from clients.heard import Heard
from clients.peers import HELLO, LIST_ENTITIES, PING, SUBSCRIBE, SUBSCRIBE_LOGS, SUBSCRIBE_STATES, peer
from clients.scripted_radio import batch
from clients.serving import HOST, KEY, KEY_BYTES, Served, api_client, connected, until

from renogybt.config import Encryption
from renogybt.proxy.server import MAX_CLIENTS


async def test_the_ninth_client_is_turned_away_and_eight_stay(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(served.port)) for _ in range(MAX_CLIENTS)]
        heard = [Heard(client) for client in clients]
        for client in clients:
            await client.round_trip()
        with pytest.raises(APIConnectionError):
            await stack.enter_async_context(connected(served.port))
        served.scripted.emit(batch(0, 10))
        for each in heard:
            await each.client.round_trip()
            assert each.advertisements == batch(0, 10)
        assert "there are 8 clients already" in caplog.text

        await clients[0].api.disconnect()
        await until(lambda: served.server.connections == MAX_CLIENTS - 1, "a place is free")
        await stack.enter_async_context(connected(served.port))


async def test_a_client_that_is_turned_away_does_not_come_back_in_a_rush(served: Served) -> None:
    """It has to count as a failed connection, after which the client waits longer each time."""
    tries: list[object] = []

    async def on_connect() -> None:
        tries.append("connected")

    async def on_disconnect(_expected: bool) -> None:
        tries.append("disconnected")

    failed = asyncio.Event()

    async def on_error(error: Exception) -> None:
        tries.append(error)
        failed.set()

    async with contextlib.AsyncExitStack() as stack:
        for _ in range(MAX_CLIENTS):
            await stack.enter_async_context(connected(served.port))
        logic = ReconnectLogic(
            client=api_client(served.port),
            on_connect=on_connect,
            on_disconnect=on_disconnect,
            on_connect_error=on_error,
            zeroconf_wake=False,
        )
        await logic.start()
        async with asyncio.timeout(5.0):
            await failed.wait()
        failed.clear()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(failed.wait(), 0.5)
        await logic.stop()

    assert all(isinstance(each, APIConnectionError) for each in tries)


CONVERSATION = (HELLO, SUBSCRIBE_STATES, SUBSCRIBE_LOGS, LIST_ENTITIES, SUBSCRIBE, PING)


async def test_peers_that_vanish_in_the_middle_of_everything_leave_nothing_behind(served: Served) -> None:
    said = b"".join(CONVERSATION)
    tasks = asyncio.all_tasks()
    counts: list[int] = []
    served.server.count_changes.add(counts.append)
    for cut in range(0, len(said) + 1, 3):
        async with peer(served.port) as vanishing:
            await vanishing.send(said[:cut])
            served.scripted.emit(batch(cut, 3))
            vanishing.reset() if cut % 2 else vanishing.close()
    await until(lambda: served.server.connections == 0, "all gone")
    served.scripted.emit(batch(0, 3))

    assert asyncio.all_tasks() == tasks
    assert counts[-1] == 0


async def test_a_server_that_stops_leaves_no_task_and_no_connection(serve: Serve) -> None:
    served = await serve()
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(served.port)) for _ in range(3)]
        idle = await stack.enter_async_context(peer(served.port))
        deaf = await stack.enter_async_context(peer(served.port))
        await deaf.send(HELLO)
        await until(lambda: served.server.connections == 5, "all are there")
        async with asyncio.timeout(3.0):
            await served.server.__aexit__()
        assert served.server.connections == 0
        assert [await client.end() for client in clients] == [True, True, True]
        assert await idle.rest() == b""


# asyncio itself forgets a socket that it accepted in the very turn in which the listener closes
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("turns", range(5))
async def test_a_connection_in_the_moment_of_stopping_does_not_hold_it_up(served: Served, turns: int) -> None:
    """Whether it still waits in the kernel, was accepted, or has a session already."""
    async with connected(served.port), contextlib.AsyncExitStack() as stack:
        for _ in range(20):
            stack.enter_context(socket.create_connection((HOST, served.port)))
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(0.5):
            await served.server.__aexit__()
        assert served.server.connections == 0
        for _ in range(5):
            await asyncio.sleep(0)
        assert served.server.connections == 0
        gc.collect()  # while that warning is expected


async def test_a_name_that_is_not_fit_for_a_log_is_made_so(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "renogybt")
    async with peer(served.port) as rude:
        name = b"\x1b[2J\nroot logged in" + b"x" * 60
        await rude.send(b"\0" + bytes([len(name) + 2, 1, 0x0A, len(name)]) + name + PING)
        await until(lambda: "is connected" in caplog.text, "the greeting")

    assert "\x1b" not in caplog.text
    assert all("\n" not in message for message in caplog.messages)


@pytest.mark.parametrize("psk", [None, KEY], ids=["plaintext", "noise"])
async def test_all_clients_may_come_back_in_one_moment(serve: Serve, psk: str | None) -> None:
    """As they do after a restart, a new key or another adapter."""
    mode = Encryption.KEY if psk else Encryption.OFF
    served = await serve(encryption=mode, key=KEY_BYTES if psk else None)
    async with contextlib.AsyncExitStack() as stack:
        clients = await asyncio.gather(
            *(stack.enter_async_context(connected(served.port, psk)) for _ in range(MAX_CLIENTS))
        )
        await asyncio.gather(*(client.round_trip() for client in clients))
        assert served.server.connections == MAX_CLIENTS
