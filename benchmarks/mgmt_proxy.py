"""The program on a management socket that is not the kernel's.

Everything is as in a real run but for the radio, which reads packets from an inherited descriptor:
`python -m benchmarks.mgmt_proxy DESCRIPTOR CONFIG`
"""

import asyncio
import socket
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

import renogybt.bluetooth.radio  # noqa: F401 - to weigh as much as the program
from benchmarks.emit_mgmt import INDEX
from renogybt import app, cli
from renogybt.bluetooth.mgmt import MgmtSocket
from renogybt.model.advertisement import Advertisement
from renogybt.model.gatt import GattLink, NotHeardError
from renogybt.model.radio import (
    AdvertisementListener,
    Intake,
    Radio,
    ScanMode,
    ScannerState,
    ScannerStatus,
    StatusListener,
    Unsubscribe,
)
from renogybt.model.subscribers import Subscribers


class SocketRadio:
    """A radio that always scans."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._advertisements: Subscribers[Sequence[Advertisement]] = Subscribers()
        self._changes: Subscribers[ScannerStatus] = Subscribers()
        self.status = ScannerStatus(ScannerState.RUNNING, ScanMode.ACTIVE, Intake.MGMT, 0x001A7DDA7101)

    def listen(self, listener: AdvertisementListener) -> Unsubscribe:
        """Deliver all further advertisements."""
        return self._advertisements.add(listener)

    def watch(self, listener: StatusListener) -> Unsubscribe:
        """Nothing changes."""
        return self._changes.add(listener)

    def set_mode(self, mode: ScanMode) -> None:
        """There is one mode."""

    def connect(self, address: int) -> AbstractAsyncContextManager[GattLink]:
        """There is nobody to talk to."""
        raise NotHeardError(f"{address:012X} only advertises")

    async def run(self) -> None:
        """Read until cancelled."""
        mgmt = MgmtSocket(self._socket, self._advertisements.notify, lambda: None)
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

    app.build_radio = build_radio
    return cli.main([config])


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
