"""The composition root: builds the objects of a run from the configuration and ties them together."""

import asyncio
import logging
import os
import platform
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from renogybt.config import Configuration, HomeAssistantProxy
from renogybt.model.advertisement import Advertisement, parse_address
from renogybt.model.errors import RenogyBTError
from renogybt.model.radio import Radio, ScanMode, ScannerState, ScannerStatus, StatusListener
from renogybt.proxy.entities import EntityStore
from renogybt.proxy.identity import Identity, IdentityFile, derived_address
from renogybt.proxy.keys import KeyStore
from renogybt.proxy.mdns import Announcer
from renogybt.proxy.server import ProxyServer
from renogybt.proxy.vitals import ENTITIES, Vitals

_LOGGER = logging.getLogger(__name__)

DEMO_MODEL = "Demo (no real Bluetooth)"
_BOARD = Path("/proc/device-tree/model")
_SETTLE_S = 5.0
"""How long the announcement waits for the radio, which has the first turn."""


def demo_adapter(mac: int) -> int:
    """The address of the demo's adapter: Home Assistant needs another one for each scanner it knows.

    Made from the device's own, so that it stays the same; marked as locally administered.
    """
    address = derived_address(f"demo adapter {mac:012x}")
    return address if address != mac else address ^ 1


def build_radio(
    proxy: HomeAssistantProxy, *, demo: bool, mac: int = 0, kept_adapter: int | None = None
) -> Radio:
    """The radio of this run, of the device `mac`; `kept_adapter` is the address of the adapter used last.

    Each room is imported only where it is used.
    """
    mode = proxy.scan_mode or ScanMode.ACTIVE
    if demo:
        from renogybt.simulator.radio import DemoRadio

        radio = DemoRadio(demo_adapter(mac))
        radio.set_mode(mode)
        return radio
    from renogybt.bluetooth.radio import BlueZRadio

    adapter = proxy.adapter
    return BlueZRadio(
        adapter=parse_address(adapter) if adapter and ":" in adapter else adapter,
        kept_adapter=kept_adapter,
        source=proxy.advertisement_source,
        mode=mode,
        lock_path=proxy.scan_lock,
    )


def _model() -> str:
    with suppress(OSError):
        return _BOARD.read_text(encoding="utf-8").rstrip("\0\n")
    return f"Linux {platform.machine()}"


class Gateway:
    """One run of the proxy: everything that lives as long as the process."""

    def __init__(self, configuration: Configuration, *, demo: bool) -> None:
        """Raises KeyFileError or IdentityError for damaged files in the state folder."""
        proxy = configuration.proxy
        state_dir = proxy.state_dir / "demo" if demo else proxy.state_dir
        self._proxy = proxy
        self._demo = demo
        self._identity_file = IdentityFile(state_dir, "demo" if demo else proxy.adapter)
        self._identity = Identity(
            name=proxy.device_name,
            friendly_name=f"{proxy.friendly_name} (demo)" if demo else proxy.friendly_name,
            mac=self._identity_file.mac if proxy.mac is None else proxy.mac,
            model=DEMO_MODEL if demo else _model(),
        )
        self._keys = KeyStore(proxy.encryption, state_dir, proxy.encryption_key)
        if state_dir.is_relative_to("/root") and (user := os.environ.get("SUDO_USER")):
            _LOGGER.warning(
                "started by sudo: key and address are kept in %s, not where %s's own start keeps them, so"
                " that Home Assistant meets another device. README.md tells how to do without sudo",
                state_dir,
                user,
            )
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT; raises PortInUseError or ListenError."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        radio = build_radio(
            self._proxy, demo=self._demo, mac=self._identity.mac, kept_adapter=self._identity_file.adapter
        )
        entities = EntityStore(ENTITIES)
        server = ProxyServer(
            radio,
            self._identity,
            self._identity_file,
            self._keys,
            entities,
            host=self._proxy.native_api_host,
            port=self._proxy.native_api_port,
            scan_mode=self._proxy.scan_mode or ScanMode.ACTIVE,
        )
        vitals = Vitals(radio, entities, loop.time, lambda: server.lost_advertisements)
        server.count_changes.add(vitals.on_clients)
        async with server, _background([radio.run(), vitals.run(), self._announce(radio, server)]):
            self._say_ready(server)
            await self._stop.wait()
            _LOGGER.info("stopping")

    def _say_ready(self, server: ProxyServer) -> None:
        host, port = server.addresses[0]
        if self._proxy.native_api_host is None:
            host = "*"
        _LOGGER.info(
            "ready: ESPHome API on %s:%d as %s (%s)%s",
            host,
            port,
            self._identity.name,
            _encryption_in_words(self._keys),
            " - DEMO, no real Bluetooth" if self._demo else "",
        )

    async def _announce(self, radio: Radio, server: ProxyServer) -> None:
        """After the radio and the API: nobody waits for the network."""
        if not self._proxy.mdns:
            return
        await _settled(radio)
        port = server.addresses[0][1]
        announcer = Announcer(self._identity, self._keys, port, self._proxy.mdns_addresses)
        server.key_changes.add(lambda _: announcer.refresh())
        await announcer.run()


def _encryption_in_words(keys: KeyStore) -> str:
    if keys.has_key:
        return f"encrypted, key in {keys.path}" if keys.settable else "encrypted"
    return "no key yet: the first Home Assistant sets one" if keys.settable else "not encrypted"


@asynccontextmanager
async def _background(coroutines: Sequence[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Runs these beside the body; the first failure of one ends all, the end of the body too."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(coroutine) for coroutine in coroutines]
        yield
        for task in tasks:
            task.cancel()


async def _settled(radio: Radio) -> None:
    """Until the radio runs, or has failed, or time is up."""
    settled = asyncio.Event()

    def look(status: ScannerStatus) -> None:
        if status.state in (ScannerState.RUNNING, ScannerState.FAILED):
            settled.set()

    stop = radio.watch(look)
    look(radio.status)
    try:
        async with asyncio.timeout(_SETTLE_S):
            await settled.wait()
    except TimeoutError:
        pass
    finally:
        stop()


Deliver = Callable[[Sequence[Advertisement], float], None]
"""A batch, and when it came (monotonic seconds)."""


class ScanFailedError(RenogyBTError):
    """The radio cannot scan; the text says why."""


async def scan(
    configuration: Configuration,
    *,
    demo: bool,
    seconds: float,
    deliver: Deliver,
    watch: StatusListener = lambda _status: None,
) -> None:
    """Hand all advertisements of `seconds` to `deliver`, and what becomes of the radio to `watch`.

    Raises ScanFailedError, and an OSError that `deliver` raises.
    """
    radio = build_radio(configuration.proxy, demo=demo)
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[str] = loop.create_future()

    def end(reason: str) -> None:
        if not ended.done():
            ended.set_result(reason)

    def look(status: ScannerStatus) -> None:
        if status.state is ScannerState.FAILED:
            end(status.reason)

    def hand_on(batch: Sequence[Advertisement]) -> None:
        if ended.done():
            return
        try:
            deliver(batch, time.monotonic())
        except OSError as error:  # nobody reads the output any more; the radio is not to blame
            ended.set_exception(error)

    radio.watch(look)
    radio.watch(watch)
    radio.listen(hand_on)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, "")
    async with _background([radio.run()]):
        await asyncio.wait([ended], timeout=seconds)
    if ended.done() and (reason := ended.result()):
        raise ScanFailedError(reason)
