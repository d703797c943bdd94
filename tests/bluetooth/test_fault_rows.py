"""Rows of docs/faults.md that no other test here proves."""

import asyncio
from pathlib import Path

import pytest
from bluetooth.ailing_radio import BUSY, UNPRIVILEGED, Patient
from bluetooth.ailing_radio import BY_MGMT as BY_MGMT_RUNGS
from fakes import hub, private_bus
from fakes.bus_client import until
from fakes.hurried_loop import in_a_hurry
from fakes.linking import HUB, Reach, with_hub
from fakes.radio_world import BY_DBUS, BY_MGMT, SENDER, World, both

from renogybt.bluetooth.budget import Budget
from renogybt.bluetooth.health import Fault
from renogybt.bluetooth.radio import BlueZRadio
from renogybt.config import AdvertisementSource
from renogybt.model.gatt import ConnectError
from renogybt.model.radio import ScanMode
from renogybt.model.recovery import CareState, Result, Rung

IN_PROGRESS = "org.bluez.Error.InProgress"
CROWD = [SENDER, "C4:7C:8D:6A:3E:02", "C4:7C:8D:6A:3E:03", "C4:7C:8D:6A:3E:04"]

SETTLED_S = 80.0
"""So long a place has to be listened to before its rhythm is known."""


def now() -> float:
    return asyncio.get_running_loop().time()


@both
@pytest.mark.parametrize("times", [1, 3])
async def test_a_start_that_is_in_progress_for_a_while_takes_three_seconds_and_no_power_cycle(
    world: World, source: AdvertisementSource, times: int
) -> None:
    world.bluez.fail_next("StartDiscovery", IN_PROGRESS, "Operation already in progress", times=times)
    async with world.run(world.radio(source)) as heard:
        assert await heard.scanning(3.0) <= 3.0
        assert len(world.owners) == 1
        assert world.bluez.calls["Set Powered"] == 0


@pytest.mark.parametrize("error", ["Failed", "InProgress", "NotReady"])
async def test_a_scan_whose_stop_is_refused_is_begun_again_within_a_second(world: World, error: str) -> None:
    radio = world.radio(BY_MGMT)
    async with world.scanning(radio) as heard:
        world.bluez.fail_next("StopDiscovery", f"org.bluez.Error.{error}", "No discovery started")
        stops, starts = world.bluez.calls["StopDiscovery"], world.bluez.calls["StartDiscovery"]
        radio.begin_anew()
        await until(lambda: world.bluez.calls["StopDiscovery"] > stops, 1.0)
        await until(lambda: world.bluez.calls["StartDiscovery"] > starts, 1.0)
        assert await heard.scanning(1.0) <= 1.0
        assert heard.reasons == []
        assert radio.status.mode is ScanMode.ACTIVE


