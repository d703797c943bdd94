"""The kinds of values in config.ini that name things on the air and in the network."""

import base64
import binascii
import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from renogybt.config.errors import RefusedValueError
from renogybt.config.kinds import TRUTH, Kind, split_list
from renogybt.model.advertisement import AddressError, format_address, parse_address

IpAddress = IPv4Address | IPv6Address

NAME_LIMIT = 31
"""Longest device name that ESPHome allows."""
KEY_BYTES = 32
"""Length of the pre-shared key of Noise_NNpsk0_25519_ChaChaPoly_SHA256."""

PLACEHOLDERS = frozenset({"AA:BB:CC:DD:EE:FF", "00:00:00:00:00:00", "FF:FF:FF:FF:FF:FF"})
"""Addresses that sample files hold and that no device has."""
_MASKED = re.compile(r"(?=.*X)[0-9A-FX]{2}([:-][0-9A-FX]{2}){5}", re.IGNORECASE)


def parse_device_address(text: str) -> int:
    """Any address, also a placeholder of a sample file; raises RefusedValueError."""
    try:
        return parse_address(text)
    except AddressError:
        raise RefusedValueError("is not a Bluetooth address") from None


def _parse_address(text: str) -> int | None:
    # placeholders of sample files must not stop the program: they count as not set
    if _MASKED.fullmatch(text):
        return None
    address = parse_device_address(text)
    return None if format_address(address) in PLACEHOLDERS else address


ADDRESS = Kind("an address like 6C:B2:FD:86:82:4D", _parse_address)


def _parse_adapter(text: str) -> str:
    if re.fullmatch(r"hci[0-9]{1,3}", text, re.IGNORECASE):
        return text.lower()
    return format_address(parse_device_address(text))


ADAPTER = Kind("hci0, hci1 ... or the adapter's address", _parse_adapter)


def _parse_host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:%-]{1,253}", text):
        raise RefusedValueError("is neither an IP address nor a host name")
    return text


HOST = Kind("an IP address or a host name", _parse_host)


def _parse_ip_addresses(text: str) -> tuple[IpAddress, ...]:
    try:
        addresses = tuple(ip_address(part) for part in split_list(text))
    except ValueError:
        raise RefusedValueError("holds something that is not an IP address") from None
    if any(address.is_unspecified for address in addresses):
        raise RefusedValueError("holds an address that nobody can connect to")
    return addresses


IP_ADDRESSES = Kind("IP addresses with commas between them, or nothing", _parse_ip_addresses)


def _parse_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedValueError("is not base64") from None
    if len(key) != KEY_BYTES:
        raise RefusedValueError(f"holds {len(key)} bytes instead of {KEY_BYTES}")
    # zeros mean "no key" to ESPHome; Home Assistant probes with 32 times the character 0
    if len(set(key)) == 1:
        raise RefusedValueError("is the same byte over and over, which is no secret")
    return key


KEY = Kind(f"{KEY_BYTES} random bytes as base64, as `renogybt generate-key` makes them", _parse_key)


class DeviceName(NamedTuple):
    """`announced` may stand in mDNS names, `friendly` is the text as the user wrote it."""

    announced: str
    friendly: str


# also a dot at an end or after a dot: mDNS would read an empty label there
_NOT_FOR_MDNS = re.compile(r"[^A-Za-z0-9_.-]|^\.|(?<=\.)\.|\.$")


def _parse_device_name(text: str) -> DeviceName:
    if not text.isprintable():
        raise RefusedValueError("has a line end or another character that cannot be shown")
    if len(text) > NAME_LIMIT:
        raise RefusedValueError(f"is {len(text)} characters long")
    announced = _NOT_FOR_MDNS.sub("-", text)
    if not re.search(r"[A-Za-z0-9]", announced):
        raise RefusedValueError("has no letter from a to z and no digit")
    return DeviceName(announced, text)


DEVICE_NAME = Kind(f"1 to {NAME_LIMIT} letters, digits, - _ and .", _parse_device_name)


def _parse_native_api(text: str) -> bool:
    if TRUTH.get(text.lower()) is True:
        return True
    raise RefusedValueError("asks for another way than the ESPHome native API, and there is no other")


NATIVE_API = Kind("true", _parse_native_api)
