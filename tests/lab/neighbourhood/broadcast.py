"""What an advertiser puts into the air, and how a controller reports it to its host."""

import struct
from dataclasses import dataclass
from enum import IntEnum

from bumble.hci import Address

MAX_DATA = 31  # octets in a legacy advertisement, Core Specification vol 6 part B 2.3.1


class Kind(IntEnum):
    """Event types of an LE Advertising Report, Core Specification vol 4 part E 7.7.65.2."""

    CONNECTABLE = 0
    SCANNABLE = 2
    PLAIN = 3  # neither connectable nor scannable
    SCAN_RESPONSE = 4


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One advertisement, with the answer that its sender gives to a scanner that asks."""

    address: Address
    kind: Kind
    data: bytes
    response: bytes = b""

    def __post_init__(self) -> None:
        if max(len(self.data), len(self.response)) > MAX_DATA:
            raise ValueError(f"a legacy advertisement holds {MAX_DATA} octets")

    def reports(self, active: bool, rssi_dbm: int) -> list[bytes]:
        """The HCI packets in which a scanning controller reports it.

        An active scan asks, and always gets an answer, be it empty: the kernel holds a scannable
        advertisement back until its scan response is there.
        """
        packets = [self._report(self.kind, self.data, rssi_dbm)]
        if active and self.kind is not Kind.PLAIN:
            packets.append(self._report(Kind.SCAN_RESPONSE, self.response, rssi_dbm))
        return packets

    def _report(self, kind: Kind, data: bytes, rssi_dbm: int) -> bytes:
        # packet type, event LE Meta, its length; subevent, one report
        head = bytes((0x04, 0x3E, 12 + len(data), 0x02, 1, kind, self.address.address_type))
        return b"".join((head, bytes(self.address), bytes((len(data),)), data, struct.pack("b", rssi_dbm)))
