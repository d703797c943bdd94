"""A reset of the hardware as a command: who may, what it costs, and the adapter in BlueZ afterwards."""

import os
from pathlib import Path

import pytest
from fakes.fixtures import ADAPTER_ADDRESS
from fakes.hurried_loop import in_a_hurry
from fakes.radio_world import World
from fakes.sysfs import FakeSysfs

from renogybt.bluetooth.budget import Budget, Limits
from renogybt.bluetooth.hardware import REST_S
from renogybt.bluetooth.hardware_reset import reset_adapter_hardware
from renogybt.bluetooth.reset import Machine, NoAdapterError
from renogybt.model.advertisement import parse_address
from renogybt.model.recovery import ResetFailedError, ResetRefusedError, Rung


@pytest.fixture
def sysfs(tmp_path: Path) -> FakeSysfs:
    return FakeSysfs(tmp_path / "sys")


ADAPTER = parse_address(ADAPTER_ADDRESS)


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.mark.parametrize(
    "choice", ["hci0", None, parse_address(ADAPTER_ADDRESS)], ids=["name", "any", "address"]
)
async def test_the_adapter_is_reset_and_has_its_power(
    root: None, world: World, sysfs: FakeSysfs, choice: str | int | None
) -> None:
    sysfs.serial("hci0")
    sysfs.virtual("hci1")
    budget = Budget()
    event, label = await reset_adapter_hardware(
        choice, budget, machine=Machine(world.bus.address, sysfs=sysfs.root)
    )
    assert (event.rung, event.detail, label) == (Rung.RESET_HARDWARE, "", "hci0")
    assert event.took_s >= REST_S
    assert sysfs.told("bind") == "serial0-0"
    assert (len(budget.hardware_resets.spent), len(budget.resets.spent)) == (1, 0)


@in_a_hurry
async def test_an_adapter_that_bluez_leaves_without_power_gets_it(folder: Path) -> None:
    sysfs = FakeSysfs(folder / "sys")
    sysfs.serial()
    async with World(folder) as world:
        world.bluez.power("hci0", False)
        await _as_root(Machine(world.bus.address, sysfs=sysfs.root))
        assert world.bluez.adapters["hci0"].powered


@in_a_hurry
async def test_an_adapter_that_bluez_does_not_show_is_a_failure(folder: Path) -> None:
    sysfs = FakeSysfs(folder / "sys")
    sysfs.serial("hci5")
    async with World(folder) as world:
        with pytest.raises(ResetFailedError, match="hci5 was reset, but BlueZ does not show it"):
            await _as_root(Machine(world.bus.address, sysfs=sysfs.root), "hci5")


async def _as_root(machine: Machine, choice: str = "hci0") -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: 0)
        await reset_adapter_hardware(choice, Budget(), machine=machine)


async def test_without_bluez_the_only_adapter_is_meant_and_bluez_reported(
    root: None, world: World, sysfs: FakeSysfs
) -> None:
    await world.bluez.stop()
    sysfs.serial("hci2")
    machine = Machine(world.bus.address, sysfs=sysfs.root)
    event, label = await reset_adapter_hardware(None, Budget(), machine=machine)
    assert (event.detail, label) == ("BlueZ is not running", "hci2")
    sysfs.virtual("hci3")
    with pytest.raises(NoAdapterError):
        await reset_adapter_hardware(None, Budget(), machine=machine)


async def test_a_budget_that_is_used_up_leaves_the_hardware_alone(
    root: None, world: World, sysfs: FakeSysfs
) -> None:
    sysfs.serial()
    machine = Machine(world.bus.address, sysfs=sysfs.root)
    budget = Budget(limits=Limits(hardware_resets=0))
    with pytest.raises(ResetRefusedError):
        await reset_adapter_hardware("hci0", budget, machine=machine)
    assert sysfs.told("unbind") == ""
    await reset_adapter_hardware("hci0", budget, force=True, machine=machine)
    assert sysfs.told("unbind") == "serial0-0"


async def test_what_cannot_be_reset_costs_nothing(root: None, world: World, sysfs: FakeSysfs) -> None:
    sysfs.virtual("hci0")
    budget = Budget()
    with pytest.raises(ResetFailedError, match="virtual"):
        await reset_adapter_hardware("hci0", budget, machine=Machine(world.bus.address, sysfs=sysfs.root))
    assert budget.hardware_resets.spent == ()


async def test_it_takes_root(world: World, sysfs: FakeSysfs, monkeypatch: pytest.MonkeyPatch) -> None:
    sysfs.serial()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ResetFailedError, match="sudo renogybt reset-adapter --hardware"):
        await reset_adapter_hardware("hci0", Budget(), machine=Machine(world.bus.address, sysfs=sysfs.root))
    assert sysfs.told("unbind") == ""
