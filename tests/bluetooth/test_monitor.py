"""The monitor of a radio: one, noted, used on, and removed."""

import asyncio
from pathlib import Path

import pytest
from fakes.bus_client import until
from fakes.mgmt import ADD_MONITOR, REMOVE_MONITOR
from fakes.radio_world import BY_MGMT, Heard, World

from renogybt.bluetooth.scan_lock import parse_note
from renogybt.config import AdvertisementSource
from renogybt.model.radio import ScanMode, ScannerState

AUTO = AdvertisementSource.AUTO
PASSIVE, ACTIVE = ScanMode.PASSIVE, ScanMode.ACTIVE
SECOND = "00:1A:7D:DA:71:99"


def noted(path: Path) -> int | None:
    note = parse_note(path.read_bytes())
    assert note is not None
    return note.monitor


async def in_mode(heard: Heard, mode: ScanMode, within_s: float = 2.0) -> float:
    return await heard.status(
        lambda status: status.mode is mode and status.state is ScannerState.RUNNING, within_s
    )


async def test_it_registers_one_monitor_in_both_modes_and_removes_it(world: World) -> None:
    radio = world.radio(BY_MGMT)
    async with world.scanning(radio) as heard:
        for mode in (PASSIVE, ACTIVE, PASSIVE):
            radio.set_mode(mode)
            await in_mode(heard, mode)
            assert len(world.kernel.monitors) == 1
    assert world.kernel.monitors == []
    assert world.kernel.commands[ADD_MONITOR] == 1
    assert noted(world.lock_path) is None


async def test_the_monitors_of_others_are_left_alone(world: World) -> None:
    foreign = world.kernel.controllers[0].add_monitor()
    async with world.scanning(world.radio(BY_MGMT)):
        assert len(world.kernel.monitors) == 2
    assert world.kernel.monitors == [foreign]


async def test_the_monitor_of_a_process_that_crashed_is_used_on(world: World) -> None:
    left = world.kernel.controllers[0].add_monitor()
    world.lock_path.write_text(f"1 {left}\n")
    world.lock_path.chmod(0o644)
    async with world.scanning(world.radio(BY_MGMT)):
        assert world.kernel.monitors == [left]
        assert world.kernel.commands[ADD_MONITOR] == 0
    assert world.kernel.monitors == []


async def test_the_handle_is_noted_for_the_next_process(world: World) -> None:
    async with world.scanning(world.radio(BY_MGMT)):
        assert noted(world.lock_path) == world.kernel.monitors[0]


async def test_a_monitor_that_could_not_be_removed_stays_noted(world: World) -> None:
    async with world.scanning(world.radio(BY_MGMT)):
        world.kernel.mute.add(REMOVE_MONITOR)
    (left,) = world.kernel.monitors
    assert noted(world.lock_path) == left
    world.kernel.mute.clear()
    async with world.scanning(world.radio(BY_MGMT)):
        assert world.kernel.monitors == [left]
    assert world.kernel.monitors == []


@pytest.mark.parametrize("text", ["", "no note", "1 x", "1 99", "\0" * 5000, "[" * 1024])
async def test_a_damaged_note_is_none(world: World, text: str) -> None:
    world.lock_path.write_text(text)
    world.lock_path.chmod(0o644)
    async with world.scanning(world.radio(BY_MGMT)):
        assert len(world.kernel.monitors) == 1
    assert world.kernel.monitors == []


async def test_a_monitor_that_somebody_removed_is_registered_again(world: World) -> None:
    radio = world.radio(BY_MGMT, mode=PASSIVE)
    async with world.scanning(radio) as heard:
        world.kernel.remove_monitor(world.kernel.monitors[0])
        await until(lambda: world.kernel.monitors, 0.5)
        await heard.advertisement(0.5)
        assert radio.status.state is ScannerState.RUNNING


async def test_a_monitor_that_a_power_cycle_lost_is_registered_again(world: World) -> None:
    async with world.scanning(world.radio(BY_MGMT, mode=PASSIVE)) as heard:
        world.bluez.power("hci0", False)
        world.kernel.controllers[0].monitors.clear()
        await asyncio.sleep(0)
        world.bluez.power("hci0", True)
        await until(lambda: world.kernel.monitors, 1.0)
        await heard.scanning(0.5)
        assert len(world.kernel.monitors) == 1


async def test_a_monitor_whose_handle_comes_late_is_the_only_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("renogybt.bluetooth.mgmt.COMMAND_TIMEOUT_S", 0.1)
    monkeypatch.setattr("renogybt.bluetooth.monitor.ANSWER_S", 0.1, raising=False)
    world.kernel.late[ADD_MONITOR] = 0.3
    async with world.run(world.radio(BY_MGMT)) as heard:
        await heard.failed()
        await heard.scanning(3.0)
        assert len(world.kernel.monitors) == 1
        assert noted(world.lock_path) == world.kernel.monitors[0]
        assert world.kernel.commands[ADD_MONITOR] == 1
    assert world.kernel.monitors == []


async def test_a_monitor_is_known_to_the_next_socket_without_a_note(world: World) -> None:
    world.lock_path.touch()
    radio = world.radio(BY_MGMT, lock_path=world.lock_path / "below a file")
    async with world.scanning(radio) as heard:
        before = world.kernel.monitors
        world.kernel.cut()
        await until(lambda: world.kernel.opened == 2)
        await heard.scanning()
        assert world.kernel.monitors == before
    assert world.kernel.monitors == []
