"""Who hears the lab's neighbourhood, in the guest: a client of the program, or an independent listener.

`python -m benchmarks.lab_ears client PORT`, `... mgmt` or `... dbus`; commands: `open` and `close` begin and
end the listening; `numbers` waits until nothing comes any more, tells what numbers came, and forgets them.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from aioesphomeapi.client import APIClient
from bluez import Bluez
from mgmt import MgmtSocket

_STANDSTILL_S = 0.7
"""What has not come by then is lost."""
_LOOK_S = 0.05
_CONNECT_S = 20.0
_NUMBERED = b"\x0b\xff\xff\xff"
"""How the manufacturer data of a noisy neighbour begin (tests/lab/neighbourhood/crowd.py)."""
_NUMBER_SIZE = 8

Ear = tuple[list[Any], Callable[[Any], bytes]]
"""What has been heard, which grows, and how to take manufacturer data of a neighbour from each of it."""


def structure(data: bytes) -> bytes:
    """The number at the end of a noisy neighbour's advertisement; empty for those of others."""
    return data[-_NUMBER_SIZE:] if data[:-_NUMBER_SIZE].endswith(_NUMBERED) else b""


def numbers(ear: Ear) -> list[int]:
    """Those that were heard, in order; other manufacturer data have another size."""
    heard, number_in = ear
    found = (number_in(each) for each in heard)
    return [int.from_bytes(each, "little") for each in found if len(each) == _NUMBER_SIZE]


@contextlib.asynccontextmanager
async def by_client(port: int) -> AsyncIterator[Ear]:
    """The official library, subscribed to raw advertisements."""
    heard: list[bytes] = []
    client = APIClient("127.0.0.1", port, None)
    async with asyncio.timeout(_CONNECT_S):
        await client.connect(login=True)
    client.subscribe_bluetooth_le_raw_advertisements(
        lambda response: heard.extend([each.data for each in response.advertisements])
    )
    await client.device_info()  # answered after the subscription
    yield heard, structure
    await client.disconnect()


@contextlib.asynccontextmanager
async def by_mgmt() -> AsyncIterator[Ear]:
    """A management socket of its own: what the kernel tells."""
    async with MgmtSocket() as mgmt:
        yield mgmt.found, lambda found: structure(found.data)


@contextlib.asynccontextmanager
async def by_dbus() -> AsyncIterator[Ear]:
    """A bus connection of its own: what bluetoothd tells."""
    async with Bluez() as bluez, bluez.manufacturer_data() as told:
        yield told, bytes


async def _standstill(heard: Sequence[Any]) -> None:
    waited_s = 0.0
    while waited_s < _STANDSTILL_S:
        before = len(heard)
        await asyncio.sleep(_LOOK_S)
        waited_s = waited_s + _LOOK_S if len(heard) == before else 0.0


async def _lines() -> AsyncIterator[str]:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        yield line.decode().strip()


async def main(listen: Callable[[], AbstractAsyncContextManager[Ear]]) -> None:
    """Serve commands until stdin ends."""
    ear: Ear = ([], bytes)
    async with contextlib.AsyncExitStack() as stack:
        async for command in _lines():
            answer: dict[str, Any] = {}
            match command:
                case "open":
                    ear = await stack.enter_async_context(listen())
                case "close":
                    await stack.aclose()
                case "numbers":
                    await _standstill(ear[0])
                    answer = {"numbers": numbers(ear)}
                    ear[0].clear()
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["client", port]:
            asyncio.run(main(lambda: by_client(int(port))))
        case ["mgmt"]:
            asyncio.run(main(by_mgmt))
        case ["dbus"]:
            asyncio.run(main(by_dbus))
        case others:
            sys.exit(f"nobody listens like {others}")
