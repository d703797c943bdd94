"""Home Assistant's part: the official client library, subscribed to raw advertisements.

`python -m benchmarks.client PORT [KEY]`; commands: `mark` begins a window, `report LAST` ends it
as soon as the advertisement with that number has come; `pause` and `resume` end and begin the subscription;
`connect ADDRESS` has the program look for a device that is not there.
"""

import asyncio
import json
import sys
import time
from array import array
from collections.abc import Callable
from typing import Any

from aioesphomeapi import APIClient, BluetoothProxyFeature
from aioesphomeapi.api_pb2 import BluetoothLERawAdvertisementsResponse

from benchmarks.neighbourhood import read_stamp
from benchmarks.table import drift, percentile

_STANDSTILL_S = 1.0
"""What has not come by then is lost."""
_LOOK_S = 0.05
_CONNECT_S = 15.0
_RANDOM = 1


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
        await self._until(last)
        expected = last - self.first + 1 if self._received else last
        latencies_ns = sorted(self._latencies_ns)
        return {
            "received": self._received,
            "lost": expected - self._received,
            "disordered": self._disordered,
            "drift_ms": drift(self._latencies_ns) / 1e6,
            "p50_ms": percentile(latencies_ns, 50) / 1e6,
            "p99_ms": percentile(latencies_ns, 99) / 1e6,
        }

    async def _until(self, last: int) -> None:
        """Wait for it, or until nothing comes any more."""
        patience_s = _STANDSTILL_S if self.last else 2 * _STANDSTILL_S
        waited_s = 0.0
        while self.last < last and waited_s < patience_s:
            before = self.last
            await asyncio.sleep(_LOOK_S)
            waited_s = waited_s + _LOOK_S if self.last == before else 0.0


class Session:
    """A connected client and its listener; obeys commands."""

    def __init__(self, client: APIClient) -> None:
        self._client = client
        self._listener = Listener()
        self._unsubscribe: Callable[[], None] | None = None
        self._resume()

    def _resume(self) -> None:
        subscribe = self._client.subscribe_bluetooth_le_raw_advertisements
        self._unsubscribe = self._unsubscribe or subscribe(self._listener.on_batch)

    def _pause(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    async def obey(self, command: str, argument: str = "0") -> dict[str, Any]:
        """The answer to one line."""
        match command:
            case "mark":
                self._listener.mark()
            case "pause":
                self._pause()
            case "resume":
                self._resume()
            case "report":
                return await self._listener.report(int(argument))
            case "connect":
                return {"errors": await self._connect(int(argument, 16))}
        return {}

    async def _connect(self, address: int) -> list[int]:
        errors: list[int] = []
        forget = await self._client.bluetooth_device_connect(
            address,
            lambda _connected, _mtu, error: errors.append(error),
            timeout=_CONNECT_S,
            feature_flags=BluetoothProxyFeature.REMOTE_CACHING,
            address_type=_RANDOM,
        )
        forget()
        return errors


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
    session = Session(client)
    lines = await _lines()
    while line := await lines.readline():
        print(json.dumps(await session.obey(*line.decode().split())), flush=True)
    await client.disconnect()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
