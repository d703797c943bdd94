"""Advertisements by D-Bus, of which the bus and BlueZ are the test's.

A dbus-daemon of its own would be another process, and virtual time would not wait for it. So this is its end
of one connection, in the same loop: what dbus-fast and the intake ask of it at the begin, and signals.
"""

import io
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast._private.unmarshaller import Unmarshaller
from lightness.counted_loop import CountedLoop
from lightness.neighbourhood import COMPANY, MANUFACTURER_DATA, NEIGHBOURS

from renogybt.bluetooth.bus import DEVICE, PROPERTIES
from renogybt.bluetooth.dbus_intake import DbusIntake
from renogybt.model.advertisement import format_address
from renogybt.model.radio import AdvertisementListener

_ADAPTER = "/org/bluez/hci0"
_BLUEZ, _OURSELVES = ":1.1", ":1.2"
_ROOM = 1 << 20
_FIXED_HEADER = 16


def _marshal(message: Message) -> bytes:
    message.serial = 1
    return bytes(message._marshall(False))  # noqa: SLF001 - the public way is to send it


def _sent_by(sender: str, octets: bytes) -> bytes:
    """As the bus hands it on: with the header field that says who has sent it (D-Bus specification)."""
    end = _FIXED_HEADER + int.from_bytes(octets[12:_FIXED_HEADER], "little")
    name = sender.encode()
    fields = (
        _padded(octets[_FIXED_HEADER:end]) + b"\x07\x01s\0" + len(name).to_bytes(4, "little") + name + b"\0"
    )
    body = octets[(end + 7) // 8 * 8 :]
    return octets[:12] + len(fields).to_bytes(4, "little") + _padded(fields) + body


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 8)


def _path(address: int) -> str:
    return f"{_ADAPTER}/dev_{format_address(address).replace(':', '_')}"


def _known(address: int) -> dict[str, Any]:
    flags = Variant("ay", b"\x06")
    return {"Address": Variant("s", format_address(address)), "AddressType": Variant("s", "random"),
            "AdvertisingFlags": flags}  # fmt: skip


def changed(address: int, rssi: int, octets: bytes) -> bytes:
    """The signal by which BlueZ tells of one advertisement."""
    data = Variant("a{qv}", {COMPANY: Variant("ay", octets)})
    signal = Message(
        path=_path(address),
        interface=PROPERTIES,
        member="PropertiesChanged",
        message_type=MessageType.SIGNAL,
        signature="sa{sv}as",
        body=[DEVICE, {"RSSI": Variant("n", rssi), "ManufacturerData": data}, []],
    )
    return _sent_by(_BLUEZ, _marshal(signal))


_ANSWERS: dict[str, tuple[str, list[Any]]] = {
    "Hello": ("s", [_OURSELVES]),
    "AddMatch": ("", []),
    "GetNameOwner": ("s", [_BLUEZ]),
    "GetManagedObjects": (
        "a{oa{sa{sv}}}",
        [{_path(address): {DEVICE: _known(address)} for address, _ in NEIGHBOURS}],
    ),
}


class ByDbus:
    """What does not fit into the socket is lost with a BlockingIOError."""

    packets = tuple(changed(*each, octets) for octets in MANUFACTURER_DATA for each in NEIGHBOURS)
    past_bluez = False

    def __init__(self, loop: CountedLoop, folder: Path) -> None:
        self._loop = loop
        self._path = folder / "bus"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self._path))
        self._listener.listen()
        self._buffer = b""
        loop.outside_reader(self._listener, self._accept)

    async def open(self, listener: AdvertisementListener, prompt: Callable[[], bool]) -> None:
        self._intake = DbusIntake(f"unix:path={self._path}", _ADAPTER, listener, lambda: None, prompt)
        await self._intake.__aenter__()
        assert self._intake.paced

    def send(self, packet: bytes) -> None:
        """One advertisement."""
        self._peer.send(packet)

    async def close(self) -> None:
        await self._intake.__aexit__()
        for end in (self._peer, self._listener):
            self._loop.remove_reader(end)
            end.close()

    def _accept(self) -> None:
        self._peer, _ = self._listener.accept()
        self._peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
        self._peer.setblocking(False)
        self._loop.outside_reader(self._peer, self._read)

    def _read(self) -> None:
        self._buffer += self._peer.recv(65_536)
        if self._buffer.startswith(b"\0AUTH"):
            if b"\r\n" in self._buffer:
                self._buffer = self._buffer.partition(b"\r\n")[2]
                self._peer.send(b"OK 00000000000000000000000000000000\r\n")
        else:
            self._buffer = self._buffer.removeprefix(b"BEGIN\r\n")
            while (length := self._length()) is not None:
                self._answer(self._buffer[:length])
                self._buffer = self._buffer[length:]

    def _length(self) -> int | None:
        """Of the first message, None while it is not complete."""
        buffer = self._buffer
        if len(buffer) < _FIXED_HEADER:
            return None
        body, fields = (int.from_bytes(buffer[at : at + 4], "little") for at in (4, 12))
        length = _FIXED_HEADER + (fields + 7) // 8 * 8 + body
        return length if len(buffer) >= length else None

    def _answer(self, octets: bytes) -> None:
        call = Unmarshaller(io.BytesIO(octets)).unmarshall()  # type: ignore[arg-type]
        assert call is not None
        signature, body = _ANSWERS[str(call.member)]
        self._peer.send(_marshal(Message.new_method_return(call, signature, body)))
