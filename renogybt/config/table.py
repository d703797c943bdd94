"""Every key of config.ini, one row each. config.ini.example is checked against these rows."""

import re
from dataclasses import dataclass, replace
from enum import Enum

from renogybt.config.kinds import (
    BOOLEAN,
    NAMES,
    PATH,
    TEXT,
    UNIT_IDS,
    Kind,
    choice,
    number,
    optional,
    whole_number,
)
from renogybt.config.link_kinds import ADDRESSES, CONNECTION_SLOTS, PASSKEYS
from renogybt.config.network_kinds import ADAPTER, ADDRESS, DEVICE_NAME, HOST, IP_ADDRESSES, KEY, NATIVE_API
from renogybt.config.sections import (
    AdvertisementSource,
    Encryption,
    EntityNaming,
    TemperatureUnit,
)
from renogybt.model.radio import ScanMode
from renogybt.model.reading import DeviceType

DEVICE = "device"
DATA = "data"
PROXY = "home_assistant_proxy"
MQTT = "mqtt"
PVOUTPUT = "pvoutput"
REMOTE_LOGGING = "remote_logging"


class Effect(Enum):
    """What setting a key does."""

    USED = "used"
    READING = "used where devices are read"
    PLANNED = "planned"
    NONE = "accepted without effect"


@dataclass(frozen=True, slots=True)
class Row:
    """One key. `default` is text as in the file; `why` says why a key has no effect any more."""

    section: str
    key: str
    kind: Kind
    default: str = ""
    unit: str = ""
    effect: Effect = Effect.USED
    secret: bool = False
    why: str = ""

    @property
    def allowed(self) -> str:
        """What the key takes, with its unit."""
        return f"{self.kind.allowed} {self.unit}".rstrip()


def _reading(section: str, key: str, kind: Kind, default: str = "", unit: str = "") -> Row:
    return Row(section, key, kind, default, unit, Effect.READING)


def _planned(
    section: str, key: str, kind: Kind, default: str = "", unit: str = "", *, secret: bool = False
) -> Row:
    return Row(section, key, kind, default, unit, Effect.PLANNED, secret)


def _gone(section: str, key: str, why: str) -> Row:
    # the values of such keys are not judged, so the kind is never asked
    return Row(section, key, TEXT, effect=Effect.NONE, why=why)


PORT = whole_number(1, 65535)
MOST_RESETS = 10
"""Resets of the adapter within an hour; more would be a storm, which helps nobody."""
PERIOD_LOWEST = 1
PERIOD = number(PERIOD_LOWEST, 86_400)
"""A second is the fastest that makes sense over the air; rarer than daily is no watching."""

_SCAN_GOES_ON = "scanning goes on while devices are read"
_OWN_DUTY = "the scanner never pauses"

