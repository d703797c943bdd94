"""BluetoothLERawAdvertisementsResponse written by hand.

It is the one message that is sent hundreds of times per second; building it from protobuf
objects costs about twice the time. Tests hold it byte for byte against protobuf.
"""

from collections.abc import Sequence

from renogybt.model.advertisement import Advertisement
from renogybt.protocols.esphome.messages import api, type_of
from renogybt.protocols.esphome.varint import encode_varint

RAW_ADVERTISEMENTS = type_of(api.BluetoothLERawAdvertisementsResponse)

MAX_PAYLOAD = 16_384
"""A batch is cut here: far below every limit of a frame, some 350 advertisements."""

MAX_DATA = 1_650
"""The longest advertising data there is (extended advertising, Core 5.0 vol 6 part B 2.3.4.9)."""

# tags of BluetoothLERawAdvertisement: field number << 3 | wire type
_ADDRESS, _RSSI, _ADDRESS_TYPE, _DATA = b"\x08", b"\x10", b"\x18", b"\x22"
_ADVERTISEMENTS = b"\x0a"

_CACHE_ROWS = 4_096
"""Enough for hundreds of devices with a wandering RSSI; about 0.7 MB when full."""


class AdvertisementEncoder:
    """Turns batches of advertisements into payloads of message 93.

    Everything but the data repeats from one advertisement of a device to the next, so it is kept
    in a table with one row per (address, rssi, address type, length of data). The table is
    emptied when full, so that rotating addresses cannot make it grow.
    """

    def __init__(self) -> None:
        self._heads: dict[tuple[int, int, int, int], bytes] = {}

    def encode(self, batch: Sequence[Advertisement]) -> list[tuple[bytes, int]]:
        """(payload, number of advertisements) for the batch, in as few messages as allowed."""
        heads = self._heads
        messages: list[tuple[bytes, int]] = []
        parts: list[bytes] = []
        size = count = 0
        for address, rssi, address_type, data in batch:
            key = (address, rssi, address_type, len(data))
            head = heads.get(key)
            if head is None:
                head = self._head(key)
            size += len(head) + len(data)
            if size > MAX_PAYLOAD and count:
                messages.append((b"".join(parts), count))
                parts, size, count = [], len(head) + len(data), 0
            parts.append(head)
            parts.append(data)
            count += 1
        if count:
            messages.append((b"".join(parts), count))
        return messages

    def _head(self, key: tuple[int, int, int, int]) -> bytes:
        """All bytes of one entry before its data. Protobuf leaves out fields that are zero."""
        address, rssi, address_type, length = key
        fields = bytearray()
        if address:
            fields += _ADDRESS + encode_varint(address)
        if rssi:
            fields += _RSSI + encode_varint((rssi << 1) ^ (rssi >> 31))  # sint32: zigzag
        if address_type:
            fields += _ADDRESS_TYPE + encode_varint(address_type)
        if length:
            fields += _DATA + encode_varint(length)
        head = _ADVERTISEMENTS + encode_varint(len(fields) + length) + bytes(fields)
        if len(self._heads) >= _CACHE_ROWS:
            self._heads.clear()
        self._heads[key] = head
        return head
