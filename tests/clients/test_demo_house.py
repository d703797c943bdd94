"""The demo as a user starts it, read by the clients of Home Assistant: from registers to entities."""

import json
import math
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import pytest
from aioesphomeapi import (
    APIClient,
    DeviceInfo,
    EntityInfo,
    SensorInfo,
    SensorStateClass,
    build_device_unique_id,
)
from cli.program import Program, free_port, settings, started
from clients.heard import Heard
from clients.home import Entry, Home, complaints, home
from clients.serving import KEY, connected, until

INTERVAL_S = 2
PATIENCE_S = 30.0
UNITS = (48, 49, 50, 51)
BATTERIES = tuple(f"House battery {unit}" for unit in UNITS)
BANK = "House battery bank"
HUB = 0x6CB2FD86824D
BTHOME = "0000fcd2-0000-1000-8000-00805f9b34fb"
SILENT_UNIT = "[device]\nmac_addr = 6C:B2:FD:86:82:4D\ntype = RNG_BATT\nalias = shed\ndevice_id = 99,48\n"

ENERGY_DASHBOARD = [
    *((name, "Energy charged", "kWh") for name in (*BATTERIES, BANK)),
    *((name, "Energy discharged", "kWh") for name in (*BATTERIES, BANK)),
    ("controller", "Energy generated today", "Wh"),
    ("controller", "Energy generated", "Wh"),
    ("controller", "Energy consumed", "Wh"),
]
EARLIER_NAMES = {
    **{f"renogy_battery_{unit}_soc": f"Battery {unit} State of Charge" for unit in UNITS},
    **{f"renogy_battery_{unit}_cell_voltage_delta": f"Battery {unit} Cell Voltage Delta" for unit in UNITS},
    "renogy_combined_voltage": "Combined Voltage",
    "renogy_combined_power": "Combined Power",
    "renogy_combined_remaining_charge": "Combined Remaining Charge",
}


class View:
    """What a client has listed, and the states that have come, each by device and name."""

    def __init__(self, info: DeviceInfo, entities: list[EntityInfo]) -> None:
        self.info = info
        self.devices = {each.device_id: _short(each.name) for each in info.devices}
        self.entities = {self._place(each): each for each in entities}
        self.identities = {(each.key, each.device_id, each.object_id, each.name) for each in entities}
        self.count = len(entities)
        self.states: dict[tuple[str, str], Any] = {}
        self.history: dict[tuple[str, str], list[Any]] = defaultdict(list)
        self._places = {(each.device_id, each.key): self._place(each) for each in entities}

    @classmethod
    async def of(cls, api: APIClient) -> Self:
        """List and subscribe, as Home Assistant does it."""
        info, entities, _ = await api.device_info_and_list_entities()
        view = cls(info, entities)
        api.subscribe_states(view.take)
        return view

    def take(self, state: Any) -> None:
        """A state has come."""
        place = self._places[state.device_id, state.key]
        value = None if getattr(state, "missing_state", False) else state.state
        self.states[place] = value
        self.history[place].append(value)

    def values(self, device: str) -> dict[str, Any]:
        """The latest states of a device by name."""
        return {name: value for (owner, name), value in self.states.items() if owner == device}

    async def readings(self, count: int, devices: Iterable[str] = BATTERIES) -> None:
        """Wait until each of these devices has been read so often since the states were subscribed to."""
        lists = [self.history[device, "Last good reading"] for device in devices]
        await until(
            lambda: all(len([each for each in times if each]) >= count for times in lists),
            f"{count} readings",
            PATIENCE_S,
        )

    def _place(self, entity: EntityInfo) -> tuple[str, str]:
        return self.devices.get(entity.device_id, ""), entity.name


def _short(name: str) -> str:
    return "controller" if "controller" in name else name


def arguments(state_dir: Path, port: int, **more: object) -> list[str]:
    return ["--demo", *settings(state_dir, port, renogy_read_interval=INTERVAL_S, **more)]


def messages(program: Program) -> list[str]:
    """The log without times."""
    return [line.split(" ", 2)[2] for line in program.err.splitlines()]


