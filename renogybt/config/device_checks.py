"""Sections [device] and [device:NAME] that cannot be read, or not side by side."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from renogybt.config.devices import address_of, alias_of, complete_sections, type_of, unit_ids_of
from renogybt.config.errors import Finding
from renogybt.config.kinds import UNIT_ID_OF_ANYONE
from renogybt.config.source import OVERRIDE, Entry
from renogybt.config.structure import Line
from renogybt.config.table import DEVICE, name_of_device
from renogybt.config.values import Values
from renogybt.model.reading import DeviceType

_MEANINGS = {
    DeviceType.CONTROLLER: "charge controller",
    DeviceType.CONTROLLER_HISTORY: "its last days",
    DeviceType.BATTERY: "battery",
    DeviceType.BATTERY_PRO: "Pro battery, named RNGRBP...",
    DeviceType.INVERTER: "inverter",
    DeviceType.DC_CHARGER: "DC-DC charger",
    DeviceType.SHUNT: "shunt",
}
_SAME_DEVICE = frozenset({DeviceType.CONTROLLER, DeviceType.CONTROLLER_HISTORY})
"""Two types that ask one and the same device, so that they share its unit id."""


def device_contradictions(values: Values) -> Iterator[Finding]:
    """What keeps a section from being read though each of its values is right."""
    for first, second in combinations(complete_sections(values), 2):
        if address_of(values, first) == address_of(values, second):
            yield from _ids_of_two(values, first, second)
            yield from _intervals_of_two(values, first, second)


def unread_sections(values: Values, headers: Sequence[Line], file: str) -> Iterator[Finding]:
    """Sections [device:NAME] without an address, which look as if they were read."""
    lines = {header.section: header.number for header in headers if name_of_device(header.section)}
    further = [section for section in values.devices if section != DEVICE]
    for section in dict.fromkeys((*lines, *further)):
        if not values.given(section, "mac_addr"):
            place = file if section in lines else OVERRIDE
            yield Finding(place, "has no mac_addr, so it is not read", section, line=lines.get(section))


def shared_aliases(values: Values) -> Iterator[Finding]:
    """Devices at different addresses that nobody can tell apart."""
    first: dict[str, str] = {}
    for section in complete_sections(values):
        other = first.setdefault(alias_of(values, section), section)
        if address_of(values, other) != address_of(values, section) and alias_of(values, section):
            problem = f"the alias is that of {_place(values, other, 'alias')} too, so their values look alike"
            yield _entry(values, section, "alias").finding(problem)


def without_type(values: Values) -> Iterator[Finding]:
    """Addresses that nobody can read, because what is there is not said.

    No errors: there are files of the earlier program that do without, and the proxy works all the same.
    """
    allowed = ", ".join(f"{kind.value} ({meaning})" for kind, meaning in _MEANINGS.items())
    for section in values.devices:
        entry = values.given(section, "mac_addr")
        if entry and address_of(values, section) is not None and not values.given(section, "type"):
            yield entry.finding(
                "not read: it needs a type beside it, which says what is there", f"type = {allowed}"
            )


def _ids_of_two(values: Values, first: str, second: str) -> Iterator[Finding]:
    types = {type_of(values, first), type_of(values, second)}
    ids, others = set(unit_ids_of(values, second)), set(unit_ids_of(values, first))
    if types == _SAME_DEVICE and ids == others:
        return
    entry = _entry(values, second, "device_id")
    other = _place(values, first, "device_id")
    if DeviceType.SHUNT in types:
        yield entry.finding(f"a shunt is alone at its address, but {other} has the same mac_addr")
    elif UNIT_ID_OF_ANYONE in ids | others:
        problem = f"all devices there answer to {UNIT_ID_OF_ANYONE}, and {other} has the same mac_addr"
        yield entry.finding(problem, "in both sections the ids of the single devices")
    elif types != _SAME_DEVICE and (twice := ids & others):
        shown = ", ".join(map(str, sorted(twice)))
        yield entry.finding(f"{shown} is in {other} too, which has the same mac_addr; an id is one device")


def _intervals_of_two(values: Values, first: str, second: str) -> Iterator[Finding]:
    key = "renogy_read_interval"
    one, other = values.given(second, key), values.given(first, key)
    if not one or not other:
        return
    if values.take(second, key, float) != values.take(first, key, float):
        problem = f"differs from {_place(values, first, key)}, which has the same mac_addr"
        yield one.finding(f"{problem}; both are read in one go, so keep one of them")


def _entry(values: Values, section: str, key: str) -> Entry:
    """The entry of a key, or that of the address where the key is left to its default."""
    return values.given(section, key) or values.entries[section, "mac_addr"]


def _place(values: Values, section: str, key: str) -> str:
    entry = _entry(values, section, key)
    return f"[{section}] {entry.file}" if entry.line is None else f"[{section}] line {entry.line}"
