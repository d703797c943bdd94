"""The kernel's part of the management socket: reports of advertisements, one packet each.

`python -m benchmarks.emit_mgmt DESCRIPTOR`
"""

import socket
import struct
import sys

from benchmarks.emitter import Emitter
from benchmarks.neighbourhood import (
    COMPANY,
    DEVICES,
    FLAGS,
    MANUFACTURER_DATA,
    MARK,
    neighbour,
    stamp,
    wander,
)
from renogybt.protocols.advertising.mgmt import DEVICE_FOUND, HEADER

INDEX = 0
_LE_RANDOM = 2
_REPORT = struct.Struct("<6sBbIH")
_RSSI_OFFSET = HEADER.size + 7


def advertising_data() -> bytes:
    """29 of the 31 octets that a legacy advertisement has room for."""
    body = b"\xff" + COMPANY.to_bytes(2, "little") + MANUFACTURER_DATA
    return b"\x02\x01" + FLAGS + bytes((len(body),)) + body


def device_found(address: bytes, rssi: int) -> bytearray:
    """A packet whose stamp is still empty."""
    data = advertising_data()
    report = _REPORT.pack(address[::-1], _LE_RANDOM, rssi, 0, len(data)) + data
    return bytearray(HEADER.pack(DEVICE_FOUND, INDEX, len(report)) + report)


class Kernel:
    """Sends packets that are made once and stamped each time."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._devices = [neighbour() for _ in range(DEVICES)]
        self._packets = [device_found(device.address, device.rssi) for device in self._devices]
        self._offset = self._packets[0].index(MARK)
        self._oldest = 0
        self.heard_at_ns: int | None = None

    def fileno(self) -> int:
        """Commands of the program are not answered."""
        return -1

    def receive(self) -> None:
        """Nothing comes."""

    def emit(self, sequence: int, count: int) -> None:
        """One packet per advertisement, as the kernel does."""
        for number in range(sequence, sequence + count):
            turn = number % DEVICES
            packet = self._packets[turn]
            struct.pack_into("<b", packet, _RSSI_OFFSET, wander(self._devices[turn]))
            stamp(packet, self._offset, number)
            self._socket.send(packet)

    def rotate(self) -> None:
        """The oldest device gets a new address."""
        device = neighbour()
        self._devices[self._oldest] = device
        self._packets[self._oldest] = device_found(device.address, device.rssi)
        self._oldest = (self._oldest + 1) % DEVICES


if __name__ == "__main__":
    Emitter(Kernel(socket.socket(fileno=int(sys.argv[1])))).run()
