"""What a proxy made of common parts costs: bleak hears, protobuf encodes, a message for each 16 or 100 ms.

`python -m benchmarks.common_parts PORT`, on the system bus of its environment
"""

import asyncio
import json
import socket
import sys

from bleak import AdvertisementData, BleakScanner, BLEDevice

from renogybt.protocols.esphome.messages import api
from renogybt.protocols.esphome.plaintext import plaintext_frame

_NUMBER = 93
_MOST, _FLUSH_S = 16, 0.1
"""As ESPHome does it."""


def _data(found: AdvertisementData) -> bytes:
    """AD structures again, which bleak has taken apart."""
    pieces = [b"\x02\x01\x06"]
    for company, octets in found.manufacturer_data.items():
        pieces.append(bytes((len(octets) + 3, 0xFF)) + company.to_bytes(2, "little") + octets)
    return b"".join(pieces)


class Proxy:
    """From bleak's callback to the transport."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self.count = 0
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._flush: asyncio.TimerHandle | None = None
        self._message = api.BluetoothLERawAdvertisementsResponse()

    def hear(self, device: BLEDevice, found: AdvertisementData) -> None:
        """One advertisement."""
        self.count += 1
        entry = self._message.advertisements.add()
        entry.address = int(device.address.replace(":", ""), 16)
        entry.rssi = found.rssi
        entry.address_type = 1
        entry.data = _data(found)
        if len(self._message.advertisements) >= _MOST:
            self._send()
        elif self._flush is None:
            self._flush = self._loop.call_later(_FLUSH_S, self._send)

    def _send(self) -> None:
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        self._transport.write(plaintext_frame(_NUMBER, self._message.SerializeToString()))
        self._message = api.BluetoothLERawAdvertisementsResponse()


async def main(port: int) -> None:
    """Answer each line of stdin with the count."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
    transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    proxy = Proxy(transport)
    lines = asyncio.StreamReader()
    async with BleakScanner(proxy.hear):
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while await lines.readline():
            print(json.dumps({"count": proxy.count}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
