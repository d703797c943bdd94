"""Home Assistant's Bluetooth, as far as its own libraries make it up."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial

import bleak_esphome
import pytest
from aioesphomeapi import APIClient, ReconnectLogic
from aioesphomeapi.api_pb2 import BluetoothLERawAdvertisementsResponse
from bleak_esphome.backend.client import ESPHomeClientData
from bleak_esphome.backend.scanner import ESPHomeScanner
from bluetooth_adapters import BluetoothAdapters
from clients.serving import DEADLINE_S, api_client
from habluetooth import (
    BluetoothManager,
    BluetoothServiceInfoBleak,
    HaScannerModeChange,
    set_manager,
)
from habluetooth import manager as habluetooth_manager
from habluetooth.central_manager import CentralBluetoothManager

LOGGERS = ("aioesphomeapi", "bleak_esphome", "habluetooth", "asyncio")


class _NoAdapters(BluetoothAdapters):
    """This Home Assistant has no Bluetooth of its own."""

    @property
    def adapters(self) -> dict[str, object]:  # type: ignore[override]
        return {}

    @property
    def default_adapter(self) -> str:
        return "none"


class Home(BluetoothManager):
    """The manager; `discovered` holds the latest of each device."""

    def __init__(self) -> None:
        super().__init__(_NoAdapters())
        self.discovered: dict[str, BluetoothServiceInfoBleak] = {}

    def _discover_service_info(self, service_info: BluetoothServiceInfoBleak) -> None:
        self.discovered[service_info.address] = service_info


@contextlib.asynccontextmanager
async def home(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Home]:
    """Set up as the Bluetooth integration does it, but without the adapters of this machine."""
    monkeypatch.setattr(habluetooth_manager, "IS_LINUX", False)
    monkeypatch.setattr(CentralBluetoothManager, "manager", None)
    manager = Home()
    set_manager(manager)
    await manager.async_setup()
    try:
        yield manager
    finally:
        manager.async_stop()


class Entry:
    """A device of the ESPHome integration: connects, comes back, and has a scanner while connected."""

    def __init__(self, manager: Home, port: int, key: str | None) -> None:
        self._manager = manager
        self.client: APIClient = api_client(port, key)
        self.scanner: ESPHomeScanner | None = None
        self.connected = asyncio.Event()
        self.disconnected = asyncio.Event()
        self.expected: list[bool] = []
        """How connections ended."""
        self.advertisements = 0
        self._undo: list[Callable[[], None]] = []
        self._logic = ReconnectLogic(
            client=self.client,
            on_connect=self._on_connect,
            on_disconnect=self._on_disconnect,
            zeroconf_wake=False,
        )

    async def _on_connect(self) -> None:
        info, _, _ = await self.client.device_info_and_list_entities()
        await self.client.device_capabilities_compat(info)
        set_manager(self._manager)  # there may be several homes in one test
        data = bleak_esphome.connect_scanner(self.client, info, available=True)
        assert data.scanner is not None
        self.scanner = data.scanner
        self._undo = [
            partial(_end_connections, data),
            self.scanner.async_setup(),
            self._manager.async_register_scanner(self.scanner),
        ]
        self.client.subscribe_states(lambda _state: None)
        self.client.subscribe_home_assistant_states_and_services(
            on_state=lambda _state: None,
            on_service_call=lambda _call: None,
            on_state_sub=lambda _entity, _attribute: None,
            on_state_request=lambda _entity, _attribute: None,
        )
        self.advertisements = 0
        self.client.subscribe_bluetooth_le_raw_advertisements(self._count)
        self.disconnected.clear()
        self.connected.set()

    def _count(self, message: BluetoothLERawAdvertisementsResponse) -> None:
        self.advertisements += len(message.advertisements)

    async def _on_disconnect(self, expected: bool) -> None:
        for undo in self._undo:
            undo()
        self._undo.clear()
        self.scanner = None
        self.expected.append(expected)
        self.connected.clear()
        self.disconnected.set()

    async def __aenter__(self) -> "Entry":
        await self._logic.start()
        async with asyncio.timeout(DEADLINE_S):
            await self.connected.wait()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._logic.stop()
        await self.client.disconnect()
        if self._undo:
            async with asyncio.timeout(DEADLINE_S):
                await self.disconnected.wait()


def _end_connections(data: ESPHomeClientData) -> None:
    """What `connect_scanner` leaves to its caller for the end."""
    data.bluetooth_device.async_set_unavailable()
    for callback in tuple(data.disconnect_callbacks):
        callback()


@dataclass
class Modes:
    """The changes of a scanner's mode, as integrations are told them."""

    manager: Home

    async def become(self, scanner: ESPHomeScanner, mode: object, action: Callable[[], object]) -> None:
        """Act, and wait until the scanner says that it is in this mode."""
        reached = asyncio.Event()

        def look(change: HaScannerModeChange) -> None:
            if change.current_mode is mode:
                reached.set()

        stop = self.manager.async_register_scanner_mode_change_callback(look, scanner.source)
        try:
            action()
            async with asyncio.timeout(DEADLINE_S):
                if scanner.current_mode is not mode:
                    await reached.wait()
        finally:
            stop()


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What a user would find in the log of Home Assistant."""
    return [
        f"{record.name}: {record.getMessage()}"
        for record in caplog.records
        if record.levelno >= logging.WARNING and record.name.startswith(LOGGERS)
    ]
