"""For tests in the guest: the kernel's management socket, independent of the code under test.

Numbers: BlueZ, doc/mgmt-api.txt.
"""

import asyncio
import ctypes
import os
import socket
import struct
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

AF_BLUETOOTH, BTPROTO_HCI, HCI_CHANNEL_CONTROL, NO_DEVICE = 31, 1, 3, 0xFFFF
COMMAND_COMPLETE, COMMAND_STATUS, DEVICE_FOUND, ADV_MONITOR_DEVICE_FOUND = 0x0001, 0x0002, 0x0012, 0x002F
STOP_DISCOVERY, READ_ADV_MONITOR_FEATURES, ADD_ADV_PATTERNS_MONITOR, REMOVE_ADV_MONITOR = (
    0x0024,
    0x0051,
    0x0052,
    0x0053,
)
LOAD_CONNECTION_PARAMETERS = 0x0035
LE_DISCOVERY = 6
SUCCESS = 0


class Found(NamedTuple):
    """One advertisement as the kernel tells it. `kind`: 1 LE public, 2 LE random."""

    address: str
    kind: int
    rssi: int
    data: bytes
    by_monitor: bool


class MgmtSocket:
    """Collects every advertisement in `found`, oldest first."""

    def __init__(self, adapter: int = 0) -> None:
        self.found: list[Found] = []
        self._adapter = adapter
        self._changed = asyncio.Event()
        self._answers: dict[int, asyncio.Future[tuple[int, bytes]]] = {}
        self._socket = socket.socket(AF_BLUETOOTH, socket.SOCK_RAW | socket.SOCK_NONBLOCK, BTPROTO_HCI)

    async def __aenter__(self) -> Self:
        # Python's own bind() cannot name the channel before version 3.14
        address = struct.pack("<HHH", AF_BLUETOOTH, NO_DEVICE, HCI_CHANNEL_CONTROL)
        if ctypes.CDLL(None, use_errno=True).bind(self._socket.fileno(), address, len(address)):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    async def command(self, opcode: int, parameters: bytes = b"") -> tuple[int, bytes]:
        """Status and parameters of the reply; one command of a kind at a time."""
        answer = self._answers[opcode] = asyncio.get_running_loop().create_future()
        self._socket.send(struct.pack("<HHH", opcode, self._adapter, len(parameters)) + parameters)
        async with asyncio.timeout(5):
            return await answer

    async def add_monitor(self) -> int:
        """A monitor for a pattern that nobody sends; its handle. It outlives this socket."""
        pattern = struct.pack("<BBBB31s", 1, 0xFF, 0, 2, b"\xfe\xca")
        status, reply = await self.command(ADD_ADV_PATTERNS_MONITOR, pattern)
        if status != SUCCESS:
            raise OSError(f"Add Advertisement Patterns Monitor: status {status:#04x}")
        return int.from_bytes(reply, "little")

    async def monitors(self) -> list[int]:
        """Handles of all monitors of the adapter, whoever has added them."""
        _status, reply = await self.command(READ_ADV_MONITOR_FEATURES)
        count = struct.unpack_from("<H", reply, 11)[0] if len(reply) >= 13 else 0
        return list(struct.unpack_from(f"<{count}H", reply, 13)) if count else []

    async def remove_monitors(self) -> None:
        """Those of everybody."""
        await self.command(REMOVE_ADV_MONITOR, struct.pack("<H", 0))

    async def stop_discovery(self) -> None:
        """That of everybody; a living bluetoothd that still has clients starts anew."""
        await self.command(STOP_DISCOVERY, bytes((LE_DISCOVERY,)))

    async def load_connection_parameters(
        self, address: str, kind: int, *, interval: int, latency: int, timeout: int
    ) -> None:
        """In the units of the specification; the kernel (6.12) has a link with one entry updated at once."""
        octets = bytes.fromhex(address.replace(":", ""))[::-1]
        entry = struct.pack("<H6sBHHHH", 1, octets, kind, interval, interval, latency, timeout)
        status, _reply = await self.command(LOAD_CONNECTION_PARAMETERS, entry)
        if status != SUCCESS:
            raise OSError(f"Load Connection Parameters: status {status:#04x}")

    async def wait_for(self, wanted: Callable[[Found], bool], timeout_s: float = 5) -> Found:
        """The oldest advertisement in `found` that is wanted, if need be a coming one.

        Raises TimeoutError. With a duplicate filter there may be no second one: clear `found`
        only before whatever makes somebody advertise.
        """
        looked_at = 0
        async with asyncio.timeout(timeout_s):
            while True:
                for found in self.found[looked_at:]:
                    if wanted(found):
                        return found
                looked_at = len(self.found)
                self._changed.clear()
                await self._changed.wait()

    async def count(self, wanted: Callable[[Found], bool], seconds: float) -> int:
        """How many of those wanted arrive in this time."""
        start = len(self.found)
        await asyncio.sleep(seconds)
        return sum(map(wanted, self.found[start:]))

    def _read(self) -> None:
        while True:
            try:
                packet = self._socket.recv(4096)
            except BlockingIOError:
                return
            code, adapter, _length = struct.unpack_from("<HHH", packet)
            if adapter == self._adapter:
                self._take(code, packet[6:])

    def _take(self, code: int, body: bytes) -> None:
        if code in (COMMAND_COMPLETE, COMMAND_STATUS):
            opcode, status = struct.unpack_from("<HB", body)
            answer = self._answers.pop(opcode, None)
            if answer is not None and not answer.done():
                answer.set_result((status, body[3:]))
        elif code in (DEVICE_FOUND, ADV_MONITOR_DEVICE_FOUND):
            by_monitor = code == ADV_MONITOR_DEVICE_FOUND
            body = body[2:] if by_monitor else body  # the handle of the monitor
            address = ":".join(f"{octet:02X}" for octet in body[5::-1])
            kind, rssi = struct.unpack_from("<Bb", body, 6)
            self.found.append(Found(address, kind, rssi, body[14:], by_monitor))
            self._changed.set()
