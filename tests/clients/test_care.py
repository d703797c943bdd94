"""Recovery as Home Assistant sees it, and the button that resets the adapter."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aioesphomeapi import (
    BinarySensorInfo,
    ButtonInfo,
    EntityCategory,
    LogLevel,
    SensorInfo,
    SensorStateClass,
    TextSensorInfo,
    api_pb2,
)
from bleak import BleakError
from cli.program import free_port, started
from clients.conftest import Serve
from clients.connecting import LAMP, Integration, Notified, found, grumbles
from clients.home import Entry, home
from clients.peers import HELLO, frame, peer
from clients.serving import KEY, KEY_BYTES, ZERO_KEY, Client, Served, connected, until
from clients.test_demo_house import BATTERIES, View, arguments

from renogybt.config import Encryption
from renogybt.model.recovery import CareState
from renogybt.proxy.care_entities import RESET
from renogybt.proxy.entity_kinds import fnv1a
from renogybt.proxy.relay import RelayRules
from renogybt.simulator.care import REASON
from renogybt.simulator.lamp import BRIGHTNESS, LAMP_SERVICE, TICK
from renogybt.simulator.radio import DemoRadio

BACK_WITHIN_S = 3.0
SCANNING, BEING_RESET = "scanning (active)", f"not scanning: {REASON}"
TEXTS = ("Bluetooth", "Recovery", "Last recovery")
COUNTS = ("Recoveries", "Adapter resets")


def own(view: View, name: str) -> Any:
    """The latest state of an entity of the device itself."""
    return view.states.get(("", name))


async def press(client: Client, view: View) -> None:
    """Press the button; afterwards the server knows it."""
    button = view.entities["", "Reset adapter"]
    client.api.button_command(button.key, button.device_id)
    await client.round_trip()


async def seen_well(client: Client) -> View:
    """List and subscribe; the radio scans."""
    view = await View.of(client.api)
    await until(lambda: own(view, "Bluetooth") == SCANNING, "the radio scans")
    return view


@pytest.fixture
async def demo(serve: Serve) -> Served:
    """The demo's radio behind a server that has a key."""
    return await serve(radio=DemoRadio(), rules=RelayRules(), encryption=Encryption.KEY, key=KEY_BYTES)


# listing


async def test_the_entities_are_of_the_kinds_that_home_assistant_knows(served: Served) -> None:
    async with connected(served.port) as client:
        view = await View.of(client.api)
        await client.round_trip()
    listed = {name: entity for (device, name), entity in view.entities.items() if not device}

    problem, button, left = (
        listed[each] for each in ("Bluetooth problem", "Reset adapter", "Adapter resets left")
    )
    assert isinstance(problem, BinarySensorInfo)
    assert (problem.object_id, problem.device_class) == ("bluetooth_problem", "problem")
    assert isinstance(button, ButtonInfo)
    assert (button.object_id, button.device_class) == ("reset_adapter", "restart")
    assert isinstance(left, SensorInfo)
    assert (left.object_id, left.state_class) == ("adapter_resets_left", SensorStateClass.MEASUREMENT)
    assert all(isinstance(listed[each], TextSensorInfo) for each in TEXTS)
    assert [listed[each].object_id for each in TEXTS] == [
        "bluetooth_status",
        "recovery_state",
        "last_recovery",
    ]
    assert [listed[each].object_id for each in COUNTS] == ["recoveries", "adapter_resets"]
    assert all(listed[each].state_class is SensorStateClass.TOTAL_INCREASING for each in COUNTS)  # type: ignore[attr-defined]
    assert {name for name, each in listed.items() if each.entity_category is EntityCategory.CONFIG} == {
        "Reset adapter"
    }
    assert "Reset adapter" not in view.values("")


async def test_an_exhausted_recovery_is_a_problem_that_home_assistant_sees(served: Served) -> None:
    async with connected(served.port) as client:
        view = await seen_well(client)
        assert own(view, "Bluetooth problem") is False
        served.scripted.care.become(state=CareState.EXHAUSTED, resets_left=0)
        await client.round_trip()

    assert own(view, "Bluetooth problem") is True
    assert own(view, "Recovery") == "recovery exhausted"
    assert own(view, "Adapter resets left") == 0


# the button


async def test_a_press_resets_the_adapter_and_all_clients_see_it_and_stay(demo: Served) -> None:
    async with connected(demo.port, KEY) as client, connected(demo.port, KEY) as other:
        views = [await seen_well(each) for each in (client, other)]
        before = datetime.now(UTC)
        await press(client, views[0])
        for view in views:
            await until(lambda: own(view, "Adapter resets") == 1, "the reset is counted")  # noqa: B023
            await until(lambda: own(view, "Recoveries") == 1, "the event is there", BACK_WITHIN_S)  # noqa: B023
        await other.round_trip()

        for view in views:
            assert view.history["", "Bluetooth"][-3:] == [SCANNING, BEING_RESET, SCANNING]
            assert view.history["", "Recovery"] == ["ok", "recovering", "ok"]
            assert (own(view, "Recoveries"), own(view, "Adapter resets left")) == (1, 9)
            stamp, _, text = own(view, "Last recovery").partition(": ")
            assert text.startswith(
                "power-cycled the adapter, because somebody pressed the button: helped after 1."
            )
            assert timedelta(0) <= datetime.fromisoformat(stamp) - before + timedelta(seconds=1)
            assert datetime.fromisoformat(stamp) - before < timedelta(seconds=BACK_WITHIN_S)
            assert set(view.history["", "Bluetooth problem"]) == {False}
        assert not client.ended.done()
        assert not other.ended.done()


