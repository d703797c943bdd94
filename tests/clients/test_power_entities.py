"""Batteries and chargers, as a client of Home Assistant's making sees them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aioesphomeapi import (
    BinarySensorInfo,
    DeviceInfo,
    EntityCategory,
    EntityInfo,
    EntityState,
    SensorInfo,
    SensorStateClass,
    SwitchInfo,
    TextSensorInfo,
    build_device_unique_id,
)
from clients.conftest import Serve
from clients.home import Entry, complaints, home
from clients.serving import (
    DEADLINE_S,
    ENTITIES,
    KEY,
    KEY_BYTES,
    ZERO_KEY,
    Client,
    Served,
    connected,
    until,
)
from proxy.power_devices import (
    BATTERY_VALUES,
    CONTROLLER_VALUES,
    UNITS,
    bank,
    battery,
    controller,
    house,
    key,
)

from renogybt.config import Encryption, EntityNaming
from renogybt.model.errors import RenogyBTError
from renogybt.model.reading import DeviceHealth, LinkState, Reading, SwitchLoad
from renogybt.proxy import relisting
from renogybt.proxy.care_entities import RESET
from renogybt.proxy.power import PowerEntities

LOAD = "roof_solar_controller_96_load_status"


class RefusedError(RenogyBTError):
    """The controller says no."""


class Controller:
    """A load output."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.refuses = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def switch_load(self, device: str, on: bool) -> None:
        self.asked.append((device, on))
        await self.answers.wait()
        if self.refuses:
            raise RefusedError("the controller refused")


@contextlib.asynccontextmanager
async def powered(
    served: Served,
    switch_load: SwitchLoad | None = None,
    naming: EntityNaming = EntityNaming.MODERN,
) -> AsyncIterator[PowerEntities]:
    """The house behind a server, while its commands are carried out."""
    power = PowerEntities(served.entities, naming=naming, switch_load=switch_load)
    power.devices(house())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(power.run())
        yield power
        running.cancel()


class View:
    """What a client has listed, and the latest states by object id."""

    def __init__(self, client: Client, info: DeviceInfo, entities: list[EntityInfo]) -> None:
        self.client = client
        self.info = info
        self.entities = {entity.object_id: entity for entity in entities}
        self.names = {entity.key: entity.object_id for entity in entities}
        self.states: dict[str, Any] = {}
        self.changes: list[EntityState] = []
        client.api.subscribe_states(self._take)

    def _take(self, state: EntityState) -> None:
        self.changes.append(state)
        self.states[self.names[state.key]] = state

    def known(self, object_id: str) -> bool:
        return not self.states[object_id].missing_state


async def look(client: Client) -> View:
    """Connect as Home Assistant does: list, subscribe, and have all states."""
    info, entities, _ = await client.api.device_info_and_list_entities()
    view = View(client, info, entities)
    await client.round_trip()
    return view


def names_of(info: DeviceInfo) -> dict[int, str]:
    return {device.device_id: device.name for device in info.devices}


# listing


async def test_each_device_is_a_sub_device(served: Served) -> None:
    async with powered(served), connected(served.port) as client:
        view = await look(client)

    assert list(names_of(view.info).values()) == [
        *(f"house battery {unit}" for unit in UNITS),
        "roof solar controller 96",
        "house bank",
    ]
    assert 0 not in names_of(view.info)
    assert {entity.device_id for entity in view.entities.values()} == {0, *names_of(view.info)}
    assert len([entity for entity in view.entities.values() if not entity.device_id]) == len(ENTITIES)


async def test_sensors_carry_what_home_assistants_statistics_need(served: Served) -> None:
    async with powered(served), connected(served.port) as client:
        view = await look(client)
    names = names_of(view.info)

    voltage = view.entities["house_battery_48_voltage"]
    assert isinstance(voltage, SensorInfo)
    assert (voltage.name, voltage.unit_of_measurement, voltage.device_class) == ("Voltage", "V", "voltage")
    assert (voltage.accuracy_decimals, voltage.state_class) == (1, SensorStateClass.MEASUREMENT)
    assert names[voltage.device_id] == "house battery 48"
    assert voltage.entity_category is EntityCategory.NONE

    for object_id in ("house_battery_48_energy_in_kwh", "house_bank__combined_energy_out_kwh"):
        energy = view.entities[object_id]
        assert isinstance(energy, SensorInfo)
        assert (energy.device_class, energy.unit_of_measurement) == ("energy", "kWh")
        assert energy.state_class is SensorStateClass.TOTAL_INCREASING

    assert isinstance(view.entities["house_battery_48_problem"], BinarySensorInfo)
    assert isinstance(view.entities["house_battery_48_problems"], TextSensorInfo)
    assert view.entities["house_battery_48_trouble"].entity_category is EntityCategory.DIAGNOSTIC
    assert view.entities["house_battery_48_charge_voltage_limit"].disabled_by_default
    assert not view.entities["house_battery_48_cell_voltage_15"].disabled_by_default


