"""The small module for scripts: three calls that never raise."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes.bus_client import BusClient
from fakes.care import FakeCare
from fakes.fixtures import ADAPTER_ADDRESS
from fakes.hurried_loop import in_a_hurry
from fakes.mgmt import FakeController
from fakes.radio_world import World

from renogybt.bluetooth.budget import FILE, MOST_RESETS, Budget
from renogybt.bluetooth.reset import Machine
from renogybt.bluez_resilience import BlueZAdapterMonitor
from renogybt.service.control import ControlServer
from renogybt.service.radio_control import RESET, SOCKET, RadioControl

ONE_LINER = (
    "import asyncio; from renogybt.bluez_resilience import BlueZAdapterMonitor;"
    "print(asyncio.run(BlueZAdapterMonitor('hci0').power_cycle_adapter(){}))"
)


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No service of this machine is asked."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path) as machine:
        machine.on_air = False
        yield machine


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


def monitor(world: World, state_dir: Path, adapter: str = "hci0") -> BlueZAdapterMonitor:
    return BlueZAdapterMonitor(
        adapter, state_dir=state_dir, machine=Machine(world.bus.address, world.kernel.open)
    )


# -- the state


@pytest.mark.parametrize("adapter", ["hci0", ADAPTER_ADDRESS])
async def test_a_powered_adapter_is_healthy_whether_or_not_it_discovers(
    world: World, state_dir: Path, adapter: str
) -> None:
    idle = await monitor(world, state_dir, adapter).check_adapter_state()
    async with BusClient(world.bus.address) as client:
        await client.start_discovery()
        busy = await monitor(world, state_dir, adapter).check_adapter_state()
    assert idle == {"powered": True, "discovering": False, "healthy": True}
    assert busy == {"powered": True, "discovering": True, "healthy": True}


async def test_an_adapter_without_power_is_not_healthy_and_it_says_what_to_do(
    world: World, state_dir: Path
) -> None:
    world.bluez.power("hci0", False)
    state = await monitor(world, state_dir).check_adapter_state()
    assert (state["powered"], state["healthy"]) == (False, False)
    assert "bluetoothctl power on" in str(state["error"])


@pytest.mark.parametrize(
    ("fault", "adapter", "said"),
    [
        ("", "hci9", "no Bluetooth adapter hci9"),
        ("", "my dongle", "is not an address"),
        ("service", "hci0", "systemctl start bluetooth"),
        ("bus", "hci0", "D-Bus"),
    ],
)
async def test_trouble_is_an_answer_and_no_exception(
    world: World, state_dir: Path, fault: str, adapter: str, said: str
) -> None:
    if fault == "service":
        await world.bluez.stop()
    elif fault == "bus":
        await world.bus.kill()
    state = await monitor(world, state_dir, adapter).check_adapter_state()
    assert (state["powered"], state["discovering"], state["healthy"]) == (False, False, False)
    assert said in str(state["error"])


@in_a_hurry
async def test_a_bluetoothd_that_hangs_is_no_exception_either(folder: Path) -> None:
    async with World(folder) as world:
        world.bluez.swallow("*")
        state = await monitor(world, folder).check_adapter_state()
        assert not state["healthy"]
        assert "did not answer" in str(state["error"])


# -- the power


async def test_a_power_cycle_is_made_and_counted(world: World, state_dir: Path) -> None:
    async with BusClient(world.bus.address) as client:
        assert await monitor(world, state_dir).power_cycle_adapter(delay=0.0) is True
        told = [each.body[1]["Powered"] for each in await client.take_signals() if "Powered" in each.body[1]]
    assert told == [False, True]
    assert len(Budget(state_dir / FILE).resets.spent) == 1


async def test_it_is_refused_when_the_resets_of_this_hour_are_used_up(
    world: World, state_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    budget = Budget(state_dir / FILE)
    for _ in range(MOST_RESETS):
        budget.resets.spend(budget.now)
    budget.save()
    assert await monitor(world, state_dir).power_cycle_adapter() is False
    assert world.bluez.calls["Set Powered"] == 0
    assert "the next one is allowed in" in caplog.text


async def test_a_failure_is_false_and_logged(
    world: World, state_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world.bluez.fail_next("Set Powered", "org.bluez.Error.Failed", "Input/output error", times=2)
    world.kernel.trusted = False
    assert await monitor(world, state_dir).power_cycle_adapter() is False
    assert "Input/output error" in caplog.text


async def test_a_service_that_runs_is_asked_to_do_it(world: World, state_dir: Path) -> None:
    care = FakeCare()
    control = RadioControl(state_dir / SOCKET, care, lambda: ("hci0",))
    async with ControlServer(state_dir / SOCKET, {RESET: control.reset}):
        assert await monitor(world, state_dir).power_cycle_adapter(delay=0.0) is True
    assert care.resets == 1
    assert world.bluez.calls["Set Powered"] == 0


@in_a_hurry
async def test_the_answer_comes_when_the_adapter_was_left_alone_for_the_delay(folder: Path) -> None:
    care = FakeCare()
    control = RadioControl(folder / SOCKET, care, lambda: ("hci0",))
    now = asyncio.get_running_loop().time
    async with ControlServer(folder / SOCKET, {RESET: control.reset}):
        began = now()
        assert await BlueZAdapterMonitor("hci0", state_dir=folder).power_cycle_adapter(delay=30.0)
        assert 29.0 <= now() - began < 60.0


@pytest.mark.parametrize("alive", [True, False], ids=["with BlueZ", "without"])
async def test_the_documented_line_works_in_a_shell(world: World, tmp_path: Path, alive: bool) -> None:
    if not alive:
        await world.bluez.stop()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        "-c",
        ONE_LINER.format(""),
        env={
            "DBUS_SYSTEM_BUS_ADDRESS": world.bus.address,
            "STATE_DIRECTORY": str(tmp_path / "state"),
            "RUNTIME_DIRECTORY": str(tmp_path / "run"),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (out.decode(), process.returncode) == (f"{alive}\n", 0)
    assert ("systemctl start bluetooth" in err.decode()) is not alive
    assert "Traceback" not in err.decode()


# -- the discovery


@pytest.mark.parametrize("kind", [1, 6, 7])
@pytest.mark.parametrize("adapter", ["hci0", ADAPTER_ADDRESS])
async def test_a_discovery_of_any_type_is_ended_by_the_kernel(
    world: World, state_dir: Path, kind: int, adapter: str
) -> None:
    world.kernel.controllers[1] = FakeController(discovery=6)
    world.kernel.controllers[0].discover(kind)
    assert await monitor(world, state_dir, adapter).force_stop_discovery() is True
    assert world.kernel.controllers[0].discovery == 0
    assert world.kernel.controllers[1].discovery == 6


async def test_where_nobody_discovers_there_is_nothing_to_end(world: World, state_dir: Path) -> None:
    assert await monitor(world, state_dir).force_stop_discovery() is True


async def test_without_the_rights_it_says_so_and_does_nothing(
    world: World, state_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world.kernel.trusted = False
    world.kernel.controllers[0].discover(6)
    assert await monitor(world, state_dir).force_stop_discovery() is False
    assert world.kernel.controllers[0].discovery == 6
    assert "takes root or CAP_NET_ADMIN" in caplog.text


async def test_a_kernel_that_refuses_is_false_and_logged(
    world: World, state_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert await monitor(world, state_dir, "hci9").force_stop_discovery() is False
    assert "was not ended" in caplog.text
    assert await monitor(world, state_dir, "my dongle").force_stop_discovery() is False
