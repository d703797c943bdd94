"""The kernel's management socket (Linux net/bluetooth/mgmt.c), for as many sockets as are opened.

Numbers: BlueZ, doc/mgmt-api.txt. Monitors live in the controller and outlive the sockets.
"""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

SUCCESS, UNKNOWN_COMMAND, NOT_CONNECTED, BUSY, REJECTED, INVALID_PARAMS = 0x00, 0x01, 0x02, 0x0A, 0x0B, 0x0D
NO_RESOURCES = 0x07
NOT_POWERED, INVALID_INDEX, PERMISSION_DENIED = 0x0F, 0x11, 0x14
COMMAND_COMPLETE, COMMAND_STATUS, CONNECT_FAILED = 0x0001, 0x0002, 0x000D
DEVICE_FOUND, MONITOR_ADDED, MONITOR_REMOVED, MONITOR_DEVICE_FOUND = 0x0012, 0x002B, 0x002C, 0x002F
DISCONNECT, GET_CONNECTIONS, STOP_DISCOVERY, LOAD_PARAMETERS = 0x0014, 0x0015, 0x0024, 0x0035
READ_MONITOR_FEATURES, ADD_MONITOR, REMOVE_MONITOR = 0x0051, 0x0052, 0x0053
LE_DISCOVERY, INTERLEAVED_DISCOVERY = 6, 7
LE_PUBLIC, LE_RANDOM = 1, 2
HEADER = struct.Struct("<HHH")
PARAMETERS = struct.Struct("<6sBHHHH")
Parameters = tuple[int, int, int, int]
"""Least and greatest interval, latency, timeout, in the units of the specification."""


@dataclass
class FakeController:
    """What the kernel knows of one adapter. `discovery`: the type of the running one, 0 for none.

    `parameters`: what was loaded for an address and its kind.
    """

    monitors: dict[int, bytes] = field(default_factory=dict)
    offloaded: int = 0
    powered: bool = True
    discovery: int = 0
    seen: set[tuple[str, bytes]] = field(default_factory=set)
    next_handle: int = 1
    parameters: dict[tuple[str, int], Parameters] = field(default_factory=dict)

    def load(self, body: bytes) -> int:
        """Load Connection Parameters; the status. What is not allowed is ignored, and that is not told."""
        (count,) = struct.unpack_from("<H", body)
        if len(body) != 2 + count * PARAMETERS.size:
            return INVALID_PARAMS
        for octets, kind, *values in PARAMETERS.iter_unpack(body[2:]):
            least, greatest, latency, timeout = values
            if kind in (LE_PUBLIC, LE_RANDOM) and _allowed(least, greatest, latency, timeout):
                self.parameters[octets[::-1].hex(":").upper(), kind] = least, greatest, latency, timeout
        return SUCCESS

    def add_monitor(self, pattern: bytes = b"") -> int:
        """Register a monitor, for whoever asks."""
        handle, self.next_handle = self.next_handle, self.next_handle + 1
        self.monitors[handle] = pattern
        return handle

    def features(self) -> bytes:
        """What Read Advertisement Monitor Features tells."""
        handles = list(self.monitors)
        features = struct.pack("<IIHBH", 1, self.offloaded, 32, 16, len(handles))
        return features + struct.pack(f"<{len(handles)}H", *handles)

    def discover(self, kind: int) -> None:
        """Begin (6, 7) or end (0) a discovery; each begin lets the controller report everybody anew."""
        self.discovery = kind
        self.seen.clear()

    def event_of(self, address: str, data: bytes) -> int | None:
        """The event by which an advertisement is reported; None: it is not."""
        if not self.powered or not (self.discovery or self.monitors):
            return None
        if not self.monitors:
            if (address, data) in self.seen:
                return None
            self.seen.add((address, data))
        if self.discovery:
            return DEVICE_FOUND
        return MONITOR_DEVICE_FOUND if not self.offloaded or self._matches(data) else None

    def _matches(self, data: bytes) -> bool:
        # one pattern: AD type, offset 0, length, value
        return any(data[1:2] == item[1:2] and data[2 : 2 + item[3]] == item[4 : 4 + item[3]]
                   for item in self.monitors.values())  # fmt: skip


