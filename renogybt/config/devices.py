"""What the sections [device] and [device:NAME] say, with what they leave open filled in."""

from renogybt.config.sections import Device
from renogybt.config.table import DATA, DEVICE, PERIOD_LOWEST, PROXY, name_of_device
from renogybt.config.values import Values
from renogybt.model.reading import DeviceType

UNIT_ID_OF_NONE = 0
"""Stands for the unit id of a shunt, which has none: it speaks no Modbus."""


def build_device(values: Values, section: str) -> Device:
    """One section as a device."""
    return Device(
        name=name_of_device(section) or "",
        adapter=values.optional(DEVICE, "adapter", str),
        mac_addr=address_of(values, section),
        alias=alias_of(values, section),
        device_type=type_of(values, section),
        device_ids=unit_ids_of(values, section),
        read_interval_s=_interval_of(values, section),
    )


def complete_sections(values: Values) -> list[str]:
    """The sections that say all that reading takes, without those that say something refused."""
    refused = {section for section, _ in values.refused}
    return [
        section
        for section in values.devices
        if section not in refused and address_of(values, section) is not None and type_of(values, section)
    ]


def address_of(values: Values, section: str) -> int | None:
    """The Bluetooth address that is read."""
    return values.optional(section, "mac_addr", int)


def type_of(values: Values, section: str) -> DeviceType | None:
    """What is read there."""
    return values.optional(section, "type", DeviceType)


def alias_of(values: Values, section: str) -> str:
    """The user's name for the device: that of the section where there is no other."""
    return values.take(section, "alias", str) or name_of_device(section) or ""


def unit_ids_of(values: Values, section: str) -> tuple[int, ...]:
    """The ids to ask."""
    if type_of(values, section) is DeviceType.SHUNT:
        return (UNIT_ID_OF_NONE,)
    return values.take(section, "device_id", tuple)


def default_interval(values: Values) -> float:
    """Seconds between two readings where a device names none.

    A file that has only the poll_interval of a reader without proxy means that one.
    """
    poll_interval = values.take(DATA, "poll_interval", float)
    given = values.given(PROXY, "renogy_read_interval")
    if not given and values.given(DATA, "poll_interval") and poll_interval >= PERIOD_LOWEST:
        return poll_interval
    return values.take(PROXY, "renogy_read_interval", float)


def _interval_of(values: Values, section: str) -> float:
    # what hangs on one address is read in one go, so one of its sections may speak for all
    address = address_of(values, section)
    others = [other for other in values.devices if address_of(values, other) == address]
    for one in (section, *others) if address is not None else (section,):
        own = values.optional(one, "renogy_read_interval", float)
        if own is not None:
            return own
    return default_interval(values)