async def test_a_second_press_soon_after_is_refused_and_says_so(demo: Served) -> None:
    lines: list[str] = []
    async with connected(demo.port, KEY) as client:
        client.api.subscribe_logs(lambda line: lines.append(line.message.decode()), LogLevel.LOG_LEVEL_WARN)
        view = await seen_well(client)
        await press(client, view)
        await press(client, view)  # while the first one is under way
        await until(lambda: own(view, "Recoveries") == 1, "the first reset is done", BACK_WITHIN_S)
        await press(client, view)
        await until(lambda: len(lines) == 2, "both refusals are told")
        await client.round_trip()

    assert own(view, "Adapter resets") == 1
    assert own(view, "Bluetooth") == SCANNING
    assert "the adapter is not reset: a reset is under way already" in lines[0]
    assert "was reset once within the last hour; the next one is allowed in 1" in lines[1]


@pytest.mark.parametrize("client_key", [None, ZERO_KEY], ids=["plaintext", "key of zeros"])
async def test_without_a_key_of_its_own_a_client_resets_nothing(
    served: Served, client_key: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(served.port, client_key) as client:
        view = await seen_well(client)
        for _ in range(5):
            await press(client, view)

    assert served.scripted.care.asked == []
    assert caplog.text.count("is refused to client a test at 127.0.0.1") == 1


async def test_in_clear_nobody_presses_a_button_of_a_server_with_a_key(demo: Served) -> None:
    async with peer(demo.port) as bare:
        await bare.send(HELLO + frame(api_pb2.ButtonCommandRequest(key=fnv1a(RESET))))
        await bare.rest()

    async with connected(demo.port, KEY) as client:
        view = await seen_well(client)
    assert own(view, "Adapter resets") == 0


async def test_who_has_not_introduced_himself_presses_nothing(serve: Serve) -> None:
    served = await serve(encryption=Encryption.OFF)
    async with peer(served.port) as bare:
        await bare.send(frame(api_pb2.ButtonCommandRequest(key=fnv1a(RESET))))
        await bare.rest()

    assert served.scripted.care.asked == []


async def test_who_wants_no_encryption_can_reset_without(serve: Serve) -> None:
    served = await serve(encryption=Encryption.OFF)
    async with connected(served.port) as client:
        await press(client, await seen_well(client))
        await until(lambda: len(served.scripted.care.asked) == 1, "the reset is asked for")


async def test_presses_of_what_is_no_button_are_ignored(demo: Served) -> None:
    async with connected(demo.port, KEY) as client:
        view = await seen_well(client)
        for key in (12_345, view.entities["", "Bluetooth"].key):
            client.api.button_command(key)
        client.api.switch_command(view.entities["", "Reset adapter"].key, True)
        await client.round_trip()

        assert own(view, "Adapter resets") == 0


# links


async def test_who_has_a_link_is_told_that_it_ended_and_can_have_another(
    demo: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with home(monkeypatch) as manager, Entry(manager, demo.port, KEY) as entry:
        lamp = Integration(manager, entry, LAMP)
        async with lamp.link() as client, Notified(client, found(client, LAMP_SERVICE, TICK)):
            assert lamp.slots()[1:] == (lamp.slots()[0] - 1, [LAMP])
            await client.set_connection_params(80, 80, 0, 600)  # so that the reset comes before the answer
            reading = asyncio.create_task(client.read_gatt_char(found(client, LAMP_SERVICE, BRIGHTNESS)))
            await entry.client.device_info()  # afterwards the proxy has got the request
            entry.client.button_command(fnv1a(RESET))
            with pytest.raises(BleakError, match=r"Not connected|changed connection status"):
                await reading
            await lamp.ended()
            assert not client.is_connected
        await until(lambda: lamp.slots()[2] == [], "its slot is free")
        assert entry.connected.is_set()

        async with lamp.link() as client:
            assert len(await client.read_gatt_char(found(client, LAMP_SERVICE, BRIGHTNESS))) == 1
        assert entry.expected == []

    assert grumbles(caplog) == []


# the program


async def test_the_demo_can_be_reset_and_reads_on(tmp_path: Path) -> None:
    port = free_port()
    encrypted = arguments(tmp_path, port, encryption="key", encryption_key=KEY)
    async with started(*encrypted, cwd=tmp_path) as program:
        await program.line("ready:")
        async with connected(port, KEY) as client:
            view = await seen_well(client)
            await view.readings(1)
            await press(client, view)
            await until(lambda: own(view, "Recoveries") == 1, "the event is there", BACK_WITHIN_S)
            lists = [view.history[each, "Last good reading"] for each in BATTERIES]
            counts = [len(each) for each in lists]
            await until(
                lambda: all(len(each) > count for each, count in zip(lists, counts, strict=True)),
                "all batteries are read again",
                30.0,
            )
            assert not client.ended.done()
        ended = await program.stop()

    assert ended.code == 0
    assert "Traceback" not in ended.err
    assert ended.err.count("power-cycled the adapter, because somebody pressed the button: helped") == 1
