"""The program on a management socket that is not the kernel's.

Everything is as in a real run but for the radio, which reads packets from an inherited descriptor:
`python -m benchmarks.mgmt_proxy DESCRIPTOR CONFIG`
"""

# ruff: noqa: E402 - it loads what the program loads, and in the same order
from renogybt.service.footprint import load_without_openssl

load_without_openssl()
import asyncio
import math
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import renogybt.bluetooth.radio  # noqa: F401 - to weigh as much as the program
from benchmarks.emit_mgmt import INDEX
from renogybt import app, cli
from renogybt.bluetooth.mgmt import MgmtSocket
from renogybt.model.broadcast import Broadcast
from renogybt.model.gatt import ConnectError, GattLink, NotHeardError
from renogybt.model.radio import Intake, Radio, ScanMode, ScannerState, ScannerStatus, Unsubscribe
from renogybt.model.recovery import CareListener, CareStatus, RadioEvent, ResetRefusedError
from renogybt.model.slots import ConnectionSlots, Slot
from renogybt.model.subscribers import Subscribers

_ADAPTER = 0x001A7DDA7101


class NoCare:
    """A socket that others have opened needs none; implements `renogybt.model.recovery.RadioCare`."""

    look_limit_s = math.inf
    status = CareStatus()

    def __init__(self) -> None:
        self.looks: Subscribers[None] = Subscribers()
        self._changes: Subscribers[CareStatus] = Subscribers()

    def watch(self, listener: CareListener) -> Unsubscribe:
        """Nothing changes."""
        return self._changes.add(listener)

    async def reset(self, cause: str, *, force: bool = False) -> RadioEvent:
        """There is no adapter behind the socket."""
        raise ResetRefusedError(f"no adapter to reset ({cause}, force: {force})")


class SocketRadio(Broadcast):
    """A radio that always scans; implements `renogybt.model.radio.Radio`."""

    tunes_links = False
    adapter_names = ("hci0", "00:1A:7D:DA:71:01")

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(ScannerStatus(ScannerState.RUNNING, ScanMode.ACTIVE, Intake.MGMT, _ADAPTER))
        self._socket = sock
        self.slots = ConnectionSlots()
        self.care = NoCare()

    def set_mode(self, mode: ScanMode) -> None:
        """There is one mode."""

    @asynccontextmanager
    async def connect(self, address: int, slot: Slot | None = None) -> AsyncIterator[GattLink]:
        """There is nobody to talk to."""
        raise NotHeardError(f"{address:012X} only advertises")
        yield

    async def unpair(self, address: int) -> None:
        """There are no bonds."""

    async def forget(self, address: int) -> None:
        """There are no services."""
        raise ConnectError(f"{address:012X} has never been connected")

    async def run(self) -> None:
        """Read until cancelled."""
        mgmt = MgmtSocket(self._socket, self._deliver, lambda: None, lambda: self.prompt)
        mgmt.follow(INDEX)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            mgmt.close()


def main(descriptor: int, config: str) -> int:
    """Run until SIGTERM."""
    sock = socket.socket(fileno=descriptor)
    sock.setblocking(False)

    def build_radio(*_parts: object, **_options: object) -> Radio:
        return SocketRadio(sock)

    app.build_radio = build_radio  # type: ignore[attr-defined]
    return cli.main([config])


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