async def test_a_bluetoothd_that_stays_away_is_started_by_the_bus_within_five_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where D-Bus can do that: the bus starts what its service file names."""
    services, started = tmp_path / "services", tmp_path / "started"
    services.mkdir()
    (services / "org.bluez.service").write_text(
        f"[D-BUS Service]\nName=org.bluez\nExec=/bin/touch {started}\nUser=root\n"
    )
    folder = f"<servicedir>{services}</servicedir></busconfig>"
    monkeypatch.setattr(
        private_bus, "CONFIGURATION", private_bus.CONFIGURATION.replace("</busconfig>", folder)
    )
    async with World(tmp_path) as world, world.scanning(world.radio(BY_MGMT)) as heard:
        assert not started.exists()
        await world.bluez.crash()
        await until(started.exists, 5.0)
        await world.bluez.start()
        await world.bluez.ready()
        await heard.scanning(2.0)


@in_a_hurry
async def test_a_bluetoothd_that_hangs_is_noticed_by_a_probe_and_told(folder: Path) -> None:
    async with World(folder) as world:
        world.every_s = 0.5
        radio = world.radio(BY_DBUS, clock=now)
        async with world.scanning(radio) as heard:
            await asyncio.sleep(SETTLED_S)
            world.bluez.swallow("*")
            world.on_air = False
            took_s = await heard.until(lambda: "did not answer" in radio.status.reason, 60.0)
            assert took_s <= 10.0
            assert world.bluez.calls["Set Powered"] == 0
            world.bluez.answer("*")
            world.on_air = True
            await heard.scanning(30.0)


# -- decisions, in virtual time


@pytest.mark.parametrize(
    ("able", "monitored"), [(BY_MGMT_RUNGS, True), (UNPRIVILEGED, False)], ids=["mgmt", "dbus"]
)
def test_a_silent_scan_that_takes_a_power_cycle_is_back_within_35_seconds(
    able: frozenset[Rung], monitored: bool
) -> None:
    with Patient(BUSY, able, monitored) as patient:
        patient.advance(300.0)
        patient.fall_silent(Rung.POWER_CYCLE)
        patient.advance(35.0)
        assert patient.rungs[-1] is Rung.POWER_CYCLE
        assert patient.care.status.state is CareState.WELL


@pytest.mark.parametrize("fault", [None, Fault.BUSY, Fault.REFUSED])
def test_where_power_cycles_do_not_help_the_hardware_is_reset_within_90_seconds(fault: Fault | None) -> None:
    with Patient(BUSY, BY_MGMT_RUNGS | {Rung.RESET_HARDWARE}) as patient:
        patient.advance(300.0)
        patient.fall_silent(Rung.RESET_HARDWARE) if fault is None else patient.fail(
            fault, Rung.RESET_HARDWARE
        )
        patient.advance(90.0)
        assert patient.rungs[-1] is Rung.RESET_HARDWARE
        patient.advance(10.0)
        assert patient.care.status.state is CareState.WELL


# -- silent from the start


async def recovery(world: World, radio: BlueZRadio, cure: str, count: int = 1) -> tuple[float, list[Rung]]:
    """Let the radio start in silence, which ends when BlueZ has got the call `cure` so often; seconds until
    all is well, and the rungs that were taken."""
    world.senders, world.every_s, world.on_air = CROWD, 0.5, False
    taken: list[Rung] = []

    def note(_: object) -> None:
        last = radio.care.status.last
        if last is not None and (not taken or last.rung is not taken[-1]):
            taken.append(last.rung)

    radio.care.watch(note)
    async with world.run(radio) as heard:
        await heard.running(5.0)
        began = now()
        await until(lambda: world.bluez.calls[cure] >= count, 90.0)
        world.on_air = True
        await until(lambda: taken and radio.care.status.state is CareState.WELL, 30.0)
        last = radio.care.status.last
        assert last is not None
        assert last.result is Result.HELPED
        return now() - began, taken


@both
def test_a_scan_that_never_begins_to_deliver_is_begun_anew(
    tmp_path: Path, source: AdvertisementSource
) -> None:
    @in_a_hurry
    async def play(folder: Path) -> None:
        async with World(folder) as world:
            radio = world.radio(source, clock=now)
            took_s, rungs = await recovery(world, radio, "StartDiscovery", 2)
            assert took_s <= (15.0 if source is BY_MGMT else 30.0)
            assert rungs == [Rung.RESTART_SCAN]
            assert world.bluez.calls["Set Powered"] == 0

    play(tmp_path)


@in_a_hurry
async def test_where_many_were_heard_before_a_silent_start_ends_in_a_power_cycle(folder: Path) -> None:
    budget = Budget()
    budget.remember(lively=True)
    async with World(folder) as world:
        radio = world.radio(BY_MGMT, clock=now, budget=budget)
        took_s, rungs = await recovery(world, radio, "Set Powered")
        assert took_s <= 25.0
        assert rungs[-1] is Rung.POWER_CYCLE


# -- links


@both
def test_with_the_deadlines_of_a_run_a_peripheral_that_hangs_is_let_go_in_time(
    tmp_path: Path, source: AdvertisementSource
) -> None:
    @in_a_hurry
    async def play(folder: Path) -> None:
        async with World(folder) as world:
            peripheral = with_hub(world)
            radio = world.radio(source, clock=now)
            async with world.scanning(radio) as heard:
                await until(lambda: world.bluez.device(hub.HUB), 20.0)
                peripheral.hangs = True
                began = now()
                with pytest.raises(ConnectError, match="in 2 attempts"):
                    async with radio.connect(HUB):
                        pytest.fail("it lets nobody in")
                assert now() - began <= (10.5 if source is BY_MGMT else 22.0)
                reach = Reach(world, radio, peripheral)
                await until(lambda: not reach.link.pending, 1.0)
                peripheral.hangs = False
                async with radio.connect(HUB) as link:
                    assert link.open
                await heard.advertisement(5.0)

    play(tmp_path)
