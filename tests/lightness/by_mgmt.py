"""Advertisements by the management socket, of which the kernel's end is the test's."""

import socket
import struct
from collections.abc import Callable
from pathlib import Path

from lightness.counted_loop import CountedLoop
from lightness.neighbourhood import DATA, NEIGHBOURS

from renogybt.bluetooth.mgmt import MgmtSocket
from renogybt.model.radio import AdvertisementListener
from renogybt.protocols.advertising.mgmt import DEVICE_FOUND, HEADER

_INDEX = 0
_LE_RANDOM = 2
_ROOM = 1 << 20
_REPORT = struct.Struct("<6sBbIH")


def found(address: int, rssi: int, data: bytes = DATA[0]) -> bytes:
    """A packet with the report of one advertisement."""
    report = _REPORT.pack(address.to_bytes(6, "little"), _LE_RANDOM, rssi, 0, len(data)) + data
    return HEADER.pack(DEVICE_FOUND, _INDEX, len(report)) + report


class CountedSocket(socket.socket):
    """Counts how often it was asked, and how often nothing was left, which ends a reading."""

    asked = emptied = 0

    def recv(self, size: int, flags: int = 0) -> bytes:
        self.asked += 1
        try:
            return super().recv(size, flags)
        except BlockingIOError:
            self.emptied += 1
            raise


class ByMgmt:
    """What does not fit into the socket is lost with a BlockingIOError."""

    packets = tuple(found(*each, data) for data in DATA for each in NEIGHBOURS)
    past_bluez = True

    def __init__(self, loop: CountedLoop, folder: Path) -> None:
        ours, self._kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._kernel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
        self.socket = CountedSocket(fileno=ours.detach())
        for end in (self.socket, self._kernel):
            end.setblocking(False)

    async def open(self, listener: AdvertisementListener, prompt: Callable[[], bool]) -> None:
        self._intake = MgmtSocket(self.socket, listener, lambda: None, prompt)
        self._intake.follow(_INDEX)

    def send(self, packet: bytes) -> None:
        """One advertisement."""
        self._kernel.send(packet)

    async def close(self) -> None:
        self._intake.close()
        self._kernel.close()
