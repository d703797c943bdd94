"""One round of readings as lines of JSON, for programs."""

import json
from collections.abc import Sequence
from typing import TextIO

from renogybt.config import Device
from renogybt.model.advertisement import format_address
from renogybt.model.reading import DeviceType, PowerDevice, Role
from renogybt.readers.reader import Outcome
from renogybt.terminal.values import plain

_TYPES = {
    Role.BATTERY: DeviceType.BATTERY,
    Role.CONTROLLER: DeviceType.CONTROLLER,
    Role.DC_CHARGER: DeviceType.DC_CHARGER,
    Role.INVERTER: DeviceType.INVERTER,
    Role.SHUNT: DeviceType.SHUNT,
}


def write_readings(outcomes: Sequence[Outcome], configured: Sequence[Device], out: TextIO) -> None:
    """One object per device: `device alias type address device_id`, then its values, or `error`.

    The bank is left out: it says nothing that its batteries do not. A device that tells an id of its
    own is shown with that one.
    """
    for outcome in outcomes:
        if outcome.device.role is not Role.BANK:
            out.write(json.dumps(_line(outcome, configured)) + "\n")
    out.flush()


def _line(outcome: Outcome, configured: Sequence[Device]) -> dict[str, object]:
    device = outcome.device
    line: dict[str, object] = {
        "device": device.key,
        "alias": device.alias,
        "type": _type(device, configured).value,
        "address": None if device.address is None else format_address(device.address),
        "device_id": device.unit_id,
    }
    if outcome.reading is None:
        return {**line, "error": outcome.health.trouble or "no reading"}
    return {**line, **plain(outcome.reading.values)}


def _type(device: PowerDevice, configured: Sequence[Device]) -> DeviceType:
    """As configured; by its role where it is not, as the devices of the demo."""
    if device.key.endswith("-history"):
        return DeviceType.CONTROLLER_HISTORY
    types = [
        each.device_type
        for each in configured
        if each.mac_addr == device.address and device.unit_id in each.device_ids
    ]
    # one address and unit may be read as controller and as history; the latter has a key of its own
    return next(
        (each for each in types if each and each is not DeviceType.CONTROLLER_HISTORY), _TYPES[device.role]
    )