TABLE: tuple[Row, ...] = (
    Row(PROXY, "enabled", BOOLEAN, "true"),
    Row(PROXY, "device_name", DEVICE_NAME, "renogy.proxy"),
    Row(PROXY, "adapter", optional(ADAPTER)),
    Row(PROXY, "encryption", choice(Encryption), "provision"),
    Row(PROXY, "encryption_key", optional(KEY), secret=True),
    Row(PROXY, "native_api_port", PORT, "6053"),
    Row(PROXY, "native_api_host", optional(HOST)),
    Row(PROXY, "use_native_api", NATIVE_API, "true"),
    Row(PROXY, "mdns", BOOLEAN, "true"),
    Row(PROXY, "mdns_ip", IP_ADDRESSES),
    Row(PROXY, "mac", optional(ADDRESS)),
    Row(PROXY, "native_api_mac", optional(ADDRESS)),
    Row(PROXY, "scan_mode", optional(choice(ScanMode))),
    Row(PROXY, "advertisement_source", choice(AdvertisementSource), "auto"),
    Row(PROXY, "state_dir", optional(PATH)),
    Row(PROXY, "scan_lock", optional(PATH)),
    Row(PROXY, "active_connections", BOOLEAN, "true"),
    Row(PROXY, "connection_slots", optional(CONNECTION_SLOTS)),
    Row(PROXY, "connection_allow_list", ADDRESSES),
    Row(PROXY, "pairing_passkeys", PASSKEYS, secret=True),
    Row(PROXY, "with_renogy_client", BOOLEAN, "true"),
    _reading(PROXY, "renogy_read_interval", PERIOD, "60", "seconds"),
    _reading(PROXY, "renogy_keep_connection", BOOLEAN, "true"),
    _reading(PROXY, "esphome_sensors", BOOLEAN, "true"),
    _reading(PROXY, "entity_naming", choice(EntityNaming), "modern"),
    _reading(PROXY, "load_switch", BOOLEAN, "false"),
    Row(PROXY, "health_check_interval", PERIOD, "60", "seconds"),
    Row(PROXY, "health_check_threshold", PERIOD, "60", "seconds"),
    Row(PROXY, "health_reset_adapter", BOOLEAN, "true"),
    Row(PROXY, "health_reset_limit", whole_number(0, 1000), str(MOST_RESETS)),
    Row(PROXY, "recovery_reset_hardware", BOOLEAN, "false"),
    Row(PROXY, "recovery_restart_bluetooth", BOOLEAN, "false"),
    Row(DEVICE, "adapter", optional(ADAPTER)),
    _reading(DEVICE, "mac_addr", optional(ADDRESS)),
    _reading(DEVICE, "alias", TEXT),
    _reading(DEVICE, "type", optional(choice(DeviceType))),
    _reading(DEVICE, "device_id", UNIT_IDS, "255"),
    _reading(DEVICE, "renogy_read_interval", optional(PERIOD), unit="seconds"),
    _reading(DATA, "enable_polling", BOOLEAN, "true"),
    _reading(DATA, "poll_interval", number(0, 86_400), "60", "seconds"),
    _reading(DATA, "temperature_unit", choice(TemperatureUnit), "C"),
    _reading(DATA, "fields", NAMES),
    _reading(DATA, "renogy_read_timeout_seconds", number(1, 600), "45", "seconds"),
    _planned(MQTT, "enabled", BOOLEAN, "false"),
    _planned(MQTT, "server", TEXT),
    _planned(MQTT, "port", PORT, "1883"),
    _planned(MQTT, "topic", TEXT, "solar/state"),
    _planned(MQTT, "user", TEXT),
    _planned(MQTT, "password", TEXT, secret=True),
    _planned(MQTT, "homeassistant_discovery", BOOLEAN, "false"),
    _planned(PVOUTPUT, "enabled", BOOLEAN, "false"),
    _planned(PVOUTPUT, "api_key", TEXT, secret=True),
    _planned(PVOUTPUT, "system_id", TEXT),
    _planned(REMOTE_LOGGING, "enabled", BOOLEAN, "false"),
    _planned(REMOTE_LOGGING, "url", TEXT, secret=True),
    _planned(REMOTE_LOGGING, "auth_header", TEXT, secret=True),
    _gone(DEVICE, "max_retry", "a lost device is tried again for as long as the program runs"),
    _gone(DATA, "poll_after_proxy_cycle", _SCAN_GOES_ON),
    _gone(DATA, "poll_cycle_dwell_seconds", _SCAN_GOES_ON),
    _gone(DATA, "poll_cycle_timeout_seconds", _SCAN_GOES_ON),
    _gone(PROXY, "renogy_poll_mode", _SCAN_GOES_ON),
    _gone(PROXY, "pause_during_renogy", _SCAN_GOES_ON),
    _gone(PROXY, "airtime_settle_seconds", _SCAN_GOES_ON),
    _gone(PROXY, "airtime_window_seconds", _SCAN_GOES_ON),
    _gone(PROXY, "scan_active_seconds", _OWN_DUTY),
    _gone(PROXY, "scan_idle_seconds", _OWN_DUTY),
)

SECTIONS = tuple(dict.fromkeys(row.section for row in TABLE))
KEYS = frozenset(row.key for row in TABLE)

_FURTHER_DEVICE = re.compile(rf"{DEVICE}:(?P<name>\S|\S.*\S)")
_ONLY_ONCE = frozenset({"adapter"})
"""Keys of [device] that count for all devices."""


def name_of_device(section: str) -> str | None:
    """NAME of `[device:NAME]`, empty for `[device]`, None for other sections."""
    if section == DEVICE:
        return ""
    match = _FURTHER_DEVICE.fullmatch(section)
    return match["name"] if match and section.isprintable() else None


def is_section(section: str) -> bool:
    """Whether a section has this name."""
    return section in SECTIONS or name_of_device(section) is not None


def rows_of(section: str) -> tuple[Row, ...]:
    """The keys that a section may hold: in `[device:NAME]` those of `[device]` that concern one device."""
    if name_of_device(section):
        rows = rows_of(DEVICE)
        return tuple(replace(row, section=section) for row in rows if row.key not in _ONLY_ONCE)
    return tuple(row for row in TABLE if row.section == section)
