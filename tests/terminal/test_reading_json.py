"""`read --json`, line by line."""

import io
import json
from typing import Any

import pytest
from terminal.outcomes import BANK, BATTERY, CONTROLLER, HUB, outcome

from renogybt.config import Device, DeviceType
from renogybt.model.reading import Role
from renogybt.readers.reader import Outcome
from renogybt.terminal.reading_json import write_readings


def lines(*outcomes: Outcome, configured: tuple[Device, ...] = ()) -> list[dict[str, Any]]:
    out = io.StringIO()
    write_readings(outcomes, configured, out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def section(device_type: DeviceType, *ids: int) -> Device:
    return Device("", None, HUB, "house", device_type, ids, 30.0)


def test_a_line_says_who_it_is_and_then_its_values() -> None:
    (line,) = lines(outcome(BATTERY))

    assert list(line)[:5] == ["device", "alias", "type", "address", "device_id"]
    assert line == {
        "device": "6cb2fd86824d-48",
        "alias": "house",
        "type": "RNG_BATT",
        "address": "6C:B2:FD:86:82:4D",
        **BATTERY,
        "problems": [],
    }


def test_the_bank_is_left_out() -> None:
    assert [line["device_id"] for line in lines(outcome(BATTERY), outcome(BANK, role=Role.BANK))] == [48]


def test_a_device_tells_its_own_id() -> None:
    (line,) = lines(outcome({**BATTERY, "device_id": 48}, unit_id=255))

    assert (line["device_id"], line["device"]) == (48, "6cb2fd86824d-255")


@pytest.mark.parametrize("trouble", ["no answer within 2 s", ""])
def test_a_device_that_gave_nothing_has_an_error_and_no_values(trouble: str) -> None:
    (line,) = lines(outcome(None, trouble=trouble))

    assert set(line) == {"device", "alias", "type", "address", "device_id", "error"}
    assert line["error"] == (trouble or "no reading")


def test_the_type_is_the_configured_one() -> None:
    assert [
        lines(outcome(BATTERY), configured=(section(each, 48, 49),))[0]["type"]
        for each in (DeviceType.BATTERY, DeviceType.BATTERY_PRO)
    ] == ["RNG_BATT", "RNG_BATT_PRO"]


def test_a_history_is_told_by_its_type() -> None:
    configured = (section(DeviceType.CONTROLLER_HISTORY, 255), section(DeviceType.CONTROLLER, 255))
    found = lines(
        outcome(CONTROLLER, role=Role.CONTROLLER, unit_id=255),
        outcome({}, role=Role.CONTROLLER, unit_id=255, key="6cb2fd86824d-255-history"),
        configured=configured,
    )

    assert [line["type"] for line in found] == ["RNG_CTRL", "RNG_CTRL_HIST"]
