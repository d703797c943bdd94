"""Home Assistant's part: the official client library, subscribed to raw advertisements.

`python -m benchmarks.client PORT [KEY]`; commands: `mark` begins a window, `report LAST` ends it
as soon as the advertisement with that number has come.
"""

import asyncio
import json
import sys
import time
from array import array
from typing import Any

from aioesphomeapi import APIClient
from aioesphomeapi.api_pb2 import BluetoothLERawAdvertisementsResponse

from benchmarks.neighbourhood import read_stamp
from benchmarks.table import percentile

_STANDSTILL_S = 1.0
"""What has not come by then is lost."""


class Listener:
    """Counts, and notes how long each advertisement took."""

    def __init__(self) -> None:
        self.last = 0
        self.mark()

    def mark(self) -> None:
        """Begin a window."""
        self.first = 0
        self._received = 0
        self._disordered = 0
        self._latencies_ns = array("q")

    def on_batch(self, response: BluetoothLERawAdvertisementsResponse) -> None:
        """Take one message."""
        now = time.monotonic_ns()
        for advertisement in response.advertisements:
            found = read_stamp(advertisement.data)
            if found is None:
                continue
            sequence, sent_ns = found
            if not self._received:
                self.first = sequence
            elif sequence <= self.last:
                self._disordered += 1
            self.last = sequence
            self._received += 1
            self._latencies_ns.append(now - sent_ns)

    async def report(self, last: int) -> dict[str, Any]:
        """The window up to this number."""
        while self.last < last:
            before = self.last
            await asyncio.sleep(_STANDSTILL_S if self.last else 2 * _STANDSTILL_S)
            if self.last == before:
                break
        expected = last - self.first + 1 if self._received else last
        latencies_ns = sorted(self._latencies_ns)
        return {
            "received": self._received,
            "lost": expected - self._received,
            "disordered": self._disordered,
            "p50_ms": percentile(latencies_ns, 50) / 1e6,
            "p99_ms": percentile(latencies_ns, 99) / 1e6,
        }


async def _lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    return reader


async def main(port: int, key: str | None) -> None:
    """Serve commands until stdin ends."""
    client = APIClient("127.0.0.1", port, None, noise_psk=key)
    await client.connect(login=True)
    listener = Listener()
    client.subscribe_bluetooth_le_raw_advertisements(listener.on_batch)
    lines = await _lines()
    while line := await lines.readline():
        command, *arguments = line.decode().split()
        answer: dict[str, Any] = {}
        if command == "mark":
            listener.mark()
        elif command == "report":
            answer = await listener.report(int(arguments[0]))
        print(json.dumps(answer), flush=True)
    await client.disconnect()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
