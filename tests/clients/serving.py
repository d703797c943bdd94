"""The server of the proxy on a free port of this machine, and the official client for it."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from aioesphomeapi import APIClient
from clients.scripted_radio import ScriptedRadio

from renogybt.config import Encryption
from renogybt.model.radio import Radio, ScanMode
from renogybt.proxy.care_entities import ENTITIES as CARE_ENTITIES
from renogybt.proxy.care_entities import CareEntities
from renogybt.proxy.entities import EntityStore
from renogybt.proxy.identity import Identity, IdentityFile
from renogybt.proxy.keys import KeyStore
from renogybt.proxy.relay import Relay, RelayRules
from renogybt.proxy.reset_button import ResetButton
from renogybt.proxy.server import ProxyServer
from renogybt.proxy.service_database import FILE as SERVICES_FILE
from renogybt.proxy.service_database import ServiceDatabase
from renogybt.proxy.vitals import ENTITIES as VITAL_ENTITIES
from renogybt.proxy.vitals import Vitals

ENTITIES = (*VITAL_ENTITIES, *CARE_ENTITIES)
"""Those of the device itself."""
HOST = "127.0.0.1"
NAME, FRIENDLY_NAME, MAC, MODEL = "test.proxy", "Test Proxy", 0x02_00_5E_10_20_30, "Test bench"
KEY_BYTES = bytes(range(32))
KEY = base64.b64encode(KEY_BYTES).decode()
OTHER_KEY = base64.b64encode(bytes(range(1, 33))).decode()
ZERO_KEY = base64.b64encode(bytes(32)).decode()
DEADLINE_S = 5.0


@dataclass
class Served:
    """A running server and its parts."""

    server: ProxyServer
    radio: Radio
    keys: KeyStore
    entities: EntityStore

    @property
    def port(self) -> int:
        return self.server.addresses[0][1]

    @property
    def scripted(self) -> ScriptedRadio:
        assert isinstance(self.radio, ScriptedRadio)
        return self.radio


@contextlib.asynccontextmanager
async def serving(
    state_dir: Path,
    *,
    radio: Radio | None = None,
    encryption: Encryption = Encryption.PROVISION,
    key: bytes | None = None,
    port: int = 0,
    rules: RelayRules | None = None,
) -> AsyncIterator[Served]:
    """Wired as the program itself does it; `rules` are those of connections, None: there are none."""
    radio = radio or ScriptedRadio()
    keys = KeyStore(encryption, state_dir, key)
    entities = EntityStore(ENTITIES)
    now = asyncio.get_running_loop().time
    vitals = Vitals(radio, entities, now)
    care, button = CareEntities(radio, entities), ResetButton(radio.care, entities, now)
    relay = None
    if rules is not None:
        relay = Relay(radio, ServiceDatabase(state_dir / SERVICES_FILE), rules=rules)
    server = ProxyServer(
        radio,
        Identity(NAME, FRIENDLY_NAME, MAC, MODEL),
        IdentityFile(state_dir, None),
        keys,
        entities,
        host=HOST,
        port=port,
        scan_mode=ScanMode.ACTIVE,
        relay=relay,
    )
    server.count_changes.add(vitals.on_clients)
    async with server, asyncio.TaskGroup() as group:
        running = [group.create_task(each.run()) for each in (radio, care, button)]
        if relay is not None:
            running.append(group.create_task(relay.run()))
        yield Served(server, radio, keys, entities)
        for task in running:
            task.cancel()


@dataclass
class Client:
    """The official client while it is connected, and how its connection ended."""

    api: APIClient
    ended: "asyncio.Future[bool]"
    """True: the client expected the end."""

    async def end(self) -> bool:
        """Wait for the end of the connection."""
        async with asyncio.timeout(DEADLINE_S):
            return await self.ended

    async def round_trip(self) -> None:
        """Everything that the server sent before has arrived afterwards."""
        async with asyncio.timeout(DEADLINE_S):
            await self.api.device_info()


def api_client(port: int, key: str | None = None, *, keepalive: float = 20.0) -> APIClient:
    """A client as Home Assistant makes it; with a time zone, so that it does not look for one."""
    return APIClient(
        HOST, port, None, noise_psk=key, client_info="a test", keepalive=keepalive, timezone="Europe/Berlin"
    )


@contextlib.asynccontextmanager
async def connected(port: int, key: str | None = None, *, keepalive: float = 20.0) -> AsyncIterator[Client]:
    """A client of its own, disconnected at the end if it still is connected."""
    api = api_client(port, key, keepalive=keepalive)
    client = Client(api, asyncio.get_running_loop().create_future())

    async def on_stop(expected: bool) -> None:
        client.ended.set_result(expected)

    async with asyncio.timeout(DEADLINE_S):
        await api.connect(on_stop=on_stop, login=True, log_errors=False)
    try:
        yield client
    finally:
        await api.disconnect()


async def until(condition: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait for something that nothing announces, such as a counter."""
    try:
        async with asyncio.timeout(deadline_s):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {deadline_s} s: {what}") from None
