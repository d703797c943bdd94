"""The kinds of values in config.ini that concern links of clients to devices."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from renogybt.config.errors import RefusedValueError
from renogybt.config.kinds import Kind, split_list, whole_number
from renogybt.config.network_kinds import parse_device_address
from renogybt.model.advertisement import format_address

_PASSKEY = re.compile(r"[0-9]{6}")
_ANY_NUMBER = whole_number(1, 16)


def _parse_connection_slots(text: str) -> object:
    if text == "0":
        raise RefusedValueError("is too small; to have no connections, set active_connections = false")
    return _ANY_NUMBER.parse(text)


CONNECTION_SLOTS = Kind(_ANY_NUMBER.allowed, _parse_connection_slots)


def _parse_addresses(text: str) -> frozenset[int]:
    parts = split_list(text)
    if text and not parts:
        raise RefusedValueError("holds no address")
    try:
        return frozenset(map(parse_device_address, parts))
    except RefusedValueError:
        raise RefusedValueError("holds something that is not a Bluetooth address") from None


ADDRESSES = Kind("addresses like 6C:B2:FD:86:82:4D with commas between them, or nothing", _parse_addresses)


def _parse_passkeys(text: str) -> Mapping[int, int]:
    passkeys: dict[int, int] = {}
    pairs = [pair for pair in text.split(",") if pair.strip()]
    if text and not pairs:
        raise RefusedValueError("holds no passkey")
    for number, pair in enumerate(pairs, start=1):
        address, passkey = _parse_pair(number, pair)
        if address in passkeys:
            raise RefusedValueError(f"holds two passkeys for {format_address(address)}")
        passkeys[address] = passkey
    return MappingProxyType(passkeys)


def _parse_pair(number: int, pair: str) -> tuple[int, int]:
    # nothing of the pair is shown but what is an address: anything else may be the passkey
    name, _, digits = map(str.strip, pair.partition("="))
    try:
        address = parse_device_address(name)
    except RefusedValueError:
        raise RefusedValueError(f"has no Bluetooth address before the = of pair {number}") from None
    if not _PASSKEY.fullmatch(digits):
        raise RefusedValueError(f"has no passkey of six digits for {format_address(address)}")
    return address, int(digits)


PASSKEYS = Kind("pairs like 6C:B2:FD:86:82:4D=123456 with commas between them, or nothing", _parse_passkeys)
