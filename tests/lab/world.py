"""For tests in the guest: wishes to the virtual neighbourhood, bluetoothd's start and end, and waiting."""

import asyncio
import json
import os
from collections.abc import Callable, Coroutine
from typing import Any

SOCKET = "/run/lab/world.sock"
HUB_ADDRESS = "6C:B2:FD:86:82:4D"
HUB_NAME = "BT-TH-FD86824D"
LAMP_ADDRESS = "C4:4D:0A:10:5E:01"
LAMP_NAME = "Demo Lamp"
ADAPTER_ADDRESS = "00:1A:7D:DA:71:01"


class WorldError(ValueError):
    """The neighbourhood refused a command; the text says why."""


async def world(line: str) -> Any:
    """Send one command (tests/lab/README.md lists them); the answer, that of `stats` as a dict.

    Raises WorldError.
    """
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_unix_connection(SOCKET)
        try:
            writer.write(line.encode() + b"\n")
            answer = (await reader.readline()).decode().strip()
        finally:
            writer.close()
            await writer.wait_closed()
    if not answer or answer.startswith("error"):
        raise WorldError(f"{line}: {answer or 'the neighbourhood has died'}")
    return json.loads(answer) if answer.startswith("{") else answer


async def bluetoothd(action: str) -> None:
    """`start`, `stop`, `crash`, `segv`, `restart`, `freeze` or `thaw`; bluetoothd.sh says what they are."""
    process = await asyncio.create_subprocess_exec(f"{os.environ['LAB']}/bluetoothd.sh", action)
    async with asyncio.timeout(15):
        if await process.wait():
            raise RuntimeError(f"bluetoothd.sh {action} failed")


async def until(condition: Callable[[], Coroutine[Any, Any, bool]], timeout_s: float = 5) -> None:
    """Wait until an asynchronous condition holds; raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.02)
