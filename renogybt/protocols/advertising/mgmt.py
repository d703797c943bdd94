"""Packets of the kernel's Bluetooth management socket (BlueZ doc/mgmt-api.txt), little-endian.

Only what is needed here: reports of advertisements, advertisement monitors, ending a discovery or a link,
the parameters of a link, and why none came about.
"""

import struct
from typing import NamedTuple

from renogybt.model.advertisement import RSSI_UNKNOWN, AddressType, Advertisement, advertisement
from renogybt.model.errors import RenogyBTError
from renogybt.model.gatt import LinkParameters

NO_INDEX = 0xFFFF

COMMAND_COMPLETE = 0x0001
COMMAND_STATUS = 0x0002
CONNECT_FAILED = 0x000D
DEVICE_FOUND = 0x0012
ADV_MONITOR_REMOVED = 0x002C
ADV_MONITOR_DEVICE_FOUND = 0x002F

READ_CONTROLLER_INFO = 0x0004
SET_POWERED = 0x0005
DISCONNECT = 0x0014
GET_CONNECTIONS = 0x0015
STOP_DISCOVERY = 0x0024
LOAD_CONNECTION_PARAMETERS = 0x0035
READ_ADV_MONITOR_FEATURES = 0x0051
ADD_ADV_PATTERNS_MONITOR = 0x0052
REMOVE_ADV_MONITOR = 0x0053

SUCCESS = 0x00
UNKNOWN_COMMAND = 0x01
NO_RESOURCES = 0x07
"""Of a connect: the controller has all the links it can have, or no memory (Linux net/bluetooth/mgmt.c)."""
BUSY = 0x0A
REJECTED = 0x0B
NOT_SUPPORTED = 0x0C
INVALID_INDEX = 0x11
PERMISSION_DENIED = 0x14

LE_DISCOVERY = 0x06
"""Address types of a discovery: LE public and LE random."""
INTERLEAVED_DISCOVERY = 0x07
"""Those and BR/EDR."""

HEADER = struct.Struct("<HHH")
"""Event or command, index of the adapter, length of the rest."""

REPORTS = {
    DEVICE_FOUND: struct.Struct("<6xIHBb4xH"),
    ADV_MONITOR_DEVICE_FOUND: struct.Struct("<8xIHBb4xH"),
}
"""The events that report an advertisement, and what stands before its data: header, the second one's monitor
handle, address (as two numbers), address type, RSSI, flags, length of the data."""
_FEATURES = struct.Struct("<IIHBH")
_COMPLETE = struct.Struct("<HB")
_CONNECT_FAILED = struct.Struct("<6sBB")
_PARAMETERS = struct.Struct("<HHHH")
_PATTERN_DATA = 31
_RSSI_NONE = 127
_LE = (1, 2)
"""Public and random; 0 is BR/EDR."""


class MgmtPacketError(RenogyBTError, ValueError):
    """A packet that is shorter than it says."""


class CommandReply(NamedTuple):
    """The answer to one command."""

    opcode: int
    status: int
    data: bytes


class ConnectFailure(NamedTuple):
    """An attempt to connect that the kernel or the controller has given up."""

    address: int
    status: int


class MonitorFeatures(NamedTuple):
    """`offloaded`: features that the controller does itself, reporting matches only; `handles`: the
    monitors that are registered now."""

    offloaded: int
    handles: tuple[int, ...]


def command(opcode: int, index: int, parameters: bytes = b"") -> bytes:
    """A command for one adapter."""
    return HEADER.pack(opcode, index, len(parameters)) + parameters


def parse_found(event: int, packet: bytes) -> Advertisement | None:
    """The advertisement of a DEVICE_FOUND or ADV_MONITOR_DEVICE_FOUND packet.

    None when it is none: not of LE, or a packet that is too short.
    """
    layout = REPORTS[event]
    start = layout.size
    if len(packet) < start:
        return None
    low, high, address_type, rssi, length = layout.unpack_from(packet)
    data = packet[start : start + length]
    if address_type not in _LE or len(data) < length:
        return None
    strength = RSSI_UNKNOWN if rssi == _RSSI_NONE else rssi
    return advertisement((high << 32 | low, strength, address_type - 1, data))


def parse_reply(event: int, packet: bytes) -> CommandReply:
    """COMMAND_COMPLETE or COMMAND_STATUS; raises MgmtPacketError."""
    if len(packet) < HEADER.size + _COMPLETE.size:
        raise MgmtPacketError(f"a reply of {len(packet)} bytes to event {event:#06x}")
    opcode, status = _COMPLETE.unpack_from(packet, HEADER.size)
    return CommandReply(opcode, status, packet[HEADER.size + _COMPLETE.size :])


def parse_connect_failed(packet: bytes) -> ConnectFailure | None:
    """CONNECT_FAILED; None when it is none: not of LE, or a packet that is too short."""
    if len(packet) < HEADER.size + _CONNECT_FAILED.size:
        return None
    address, address_type, status = _CONNECT_FAILED.unpack_from(packet, HEADER.size)
    if address_type not in _LE:
        return None
    return ConnectFailure(int.from_bytes(address, "little"), status)


def parse_features(data: bytes) -> MonitorFeatures:
    """The reply to READ_ADV_MONITOR_FEATURES; raises MgmtPacketError."""
    if len(data) < _FEATURES.size:
        raise MgmtPacketError(f"monitor features of {len(data)} bytes")
    _supported, enabled, _most, _patterns, count = _FEATURES.unpack_from(data)
    if len(data) < _FEATURES.size + 2 * count:
        raise MgmtPacketError(f"monitor features without all of their {count} handles")
    return MonitorFeatures(enabled, struct.unpack_from(f"<{count}H", data, _FEATURES.size))


def pattern_monitor(ad_type: int, value: bytes) -> bytes:
    """Parameters of ADD_ADV_PATTERNS_MONITOR with one pattern at the begin of an AD structure."""
    return struct.pack("<BBBB", 1, ad_type, 0, len(value)) + value.ljust(_PATTERN_DATA, b"\0")


def le_peer(address: int, address_type: AddressType) -> bytes:
    """Parameters of DISCONNECT."""
    return struct.pack("<6sB", address.to_bytes(6, "little"), _LE[address_type])


def connection_parameters(address: int, address_type: AddressType, wanted: LinkParameters) -> bytes:
    """Parameters of LOAD_CONNECTION_PARAMETERS, for one peripheral.

    One alone also changes the link that there is (Linux 6.11 and later).
    """
    return (
        struct.pack("<H", 1)
        + le_peer(address, address_type)
        + _PARAMETERS.pack(wanted.min_interval, wanted.max_interval, wanted.latency, wanted.timeout)
    )


def monitor_handle(handle: int) -> bytes:
    """Parameters of REMOVE_ADV_MONITOR."""
    return struct.pack("<H", handle)
