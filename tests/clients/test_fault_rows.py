"""Rows of docs/faults.md that concern clients, and that no other test here proves."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import quantiles

from aioesphomeapi import BluetoothScannerState
from clients.heard import Heard
from clients.peers import HELLO, peer
from clients.scripted_radio import batch
from clients.serving import KEY, KEY_BYTES, Client, connected, serving, until
from fakes.hurried_loop import in_a_hurry
from fakes.radio_world import BY_DBUS, World

from renogybt.config import Encryption
from renogybt.model.radio import Radio, ScannerState

RUNNING, FAILED = BluetoothScannerState.RUNNING, BluetoothScannerState.FAILED


def now() -> float:
    return asyncio.get_running_loop().time()


@contextlib.asynccontextmanager
async def scanning(folder: Path, radio: Radio) -> AsyncIterator[tuple[Client, Heard]]:
    """A client of a radio that scans; it comes when the address of the scanner is known."""
    async with serving(folder / "state", radio=radio) as served:
        await until(lambda: radio.status.state is ScannerState.RUNNING, "it scans", 20)
        async with connected(served.port) as client:
            heard = Heard(client)
            await until(lambda: bool(heard.states), "the state of the scanner", 20)
            assert heard.states[-1].state is RUNNING
            yield client, heard


@in_a_hurry
async def test_clients_stay_and_are_answered_while_bluetoothd_hangs(folder: Path) -> None:
    async with World(folder) as world:
        world.every_s = 0.5
        radio = world.radio(BY_DBUS, clock=now)
        async with scanning(folder, radio) as (client, heard):
            world.bluez.swallow("*")
            world.on_air = False
            began = now()
            await until(lambda: heard.states[-1].state is FAILED, "that it does not", 120)
            while now() < began + 60:
                await client.round_trip()
                await asyncio.sleep(5.0)
            assert not client.ended.done()
            world.bluez.answer("*")
            world.on_air = True
            await until(lambda: heard.states[-1].state is RUNNING, "it scans again", 120)
            assert not client.ended.done()


async def test_an_adapter_that_is_pulled_out_is_told_within_a_second_and_clients_stay(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        radio = world.radio(BY_DBUS)
        async with scanning(tmp_path, radio) as (client, heard):
            told: list[str] = []
            client.api.subscribe_states(lambda state: told.append(str(getattr(state, "state", ""))))
            world.unplug()
            began = time.monotonic()
            await until(lambda: any("is gone; waiting" in text for text in told), "the text of the entity", 1)
            assert time.monotonic() - began <= 1.0
            assert heard.states[-1].state is FAILED
            world.plug("hci1")
            await until(lambda: heard.states[-1].state is RUNNING, "it scans again")
            assert not client.ended.done()


@in_a_hurry
async def test_a_peer_that_is_gone_without_a_word_is_let_go_within_a_minute(folder: Path) -> None:
    """With the times of a run."""
    async with serving(folder) as served, connected(served.port) as client, peer(served.port) as dead:
        await dead.send(HELLO)
        began = now()
        await until(lambda: served.server.connections == 2, "both are there")
        await until(lambda: served.server.connections == 1, "nothing is held for it", 65)
        assert 58.0 < now() - began < 63.0
        assert not client.ended.done()


async def test_a_busy_place_holds_up_the_loop_for_milliseconds_only(tmp_path: Path) -> None:
    """500 advertisements a second for three clients, in batches as a radio makes them. A batch is handled in
    one go, so that the time it takes is what everybody else waits for."""
    per_batch, took_ms = 25, list[float]()
    async with (
        serving(tmp_path, encryption=Encryption.KEY, key=KEY_BYTES) as served,
        connected(served.port, KEY) as first,
        connected(served.port, KEY) as second,
        connected(served.port, KEY) as third,
    ):
        clients = (first, second, third)
        heard = [Heard(each) for each in clients]
        for each in clients:
            await each.round_trip()
        for number in range(200):
            fresh = batch(number * per_batch, per_batch)
            began = time.thread_time()
            served.scripted.emit(fresh)
            took_ms.append(1000 * (time.thread_time() - began))
            if number % 20 == 19:
                await first.round_trip()
        for each in clients:
            await each.round_trip()
        assert all(len(each.advertisements) == 200 * per_batch for each in heard)
    assert quantiles(took_ms, n=100)[98] < 20.0
