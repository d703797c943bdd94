"""The rows about BlueZ and its adapter, on a bus of their own."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from doctor.place import Place, problems_in
from fakes import private_bus
from fakes.bluez_errors import CallError
from fakes.bus_client import BusClient
from fakes.radio_world import World

from renogybt.doctor.findings import Verdict

LISTED = ("d-bus", "bluetoothd", "permission", "adapter", "power", "controller", "bluez", "management socket")
DENIED = "org.freedesktop.DBus.Error.AccessDenied"


async def test_a_healthy_machine_needs_nothing(place: Place) -> None:
    rows = await place.rows()

    assert problems_in(rows) == []
    assert {name: rows[name].verdict for name in LISTED if rows[name].verdict is not Verdict.OK} == {
        "bluez": Verdict.NOTE
    }
    assert rows["adapter"].text.startswith("hci0, 00:1A:7D:DA:71:13")
    assert rows["bluez"].text.startswith("BlueZ 5.66: it pairs by itself")
    assert rows["controller"].text == "hci0 is a USB adapter"


async def test_looking_only_asks(world: World, place: Place) -> None:
    monitor = world.kernel.controllers[0].add_monitor()
    world.bluez.calls.clear()
    await place.rows()

    assert set(world.bluez.calls) == {"GetManagedObjects", "Get"}
    assert world.kernel.monitors == [monitor]
    assert set(world.kernel.commands) <= {0x0051, 0x0015}
    assert list(place.state.iterdir()) == []


async def test_an_adapter_that_is_off_is_switched_on_by_one_command(world: World, place: Place) -> None:
    world.bluez.power("hci0", False)
    rows = await place.rows()

    assert problems_in(rows) == ["power"]
    assert rows["power"].advice == "bluetoothctl power on"


async def test_of_several_adapters_the_one_that_is_off_is_named(world: World, place: Place) -> None:
    world.bluez.auto_enable = False
    world.plug("hci1", "00:1A:7D:DA:71:99")
    place.configure(adapter="hci1")
    rows = await place.rows()

    assert problems_in(rows) == ["power"]
    assert "/org/bluez/hci1" in rows["power"].advice
    assert "present: hci0 (00:1A:7D:DA:71:13), hci1" in rows["adapter"].text


@pytest.mark.parametrize(
    ("hard", "cure"), [(False, "sudo rfkill unblock bluetooth"), (True, "move the switch")]
)
async def test_a_blocked_adapter_is_unblocked_first(
    world: World, place: Place, hard: bool, cure: str
) -> None:
    world.bluez.power("hci0", False)
    place.block("hci0", hard=hard)
    rows = await place.rows()

    assert problems_in(rows) == ["power"]
    assert rows["power"].advice.startswith(cure)


async def test_a_machine_without_adapter_is_told_so(world: World, place: Place) -> None:
    world.unplug()
    (place.root / "sys/class/bluetooth/hci0/device").unlink()
    (place.root / "sys/class/bluetooth/hci0").rmdir()
    rows = await place.rows()

    assert problems_in(rows) == ["adapter"]
    assert "plug in a USB adapter" in rows["adapter"].advice
    assert rows["power"].verdict is Verdict.UNKNOWN


async def test_a_board_whose_adapter_is_switched_off_at_boot_is_told_where(
    world: World, place: Place
) -> None:
    world.unplug()
    (place.root / "sys/class/bluetooth/hci0").rename(place.root / "sys/class/gone")
    place.write("boot/firmware/config.txt", "arm_64bit=1\n[all]\ndtoverlay=disable-bt\n")
    rows = await place.rows()

    assert "/boot/firmware/config.txt" in rows["adapter"].text
    assert rows["adapter"].advice.startswith(
        "sudo sed -i '/^dtoverlay=disable-bt/d' /boot/firmware/config.txt"
    )


async def test_a_kernel_without_bluetooth_is_part_of_what_is_missing(bare: Place) -> None:
    (bare.root / "sys/class/bluetooth").rename(bare.root / "sys/class/gone")
    bare.write("lib/modules/6.12.47-test/modules.dep", "kernel/fs/ext4/ext4.ko:\n")
    rows = await bare.rows()

    assert "this kernel (Linux 6.12.47-test) has no Bluetooth" in rows["adapter"].text


async def test_an_adapter_that_bluetoothd_does_not_show_is_its_fault(world: World, place: Place) -> None:
    world.unplug()
    rows = await place.rows()

    assert rows["adapter"].text == "the kernel has hci0, but bluetoothd does not show it"
    assert rows["adapter"].advice == "sudo systemctl restart bluetooth"


async def test_another_adapter_than_the_configured_one_is_no_substitute(place: Place) -> None:
    place.configure(adapter="00:1A:7D:DA:71:77")
    rows = await place.rows()

    assert problems_in(rows) == ["adapter"]
    assert "no adapter 00:1A:7D:DA:71:77; present: hci0 (00:1A:7D:DA:71:13)" in rows["adapter"].text


async def test_a_bluetoothd_that_is_down_is_not_started_by_looking(world: World, place: Place) -> None:
    await world.bluez.stop()
    rows = await place.rows()

    assert problems_in(rows) == ["bluetoothd"]
    assert rows["bluetoothd"].advice == "sudo systemctl enable --now bluetooth"
    assert rows["adapter"].text == "the kernel has hci0"
    assert rows["permission"].verdict is Verdict.UNKNOWN


async def test_looking_starts_no_bluetoothd_where_a_call_would(
    bare: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "started"
    service = f"[D-BUS Service]\nName=org.bluez\nExec=/bin/sh -c 'echo > {started}'\n"
    bare.write("services/org.bluez.service", service)
    folder = f"<servicedir>{bare.root / 'services'}</servicedir></busconfig>"
    text = private_bus.CONFIGURATION.replace("</busconfig>", folder)
    monkeypatch.setattr(private_bus, "CONFIGURATION", text)
    async with private_bus.PrivateBus() as bus:
        bare.machine = replace(bare.machine, bus_address=bus.address)
        assert "bluetoothd" in problems_in(await bare.rows())
        assert not started.exists()
        async with BusClient(bus.address) as client:
            with pytest.raises(CallError):
                await client.tree()
        assert started.exists()


async def test_a_missing_bluez_is_installed_before_it_is_started(world: World, place: Place) -> None:
    await world.bluez.stop()
    (place.root / "usr/libexec/bluetooth/bluetoothd").unlink()
    rows = await place.rows()

    assert rows["bluetoothd"].advice == "sudo apt install bluez"


async def test_a_bluetoothd_that_never_answers_is_restarted(world: World, place: Place) -> None:
    world.bluez.swallow("GetManagedObjects")
    rows = await place.rows()

    assert problems_in(rows) == ["bluetoothd"]
    assert "stuck" in rows["bluetoothd"].text
    assert rows["bluetoothd"].advice == "sudo systemctl restart bluetooth"


async def test_who_may_not_talk_to_bluez_is_told_the_group(world: World, place: Place) -> None:
    world.bluez.fail_next("GetManagedObjects", DENIED, "rejected")
    rows = await place.rows()

    assert problems_in(rows) == ["permission"]
    assert rows["permission"].advice.startswith("sudo usermod -aG bluetooth ")


async def test_without_a_bus_the_kernel_still_tells_of_the_adapter(bare: Place) -> None:
    bare.block("hci0")
    rows = await bare.rows()

    assert problems_in(rows) == ["d-bus", "power"]
    assert rows["d-bus"].advice == "sudo systemctl enable --now dbus"
    assert rows["adapter"].text == "the kernel has hci0"
    assert rows["power"].advice == "sudo rfkill unblock bluetooth"


@pytest.mark.parametrize(
    ("container", "daemon", "cure"),
    [
        (False, False, "sudo apt install dbus"),
        (True, True, "docker run -v /run/dbus:/run/dbus"),
    ],
)
async def test_a_bus_comes_by_the_way_of_the_machine(
    bare: Place, container: bool, daemon: bool, cure: str
) -> None:
    if container:
        bare.write(".dockerenv", "")
    if not daemon:
        (bare.root / "usr/bin/dbus-daemon").unlink()
    rows = await bare.rows()

    assert cure in rows["d-bus"].advice


async def test_without_systemd_services_are_started_otherwise(bare: Place) -> None:
    (bare.root / "run/systemd/system").rmdir()

    assert (await bare.rows())["d-bus"].advice == "sudo service dbus start"


async def test_a_controller_on_a_serial_line_comes_with_what_that_means(place: Place) -> None:
    (place.root / "sys/class/bluetooth/hci0/device").unlink()
    place.add_adapter("hci0", "serial")
    rows = await place.rows()

    assert rows["controller"].verdict is Verdict.NOTE
    assert "a reset by USB does not apply" in rows["controller"].text


@pytest.mark.parametrize(
    ("source", "verdict"), [("auto", Verdict.NOTE), ("mgmt", Verdict.PROBLEM), ("dbus", Verdict.OK)]
)
async def test_a_closed_management_socket_is_a_problem_where_it_is_insisted_on(
    world: World, place: Place, source: str, verdict: Verdict
) -> None:
    world.kernel.trusted = False
    place.configure(advertisement_source=source)
    row = (await place.rows())["management socket"]

    assert row.verdict is verdict
    if source != "dbus":
        assert "CAP_NET_ADMIN" in row.text
        assert "CAP_NET_ADMIN" in row.advice


async def test_a_kernel_that_does_not_answer_for_the_adapter_is_a_problem(world: World, place: Place) -> None:
    world.kernel.mute.add(0x0051)
    row = (await place.rows())["management socket"]

    assert row.verdict is Verdict.PROBLEM
    assert "renogybt reset-adapter hci0" in row.advice


async def test_a_bus_that_never_answers_is_not_waited_for(bare: Place) -> None:
    path = bare.root.parent / "mute"

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_unix_server(keep, path):
        bare.machine = replace(bare.machine, bus_address=f"unix:path={path}")
        rows = await bare.rows()

    assert problems_in(rows) == ["d-bus"]
    assert rows["d-bus"].text == "the D-Bus system bus does not answer"
    assert rows["service"].verdict is Verdict.OK


async def test_a_bus_that_is_none_is_a_problem_and_no_wait(place: Place) -> None:
    place.machine = replace(place.machine, bus_address="unix:path=/dev/null")

    assert "d-bus" in problems_in(await place.rows())


async def test_a_bluetoothd_that_refuses_is_restarted(world: World, place: Place) -> None:
    world.bluez.fail_next("GetManagedObjects", "org.freedesktop.DBus.Error.LimitsExceeded", "too many")
    rows = await place.rows()

    assert problems_in(rows) == ["bluetoothd"]
    assert "too many" in rows["bluetoothd"].text


async def test_in_a_container_the_host_is_where_to_act(world: World, place: Place) -> None:
    await world.bluez.stop()
    place.write("run/.containerenv", "")
    (place.root / "sys/class/bluetooth").rename(place.root / "sys/class/gone")
    (place.root / "lib/modules/6.12.47-test/modules.dep").unlink()
    rows = await place.rows()

    assert rows["bluetoothd"].advice.startswith("on the host: ")
    assert "docker run --network host" in rows["adapter"].advice
    assert "no Bluetooth loaded" in rows["adapter"].text


async def test_without_any_adapter_bluetoothd_may_wait_for_one(world: World, place: Place) -> None:
    await world.bluez.stop()
    (place.root / "sys/class/bluetooth").rename(place.root / "sys/class/gone")
    rows = await place.rows()

    assert problems_in(rows) == ["bluetoothd", "adapter"]
    assert "starts with the first one" in rows["bluetoothd"].advice


async def test_a_virtual_adapter_is_told_as_such(place: Place) -> None:
    (place.root / "sys/class/bluetooth/hci0/device").unlink()

    assert "virtual adapter" in (await place.rows())["controller"].text