async def test_home_assistant_finds_everything_for_its_statistics(tmp_path: Path) -> None:
    port = free_port()
    async with started(*arguments(tmp_path, port), cwd=tmp_path) as program:
        await program.line("ready:")
        async with connected(port) as client:
            view = await View.of(client.api)
        assert (await program.stop()).code == 0

    assert sorted(view.devices.values()) == sorted([*BATTERIES, BANK, "controller"])
    assert 0 not in view.devices
    assert len(view.entities) == view.count  # no two of a device are called alike
    for version in (1, 3):  # of an old Home Assistant, of today's
        unique = {
            build_device_unique_id(view.info.mac_address, each, version=version)
            for each in view.entities.values()
        }
        assert len(unique) == view.count
    for device, name, unit in ENERGY_DASHBOARD:
        energy = view.entities[device, name]
        assert isinstance(energy, SensorInfo)
        assert (energy.device_class, energy.unit_of_measurement) == ("energy", unit)
        assert energy.state_class is SensorStateClass.TOTAL_INCREASING
    for device in (*BATTERIES, BANK, "controller"):
        level = view.entities[device, "Battery level"]
        assert isinstance(level, SensorInfo)
        assert (level.device_class, level.unit_of_measurement) == ("battery", "%")
        assert level.state_class is SensorStateClass.MEASUREMENT
    for device in BATTERIES:
        assert (device, "Cell 16 voltage") in view.entities


async def test_true_values_come_each_interval_while_advertisements_go_on(tmp_path: Path) -> None:
    port = free_port()
    async with started(*arguments(tmp_path, port), cwd=tmp_path) as program:
        await program.line("ready:")
        async with connected(port) as client:
            view, heard = await View.of(client.api), Heard(client)
            await view.readings(2, (*BATTERIES, "controller"))
            began, before = time.monotonic(), len(heard.advertisements)
            await view.readings(5)
            took_s, advertisements = time.monotonic() - began, len(heard.advertisements) - before
            await client.round_trip()
            assert not client.ended.done()  # it has listed all there is: nobody sends it away
        ended = await program.stop()

    print(f"3 rounds in {took_s:.1f} s, {advertisements / took_s:.0f} advertisements per second")
    assert took_s > 2 * INTERVAL_S
    assert advertisements / took_s > 30
    for device in BATTERIES:
        check_battery(view.values(device))
    check_controller(view.values("controller"))
    assert view.values(BANK)["Remaining charge"] == pytest.approx(
        sum(view.values(device)["Remaining charge"] for device in BATTERIES), abs=0.2
    )
    assert {view.states[device, "Values held back"] for device in BATTERIES} == {0}
    assert {view.states[device, "Failed readings"] for device in BATTERIES} == {0}
    assert ended.code == 0
    assert len(messages(program)) == len(set(messages(program)))  # no line per round
    assert "WARNING" not in ended.err


def check_battery(values: dict[str, Any]) -> None:
    cells = [values[f"Cell {number} voltage"] for number in range(1, 17)]
    assert values["Voltage"] == pytest.approx(sum(cells), abs=0.9)  # each cell to 0.1 V
    assert values["Power"] == pytest.approx(values["Voltage"] * values["Current"], abs=0.2)
    assert 0 < values["Remaining charge"] <= values["Capacity"]
    assert values["Battery level"] == pytest.approx(
        100 * values["Remaining charge"] / values["Capacity"], abs=0.1
    )
    assert values["Problem"] is False
    assert values["Problems"] == "none"
    assert values["Link"] is True
    assert all(math.isfinite(value) for value in values.values() if isinstance(value, float))


def check_controller(values: dict[str, Any]) -> None:
    assert values["Charging status"]
    assert values["Solar voltage"] > 0
    assert values["Energy generated"] > 10_000
    assert values["Load"] is True
    assert None not in values.values()


