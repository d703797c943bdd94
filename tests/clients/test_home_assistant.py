"""The proxy behind the libraries of Home Assistant: scanner, devices, modes, reconnection."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from clients.conftest import Serve
from clients.home import Entry, Home, Modes, complaints, home
from clients.serving import KEY, KEY_BYTES, Served, connected, serving, until
from habluetooth import BluetoothScanningMode

from renogybt.config import Encryption
from renogybt.model.advertisement import format_address
from renogybt.model.radio import ScanMode
from renogybt.simulator.hub import HUB_NAME
from renogybt.simulator.radio import DEMO_ADAPTER, DemoRadio

BTHOME = "0000fcd2-0000-1000-8000-00805f9b34fb"
SOAK_S = float(os.environ.get("RENOGYBT_SOAK_SECONDS", "8"))
MODES = {BluetoothScanningMode.PASSIVE: ScanMode.PASSIVE, BluetoothScanningMode.ACTIVE: ScanMode.ACTIVE}


@pytest.fixture
async def manager(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Home]:
    async with home(monkeypatch) as manager:
        yield manager


@pytest.fixture(params=["plaintext", "noise"])
async def demo(request: pytest.FixtureRequest, serve: Serve) -> tuple[Served, str | None]:
    radio = DemoRadio(rate=1_000.0)
    if request.param == "plaintext":
        return await serve(radio=radio), None
    return await serve(radio=radio, encryption=Encryption.KEY, key=KEY_BYTES), KEY


async def test_devices_appear_with_all_that_they_say(
    manager: Home, demo: tuple[Served, str | None], caplog: pytest.LogCaptureFixture
) -> None:
    served, key = demo
    async with Entry(manager, served.port, key) as entry:
        assert entry.scanner is not None
        await until(lambda: len(manager.discovered) >= 25, "the neighbourhood is seen")
        infos = manager.discovered.values()
        hub = next(info for info in infos if info.name == HUB_NAME)
        thermometers = [info for info in infos if BTHOME in info.service_data]

        assert hub.address == "6C:B2:FD:86:82:4D"
        assert hub.service_uuids == ["0000ffd0-0000-1000-8000-00805f9b34fb"]
        assert thermometers
        assert all(info.service_data[BTHOME][0] == 0x40 for info in thermometers)  # version 2, in clear
        assert {info.source for info in infos} == {entry.scanner.source} == {format_address(DEMO_ADAPTER)}
        assert any(info.manufacturer_data for info in infos)
        assert not hub.connectable

    assert complaints(caplog) == []


async def test_modes_go_to_the_radio_and_come_back(
    manager: Home, demo: tuple[Served, str | None], caplog: pytest.LogCaptureFixture
) -> None:
    served, key = demo
    modes = Modes(manager)
    async with Entry(manager, served.port, key) as entry:
        scanner = entry.scanner
        assert scanner is not None
        await until(lambda: scanner.current_mode is BluetoothScanningMode.ACTIVE, "the first state")
        assert scanner.configured_mode is BluetoothScanningMode.ACTIVE
        for mode in (*MODES, *MODES):
            await modes.become(scanner, mode, lambda mode=mode: scanner.async_set_scanning_mode(mode))
            assert served.radio.status.mode is MODES[mode]

    assert complaints(caplog) == []


async def test_auto_opens_an_active_window_and_closes_it(
    manager: Home, demo: tuple[Served, str | None], caplog: pytest.LogCaptureFixture
) -> None:
    served, key = demo
    modes = Modes(manager)
    async with Entry(manager, served.port, key) as entry:
        scanner = entry.scanner
        assert scanner is not None
        passive, active = BluetoothScanningMode.PASSIVE, BluetoothScanningMode.ACTIVE
        auto = BluetoothScanningMode.AUTO
        await modes.become(scanner, passive, lambda: scanner.async_set_scanning_mode(auto))
        told: list[ScanMode] = []
        stop = served.radio.watch(lambda status: told.append(status.mode))
        async with asyncio.TaskGroup() as group:
            window = group.create_task(scanner.async_request_active_window(0.1))
            await modes.become(scanner, active, lambda: None)
        await modes.become(scanner, passive, lambda: None)
        stop()

    assert window.result() is True
    assert told == [ScanMode.ACTIVE, ScanMode.PASSIVE]
    assert complaints(caplog) == []


async def test_it_lasts(manager: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Plaintext and Noise side by side, for RENOGYBT_SOAK_SECONDS: nothing lost, nothing to complain."""
    modes = Modes(manager)
    async with contextlib.AsyncExitStack() as stack:
        pairs: list[tuple[DemoRadio, Entry]] = []
        for number, key in enumerate((None, KEY)):
            radio = DemoRadio(DEMO_ADAPTER + number, seed=number)
            encryption = Encryption.KEY if key else Encryption.OFF
            served = await stack.enter_async_context(
                serving(
                    tmp_path / str(number), radio=radio, encryption=encryption, key=KEY_BYTES if key else None
                )
            )
            pairs.append((radio, await stack.enter_async_context(Entry(manager, served.port, key))))
        for _, entry in pairs:
            await entry.client.device_info()  # whatever was sent before has been counted
        emitted = {entry: entry.advertisements for _, entry in pairs}
        for radio, entry in pairs:
            radio.listen(lambda batch, entry=entry: emitted.__setitem__(entry, emitted[entry] + len(batch)))

        end = time.monotonic() + SOAK_S
        while time.monotonic() < end:
            for mode in (BluetoothScanningMode.PASSIVE, BluetoothScanningMode.ACTIVE):
                for _, entry in pairs:
                    assert entry.scanner is not None
                    await modes.become(
                        entry.scanner, mode, lambda s=entry.scanner, m=mode: s.async_set_scanning_mode(m)
                    )
                await asyncio.sleep(min(2.0, SOAK_S / 4))
        for _, entry in pairs:
            before = emitted[entry]
            await entry.client.device_info()
            way = "noise" if entry.client.noise_psk else "plaintext"
            print(f"{way}: {entry.advertisements} advertisements")
            assert before <= entry.advertisements <= emitted[entry]
            assert before >= 25 * SOAK_S
            assert entry.scanner is not None
            assert entry.scanner.scanning
            assert entry.expected == []

    print(f"{len(complaints(caplog))} complaints of the libraries, {len(manager.discovered)} devices")
    assert complaints(caplog) == []


