"""Discovery filters of clients, and what they let through together (bluez src/adapter.c)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dbus_fast import Variant

from fakes.bluez_errors import invalid_arguments

SIGNATURES = {
    "UUIDs": "as",
    "RSSI": "n",
    "Pathloss": "q",
    "Transport": "s",
    "DuplicateData": "b",
    "Discoverable": "b",
    "Pattern": "s",
}
TRANSPORTS = ("auto", "bredr", "le")
RSSI_RANGE = range(-127, 21)
PATHLOSS_MAX = 137
SHORT_UUID = re.compile(r"(?:0x)?([0-9a-f]{4}|[0-9a-f]{8})")
LONG_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# AD type Flags: LE limited and LE general discoverable mode
DISCOVERABLE_FLAGS = 0x03


def full_uuid(text: str) -> str:
    """A 16, 32 or 128 bit UUID in the long form of D-Bus; raises ValueError."""
    lower = text.lower()
    if short := SHORT_UUID.fullmatch(lower):
        return f"{short[1]:0>8}-0000-1000-8000-00805f9b34fb"
    if LONG_UUID.fullmatch(lower):
        return lower
    raise ValueError(f"{text!r} is no UUID")


@dataclass(frozen=True, slots=True)
class Advert:
    """What one report of the controller says. RSSI and TX power in dBm."""

    address: str
    address_type: str = "random"
    name: str | None = None
    rssi: int = -60
    manufacturer_data: Mapping[int, bytes] = field(default_factory=dict)
    service_data: Mapping[str, bytes] = field(default_factory=dict)
    service_uuids: tuple[str, ...] = ()
    tx_power: int | None = None
    flags: int = 0x06
    connectable: bool = True


@dataclass(frozen=True, slots=True)
class DiscoveryFilter:
    """The arguments of SetDiscoveryFilter of one client."""

    uuids: tuple[str, ...] = ()
    rssi: int | None = None
    pathloss: int | None = None
    transport: str = "auto"
    duplicate_data: bool = False
    discoverable: bool = False
    pattern: str | None = None

    def matches(self, advert: Advert) -> bool:
        """Whether service and proximity are what this client asked for."""
        if self.uuids and not set(self.uuids) & set(advert.service_uuids):
            return False
        if self.rssi is not None:
            return advert.rssi >= self.rssi
        if self.pathloss is not None:
            return advert.tx_power is not None and advert.tx_power - advert.rssi <= self.pathloss
        return True


def parse_filter(arguments: Mapping[str, Variant]) -> DiscoveryFilter | None:
    """The filter, None for an empty one (which removes it); raises CallError."""
    if not arguments:
        return None
    for key, value in arguments.items():
        if SIGNATURES.get(key) != value.signature:
            raise invalid_arguments()
    values = {key: value.value for key, value in arguments.items()}
    try:
        uuids = tuple(full_uuid(uuid) for uuid in values.get("UUIDs", ()))
    except ValueError as error:
        raise invalid_arguments() from error
    rssi, pathloss = values.get("RSSI"), values.get("Pathloss")
    transport = values.get("Transport", "auto")
    if (
        transport not in TRANSPORTS
        or (rssi is not None and rssi not in RSSI_RANGE)
        or (pathloss is not None and (pathloss > PATHLOSS_MAX or rssi is not None))
    ):
        raise invalid_arguments()
    return DiscoveryFilter(
        uuids=uuids,
        rssi=rssi,
        pathloss=pathloss,
        transport=transport,
        duplicate_data=values.get("DuplicateData", False),
        discoverable=values.get("Discoverable", False),
        pattern=values.get("Pattern"),
    )


@dataclass(frozen=True, slots=True)
class MergedFilter:
    """The filters of all clients that discover; None stands for a client without one."""

    filters: tuple[DiscoveryFilter | None, ...]

    @property
    def effective(self) -> bool:
        """Whether bluetoothd runs a filtered discovery: any client has a filter."""
        return any(item is not None for item in self.filters)

    @property
    def duplicate_data(self) -> bool:
        """Whether any client asked for repeats."""
        return any(item is not None and item.duplicate_data for item in self.filters)

    def passes(self, advert: Advert) -> bool:
        """Whether the report reaches the object of its device."""
        return self._discoverable(advert) and any(
            item is None or item.matches(advert) for item in self.filters
        )

    def _discoverable(self, advert: Advert) -> bool:
        patterns = [item.pattern for item in self.filters if item is not None and item.pattern is not None]
        if patterns:
            return any(_starts_with(advert, pattern) for pattern in patterns)
        return self.effective or bool(advert.flags & DISCOVERABLE_FLAGS)


def _starts_with(advert: Advert, pattern: str) -> bool:
    return advert.address.startswith(pattern) or (advert.name or "").startswith(pattern)
