"""Connections through the proxy, as the integrations of Home Assistant make them."""

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import AsyncIterator, Iterator

import pytest
from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak_retry_connector import establish_connection
from clients.home import LOGGERS, Entry, Home
from clients.serving import DEADLINE_S, HOST, until
from habluetooth import set_manager

# what Home Assistant puts in the place of bleak_retry_connector's and of bleak's own
from habluetooth.usage import HaBleakClientWithServiceCache

from renogybt.model.advertisement import format_address
from renogybt.model.gatt import BASE_UUID
from renogybt.protocols.modbus.crc import crc16
from renogybt.protocols.modbus.framer import Framer
from renogybt.protocols.modbus.requests import ReadRequest
from renogybt.simulator.hub import HUB_ADDRESS
from renogybt.simulator.lamp import LAMP_ADDRESS

LAMP, HUB = format_address(LAMP_ADDRESS), format_address(HUB_ADDRESS)
HUB_REQUESTS = BASE_UUID.format(0xFFD0), BASE_UUID.format(0xFFD1)
HUB_ANSWERS = BASE_UUID.format(0xFFF0), BASE_UUID.format(0xFFF1)
READ_OF_UNIT_48 = bytes.fromhex("30 03 13 b2 00 06 65 4a")
"""Registers 5042 to 5047: current, voltage, remaining charge and capacity of the first battery."""

GRUMBLERS = (*LOGGERS, "bleak", "bleak_retry_connector", "renogybt")
"""The loggers that have nothing to say where all is well."""
ENDED_WITHIN_S = 2.0
HEARD_WITHIN_S = 15.0
"""A controller may report each peripheral once per scan only, which takes ten seconds."""
_REQUESTS = logging.getLogger("aioesphomeapi.connection")


class Integration:
    """The integration of one peripheral, in a Home Assistant that has this entry."""

    def __init__(self, manager: Home, entry: Entry, address: str) -> None:
        self.manager = manager
        self.entry = entry
        self.address = address
        self.gone = asyncio.Event()
        """Set when a link has ended, whoever ended it."""
        self.ends = 0

    async def connect(self) -> HaBleakClientWithServiceCache:
        """With all that Home Assistant does to get a link."""
        device = await self.device()
        set_manager(self.manager)  # there may be several homes in one test
        return await establish_connection(
            HaBleakClientWithServiceCache, device, self.address, self._on_disconnect
        )

    async def try_once(self) -> HaBleakClientWithServiceCache:
        """One attempt; raises BleakError."""
        device = await self.device()
        set_manager(self.manager)
        client = HaBleakClientWithServiceCache(device, self._on_disconnect, _is_retry_client=True)
        await client.connect()
        return client

    @contextlib.asynccontextmanager
    async def link(self) -> AsyncIterator[HaBleakClientWithServiceCache]:
        """A link for the time of the `async with`."""
        client = await self.connect()
        try:
            yield client
        finally:
            await client.disconnect()

    async def ended(self) -> None:
        """Wait until a link has ended."""
        async with asyncio.timeout(ENDED_WITHIN_S):
            await self.gone.wait()

    async def device(self) -> BLEDevice:
        """The peripheral, as soon as it has been heard and can be connected to."""
        what = f"{self.address} is heard, and connectable"
        await until(lambda: self._heard() is not None, what, HEARD_WITHIN_S)
        device = self._heard()
        assert device is not None
        return device

    def slots(self) -> tuple[int, int, list[str]]:
        """What Home Assistant believes of the proxy: the limit, how many are free, whose are taken."""
        assert self.entry.scanner is not None
        allocations = self.entry.scanner.get_allocations()
        assert allocations is not None
        return allocations.slots, allocations.free, allocations.allocated

    @contextlib.contextmanager
    def asked(self) -> Iterator[list[str]]:
        """The names of the messages that are sent to the proxy meanwhile."""
        handler = _Names()
        level = _REQUESTS.level
        self.entry.client.set_debug(True)
        _REQUESTS.setLevel(logging.DEBUG)
        _REQUESTS.addHandler(handler)
        try:
            yield handler.names
        finally:
            _REQUESTS.removeHandler(handler)
            _REQUESTS.setLevel(level)
            self.entry.client.set_debug(False)

    def _heard(self) -> BLEDevice | None:
        for each in self.manager.async_scanner_devices_by_address(self.address, connectable=True):
            if each.scanner is self.entry.scanner:
                return each.ble_device
        return None

    def _on_disconnect(self, _client: BleakClient) -> None:
        self.ends += 1
        self.gone.set()