@pytest.mark.parametrize("naming", EntityNaming)
async def test_every_unique_id_of_home_assistant_occurs_once(served: Served, naming: EntityNaming) -> None:
    async with powered(served, naming=naming), connected(served.port) as client:
        view = await look(client)
    entities = list(view.entities.values())

    assert len(entities) > 200
    for version in (1, 3):  # of an old Home Assistant, of today's
        ids = {build_device_unique_id(view.info.mac_address, each, version=version) for each in entities}
        assert len(ids) == len(entities)


async def test_earlier_names_are_on_the_device_itself(served: Served) -> None:
    async with powered(served, naming=EntityNaming.EARLIER), connected(served.port) as client:
        view = await look(client)

    assert view.info.devices == []
    assert view.entities["renogy_battery_51_soc"].name == "Battery 51 State of Charge"
    assert view.entities["renogy_combined_power"].name == "Combined Power"


async def test_keys_are_the_same_after_a_restart(served: Served) -> None:
    async with connected(served.port) as client:
        async with powered(served):
            first = (await client.api.device_info_and_list_entities())[1]
        async with powered(served) as power:
            power.devices(tuple(reversed(house())))
            second = (await client.api.device_info_and_list_entities())[1]

    assert {(each.key, each.device_id, each.name) for each in first} == {
        (each.key, each.device_id, each.name) for each in second
    }


# states


async def test_each_reading_arrives_with_the_device_of_its_entity(served: Served) -> None:
    async with powered(served) as power, connected(served.port) as client:
        view = await look(client)
        assert set(view.states) == {each for each in view.entities if each != RESET}
        assert not view.known("house_battery_48_voltage")

        for voltage in (52.8, 52.9):
            power.reading(Reading(key(48), 0.0, {**BATTERY_VALUES, "voltage": voltage}))
            power.reading(Reading(key(49), 0.0, {**BATTERY_VALUES, "voltage": 51.0}))
            await client.round_trip()
            assert view.states["house_battery_48_voltage"].state == pytest.approx(voltage)
            assert view.states["house_battery_49_voltage"].state == pytest.approx(51.0)

        for object_id, state in view.states.items():
            assert state.device_id == view.entities[object_id].device_id
        assert view.states["house_battery_48_problem"].state is False
        assert view.states["house_battery_48_problems"].state == "none"


async def test_a_device_that_falls_silent_is_unknown_and_says_why(served: Served) -> None:
    async with powered(served) as power, connected(served.port) as client:
        view = await look(client)
        power.reading(Reading(key(48), 0.0, BATTERY_VALUES))
        power.health(DeviceHealth(key(48), True, LinkState.CONNECTED, 1_795_000_000.0, rssi=-60))
        await client.round_trip()
        assert view.known("house_battery_48_voltage")
        assert view.states["house_battery_48_link"].state is True
        assert view.states["house_battery_48_last_good_reading"].state == "2026-11-18T11:06:40+00:00"

        power.health(DeviceHealth(key(48), False, last_good=1_795_000_000.0, failed=3, trouble="not heard"))
        await client.round_trip()

    assert not view.known("house_battery_48_voltage")
    assert not view.known("house_battery_48_signal_strength")
    assert view.known("house_battery_48_last_good_reading")
    assert view.states["house_battery_48_failed_readings"].state == 3
    assert view.states["house_battery_48_trouble"].state == "not heard"


# commands


@pytest.fixture
def load() -> Controller:
    return Controller()


async def keyed(serve: Serve) -> Served:
    return await serve(encryption=Encryption.KEY, key=KEY_BYTES)


