"""Who this ESPHome device is: its name, its address, and what it says about itself."""

import hashlib
import json
import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import renogybt
from renogybt.model.advertisement import format_address, parse_address
from renogybt.model.errors import RenogyBTError
from renogybt.protocols.esphome.messages import Message, api
from renogybt.proxy.entity_kinds import SubDevice
from renogybt.service.files import write_atomically

_LOGGER = logging.getLogger(__name__)

API_MAJOR = 1
API_MINOR = 19
"""From 15 on a client asks for the capabilities (149), which are answered; 16 and 18 concern
parts that are not offered. This is what ESPHome 2026.10.0 announces."""

ESPHOME_VERSION = "2026.10.0"
"""The ESPHome release whose behaviour this server follows. Home Assistant compares it as a calendar
version and offers an update repair below 2026.5.1."""

PROJECT_NAME = "renogybt.bluetooth_proxy"
"""With a dot: Home Assistant splits it there, unchecked. The earlier program's name, so that
automations which look at it go on."""

PASSIVE_SCAN = 1
ACTIVE_CONNECTIONS = 2
REMOTE_CACHING = 4
PAIRING = 8
CACHE_CLEARING = 16
RAW_ADVERTISEMENTS = 32
STATE_AND_MODE = 64
CONNECTION_PARAMETERS = 128
LISTENING = PASSIVE_SCAN | RAW_ADVERTISEMENTS | STATE_AND_MODE
CONNECTING = ACTIVE_CONNECTIONS | REMOTE_CACHING | PAIRING | CACHE_CLEARING
"""Feature flags of the Bluetooth proxy, BluetoothProxyFeature of aioesphomeapi. Without REMOTE_CACHING
Home Assistant refuses every connection itself."""

_FILE = "identity.json"
_LOCALLY_ADMINISTERED = 0x02 << 40
_MULTICAST = 0x01 << 40


class IdentityError(RenogyBTError):
    """The file that holds this device's address cannot be used."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What does not change while the program runs; `mac` is an address as a number."""

    name: str
    friendly_name: str
    mac: int
    model: str

    @property
    def mac_digits(self) -> str:
        """12 lower-case hexadecimal digits, as mDNS and the Noise hello carry them."""
        return f"{self.mac:012x}"

    def device_info(
        self,
        bluetooth_mac: int | None,
        *,
        features: int,
        supported: bool,
        provisionable: bool,
        devices: Iterable[SubDevice] = (),
    ) -> Message:
        """DeviceInfoResponse. `bluetooth_mac`: that of the scanner, None before there was one; `features`:
        flags of the Bluetooth proxy; `supported`, `provisionable`: whether a client may set a key, and
        whether it may do so over Noise with the key of zeros; `devices`: those behind this one."""
        return api.DeviceInfoResponse(  # type: ignore[no-any-return]
            name=self.name,
            friendly_name=self.friendly_name,
            mac_address=format_address(self.mac),
            bluetooth_mac_address=format_address(bluetooth_mac or self.mac),
            esphome_version=ESPHOME_VERSION,
            model=self.model,
            manufacturer="renogybt",
            project_name=PROJECT_NAME,
            project_version=renogybt.__version__,
            bluetooth_proxy_feature_flags=features,
            api_encryption_supported=supported,
            api_encryption_provisionable=provisionable,
            devices=[device.listing() for device in devices],
        )

    def capabilities(self, bluetooth_mac: int | None, features: int) -> Message:
        """DeviceCapabilitiesResponse, with the same values as DeviceInfoResponse."""
        response = api.DeviceCapabilitiesResponse()
        response.bluetooth_proxy.feature_flags = features
        response.bluetooth_proxy.mac_address = format_address(bluetooth_mac or self.mac)
        return response  # type: ignore[no-any-return]


class IdentityFile:
    """The addresses that Home Assistant knows this device by, kept over restarts.

    `mac` is the device's: a changed one would be a new device to Home Assistant. On the first start
    it is made from this host's network address, which is what the earlier program announced; a
    gateway on another adapter than the first gets one of its own. `adapter` is that of the radio
    last used, None before there was one.
    """

    def __init__(self, state_dir: Path, adapter_name: str | None) -> None:
        """Raises IdentityError for a damaged file."""
        self._path = state_dir / _FILE
        kept = self._load()
        self.mac = kept["mac"] if kept else _host_address(adapter_name)
        self.adapter = kept.get("adapter")
        if not kept:
            self._save()

    def _load(self) -> dict[str, int]:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            names = ("mac", "adapter") if "adapter" in kept else ("mac",)
            return {name: parse_address(kept[name]) for name in names}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise IdentityError(
                f"{self._path} cannot be read ({error}). Restore it from a backup, or remove it and expect"
                " Home Assistant to see a new device"
            ) from error

    def remember_adapter(self, address: int) -> bool:
        """Keep the address of the radio in use; True when it is another one than before."""
        if address == self.adapter:
            return False
        self.adapter = address
        self._save()
        return True

    def _save(self) -> None:
        kept = {"mac": format_address(self.mac)}
        if self.adapter is not None:
            kept["adapter"] = format_address(self.adapter)
        try:
            write_atomically(self._path, json.dumps(kept) + "\n")
        except OSError as error:
            _LOGGER.warning(
                "cannot keep this device's address in %s (%s). Set state_dir in config.ini to a folder that"
                " this user may write; else Home Assistant may see a new device one day, and can set no key",
                self._path,
                error.strerror or error,
            )


def _host_address(adapter_name: str | None) -> int:
    """The address of a network interface; one that is made up is marked as locally administered."""
    node = uuid.getnode()
    if node & _MULTICAST:  # uuid found no interface and drew lots
        node = (node & ~_MULTICAST) | _LOCALLY_ADMINISTERED
    if adapter_name in (None, "hci0"):
        return node
    return derived_address(f"{node:012x} {adapter_name}")


def derived_address(seed: str) -> int:
    """An address made from a text: always the same, and marked as locally administered."""
    digest = hashlib.sha256(seed.encode()).digest()
    return (int.from_bytes(digest[:6], "big") | _LOCALLY_ADMINISTERED) & ~_MULTICAST