class _Names(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == "%s: Sending %s: %s" and isinstance(record.args, tuple):
            self.names.append(str(record.args[1]))


def found(client: BleakClient, service: str, characteristic: str, nth: int = 0) -> BleakGATTCharacteristic:
    """The characteristic of the `nth` such service: UUIDs may be there more than once."""
    services = [each for each in client.services if each.uuid == service]
    return next(each for each in services[nth].characteristics if each.uuid == characteristic)


class Notified:
    """What a characteristic notifies or indicates, in order."""

    def __init__(self, client: BleakClient, characteristic: BleakGATTCharacteristic) -> None:
        self.values: list[bytes] = []
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._client = client
        self._characteristic = characteristic

    async def __aenter__(self) -> "Notified":
        await self._client.start_notify(self._characteristic, self._take)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        if self._client.is_connected:
            await self._client.stop_notify(self._characteristic)

    async def next(self) -> bytes:
        """The next one."""
        async with asyncio.timeout(DEADLINE_S):
            return await self._queue.get()

    def _take(self, _characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
        self.values.append(bytes(value))
        self._queue.put_nowait(bytes(value))


async def ask_the_hub(client: BleakClient) -> tuple[float, float]:
    """Current and voltage of the first battery; asked a second time through our own codec."""
    request = ReadRequest(48, 5042, 6)
    assert request.encode() == READ_OF_UNIT_48
    requests, answers = found(client, *HUB_REQUESTS), found(client, *HUB_ANSWERS)
    async with Notified(client, answers) as notified:
        await client.write_gatt_char(requests, READ_OF_UNIT_48, response=False)
        frame = b""
        while len(frame) < request.reply_length:
            frame += await notified.next()
        assert frame[:3] == bytes((48, 3, 12))
        assert crc16(frame) == 0

        await client.write_gatt_char(requests, request.encode(), response=True)
        framer = Framer(request)
        while (reply := framer.feed(await notified.next())) is None:
            pass
    assert (reply.unit, len(reply.data)) == (48, 12)
    current, voltage = struct.unpack(">hH", frame[3:7])
    return current / 100, voltage / 10


def grumbles(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What anybody had to say from the first moment of the test on."""
    records = [each for when in ("setup", "call", "teardown") for each in caplog.get_records(when)]
    said = [each for each in records if each.levelno >= logging.WARNING and each.name.startswith(GRUMBLERS)]
    return [f"{each.name}: {each.getMessage()}" for each in said]


class Cable:
    """Carries connections to a server, until it is cut; the next ones are carried again."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._ends: list[asyncio.StreamWriter] = []
        self.port = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until both sides are closed."""
        server_reader, server_writer = await asyncio.open_connection(HOST, self._server_port)
        self._ends += (writer, server_writer)
        await asyncio.gather(_pump(reader, server_writer), _pump(server_reader, writer))

    def cut(self) -> None:
        """Both sides see that the other one is gone, without a word."""
        for each in self._ends:
            sock: socket.socket = each.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.transport.abort()
        self._ends.clear()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def cable(server_port: int) -> AsyncIterator[Cable]:
    """A cable to the server."""
    laid = Cable(server_port)
    async with await asyncio.start_server(laid.carry, HOST, 0) as listener:
        laid.port = listener.sockets[0].getsockname()[1]
        yield laid
