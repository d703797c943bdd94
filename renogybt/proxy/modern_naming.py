"""Clear names: a sub-device for each power device, and entities that are called as what they show."""

import re
from collections import Counter
from collections.abc import Callable, Sequence

from renogybt.model.reading import PowerDevice, Role
from renogybt.proxy.entity_kinds import SubDevice, fnv1a
from renogybt.proxy.health_entities import health_at
from renogybt.proxy.quantity_entities import shown, value_of
from renogybt.proxy.shown import ShownDevice, Spot

_ROLES = {
    Role.BATTERY: "battery",
    Role.CONTROLLER: "solar controller",
    Role.DC_CHARGER: "DC charger",
    Role.INVERTER: "inverter",
    Role.SHUNT: "shunt",
    Role.BANK: "bank",
}
_BANK_WITHOUT_ALIAS = "Battery bank"
_UNIVERSAL = 255
"""The unit id that every device answers to (BMS Modbus V1.7): it tells nothing apart."""
_HISTORY = "-history"


def show_modern(devices: Sequence[PowerDevice], *, switchable: bool) -> tuple[ShownDevice, ...]:
    """All devices, with their entities; nothing depends on the order or on what was read."""
    names = device_names(devices)
    return tuple(_show(device, names[device.key], switchable=switchable) for device in devices)


def _show(device: PowerDevice, name: str, *, switchable: bool) -> ShownDevice:
    sub = SubDevice(fnv1a(device.key) or 1, name)
    # of its own: a bank has quantities that begin with the names of its batteries
    spot = Spot(sub.device_id, slug(name) + ("__" if device.role is Role.BANK else "_"))
    values = tuple(
        value_of(each, spot.object_prefix + each.name, each.label, spot.device_id, switchable=switchable)
        for each in shown(device.quantities)
    )
    return ShownDevice(device.key, sub, values, () if device.role is Role.BANK else health_at(spot))


def device_names(devices: Sequence[PowerDevice]) -> dict[str, str]:
    """Key -> name, like `house battery 48`; where two would be alike, both get the end of the address."""
    names = {device.key: _plain(device) for device in devices}
    names = _told_apart(devices, names, lambda device: _address(device)[-4:])
    return _told_apart(devices, names, lambda device: device.key)


def slug(name: str) -> str:
    """As ESPHome makes an object id of a name."""
    return re.sub(r"[^a-z0-9_-]", "_", name.lower())


def _plain(device: PowerDevice) -> str:
    role = _ROLES[device.role]
    if not device.alias and device.role is Role.BANK:
        return _BANK_WITHOUT_ALIAS
    said = device.alias.lower()
    words = [device.alias, *(word for word in role.split() if word.lower() not in said)]
    if device.unit_id not in (None, 0, _UNIVERSAL):
        words.append(str(device.unit_id))
    if device.key.endswith(_HISTORY):
        words.append("history")
    name = " ".join(filter(None, words))
    return name[:1].upper() + name[1:] if not device.alias else name


def _address(device: PowerDevice) -> str:
    return device.key.upper() if device.address is None else f"{device.address:012X}"


def _told_apart(
    devices: Sequence[PowerDevice], names: dict[str, str], mark: Callable[[PowerDevice], str]
) -> dict[str, str]:
    """By the slug, because the object ids have to differ."""
    alike = Counter(slug(name) for name in names.values())
    return {
        device.key: name if alike[slug(name)] == 1 else f"{name} {mark(device)}"
        for device in devices
        for name in (names[device.key],)
    }
