"""`read`: one round over all devices, as tables and as lines of JSON."""

import json
import signal
import sys
from pathlib import Path

import pytest
from cli.program import MODULE, NO_BUS, Ended, run, started
from clients.serving import until
from fakes.bluez import FakeBlueZ
from fakes.private_bus import PrivateBus

HUB, HUB_WRITTEN = "BT-TH-FD86824D", "6C:B2:FD:86:82:4D"
DEVICE = f"[device]\nmac_addr = {HUB_WRITTEN}\ntype = RNG_BATT\ndevice_id = 48,49\n"

SHORT = "import sys, renogybt.cli; renogybt.cli.CANDIDATES_S = 0.5; sys.exit(renogybt.cli.main())"
"""The program, listening for candidates less long."""

HALF = """
import sys
import renogybt.commands
from renogybt.cli import main
from renogybt.model.reading import DeviceHealth, PowerDevice, Reading, Role
from renogybt.readers.reader import Outcome

async def read_once(configuration, *, demo):
    good, silent = (PowerDevice(key, Role.BATTERY, "", (), unit, 7) for key, unit in (("a", 48), ("b", 49)))
    return [
        Outcome(good, Reading("a", 1.0, {"voltage": 50.4}), DeviceHealth("a", fresh=True)),
        Outcome(silent, None, DeviceHealth("b", trouble="no answer within 2 s")),
    ]

renogybt.commands.read_once = read_once
sys.exit(main())
"""
"""A round that one of two batteries does not answer."""


async def read(cwd: Path, *arguments: str, script: str = "", bus: dict[str, str] | None = None) -> Ended:
    command = (sys.executable, "-c", script) if script else MODULE
    ended = await run("read", *arguments, cwd=cwd, command=command, environment=bus)
    assert "Traceback" not in ended.err
    return ended


@pytest.fixture
def nothing_to_read(tmp_path: Path) -> Path:
    """Without the management socket and the lock, which would be those of this machine."""
    (tmp_path / "config.ini").write_text(
        f"[home_assistant_proxy]\nadvertisement_source = dbus\nscan_lock = {tmp_path / 'scan.lock'}\n"
    )
    return tmp_path


async def test_the_demo_has_four_batteries_and_a_controller(tmp_path: Path) -> None:
    ended = await read(tmp_path, "--demo", "--json")

    assert ended.code == 0
    *batteries, controller = sorted(map(json.loads, ended.out.splitlines()), key=lambda each: each["type"])
    assert [each["device_id"] for each in batteries] == [48, 49, 50, 51]
    assert {each["type"] for each in batteries} == {"RNG_BATT"}
    assert controller["type"] == "RNG_CTRL"
    assert {each["address"] for each in (*batteries, controller)} == {HUB_WRITTEN}
    for battery in batteries:
        assert battery["cell_count"] == 16
        assert all(2.5 <= battery[f"cell_voltage_{cell}"] <= 3.65 for cell in range(16))
        assert battery["battery_level"] == pytest.approx(
            100 * battery["remaining_charge"] / battery["capacity"], abs=0.05
        )
        assert battery["problem"] is False
    assert controller["charging_status"]
    assert "simulated" in ended.err


async def test_the_demo_as_tables(tmp_path: Path) -> None:
    ended = await read(tmp_path, "--demo")

    assert ended.code == 0
    titles = [line for line in ended.out.splitlines() if HUB_WRITTEN in line]
    assert [title.split(",")[0] for title in titles if title.startswith("Battery")] == [
        f"Battery {unit}" for unit in (48, 49, 50, 51)
    ]
    assert sum(title.startswith("Charge controller") for title in titles) == 1
    assert ended.out.count("16 cells") == 4
    assert ended.out.splitlines()[-1].startswith("Bank")
    assert "\x1b" not in ended.out


@pytest.mark.parametrize("extra", [(), ("--json",)], ids=["table", "json"])
async def test_a_device_that_gave_nothing_is_told_and_makes_it_1(
    tmp_path: Path, extra: tuple[str, ...]
) -> None:
    (tmp_path / "config.ini").write_text(DEVICE)
    ended = await read(tmp_path, *extra, script=HALF)

    assert ended.code == 1
    assert "50.4" in ended.out
    assert "no answer within 2 s" in ended.out


@pytest.mark.parametrize("extra", [(), ("--json",)], ids=["table", "json"])
async def test_without_d_bus_one_clear_line(tmp_path: Path, extra: tuple[str, ...]) -> None:
    (tmp_path / "config.ini").write_text(DEVICE)
    ended = await read(tmp_path, *extra, bus=NO_BUS)

    assert (ended.code, ended.out) == (69, "")
    assert len(ended.err.splitlines()) == 1
    assert "dbus" in ended.err
    assert ended.took_s < 3


async def test_with_nothing_configured_it_says_what_to_write(
    private_bus: PrivateBus, bluez: FakeBlueZ, nothing_to_read: Path
) -> None:
    environment = {"DBUS_SYSTEM_BUS_ADDRESS": private_bus.address}
    command = (sys.executable, "-c", SHORT)
    async with started("read", cwd=nothing_to_read, command=command, environment=environment) as program:
        await until(lambda: bool(bluez.owners()), "the discovery")
        bluez.advertise(HUB_WRITTEN, address_type="public", rssi=-54, name=HUB, service_uuids=["ffd0"])
        ended = await program.end()

    assert (ended.code, ended.out) == (78, "")
    assert "no device is configured" in ended.err
    lines = ended.err.splitlines()
    section = lines.index("[device]")
    assert lines[section + 1] == f"mac_addr = {HUB_WRITTEN}"
    assert lines[section + 2].startswith("type = RNG_BATT")
    assert lines[section + 3].startswith("device_id = 48,49,50,51")


async def test_with_nothing_configured_and_nothing_heard_it_says_what_to_look_at(
    private_bus: PrivateBus, bluez: FakeBlueZ, nothing_to_read: Path
) -> None:
    ended = await read(nothing_to_read, script=SHORT, bus={"DBUS_SYSTEM_BUS_ADDRESS": private_bus.address})

    assert (ended.code, ended.out) == (78, "")
    assert "no Renogy device was heard" in ended.err


async def test_with_nothing_configured_and_no_radio_it_is_69(tmp_path: Path) -> None:
    (tmp_path / "config.ini").write_text("")
    ended = await read(tmp_path, script=SHORT, bus=NO_BUS)

    assert (ended.code, ended.out) == (69, "")
    assert "dbus" in ended.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_whoever_ends_it_wants_no_complaint(tmp_path: Path, number: signal.Signals) -> None:
    arguments = ("read", "--demo", "--log-level", "INFO")
    async with started(*arguments, cwd=tmp_path, command=MODULE) as program:
        await program.line("reading RNG_BATT")
        program.signal(number)
        ended = await program.end()

    assert (ended.code, ended.out) == (0, "")
    assert "nothing was read" not in ended.err
