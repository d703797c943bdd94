"""A reset without a running program: the power, the price, and what is said when it fails."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.bus_client import BusClient
from fakes.fixtures import ADAPTER_ADDRESS
from fakes.hurried_loop import in_a_hurry
from fakes.mgmt import FakeController
from fakes.powered_kernel import PoweredKernel
from fakes.radio_world import OTHER_ADDRESS, World

from renogybt.bluetooth.budget import FILE, Budget, Limits
from renogybt.bluetooth.reset import Machine, NoAdapterError, found, reset_adapter
from renogybt.bluetooth.spending import give_back, spend
from renogybt.model.advertisement import parse_address
from renogybt.model.recovery import ResetFailedError, ResetRefusedError, Result, Rung

LABEL = f"hci0 ({ADAPTER_ADDRESS})"
FAILED = "org.bluez.Error.Failed"


class Clock:
    """Seconds since boot."""

    now = 10_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(clock: Clock) -> Budget:
    return Budget(limits=Limits(resets=3), clock=clock, boot=lambda: "boot")


@pytest.fixture
def powered(world: World) -> Iterator[PoweredKernel]:
    """A kernel whose switch bluetoothd follows."""
    kernel = PoweredKernel()
    kernel.told = lambda index, on: world.bluez.power(f"hci{index}", on)
    yield kernel
    kernel.cut()


def without_kernel(world: World) -> Machine:
    world.kernel.trusted = False
    return Machine(world.bus.address, world.kernel.open)


async def switches(client: BusClient) -> list[tuple[str, bool]]:
    """What was told of the power, in its order."""
    return [
        (signal.path, signal.body[1]["Powered"])
        for signal in await client.take_signals()
        if signal.member == "PropertiesChanged" and "Powered" in signal.body[1]
    ]


# -- the power


@pytest.mark.parametrize(
    "choice", [None, "hci0", parse_address(ADAPTER_ADDRESS)], ids=["any", "name", "address"]
)
async def test_the_power_goes_off_and_comes_back(
    world: World, budget: Budget, choice: str | int | None
) -> None:
    async with BusClient(world.bus.address) as client:
        event, label = await reset_adapter(choice, budget, machine=without_kernel(world))
        assert await switches(client) == [("/org/bluez/hci0", False), ("/org/bluez/hci0", True)]
    assert (event.rung, event.result, event.detail, label) == (Rung.POWER_CYCLE, Result.HELPED, "", LABEL)
    assert 0.1 < event.took_s < 2.0
    assert world.bluez.adapters["hci0"].powered


async def test_only_the_one_that_was_asked_for_is_touched(world: World, budget: Budget) -> None:
    world.bluez.add_adapter("hci1", OTHER_ADDRESS).power(True)
    async with BusClient(world.bus.address) as client:
        _event, label = await reset_adapter("hci1", budget, machine=without_kernel(world))
        assert {path for path, _on in await switches(client)} == {"/org/bluez/hci1"}
    assert label == f"hci1 ({OTHER_ADDRESS})"


async def test_an_adapter_without_power_is_on_afterwards(world: World, budget: Budget) -> None:
    world.bluez.power("hci0", False)
    await reset_adapter("hci0", budget, machine=without_kernel(world))
    assert world.bluez.adapters["hci0"].powered


# -- what it costs


async def test_a_reset_is_paid_for_and_refused_when_nothing_is_left(
    world: World, budget: Budget, clock: Clock
) -> None:
    for left in (2, 1, 0):
        await reset_adapter("hci0", budget, machine=without_kernel(world))
        assert budget.resets.left(clock.now) == left
        clock.now += 60
    calls = world.bluez.calls["Set Powered"]
    with pytest.raises(ResetRefusedError) as caught:
        await reset_adapter("hci0", budget, machine=without_kernel(world))
    assert world.bluez.calls["Set Powered"] == calls
    assert "reset 3 times within the last hour; the next one is allowed in " in str(caught.value)
    assert "in 58 min, at" in str(caught.value)


async def test_force_overrules_the_budget_and_is_counted_too(
    world: World, budget: Budget, clock: Clock
) -> None:
    for _ in range(3):
        spend(budget)
    await reset_adapter("hci0", budget, force=True, machine=without_kernel(world))
    assert len(budget.resets.spent) == 4
    assert budget.resets.left(clock.now) == 0


def test_after_an_hour_it_is_allowed_again(budget: Budget, clock: Clock) -> None:
    for _ in range(3):
        spend(budget)
    clock.now = budget.resets.free_at(clock.now) - 1
    with pytest.raises(ResetRefusedError, match=r"in 1 s\."):
        spend(budget)
    clock.now += 1
    spend(budget)


def test_where_none_is_ever_allowed_no_time_is_named() -> None:
    with pytest.raises(ResetRefusedError, match="none is allowed"):
        spend(Budget(limits=Limits(resets=0)))


def test_hardware_has_its_own_purse(budget: Budget, clock: Clock) -> None:
    for _ in range(3):
        spend(budget, hardware=True)
    with pytest.raises(ResetRefusedError):
        spend(budget, hardware=True)
    assert budget.resets.left(clock.now) == 3


def test_what_another_process_has_spent_meanwhile_counts(tmp_path: Path) -> None:
    mine, theirs = (Budget(tmp_path / FILE, Limits(resets=1)) for _ in range(2))
    spend(theirs)
    with pytest.raises(ResetRefusedError):
        spend(mine)


async def test_nothing_is_paid_where_there_is_nothing_to_reset(
    world: World, budget: Budget, clock: Clock
) -> None:
    with pytest.raises(NoAdapterError):
        await reset_adapter("hci7", budget, machine=without_kernel(world))
    assert budget.resets.left(clock.now) == 3


# -- when BlueZ does not do it


async def test_an_adapter_that_refuses_is_a_failure_with_its_reason(
    world: World, budget: Budget, clock: Clock
) -> None:
    world.bluez.fail_next("Set Powered", FAILED, "Input/output error", times=2)
    with pytest.raises(ResetFailedError, match="Input/output error") as caught:
        await reset_adapter("hci0", budget, machine=without_kernel(world))
    assert "sudo renogybt reset-adapter hci0 --hardware" in str(caught.value)
    assert budget.resets.left(clock.now) == 2  # the kernel was not allowed, which costs nothing


async def test_what_bluez_does_not_do_the_kernel_does(
    world: World, powered: PoweredKernel, budget: Budget, clock: Clock
) -> None:
    world.bluez.fail_next("Set Powered", FAILED, "Input/output error", times=2)
    event, label = await reset_adapter("hci0", budget, machine=Machine(world.bus.address, powered.open))
    assert powered.powers == [(0, False), (0, True)]
    assert (event.rung, label) == (Rung.POWER_CYCLE_BY_KERNEL, LABEL)
    assert "Input/output error" in event.detail
    assert budget.resets.left(clock.now) == 1


async def test_the_kernel_switches_the_adapter_of_that_number(
    world: World, powered: PoweredKernel, budget: Budget
) -> None:
    world.bluez.add_adapter("hci3", OTHER_ADDRESS).power(True)
    powered.controllers[3] = FakeController()
    world.bluez.fail_next("Set Powered", FAILED, "", times=2)
    await reset_adapter("hci3", budget, machine=Machine(world.bus.address, powered.open))
    assert powered.powers == [(3, False), (3, True)]


async def test_the_kernel_is_left_alone_where_the_budget_is_used_up_by_then(
    world: World, powered: PoweredKernel
) -> None:
    world.bluez.fail_next("Set Powered", FAILED, "Input/output error", times=2)
    with pytest.raises(ResetFailedError, match="by the kernel it is not tried"):
        await reset_adapter(
            "hci0", Budget(limits=Limits(resets=1)), machine=Machine(world.bus.address, powered.open)
        )
    assert powered.powers == []


async def test_when_neither_does_it_both_reasons_are_told(
    world: World, powered: PoweredKernel, budget: Budget
) -> None:
    powered.stuck = True
    world.bluez.fail_next("Set Powered", FAILED, "Input/output error", times=2)
    with pytest.raises(ResetFailedError, match=r"Input/output error.*hci0 off and did not"):
        await reset_adapter("hci0", budget, machine=Machine(world.bus.address, powered.open))


async def test_who_may_not_is_told_how_to(world: World, budget: Budget) -> None:
    world.bluez.fail_next("Set Powered", "org.freedesktop.DBus.Error.AccessDenied", "no", times=2)
    with pytest.raises(ResetFailedError, match=r"usermod -aG bluetooth .* and log in anew$"):
        await reset_adapter("hci0", budget, machine=without_kernel(world))


@in_a_hurry
async def test_a_success_without_an_effect_is_not_believed(folder: Path) -> None:
    async with World(folder) as world:
        world.bluez.adapters["hci0"].power_settle_s = 1000.0
        with pytest.raises(ResetFailedError, match="hci0 was told to switch on and did not") as caught:
            await reset_adapter("hci0", Budget(), machine=without_kernel(world))
        assert "bluetoothctl power on" in str(caught.value)


@in_a_hurry
async def test_a_call_that_is_never_answered_is_a_failure(folder: Path) -> None:
    async with World(folder) as world:
        world.bluez.swallow("Set Powered")
        with pytest.raises(ResetFailedError, match="BlueZ did not answer Set within"):
            await reset_adapter("hci0", Budget(), machine=without_kernel(world))


@in_a_hurry
async def test_a_bluetoothd_that_hangs_is_named_as_that(folder: Path) -> None:
    async with World(folder) as world:
        world.bluez.swallow("GetManagedObjects")
        with pytest.raises(ResetFailedError, match="systemctl restart bluetooth"):
            await reset_adapter("hci0", Budget(), machine=without_kernel(world))


# -- nothing to reset


async def test_without_bluetoothd_it_says_how_to_start_it(world: World, budget: Budget) -> None:
    await world.bluez.stop()
    with pytest.raises(NoAdapterError, match="systemctl start bluetooth"):
        await reset_adapter("hci0", budget, machine=without_kernel(world))


async def test_without_a_bus_it_says_what_is_missing(world: World, budget: Budget) -> None:
    await world.bus.kill()
    with pytest.raises(NoAdapterError, match="apt install dbus bluez"):
        await reset_adapter("hci0", budget, machine=without_kernel(world))


async def test_the_adapters_that_are_there_are_named(world: World, budget: Budget) -> None:
    with pytest.raises(NoAdapterError) as caught:
        await reset_adapter("hci7", budget, machine=without_kernel(world))
    assert "no Bluetooth adapter hci7" in str(caught.value)
    assert LABEL in str(caught.value)


async def test_a_machine_without_any_adapter_is_told_so(world: World, budget: Budget) -> None:
    world.unplug()
    with pytest.raises(NoAdapterError, match="there is no Bluetooth adapter"):
        await reset_adapter(None, budget, machine=without_kernel(world))


async def test_a_bus_that_dies_meanwhile_is_no_bus(world: World) -> None:
    async def look() -> None:
        async with found("hci0", Machine(world.bus.address)) as there:
            await world.bus.kill()
            await there.bus.call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")

    with pytest.raises(NoAdapterError, match="D-Bus"):
        await look()


# -- a budget that root has written


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("kind", ["file", "link", "second name", "nothing"])
def test_what_root_has_written_goes_to_the_owner_of_the_folder_and_nothing_else(
    tmp_path: Path, kind: str
) -> None:
    folder, secret = tmp_path / "state", tmp_path / "secret"
    folder.mkdir()
    secret.write_text("root's")
    path = folder / FILE
    match kind:
        case "file":
            path.write_text("{}")
        case "link":
            path.symlink_to(secret)
        case "second name":
            path.hardlink_to(secret)
    os.chown(folder, 65534, 65533)
    if kind == "link":
        with pytest.raises(OSError):
            give_back(path)
    else:
        give_back(path)
    if kind == "file":
        status = path.stat()
        assert (status.st_uid, status.st_gid) == (65534, 65533)
        assert stat.S_IMODE(status.st_mode) == 0o644
    assert secret.stat().st_uid == 0
