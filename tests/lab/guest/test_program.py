"""The whole program on the real BlueZ, seen by a real client of the ESPHome API."""

import asyncio
from pathlib import Path

import pytest
from bluez import ADAPTER, Bluez
from ears import program
from mgmt import MgmtSocket
from world import bluetoothd, world

from renogybt.model.advertisement import parse_address

CROWD = (0xDECAFE, 0xC0FFEE)
"""How the addresses of the neighbourhood's crowds begin."""
SECONDS = 4
PAYLOAD_SIZE = 8
"""Of the manufacturer data of a noisy neighbour, a number that never comes twice."""


async def sent_by_crowds() -> int:
    sent = (await world("stats"))["sent_by"]
    return int(sum(count for source, count in sent.items() if source in ("noise", "repeat")))


@pytest.mark.parametrize("command", ["repeat 500 50", "noise 500 50"])
async def test_the_client_gets_what_was_on_air_byte_for_byte(
    command: str, tmp_path: Path, mgmt: MgmtSocket
) -> None:
    """By the management socket: at least 99 of 100, in order, with nothing that was not sent."""
    async with program("mgmt", tmp_path) as running:
        mgmt.found.clear()
        before = await sent_by_crowds()
        await world(command)
        await asyncio.sleep(SECONDS)
        await world("noise 0 0")
        await world("repeat 0 0")
        sent = await sent_by_crowds() - before
        await asyncio.sleep(0.5)
        got = [(address, data) for address, _rssi, _type, data in running.raw]
        on_air = [(parse_address(found.address), found.data) for found in mgmt.found]

    assert sent > 450 * SECONDS
    crowd = [each for each in got if each[0] >> 24 in CROWD]
    witnessed = [each for each in on_air if each[0] >> 24 in CROWD]
    print(f"{command}: sent {sent}, an independent socket {len(witnessed)}, the client {len(crowd)}")
    assert len(crowd) >= 0.99 * sent
    assert crowd == witnessed[-len(crowd) :]


async def test_by_d_bus_every_payload_that_bluez_tells_reaches_the_client(
    tmp_path: Path, bluez: Bluez
) -> None:
    """What bluetoothd is late with it merges, so that not all that is sent is told."""
    async with program("dbus", tmp_path) as running, bluez.manufacturer_data() as witnessed:
        before = await sent_by_crowds()
        await world("noise 500 50")
        await asyncio.sleep(SECONDS)
        await world("noise 0 0")
        sent = await sent_by_crowds() - before
        await asyncio.sleep(0.5)
        crowd = [data for address, _rssi, _type, data in running.raw if address >> 24 == 0xC0FFEE]

    told = {each for each in witnessed if len(each) == PAYLOAD_SIZE}
    got = {data[-PAYLOAD_SIZE:] for data in crowd}
    print(f"sent {sent}, an independent connection {len(told)}, the client {len(got)}")
    assert sent > 450 * SECONDS
    assert len(told) > 0.5 * sent
    assert told <= got


@pytest.mark.parametrize("source", ["mgmt", "dbus"])
async def test_the_client_stays_while_bluetoothd_restarts(source: str, tmp_path: Path) -> None:
    async with program(source, tmp_path) as running:
        states: list[int] = []
        running.client.subscribe_bluetooth_scanner_state(lambda state: states.append(int(state.state)))
        await world("noise 100 10")
        await bluetoothd("restart")
        async with asyncio.timeout(10):
            while not states or states[-1] != 2:
                await asyncio.sleep(0.05)
            start = len(running.raw)
            while len(running.raw) < start + 50:
                await asyncio.sleep(0.05)
        assert states[-1] == 2
        assert (await running.client.device_info()).bluetooth_mac_address == "00:1A:7D:DA:71:01"


async def test_sigterm_leaves_the_adapter_as_it_was(tmp_path: Path, bluez: Bluez, mgmt: MgmtSocket) -> None:
    async with program("mgmt", tmp_path) as running:
        assert await bluez.get("/org/bluez/hci0", ADAPTER, "Discovering") is True
        assert len(await mgmt.monitors()) == 1

        assert await running.stop() == 0

    assert await bluez.get("/org/bluez/hci0", ADAPTER, "Discovering") is False
    assert await mgmt.monitors() == []
