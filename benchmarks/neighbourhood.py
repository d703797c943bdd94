"""Devices whose advertisements say which one they are and when they were sent."""

import itertools
import random
import struct
import time
from dataclasses import dataclass

DEVICES = 60
COMPANY = 0x02E5
"""Any company will do; this one is that of ESP32 boards."""
MARK = b"\xa5\x5amark"
STAMP = struct.Struct("<QQ")
"""Sequence number from one on, and CLOCK_MONOTONIC in ns, which all processes of a machine share."""
MANUFACTURER_DATA = MARK + bytes(STAMP.size)
FLAGS = b"\x06"
RSSI_STEPS = (-3, -2, -1, 0, 0, 1, 2, 3)

_steps = itertools.cycle(random.Random(1).choices(RSSI_STEPS, k=997))
_addresses = random.Random(2)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One device: a third of them have a name and a service."""

    address: bytes
    """As it is written: most significant octet first."""
    rssi: int
    name: str
    service: bool

    @property
    def text(self) -> str:
        """The address as BlueZ writes it."""
        return self.address.hex(":").upper()


def neighbour() -> Neighbour:
    """A new device with an address that nobody had before."""
    number = _addresses.getrandbits(46)
    address = (number | 0b11 << 46).to_bytes(6, "big")
    talkative = number % 3 == 0
    return Neighbour(address, -40 - number % 50, f"Sensor {number % 1000}" if talkative else "", talkative)


def wander(device: Neighbour) -> int:
    """The strength of its next advertisement."""
    return device.rssi + next(_steps)


def stamp(buffer: bytearray, offset: int, sequence: int) -> None:
    """Write number and time behind the mark at `offset`."""
    STAMP.pack_into(buffer, offset + len(MARK), sequence, time.monotonic_ns())


def read_stamp(data: bytes) -> tuple[int, int] | None:
    """(sequence number, time of sending), None for advertisements of others."""
    offset = data.find(MARK)
    if offset < 0:
        return None
    sequence, sent_ns = STAMP.unpack_from(data, offset + len(MARK))
    return sequence, sent_ns
