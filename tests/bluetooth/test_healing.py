"""What is done about a BlueZ that is stuck, and how soon; on a clock that runs ahead."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fakes.bus_client import until
from fakes.hurried_loop import in_a_hurry
from fakes.linking import with_hub
from fakes.radio_world import BY_DBUS, BY_MGMT, SENDER, Heard, World
from fakes.systemd import FakeSystemd

from renogybt.bluetooth.budget import Budget
from renogybt.bluetooth.radio import BlueZRadio
from renogybt.bluetooth.rungs import Permissions
from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import parse_address
from renogybt.model.gatt import LinkEnd
from renogybt.model.radio import ScanMode
from renogybt.model.recovery import CareState, ResetFailedError, ResetRefusedError, Result, Rung

SETTLED_S = 80.0
"""So long a place has to be listened to before its rhythm is known."""
CROWD = [SENDER, "C4:7C:8D:6A:3E:02", "C4:7C:8D:6A:3E:03", "C4:7C:8D:6A:3E:04"]


@dataclass
class Clinic:
    """A machine whose place is known to its radio."""

    world: World
    radio: BlueZRadio
    heard: Heard

    @property
    def rungs(self) -> list[Rung]:
        """Which were taken, as far as somebody has looked after each."""
        return self._taken

    def __post_init__(self) -> None:
        self._taken: list[Rung] = []
        self.radio.care.watch(self._note)
        self._last = self.radio.care.status.last

    def _note(self, _: object) -> None:
        last = self.radio.care.status.last
        if last is not None and last is not self._last:
            self._last = last
            self._taken.append(last.rung)

    @contextlib.asynccontextmanager
    async def silent_until(self, call: str) -> AsyncIterator[None]:
        """Nothing is heard, whatever BlueZ says, until it gets this call."""
        calls = self.world.bluez.calls
        before = calls[call]
        self.world.on_air = False
        cure = asyncio.create_task(until(lambda: calls[call] > before, 120.0))
        cure.add_done_callback(lambda _: setattr(self.world, "on_air", True))
        try:
            yield
        finally:
            cure.cancel()

    async def helped(self, rung: Rung, within_s: float) -> float:
        """Seconds until this rung has helped, and all is well."""
        care = self.radio.care
        now = asyncio.get_running_loop().time
        since = now()
        await until(lambda: rung in self._taken and care.status.state is CareState.WELL, within_s)
        assert care.status.last is not None
        assert (care.status.last.rung, care.status.last.result) == (rung, Result.HELPED)
        return now() - since


@contextlib.asynccontextmanager
async def clinic(
    folder: Path, source: AdvertisementSource = BY_DBUS, settled_s: float = SETTLED_S, **options: Any
) -> AsyncIterator[Clinic]:
    async with World(folder) as world:
        world.every_s, world.senders = 0.5, CROWD
        radio = world.radio(source, clock=asyncio.get_running_loop().time, **options)
        async with world.run(radio) as heard:
            await heard.scanning(20.0)
            await asyncio.sleep(settled_s)
            assert radio.care.status.rungs == 0
            yield Clinic(world, radio, heard)


# -- silence


@in_a_hurry
async def test_a_silent_scan_by_the_management_socket_is_begun_anew(folder: Path) -> None:
    async with clinic(folder, BY_MGMT) as machine, machine.silent_until("StartDiscovery"):
        assert await machine.helped(Rung.RESTART_SCAN, 30.0) <= 20.0
        assert machine.world.bluez.calls["Set Powered"] == 0


@in_a_hurry
async def test_a_silent_scan_by_d_bus_is_begun_anew(folder: Path) -> None:
    async with clinic(folder, BY_DBUS) as machine, machine.silent_until("StartDiscovery"):
        assert await machine.helped(Rung.RESTART_SCAN, 45.0) <= 35.0
        assert machine.world.bluez.calls["Set Powered"] == 0


@in_a_hurry
async def test_a_silent_passive_scan_is_begun_anew_with_another_monitor(folder: Path) -> None:
    async with clinic(folder, BY_MGMT, mode=ScanMode.PASSIVE) as machine:
        world = machine.world
        before = world.kernel.commands[0x0052]
        world.on_air = False
        await until(lambda: world.kernel.commands[0x0052] > before, 30.0)
        world.on_air = True
        await machine.helped(Rung.RESTART_SCAN, 10.0)
        assert len(world.kernel.controllers[0].monitors) == 1


@in_a_hurry
async def test_a_scan_that_only_a_power_cycle_wakes_up_is_back_in_time(folder: Path) -> None:
    async with clinic(folder, BY_MGMT) as machine, machine.silent_until("Set Powered"):
        assert await machine.helped(Rung.POWER_CYCLE, 60.0) <= 35.0
        assert machine.rungs == [
            Rung.RESTART_SCAN,
            Rung.STOP_KERNEL_SCAN,
            Rung.REOPEN_BUS,
            Rung.POWER_CYCLE,
        ]
        assert len(machine.world.owners) == 1


@in_a_hurry
async def test_links_that_a_power_cycle_takes_are_told_so(folder: Path) -> None:
    async with clinic(folder, BY_MGMT) as machine:
        peripheral = with_hub(machine.world)
        await asyncio.sleep(2.0)
        async with machine.radio.connect(parse_address(peripheral.address)) as link:
            gone = asyncio.Event()
            link.on_close(gone.set)
            async with machine.silent_until("Set Powered"):
                async with asyncio.timeout(60.0):
                    await gone.wait()
                await until(lambda: link.end is LinkEnd.RADIO, 5.0)  # BlueZ tells of the links first
                await machine.helped(Rung.POWER_CYCLE, 20.0)


# -- power


@in_a_hurry
async def test_an_adapter_that_somebody_switches_off_is_on_again(folder: Path) -> None:
    async with clinic(folder, settled_s=2.0) as machine:
        machine.world.bluez.power("hci0", False)
        assert await machine.helped(Rung.POWER_ON, 20.0) <= 4.0


@in_a_hurry
async def test_who_may_not_reset_leaves_it_off_and_says_so(folder: Path) -> None:
    async with clinic(folder, settled_s=2.0, permissions=Permissions(resets=False)) as machine:
        machine.world.bluez.power("hci0", False)
        assert "bluetoothctl power on" in await machine.heard.failed(5.0)
        await asyncio.sleep(60.0)
        assert machine.radio.care.status.state is CareState.HELPLESS
        assert machine.world.bluez.calls["Set Powered"] == 0


@in_a_hurry
async def test_a_block_by_software_is_taken_off_where_that_is_allowed(folder: Path) -> None:
    switch = folder / "rfkill"
    switch.write_bytes(b"")
    async with clinic(folder, settled_s=2.0, permissions=Permissions(rfkill=switch)) as machine:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("renogybt.bluetooth.faults.bluetooth_block", lambda _name: "soft")
            machine.world.bluez.power("hci0", False)
            await until(lambda: switch.read_bytes(), 5.0)
        machine.world.bluez.power("hci0", True)
        await machine.helped(Rung.UNBLOCK, 10.0)
        assert switch.read_bytes() == b"\0\0\0\0\x02\x03\0\0"


# -- bluetoothd


@in_a_hurry
async def test_a_discovery_that_a_crash_left_is_ended_by_a_power_cycle_without_mgmt(folder: Path) -> None:
    async with clinic(folder, settled_s=2.0) as machine:
        world = machine.world
        await world.bluez.crash()
        await world.bluez.start()
        await world.bluez.ready()
        assert await machine.heard.scanning(20.0) <= 7.0
        # what it has brought is looked at afterwards
        await until(lambda: Rung.POWER_CYCLE in machine.rungs, 10.0)


@in_a_hurry
async def test_a_bluetoothd_that_hangs_is_noticed_within_ten_seconds_and_never_reset(folder: Path) -> None:
    async with clinic(folder) as machine:
        world = machine.world
        world.bluez.swallow("*")
        world.on_air = False
        await machine.heard.until(lambda: "did not answer" in machine.radio.status.reason, 10.0)
        await asyncio.sleep(60.0)
        assert Rung.POWER_CYCLE not in machine.rungs
        world.bluez.answer("*")
        world.on_air = True
        await machine.heard.scanning(60.0)


@in_a_hurry
async def test_where_it_is_allowed_systemd_is_asked_to_restart_a_bluetoothd_that_hangs(folder: Path) -> None:
    async with clinic(folder, permissions=Permissions(restart_bluetoothd=True)) as machine:
        world = machine.world
        async with FakeSystemd(world.bus.address) as systemd:
            world.bluez.swallow("*")
            world.on_air = False
            await until(lambda: systemd.started, 60.0)
            assert systemd.started == ["renogy-bt-restart-bluetooth.service"]
            world.bluez.answer("*")
            await world.bluez.stop()
            world.on_air = True
            await world.bluez.start()
            await world.bluez.ready()
            await machine.heard.scanning(60.0)


@in_a_hurry
async def test_an_adapter_that_is_gone_costs_nothing(folder: Path) -> None:
    async with clinic(folder) as machine:
        machine.world.unplug()
        await asyncio.sleep(300.0)
        assert machine.radio.care.status.rungs == 0
        assert machine.radio.care.status.state is CareState.HELPLESS
        machine.world.plug("hci1")
        await machine.heard.scanning(20.0)
        await until(lambda: machine.radio.care.status.state is CareState.WELL, 5.0)


# -- on request


@in_a_hurry
async def test_a_reset_on_request_counts_in_the_budget_that_the_next_process_finds(folder: Path) -> None:
    path = folder / "recovery.json"
    async with clinic(folder, settled_s=2.0, budget=Budget(path)) as machine:
        event = await machine.radio.care.reset("a person asked for it")
        assert (event.rung, event.result) == (Rung.POWER_CYCLE, Result.HELPED)
        with pytest.raises(ResetRefusedError, match="allowed in"):
            await machine.radio.care.reset("a person asked for it")
        await machine.radio.care.reset("a person insisted", force=True)
    again = Budget(path)
    assert again.resets.left(again.now) == 8


@in_a_hurry
async def test_a_reset_of_a_dead_adapter_says_that_it_failed(folder: Path) -> None:
    async with clinic(folder, settled_s=2.0) as machine:
        machine.world.bluez.swallow("Set Powered")
        with pytest.raises(ResetFailedError, match="Set"):
            await machine.radio.care.reset("a person asked for it")
