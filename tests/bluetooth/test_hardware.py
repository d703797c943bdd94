"""Which hardware an adapter is, and how each kind is reset; on a tree of sysfs and in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import usb_devices
from fakes.sysfs import FakeSysfs
from proxy.virtual_time import VirtualLoop

from renogybt.bluetooth.hardware import (
    LOOK_S,
    LOOKS,
    REST_S,
    STEP_S,
    Attachment,
    HardwareError,
    find_hardware,
    names_in,
    reset_hardware,
)

ResetPort = Callable[[int], Awaitable[bool]]


@pytest.fixture
def sysfs(tmp_path: Path) -> FakeSysfs:
    return FakeSysfs(tmp_path / "sys")


def in_virtual_time(work: Coroutine[Any, Any, str]) -> tuple[str, float]:
    """Its result, and the seconds that it took."""

    async def timed() -> tuple[str, float]:
        return await work, asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(timed())


def port(action: Callable[[int], bool]) -> ResetPort:
    async def reset(number: int) -> bool:
        return action(number)

    return reset


# -- which it is


def test_a_dongle_is_known_by_its_interface(sysfs: FakeSysfs) -> None:
    device = sysfs.usb()
    hardware = find_hardware("hci0", sysfs.root)
    assert (hardware.attachment, hardware.device) == (Attachment.USB, device)


def test_a_controller_at_a_serial_line_is_known_by_its_bus(sysfs: FakeSysfs) -> None:
    device = sysfs.serial()
    hardware = find_hardware("hci0", sysfs.root)
    assert (hardware.attachment, hardware.device) == (Attachment.SERIAL, device)


def test_each_adapter_has_its_own_hardware(sysfs: FakeSysfs) -> None:
    sysfs.serial("hci0")
    sysfs.usb("hci1")
    assert find_hardware("hci0", sysfs.root).attachment is Attachment.SERIAL
    assert find_hardware("hci1", sysfs.root).attachment is Attachment.USB


def test_connections_are_no_adapters(sysfs: FakeSysfs) -> None:
    sysfs.usb("hci10")
    for name in ("hci2", "hci2:64", "hci2:65"):
        sysfs.virtual(name)
    assert names_in(sysfs.root) == ["hci10", "hci2"]
    assert names_in(sysfs.root / "nothing") == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hci1", "hci1 was attached to ttyAMA0 by a program of its own. Run: sudo systemctl restart hciuart"),
        ("hci2", "hci2 is a virtual adapter"),
        ("hci3", "hci3 is a sdio device, which only a reboot resets"),
        ("hci4", "the kernel knows no adapter hci4"),
    ],
)
def test_what_cannot_be_reset_is_told_with_what_helps(sysfs: FakeSysfs, name: str, text: str) -> None:
    sysfs.line("hci1")
    sysfs.virtual("hci2")
    sysfs.other("hci3", "sdio")
    with pytest.raises(HardwareError) as caught:
        find_hardware(name, sysfs.root)
    assert str(caught.value).startswith(text)


# -- USB


def test_a_port_is_reset_and_the_adapter_found_again_under_another_name(sysfs: FakeSysfs) -> None:
    device = sysfs.usb("hci1")
    seen: list[int] = []

    def reset(number: int) -> bool:
        seen.append(number)
        sysfs.detach("hci1")
        sysfs.virtual("hci0")
        sysfs.attach("hci3", device)
        return True

    hardware = find_hardware("hci1", sysfs.root)
    assert in_virtual_time(reset_hardware(hardware, sysfs.root, reset_port=port(reset))) == ("hci3", 0.0)
    assert seen == [1]


@pytest.mark.parametrize("look", range(1, LOOKS + 1))
def test_an_adapter_that_takes_its_time_is_waited_for(sysfs: FakeSysfs, look: int) -> None:
    device = sysfs.usb()
    at = look * LOOK_S - 0.5

    async def reset(_number: int) -> bool:
        sysfs.detach("hci0")
        asyncio.get_running_loop().call_later(at, sysfs.attach, "hci0", device)
        return True

    hardware = find_hardware("hci0", sysfs.root)
    assert in_virtual_time(reset_hardware(hardware, sysfs.root, reset_port=reset)) == ("hci0", look * LOOK_S)


def test_an_adapter_that_stays_away_is_a_failure_after_three_looks(sysfs: FakeSysfs) -> None:
    sysfs.usb()

    def reset(_number: int) -> bool:
        sysfs.detach("hci0")
        sysfs.usb("hci1", "2-1:1.0")  # another one
        return True

    hardware = find_hardware("hci0", sysfs.root)
    with pytest.raises(HardwareError, match="not back after 6 s"):
        in_virtual_time(reset_hardware(hardware, sysfs.root, reset_port=port(reset)))


def test_a_refusal_of_the_kernel_is_a_failure(sysfs: FakeSysfs) -> None:
    sysfs.usb()
    hardware = find_hardware("hci0", sysfs.root)
    with pytest.raises(HardwareError, match="refused to reset the USB port"):
        in_virtual_time(reset_hardware(hardware, sysfs.root, reset_port=port(lambda _number: False)))


def test_a_reset_that_never_ends_is_given_up(sysfs: FakeSysfs) -> None:
    sysfs.usb()

    async def reset(_number: int) -> bool:
        await asyncio.sleep(3600)
        return True

    hardware = find_hardware("hci0", sysfs.root)
    with pytest.raises(HardwareError, match=f"within {STEP_S:g} s"):
        in_virtual_time(reset_hardware(hardware, sysfs.root, reset_port=reset))


@pytest.fixture
def usb_bus(sysfs: FakeSysfs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """usb-devices on this tree; where the kernel has its nodes."""
    nodes = tmp_path / "dev"
    monkeypatch.setattr(usb_devices, "BLUETOOTH_DEVICE_PATH", sysfs.root / "class/bluetooth")
    monkeypatch.setattr(usb_devices, "USB_DEVICE_PATH", sysfs.root / "bus/usb/devices")
    monkeypatch.setattr(usb_devices, "USB_DEVFS_PATH", nodes)
    (nodes / "001").mkdir(parents=True)
    return nodes


def test_the_node_that_is_reset_is_the_one_of_the_dongle(
    sysfs: FakeSysfs, usb_bus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = usb_bus / "001/004"
    node.write_text("")
    sysfs.usb(number=4)
    calls: list[tuple[str, int]] = []

    def ioctl(file: Any, request: int, _argument: int) -> int:
        calls.append((file.name, request))
        return 0

    monkeypatch.setattr(usb_devices, "ioctl", ioctl)
    hardware = find_hardware("hci0", sysfs.root)
    assert in_virtual_time(reset_hardware(hardware, sysfs.root))[0] == "hci0"
    assert [(str(name), request) for name, request in calls] == [(str(node), 0x5514)]  # USBDEVFS_RESET


def test_a_node_that_is_not_there_or_is_none_is_a_failure_with_its_reason(
    sysfs: FakeSysfs, usb_bus: Path
) -> None:
    sysfs.usb(number=4)
    hardware = find_hardware("hci0", sysfs.root)
    (usb_bus / "001").rmdir()
    with pytest.raises(HardwareError, match="No such file"):
        in_virtual_time(reset_hardware(hardware, sysfs.root))
    (usb_bus / "001").mkdir()
    (usb_bus / "001/004").write_text("")  # a file answers no ioctl
    with pytest.raises(HardwareError, match="hci0 cannot be reset"):
        in_virtual_time(reset_hardware(hardware, sysfs.root))


# -- a serial line


def test_the_driver_lets_go_of_the_device_and_takes_it_again(sysfs: FakeSysfs) -> None:
    sysfs.serial()
    hardware = find_hardware("hci0", sysfs.root)
    assert in_virtual_time(reset_hardware(hardware, sysfs.root)) == ("hci0", REST_S)
    assert (sysfs.told("unbind"), sysfs.told("bind")) == ("serial0-0", "serial0-0")


def test_a_driver_that_may_not_be_told_is_a_failure_with_the_file(sysfs: FakeSysfs) -> None:
    sysfs.serial()
    unbind = sysfs.root / "bus/serial/drivers/hci_uart_bcm/unbind"
    unbind.unlink()
    unbind.mkdir()  # nobody can write that, not even root
    hardware = find_hardware("hci0", sysfs.root)
    with pytest.raises(HardwareError, match=r"drivers/hci_uart_bcm/unbind: Is a directory"):
        in_virtual_time(reset_hardware(hardware, sysfs.root))
    assert sysfs.told("bind") == ""


def test_a_device_that_gets_its_driver_not_back_is_told_with_how_to_bind_it(sysfs: FakeSysfs) -> None:
    sysfs.serial()
    bind = sysfs.root / "bus/serial/drivers/hci_uart_bcm/bind"
    bind.unlink()
    bind.mkdir()
    hardware = find_hardware("hci0", sysfs.root)
    with pytest.raises(HardwareError) as caught:
        in_virtual_time(reset_hardware(hardware, sysfs.root))
    assert f"Run: echo serial0-0 | sudo tee {bind}" in str(caught.value)


def test_the_driver_is_given_back_when_cancelled_in_between(sysfs: FakeSysfs) -> None:
    sysfs.serial()
    hardware = find_hardware("hci0", sysfs.root)

    async def cancelled() -> str:
        work = asyncio.create_task(reset_hardware(hardware, sysfs.root))
        asyncio.get_running_loop().call_later(REST_S / 2, work.cancel)
        with pytest.raises(asyncio.CancelledError):
            await work
        return sysfs.told("bind")

    assert in_virtual_time(cancelled())[0] == "serial0-0"
