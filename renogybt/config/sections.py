"""The configuration as typed values. Addresses are numbers, times are seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from renogybt.config.network_kinds import IpAddress
from renogybt.model.radio import ScanMode
from renogybt.model.reading import DeviceType


class TemperatureUnit(Enum):
    """The unit of temperatures in the outputs."""

    CELSIUS = "C"
    FAHRENHEIT = "F"


class Encryption(Enum):
    """How the native API is encrypted."""

    PROVISION = "provision"
    KEY = "key"
    OFF = "off"


class AdvertisementSource(Enum):
    """The way by which advertisements are taken from the kernel."""

    AUTO = "auto"
    MGMT = "mgmt"
    DBUS = "dbus"


class EntityNaming(Enum):
    """How the entities of power devices are named: clearly, or as by the earlier program."""

    MODERN = "modern"
    EARLIER = "earlier"


@dataclass(frozen=True, slots=True)
class Device:
    """One section `[device]` or `[device:NAME]`: what is read at one address, all of one type.

    `name` is NAME, empty for `[device]`. Without `mac_addr` and `device_type` nothing is read.
    `device_ids` are unit ids; a shunt, which has none, gets (0,). `read_interval_s` is the same in
    all sections of an address. `adapter` is the one of `[device]` in all of them.
    """

    name: str
    adapter: str | None
    mac_addr: int | None
    alias: str
    device_type: DeviceType | None
    device_ids: tuple[int, ...]
    read_interval_s: float


@dataclass(frozen=True, slots=True)
class Data:
    """How readings are taken; `fields` empty means all."""

    enable_polling: bool
    poll_interval_s: float
    temperature_unit: TemperatureUnit
    fields: tuple[str, ...]
    read_timeout_s: float


@dataclass(frozen=True, slots=True)
class Health:
    """How the radio is looked after.

    `check_interval_s`: a look at least so often. `threshold_s`: the longest silence that passes for normal
    in a place with a steady rhythm. `reset_adapter`: power cycles and what is harsher are allowed,
    `reset_limit` times within an hour; `reset_hardware` and `restart_bluetooth` in addition.
    """

    check_interval_s: float
    threshold_s: float
    reset_adapter: bool
    reset_limit: int
    reset_hardware: bool
    restart_bluetooth: bool


@dataclass(frozen=True, slots=True)
class HomeAssistantProxy:
    """The Bluetooth proxy.

    `adapter` is `hciN` or an address in capitals, None: the first powered one. `device_name` may
    stand in mDNS names, `friendly_name` is what the user wrote. `mac` None: this host's.
    `native_api_host` None: all addresses. `encryption_key` is set exactly when `encryption` is KEY.
    `scan_mode` is how the radio scans until Home Assistant asks for something else, None: active;
    PASSIVE also makes Home Assistant keep it so when it meets the device for the first time.
    `connection_slots`, `scan_lock` None: the program chooses. `connection_allow_list` empty: clients may
    connect to all devices. `pairing_passkeys` by address. `mdns_addresses` empty: found out.
    """

    enabled: bool
    device_name: str
    friendly_name: str
    adapter: str | None
    mac: int | None
    native_api_host: str | None
    native_api_port: int
    encryption: Encryption
    encryption_key: bytes | None = field(repr=False)
    state_dir: Path
    scan_lock: Path | None
    advertisement_source: AdvertisementSource
    scan_mode: ScanMode | None
    active_connections: bool
    connection_slots: int | None
    connection_allow_list: frozenset[int]
    pairing_passkeys: Mapping[int, int] = field(repr=False)
    mdns: bool
    mdns_addresses: tuple[IpAddress, ...]
    with_renogy_client: bool
    renogy_read_interval_s: float
    keep_connection: bool
    esphome_sensors: bool
    entity_naming: EntityNaming
    load_switch: bool
    health: Health


@dataclass(frozen=True, slots=True)
class Mqtt:
    """The MQTT broker that readings go to."""

    enabled: bool
    server: str
    port: int
    topic: str
    user: str
    password: str = field(repr=False)
    homeassistant_discovery: bool


@dataclass(frozen=True, slots=True)
class PvOutput:
    """The account at pvoutput.org that readings go to."""

    enabled: bool
    api_key: str = field(repr=False)
    system_id: str


@dataclass(frozen=True, slots=True)
class RemoteLogging:
    """The web address that readings are posted to, which may itself hold a password."""

    enabled: bool
    url: str = field(repr=False)
    auth_header: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Configuration:
    """All of config.ini; `warnings` are readable lines for the log.

    `device` is the section `[device]`; `devices` are all sections that can be read, in the order of
    the file. `path` is the file, None where there was none.
    """

    device: Device
    devices: tuple[Device, ...]
    data: Data
    proxy: HomeAssistantProxy
    mqtt: Mqtt
    pvoutput: PvOutput
    remote_logging: RemoteLogging
    warnings: tuple[str, ...]
    path: Path | None