async def test_two_connections_in_quick_succession_as_at_set_up(
    manager: Home, demo: tuple[Served, str | None], caplog: pytest.LogCaptureFixture
) -> None:
    served, key = demo
    async with connected(served.port, key) as client:
        first = await client.api.device_info()
    async with Entry(manager, served.port, key) as entry:
        assert (await entry.client.device_info()).mac_address == first.mac_address
        assert entry.scanner is not None

    assert complaints(caplog) == []


async def test_it_is_found_again_after_a_restart(
    manager: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Stopped with a goodbye: Home Assistant expects it, waits, and complains of nothing."""
    monkeypatch.setattr("aioesphomeapi.reconnect_logic.EXPECTED_DISCONNECT_COOLDOWN", 0.2)
    async with contextlib.AsyncExitStack() as stack:
        async with serving(tmp_path, radio=DemoRadio(rate=1_000.0)) as served:
            port = served.port
            entry = await stack.enter_async_context(Entry(manager, port, None))
        async with asyncio.timeout(5.0):
            await entry.disconnected.wait()
        assert entry.expected == [True]
        assert manager.async_current_scanners() == []

        await stack.enter_async_context(serving(tmp_path, radio=DemoRadio(rate=1_000.0), port=port))
        async with asyncio.timeout(5.0):
            await entry.connected.wait()
        await until(lambda: entry.advertisements > 0, "advertisements again")

    assert complaints(caplog) == []


async def test_another_adapter_makes_home_assistant_come_back_for_its_address(
    manager: Home, serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("aioesphomeapi.reconnect_logic.EXPECTED_DISCONNECT_COOLDOWN", 0.2)
    served = await serve()
    async with Entry(manager, served.port, None) as entry:
        served.scripted.become(replace(served.radio.status, adapter=0x00_1A_7D_DA_71_99))
        async with asyncio.timeout(5.0):
            await entry.disconnected.wait()
            await entry.connected.wait()
        assert entry.scanner is not None
        assert entry.scanner.source == "00:1A:7D:DA:71:99"
        assert entry.expected == [True]

    assert complaints(caplog) == []