async def test_the_load_is_switched_over_an_encrypted_connection(serve: Serve, load: Controller) -> None:
    served = await keyed(serve)
    async with powered(served, load.switch_load) as power, connected(served.port, KEY) as client:
        view = await look(client)
        power.reading(Reading(key(96), 0.0, CONTROLLER_VALUES))
        switch = view.entities[LOAD]
        assert isinstance(switch, SwitchInfo)

        load.answers.clear()
        client.api.switch_command(switch.key, True, switch.device_id)
        await client.round_trip()  # the session goes on while the controller thinks
        assert load.asked == [(key(96), True)]
        assert not view.states[LOAD].state
        load.answers.set()
        await until(lambda: view.states[LOAD].state, "the load is on")

        client.api.switch_command(switch.key, False, switch.device_id)
        await until(lambda: not view.states[LOAD].state, "the load is off")

    assert load.asked == [(key(96), True), (key(96), False)]


async def test_a_refused_command_springs_back(
    serve: Serve, load: Controller, caplog: pytest.LogCaptureFixture
) -> None:
    served = await keyed(serve)
    load.refuses = True
    async with powered(served, load.switch_load) as power, connected(served.port, KEY) as client:
        view = await look(client)
        power.reading(Reading(key(96), 0.0, CONTROLLER_VALUES))
        await client.round_trip()
        view.changes.clear()

        client.api.switch_command(view.entities[LOAD].key, True)
        await until(lambda: bool(view.changes), "the state comes again")

    assert [state.state for state in view.changes] == [False]  # type: ignore[attr-defined]
    assert "could not be switched on: the controller refused" in caplog.text


@pytest.mark.parametrize("client_key", [None, ZERO_KEY], ids=["plaintext", "key of zeros"])
async def test_without_a_key_of_its_own_a_client_switches_nothing(
    served: Served, load: Controller, client_key: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    async with powered(served, load.switch_load) as power, connected(served.port, client_key) as client:
        view = await look(client)
        power.reading(Reading(key(96), 0.0, CONTROLLER_VALUES))
        await client.round_trip()
        view.changes.clear()

        for _ in range(5):
            client.api.switch_command(view.entities[LOAD].key, True)
        await client.round_trip()

    assert load.asked == []
    assert [state.state for state in view.changes] == [False] * 5  # type: ignore[attr-defined]
    assert caplog.text.count("is refused to client a test at 127.0.0.1") == 1


async def test_who_wants_no_encryption_can_switch_without(serve: Serve, load: Controller) -> None:
    served = await serve(encryption=Encryption.OFF)
    async with powered(served, load.switch_load), connected(served.port) as client:
        view = await look(client)
        client.api.switch_command(view.entities[LOAD].key, True)
        await until(lambda: load.asked == [(key(96), True)], "the command arrives")


async def test_commands_for_what_is_no_switch_are_ignored(serve: Serve, load: Controller) -> None:
    served = await keyed(serve)
    async with powered(served, load.switch_load), connected(served.port, KEY) as client:
        view = await look(client)
        client.api.switch_command(12_345, True)
        client.api.switch_command(view.entities["house_battery_48_problem"].key, True)
        await client.round_trip()

    assert load.asked == []


async def test_a_load_that_may_not_be_switched_is_no_switch(served: Served) -> None:
    async with powered(served) as power, connected(served.port) as client:
        view = await look(client)
        power.reading(Reading(key(96), 0.0, {**CONTROLLER_VALUES, "load_status": "on"}))
        await client.round_trip()

    assert isinstance(view.entities[LOAD], BinarySensorInfo)
    assert view.states[LOAD].state is True


# another layout


async def test_clients_come_back_for_entities_that_are_new(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relisting, "SETTLE_S", 0.05)
    async with powered(served) as power, connected(served.port) as client, connected(served.port) as other:
        await look(client)
        power.devices([*house(), controller(97)])
        assert await client.end() is True
        await other.round_trip()  # it has listed nothing, so nothing has changed for it

        async with connected(served.port) as again:
            view = await look(again)
            assert "roof solar controller 97" in names_of(view.info).values()


async def test_a_reading_of_what_is_known_already_sends_nobody_away(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relisting, "SETTLE_S", 0.0)
    async with powered(served) as power, connected(served.port) as client:
        await look(client)
        power.devices(house())
        power.reading(Reading(key(48), 0.0, BATTERY_VALUES))
        await client.round_trip()

        assert not client.ended.done()


async def test_home_assistant_takes_a_new_layout_for_an_expected_end(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relisting, "SETTLE_S", 0.05)
    async with (
        home(monkeypatch) as manager,
        powered(served) as power,
        Entry(manager, served.port, None) as entry,
    ):
        power.devices([battery(48), bank()])
        async with asyncio.timeout(DEADLINE_S):
            await entry.disconnected.wait()

    assert entry.expected[0] is True
    assert complaints(caplog) == []