def _allowed(least: int, greatest: int, latency: int, timeout: int) -> bool:
    # hci_check_conn_params in Linux include/net/bluetooth/hci_core.h
    if least > greatest or least < 6 or greatest > 3200 or not 10 <= timeout <= 3200:
        return False
    return greatest < timeout * 8 and latency <= min(499, timeout * 4 // greatest - 1)


class FakeKernel:
    """`open` gives what the kernel's socket would be; `advertise` is what the controllers hear.

    `trusted`: whether sockets opened from now on have CAP_NET_ADMIN. `knows_monitors`: since Linux
    5.10. `mute`: leave these commands without an answer; `late`: carry them out after so many seconds;
    `refusals`: the statuses of the next answers to them.
    """

    def __init__(self) -> None:
        self.controllers: dict[int, FakeController] = {0: FakeController()}
        self.trusted = True
        self.knows_monitors = True
        self.mute: set[int] = set()
        self.late: dict[int, float] = {}
        self.refusals: dict[int, list[int]] = {}
        self.commands: Counter[int] = Counter()
        self.opened = 0
        self.stopped_discovery = lambda: None
        """Called after Stop Discovery."""
        self.hang_up: Callable[[int, str, int], bool] = lambda _index, _address, _kind: False
        """Ends a link of an adapter to an address of a kind; False: there is none."""
        self._sockets: list[_KernelSocket] = []

    @property
    def monitors(self) -> list[int]:
        """Handles of all monitors of the first controller."""
        return list(self.controllers[0].monitors)

    def open(self) -> socket.socket:
        """A socket of the control channel, as `open_socket` gives it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setblocking(False)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.opened += 1
        self._sockets.append(_KernelSocket(theirs, self, trusted=self.trusted))
        return ours

    def advertise(
        self, address: str, data: bytes, *, rssi: int = -60, kind: int = LE_RANDOM, index: int = 0
    ) -> None:
        """One advertisement on the air."""
        controller = self.controllers.get(index)
        event = controller.event_of(address, data) if controller else None
        if event is None:
            return
        octets = bytes.fromhex(address.replace(":", ""))[::-1]
        report = struct.pack("<6sBbIH", octets, kind, rssi, 0, len(data)) + data
        self.emit(event, index, b"\0\0" + report if event == MONITOR_DEVICE_FOUND else report)

    def remove_monitor(self, handle: int, index: int = 0) -> None:
        """Somebody else removes a monitor."""
        del self.controllers[index].monitors[handle]
        self.emit(MONITOR_REMOVED, index, struct.pack("<H", handle))

    def fail_connect(self, address: str, kind: int, status: int, index: int = 0) -> None:
        """An attempt to connect comes to nothing."""
        octets = bytes.fromhex(address.replace(":", ""))[::-1]
        self.emit(CONNECT_FAILED, index, octets + bytes((kind, status)))

    def emit(self, event: int, index: int, body: bytes, without: "_KernelSocket | None" = None) -> None:
        """An event for all trusted sockets but the one that caused it."""
        for each in list(self._sockets):
            if each.trusted and each is not without:
                each.send(event, index, body)

    def cut(self) -> None:
        """All sockets break."""
        for each in list(self._sockets):
            each.close()

    def forget(self, ended: "_KernelSocket") -> None:
        """A socket was closed; its monitors stay."""
        if ended in self._sockets:
            self._sockets.remove(ended)

    def carry_out(self, opcode: int, index: int, body: bytes, by: "_KernelSocket") -> tuple[int, bytes]:
        """Status and data of the reply, in the order of the kernel's checks."""
        known = {DISCONNECT, GET_CONNECTIONS, STOP_DISCOVERY, LOAD_PARAMETERS}
        if self.knows_monitors:
            known |= {READ_MONITOR_FEATURES, ADD_MONITOR, REMOVE_MONITOR}
        if opcode not in known:
            return UNKNOWN_COMMAND, b""
        if not by.trusted:
            return PERMISSION_DENIED, b""
        controller = self.controllers.get(index)
        if controller is None:
            return INVALID_INDEX, b""
        return self._obey(opcode, controller, index, body, by)

    def _obey(
        self, opcode: int, controller: FakeController, index: int, body: bytes, by: "_KernelSocket"
    ) -> tuple[int, bytes]:
        match opcode:
            case 0x0014:
                return self._disconnect(index, body), body
            case 0x0015:
                return (SUCCESS, b"\0\0") if controller.powered else (NOT_POWERED, b"")
            case 0x0024:
                return self._stop_discovery(controller, body[0]), body
            case 0x0035:
                return controller.load(body), b""
            case 0x0051:
                return SUCCESS, controller.features()
            case 0x0052:
                return SUCCESS, self._add(controller, index, body, by)
            case _:
                return self._remove(controller, index, body, by), body

    def _add(self, controller: FakeController, index: int, body: bytes, by: "_KernelSocket") -> bytes:
        handle = struct.pack("<H", controller.add_monitor(body))
        self.emit(MONITOR_ADDED, index, handle, without=by)
        return handle

    def _disconnect(self, index: int, body: bytes) -> int:
        octets, kind = struct.unpack("<6sB", body)
        address = octets[::-1].hex(":").upper()
        return SUCCESS if self.hang_up(index, address, kind) else NOT_CONNECTED

    def _stop_discovery(self, controller: FakeController, kind: int) -> int:
        if not controller.discovery:
            return REJECTED
        if controller.discovery != kind:
            return INVALID_PARAMS
        controller.discover(0)
        self.stopped_discovery()
        return SUCCESS

    def _remove(self, controller: FakeController, index: int, body: bytes, by: "_KernelSocket") -> int:
        (handle,) = struct.unpack("<H", body)
        if handle and handle not in controller.monitors:
            return INVALID_INDEX
        for each in [handle] if handle else list(controller.monitors):
            del controller.monitors[each]
            self.emit(MONITOR_REMOVED, index, struct.pack("<H", each), without=by if handle else None)
        return SUCCESS


class _KernelSocket:
    """The kernel's end of one socket. What does not fit into the receiver's buffer is lost."""

    def __init__(self, sock: socket.socket, kernel: FakeKernel, *, trusted: bool) -> None:
        self.trusted = trusted
        self._sock = sock
        self._kernel = kernel
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._read)

    def send(self, event: int, index: int, body: bytes) -> None:
        try:
            self._sock.send(HEADER.pack(event, index, len(body)) + body)
        except BlockingIOError:
            pass
        except OSError:
            self.close()

    def close(self) -> None:
        self._kernel.forget(self)
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._sock.close()

    def _read(self) -> None:
        try:
            packet = self._sock.recv(2048)
        except OSError:
            packet = b""
        if not packet:
            self.close()
            return
        opcode, index, _length = HEADER.unpack_from(packet)
        self._kernel.commands[opcode] += 1
        if opcode in self._kernel.mute:
            return
        if delay_s := self._kernel.late.get(opcode):
            self._loop.call_later(delay_s, self._answer, opcode, index, packet[HEADER.size :])
        else:
            self._answer(opcode, index, packet[HEADER.size :])

    def _answer(self, opcode: int, index: int, body: bytes) -> None:
        if refusals := self._kernel.refusals.get(opcode):
            status, data = refusals.pop(0), b""
        else:
            status, data = self._kernel.carry_out(opcode, index, body, self)
        event = COMMAND_STATUS if status else COMMAND_COMPLETE
        self.send(event, index, struct.pack("<HB", opcode, status) + (b"" if status else data))
