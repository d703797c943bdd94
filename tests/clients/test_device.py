"""What a client learns about the device, in clear and encrypted."""

import asyncio
import logging
import re
import time

import pytest
from aioesphomeapi import EntityState, LogLevel, api_pb2
from aioesphomeapi.api_pb2 import SubscribeLogsResponse
from clients.conftest import Serve
from clients.peers import HELLO, frame, peer
from clients.scripted_radio import ADAPTER
from clients.serving import (
    ENTITIES,
    FRIENDLY_NAME,
    KEY,
    KEY_BYTES,
    MAC,
    MODEL,
    NAME,
    Served,
    connected,
)

import renogybt
from renogybt.config import Encryption
from renogybt.model.advertisement import format_address
from renogybt.proxy.entity_kinds import StatefulEntity
from renogybt.proxy.identity import LISTENING
from renogybt.proxy.vitals import RATE

WAYS = {
    "plaintext": (Encryption.OFF, None, None),
    "provisioning": (Encryption.PROVISION, None, None),
    "noise": (Encryption.KEY, KEY_BYTES, KEY),
}
"""Mode of the server, its key, the client's key."""


@pytest.fixture(params=WAYS)
async def pair(request: pytest.FixtureRequest, serve: Serve) -> tuple[Served, str | None]:
    mode, key, client_key = WAYS[request.param]
    return await serve(encryption=mode, key=key), client_key


async def test_device_info_is_what_was_configured(pair: tuple[Served, str | None]) -> None:
    served, key = pair
    async with connected(served.port, key) as client:
        info = await client.api.device_info()

    assert (info.name, info.friendly_name, info.model) == (NAME, FRIENDLY_NAME, MODEL)
    assert (info.mac_address, info.bluetooth_mac_address) == (format_address(MAC), format_address(ADAPTER))
    assert info.bluetooth_proxy_feature_flags == LISTENING == 97
    assert info.project_version == renogybt.__version__
    assert info.project_name.count(".") == 1
    assert re.fullmatch(r"20\d\d\.\d+\.\d+", info.esphome_version)
    assert not info.uses_password
    assert not info.has_deep_sleep


async def test_encryption_is_offered_only_where_a_key_can_be_set(pair: tuple[Served, str | None]) -> None:
    served, key = pair
    async with connected(served.port, key) as client:
        info = await client.api.device_info()

    wanted = served.keys.mode is Encryption.PROVISION
    assert (info.api_encryption_supported, info.api_encryption_provisionable) == (wanted, wanted)


async def test_capabilities_say_the_same_as_device_info(pair: tuple[Served, str | None]) -> None:
    served, key = pair
    async with connected(served.port, key) as client:
        info = await client.api.device_info()
        asked = await client.api.device_capabilities()
        version = client.api.api_version

    assert version is not None
    assert (version.major, version.minor) == (1, 19)
    assert asked.bluetooth_proxy.feature_flags == info.bluetooth_proxy_feature_flags
    assert asked.bluetooth_proxy.mac_address == info.bluetooth_mac_address
    assert not asked.wizard.configured


async def test_home_assistants_first_question_has_one_answer(pair: tuple[Served, str | None]) -> None:
    served, key = pair
    async with connected(served.port, key) as client:
        info, entities, services = await client.api.device_info_and_list_entities()

    assert info.name == NAME
    assert [entity.object_id for entity in entities] == [entity.object_id for entity in ENTITIES]
    assert [entity.key for entity in entities] == [entity.key for entity in ENTITIES]
    assert services == []


async def test_every_entity_has_a_state_and_changes_follow(pair: tuple[Served, str | None]) -> None:
    served, key = pair
    states: dict[int, EntityState] = {}
    async with connected(served.port, key) as client:
        client.api.subscribe_states(lambda state: states.__setitem__(state.key, state))
        await client.round_trip()
        assert set(states) == {entity.key for entity in ENTITIES if isinstance(entity, StatefulEntity)}

        rate = next(entity.key for entity in ENTITIES if entity.object_id == RATE)
        assert states[rate].missing_state
        served.entities.publish(RATE, 48.5)
        await client.round_trip()

    assert states[rate].state == 48.5
    assert not states[rate].missing_state


async def test_the_number_of_clients_is_a_state(pair: tuple[Served, str | None]) -> None:
    served, key = pair
    states: dict[int, EntityState] = {}
    clients = next(entity.key for entity in ENTITIES if entity.object_id == "connected_clients")
    async with connected(served.port, key) as client:
        client.api.subscribe_states(lambda state: states.__setitem__(state.key, state))
        async with connected(served.port, key):
            await client.round_trip()
            assert states[clients].state == 2


async def test_the_log_can_be_followed_without_colours_and_without_keys(
    pair: tuple[Served, str | None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "renogybt")
    served, key = pair
    lines: list[SubscribeLogsResponse] = []
    async with connected(served.port, key) as client:
        client.api.subscribe_logs(lines.append, LogLevel.LOG_LEVEL_INFO)
        await client.round_trip()
        async with connected(served.port, key):
            pass
        logging.getLogger("renogybt.test").debug("too small for this level")
        logging.getLogger("renogybt.test").warning("with an accent: é")
        await client.round_trip()

    text = [line.message.decode() for line in lines]
    assert "[I][proxy.server]: client a test at 127.0.0.1 is connected" in text[0]
    assert text[-1] == "[W][test]: with an accent: é"
    assert [line.level for line in lines][-1] == LogLevel.LOG_LEVEL_WARN
    assert not any("\x1b" in line or KEY in line or "too small" in line for line in text)


async def test_a_client_that_wants_no_more_log_gets_none(served: Served) -> None:
    lines: list[SubscribeLogsResponse] = []
    async with connected(served.port) as client:
        stop = client.api.subscribe_logs(lines.append, LogLevel.LOG_LEVEL_INFO)
        stop()
        client.api.subscribe_logs(lines.append, LogLevel.LOG_LEVEL_NONE)
        await client.round_trip()
        logging.getLogger("renogybt.test").error("said to nobody")
        await client.round_trip()

    assert lines == []


async def test_a_silent_server_is_pinged_by_the_client_and_answers(pair: tuple[Served, str | None]) -> None:
    """The client gives up after 4.5 times its keep-alive without a word."""
    served, key = pair
    async with connected(served.port, key, keepalive=0.1) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.8):
                await asyncio.shield(client.ended)
        await client.round_trip()


async def test_a_client_of_an_older_schema_is_told_the_time(served: Served) -> None:
    async with peer(served.port) as old:
        await old.send(HELLO + frame(api_pb2.GetTimeRequest()))
        number, payload = (await old.messages(until=api_pb2.GetTimeResponse))[-1]

    assert number == 37
    assert abs(api_pb2.GetTimeResponse.FromString(payload).epoch_seconds - time.time()) < 5
