"""The command itself, as a user starts it."""

import json
from pathlib import Path

import pytest
from cli.program import MODULE, NO_BUS, run
from fakes.bluez import FakeBlueZ
from fakes.private_bus import PrivateBus

from renogybt.doctor.examination import CHECKS

NAMES = [name for check in CHECKS for name in check.names]
SYSFS = Path("/sys/class/bluetooth")


async def test_without_a_bus_it_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    ended = await run("doctor", "--json", cwd=tmp_path, command=MODULE, environment=NO_BUS)
    report = json.loads(ended.out)
    rows = {row["name"]: row for row in report["checks"]}

    assert (ended.code, ended.err) == (1, "")
    assert list(rows) == NAMES
    assert rows["d-bus"]["verdict"] == "problem"
    assert report["problems"] == sum(row["verdict"] == "problem" for row in rows.values())
    assert all(row["advice"] for row in rows.values() if row["verdict"] == "problem")
    if not (SYSFS.exists() and any(SYSFS.iterdir())):
        assert rows["adapter"]["verdict"] == "problem"
        assert "there is no Bluetooth adapter" in rows["adapter"]["text"]
    assert ended.took_s < 10.0
    assert list(tmp_path.iterdir()) == []


async def test_people_get_a_table(tmp_path: Path) -> None:
    ended = await run("doctor", cwd=tmp_path, environment=NO_BUS)
    lines = ended.out.splitlines()

    assert (ended.code, ended.err) == (1, "")
    assert any(line.split()[:2] == ["problem", "d-bus"] for line in lines)
    assert lines[-1].strip().endswith("action.")


@pytest.mark.parametrize("name", ["wrong.ini", "missing.ini"])
async def test_a_configuration_that_cannot_be_used_is_a_finding_and_no_end(tmp_path: Path, name: str) -> None:
    (tmp_path / "wrong.ini").write_text("[home_assistant_proxy]\nnative_api_port = 70000\n")
    ended = await run("doctor", name, "--json", cwd=tmp_path, environment=NO_BUS)
    rows = {row["name"]: row for row in json.loads(ended.out)["checks"]}

    assert (ended.code, ended.err) == (1, "")
    assert rows["configuration"]["verdict"] == "problem"


async def test_a_bluetoothd_with_an_adapter_is_seen(
    private_bus: PrivateBus, bluez: FakeBlueZ, tmp_path: Path
) -> None:
    environment = {"DBUS_SYSTEM_BUS_ADDRESS": private_bus.address}
    ended = await run("doctor", "--json", cwd=tmp_path, environment=environment)
    rows = {row["name"]: row for row in json.loads(ended.out)["checks"]}

    assert rows["adapter"]["text"].startswith("hci0, 00:1A:7D:DA:71:13")
    assert all(rows[name]["verdict"] == "ok" for name in ("d-bus", "bluetoothd", "permission", "power"))
    assert not bluez.owners()
