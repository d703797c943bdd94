"""Which way advertisements take, and which adapter."""

import asyncio
import socket

import pytest
from fakes.bus_client import BusClient, until
from fakes.radio_world import BY_DBUS, BY_MGMT, Heard, World

from renogybt.bluetooth.errors import MgmtUnavailableError
from renogybt.config import AdvertisementSource
from renogybt.model.radio import Intake, ScanMode, ScannerState

AUTO = AdvertisementSource.AUTO
PASSIVE, ACTIVE = ScanMode.PASSIVE, ScanMode.ACTIVE
SECOND = "00:1A:7D:DA:71:99"


async def in_mode(heard: Heard, mode: ScanMode, within_s: float = 2.0) -> float:
    return await heard.status(
        lambda status: status.mode is mode and status.state is ScannerState.RUNNING, within_s
    )


# -- the choice of the way


async def test_the_management_socket_is_preferred(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    radio = world.radio(AUTO)
    async with world.scanning(radio):
        assert radio.status.intake is Intake.MGMT
    assert caplog.text.count("advertisements come from") == 1


@pytest.mark.parametrize("knows_monitors", [True, False], ids=["now", "before Linux 5.10"])
async def test_without_the_capability_it_takes_dbus_and_says_why_once(
    world: World, caplog: pytest.LogCaptureFixture, knows_monitors: bool
) -> None:
    caplog.set_level("INFO")
    world.kernel.trusted = False
    world.kernel.knows_monitors = knows_monitors
    radio = world.radio(AUTO)
    async with world.scanning(radio) as heard:
        assert radio.status.intake is Intake.DBUS
        await world.bluez.stop()
        await world.bluez.start()
        await world.bluez.ready()
        await heard.scanning()
    (line,) = [text for text in caplog.messages if "advertisements come from" in text]
    assert "D-Bus" in line
    assert "CAP_NET_ADMIN" in line


def refused() -> socket.socket:
    raise MgmtUnavailableError("the kernel offers no Bluetooth sockets here (not supported)")


async def test_a_kernel_without_bluetooth_sockets_leaves_dbus(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    radio = world.radio(AUTO, open_mgmt=refused)
    async with world.scanning(radio):
        assert radio.status.intake is Intake.DBUS
    assert "offers no Bluetooth sockets" in caplog.text


async def test_an_old_kernel_scans_without_a_monitor(world: World) -> None:
    world.kernel.knows_monitors = False
    radio = world.radio(AUTO)
    async with world.scanning(radio) as heard:
        assert radio.status.intake is Intake.MGMT
        radio.set_mode(PASSIVE)
        await heard.advertisement()
        assert radio.status.mode is ACTIVE


async def test_forced_but_not_available_is_a_failure_with_its_reason(world: World) -> None:
    world.kernel.trusted = False
    radio = world.radio(BY_MGMT)
    async with world.run(radio) as heard:
        reason = await heard.failed()
        assert "advertisement_source = mgmt" in reason
        assert "CAP_NET_ADMIN" in reason
        world.kernel.trusted = True
        radio.set_mode(ACTIVE)
        await heard.scanning()


async def test_dbus_as_configured_never_opens_the_socket(world: World) -> None:
    async with world.scanning(world.radio(BY_DBUS)):
        assert world.kernel.opened == 0


@pytest.mark.parametrize("source", [AUTO, BY_MGMT])
async def test_an_adapter_that_the_kernel_shows_later_is_waited_for(
    world: World, source: AdvertisementSource
) -> None:
    world.on_air = False
    controller = world.kernel.controllers.pop(0)
    radio = world.radio(source)
    async with world.run(radio) as heard:
        await until(lambda: world.kernel.opened >= 2)
        assert radio.status.state is ScannerState.STARTING
        world.kernel.controllers[0] = controller
        world.on_air = True
        await heard.scanning(1.0)
        assert radio.status.intake is Intake.MGMT


async def test_a_socket_that_breaks_is_opened_again(world: World) -> None:
    radio = world.radio(BY_MGMT)
    async with world.scanning(radio) as heard:
        world.kernel.cut()
        await until(lambda: world.kernel.opened == 2)
        await heard.scanning(1.0)
        assert len(world.kernel.monitors) == 1
    assert world.kernel.monitors == []


async def test_a_socket_that_breaks_and_cannot_be_opened_again_leaves_dbus(world: World) -> None:
    radio = world.radio(AUTO)
    async with world.scanning(radio) as heard:
        world.kernel.trusted = False
        world.kernel.cut()
        await heard.status(lambda status: status.intake is Intake.DBUS)
        await heard.advertisement()


# -- the choice of the adapter


@pytest.mark.parametrize("adapter", ["hci1", 0x001A7DDA7199], ids=["name", "address"])
async def test_the_configured_adapter_is_used(world: World, adapter: str | int) -> None:
    world.plug("hci1", SECOND)
    radio = world.radio(BY_DBUS, adapter=adapter)
    async with world.scanning(radio):
        assert radio.status.adapter == 0x001A7DDA7199
        assert list(world.bluez.owners("hci0")) == []
        assert len(world.bluez.owners("hci1")) == 1


async def test_by_itself_it_takes_the_first_adapter_that_has_power(world: World) -> None:
    world.bluez.power("hci0", False)
    world.plug("hci1", SECOND)
    world.bluez.power("hci1", True)
    radio = world.radio()
    async with world.scanning(radio):
        assert radio.status.adapter == 0x001A7DDA7199


async def test_by_itself_it_takes_the_adapter_that_was_used_last(world: World) -> None:
    """Also when that one is given its power a moment later: another scanner would be another device."""
    world.plug("hci1", SECOND)
    world.bluez.power("hci1", False)
    radio = world.radio(kept_adapter=0x001A7DDA7199)
    async with world.run(radio) as heard:
        await asyncio.sleep(0.2)
        world.bluez.power("hci1", True)
        await heard.running(2.0)
        assert radio.status.adapter == 0x001A7DDA7199


async def test_an_adapter_that_was_used_last_and_is_not_there_is_not_waited_for(world: World) -> None:
    radio = world.radio(kept_adapter=0x112233445566)
    async with world.scanning(radio):
        assert radio.status.adapter == 0x001A7DDA7113


async def test_in_passive_mode_the_truth_is_active_while_somebody_else_discovers(world: World) -> None:
    radio = world.radio(BY_MGMT, mode=PASSIVE)
    async with world.run(radio) as heard, BusClient(world.bus.address) as client:
        await in_mode(heard, PASSIVE)
        await client.start_discovery()
        await in_mode(heard, ACTIVE)
    assert radio.status.state is ScannerState.STOPPED


async def test_while_none_has_power_none_is_chosen_for_ever(world: World) -> None:
    world.bluez.power("hci0", False)
    world.bluez.auto_enable = False
    world.plug("hci1", SECOND)
    radio = world.radio()
    async with world.run(radio) as heard:
        assert "powered off" in await heard.failed()
        world.bluez.power("hci1", True)
        await heard.scanning()
        assert radio.status.adapter == 0x001A7DDA7199


@pytest.mark.parametrize("adapter", ["hci7", 0x112233445566], ids=["name", "address"])
async def test_an_adapter_that_is_not_there_is_named_with_those_that_are(
    world: World, adapter: str | int
) -> None:
    radio = world.radio(adapter=adapter)
    async with world.run(radio) as heard:
        reason = await heard.failed()
    assert ("hci7" if adapter == "hci7" else "11:22:33:44:55:66") in reason
    assert "hci0 (00:1A:7D:DA:71:13)" in reason
    assert radio.status.adapter is None


async def test_no_adapter_at_all_is_waited_for(world: World) -> None:
    world.unplug()
    async with world.run(world.radio()) as heard:
        assert "no Bluetooth adapter" in await heard.failed()
        world.plug("hci3")
        await heard.scanning(1.0)