async def test_a_unit_that_does_not_answer_is_unknown_and_the_other_goes_on(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "config.ini").write_text(SILENT_UNIT)
    async with started("config.ini", *arguments(tmp_path, port), cwd=tmp_path) as program:
        await program.line("ready:")
        async with connected(port) as client:
            view = await View.of(client.api)
            await view.readings(1, ["shed battery 48"])
            trouble = ("shed battery 99", "Trouble")
            await until(lambda: view.states[trouble] != "none", "the trouble", PATIENCE_S)
        ended = await program.stop()

    silent, bank = view.values("shed battery 99"), view.values("shed bank")
    assert silent["Trouble"] == "unit 99 does not answer"
    assert [silent[name] for name in ("Voltage", "Current", "Battery level", "Energy charged")] == [None] * 4
    assert set(bank.values()) == {None}
    assert view.values("shed battery 48")["Voltage"] > 40
    assert ended.err.count("unit 99 does not answer") == 1


async def test_the_earlier_names_hold_the_same_values(tmp_path: Path) -> None:
    port = free_port()
    async with started(*arguments(tmp_path, port, entity_naming="earlier"), cwd=tmp_path) as program:
        await program.line("ready:")
        async with connected(port) as client:
            view = await View.of(client.api)
            await until(
                lambda: all(view.states.get(("", name)) is not None for name in EARLIER_NAMES.values()),
                "a state under each earlier name",
                PATIENCE_S,
            )
        assert (await program.stop()).code == 0

    assert view.devices == {}
    assert {each.object_id: each.name for each in view.entities.values()}.items() >= EARLIER_NAMES.items()


async def test_after_a_restart_entities_are_there_at_once_and_energy_goes_on(tmp_path: Path) -> None:
    port = free_port()
    views, energy = [], tmp_path / "demo" / "energy.json"
    for _ in range(2):
        async with started(*arguments(tmp_path, port), cwd=tmp_path) as program:
            await program.line("ready:")
            async with connected(port) as client:
                views.append(await View.of(client.api))
                await views[-1].readings(1)
            await program.stop()
        if len(views) == 1:
            kept = json.loads(energy.read_text())
            assert sorted(kept["totals"]) == [f"{HUB:012x}-{unit}" for unit in UNITS]
            for each in kept["totals"].values():
                each["energy_out_kwh"] += 7.5
            energy.write_text(json.dumps(kept))

    assert views[0].identities == views[1].identities
    for device in BATTERIES:
        assert views[1].values(device)["Energy discharged"] == pytest.approx(7.5, abs=0.1)


async def test_it_ends_in_the_middle_of_a_round(tmp_path: Path) -> None:
    port = free_port()
    async with started(*arguments(tmp_path, port), cwd=tmp_path) as program:
        await program.line("ready:")
        async with connected(port) as client:
            view = await View.of(client.api)
            await view.readings(1, BATTERIES[:1])  # the second battery is being read now
            ended = await program.stop()
            assert await client.end() is True

    assert ended.code == 0
    assert ended.took_s < 3.0
    assert "Traceback" not in ended.err
    assert "WARNING" not in ended.err


def thermometers(manager: Home) -> dict[str, bytes]:
    """What the BTHome thermometers said last: each packet has a number."""
    return {
        address: info.service_data[BTHOME]
        for address, info in manager.discovered.items()
        if BTHOME in info.service_data
    }


async def test_home_assistants_bluetooth_and_entities_live_on_one_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The demo's thermometers go on being heard by Home Assistant's scanner; encrypted, as most are."""
    port = free_port()
    encrypted = arguments(tmp_path, port, encryption="key", encryption_key=KEY)
    async with started(*encrypted, cwd=tmp_path) as program:
        await program.line("ready:")
        async with home(monkeypatch) as manager, Entry(manager, port, KEY) as entry:
            view = await View.of(entry.client)
            await view.readings(2)
            await until(lambda: len(manager.discovered) >= 20, "the neighbourhood is seen", PATIENCE_S)
            counters, before = thermometers(manager), entry.advertisements
            await view.readings(4)
            heard = entry.advertisements - before
            assert entry.connected.is_set()
            assert entry.expected == []
            assert counters != thermometers(manager)
        assert (await program.stop()).code == 0

    assert heard > INTERVAL_S * 30
    assert complaints(caplog) == []
