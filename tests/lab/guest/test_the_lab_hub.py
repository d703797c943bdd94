"""What other tests take for granted about the lab's hub."""

import asyncio
import contextlib
import struct
import time
from collections.abc import AsyncIterator

import pytest
from bleak import BleakClient, BleakScanner
from bluez import CHARACTERISTIC, DEVICE, Bluez, BluezError
from mgmt import Found, MgmtSocket
from world import HUB_ADDRESS, HUB_NAME, until, world

HUB_PATH = f"/org/bluez/hci0/dev_{HUB_ADDRESS.replace(':', '_')}"
WRITE_UUID = "0000ffd1-0000-1000-8000-00805f9b34fb"
NOTIFY_UUID = "0000fff1-0000-1000-8000-00805f9b34fb"
BATTERIES = (48, 49, 50, 51)
SILENCE_S = 0.6  # six intervals of the hub: long enough to be sure that it is silent


def from_hub(found: Found) -> bool:
    return found.address == HUB_ADDRESS


async def is_known(bluez: Bluez) -> bool:
    return HUB_ADDRESS in await bluez.devices()


async def is_connected(bluez: Bluez, connected: bool) -> bool:
    return await bluez.get(HUB_PATH, DEVICE, "Connected") is connected


async def value_is(bluez: Bluez, path: str, value: bytes) -> bool:
    return await bluez.get(path, CHARACTERISTIC, "Value") == value


async def last_request_is(value: str) -> bool:
    return (await world("stats"))["hub"]["last_request"] == value


async def connect(bluez: Bluez) -> None:
    """A GATT link to the hub with its services.

    During a discovery the kernel connects when the hub is reported next: at once without the
    duplicate filter, with it when the next scan starts, up to 10.7 s later.
    """
    await until(lambda: is_known(bluez))
    await bluez.call(HUB_PATH, DEVICE, "Connect")

    async def resolved() -> bool:
        return await bluez.get(HUB_PATH, DEVICE, "ServicesResolved")

    await until(resolved)


async def characteristic(bluez: Bluez, short_uuid: str) -> str:
    """The path of a characteristic of the hub with a 16-bit UUID."""
    uuid = f"0000{short_uuid}-0000-1000-8000-00805f9b34fb"
    for path, interfaces in (await bluez.objects()).items():
        if interfaces.get(CHARACTERISTIC, {}).get("UUID") == uuid:
            return path
    raise LookupError(uuid)


@pytest.mark.usefixtures("discovery")
async def test_the_hub_advertises_name_and_service(mgmt: MgmtSocket) -> None:
    found = await mgmt.wait_for(from_hub)

    name = bytes((1 + len(HUB_NAME), 0x09)) + HUB_NAME.encode()
    assert found.data == b"\x02\x01\x06" + name + b"\x03\x02\xd0\xff"


@pytest.mark.usefixtures("unfiltered_discovery")
async def test_a_hub_that_is_off_is_silent(mgmt: MgmtSocket) -> None:
    await mgmt.wait_for(from_hub)

    await world("hub off")
    await asyncio.sleep(0.1)
    assert await mgmt.count(from_hub, SILENCE_S) == 0

    mgmt.found.clear()
    await world("hub on")
    await mgmt.wait_for(from_hub)


@pytest.mark.usefixtures("unfiltered_discovery")
async def test_requests_reach_the_hub_and_notifications_come_back(bluez: Bluez) -> None:
    await connect(bluez)
    write, notify = await characteristic(bluez, "ffd1"), await characteristic(bluez, "fff1")
    await bluez.call(notify, CHARACTERISTIC, "StartNotify")

    await bluez.call(write, CHARACTERISTIC, "WriteValue", "aya{sv}", b"\x01\x02\x03", {})
    await until(lambda: last_request_is("010203"))

    await world(f"notify {bytes(range(50)).hex()}")
    # 20 octets at a time; the property holds the last piece
    await until(lambda: value_is(bluez, notify, bytes(range(40, 50))))


@pytest.mark.usefixtures("unfiltered_discovery")
@pytest.mark.parametrize("command", ["drop", "hub off"])
async def test_the_hub_ends_a_link(bluez: Bluez, command: str) -> None:
    await connect(bluez)

    await world(command)

    await until(lambda: is_connected(bluez, False))


@pytest.mark.usefixtures("unfiltered_discovery")
async def test_a_busy_hub_advertises_and_refuses(bluez: Bluez) -> None:
    before = await world("stats")
    await world("hub busy")
    await until(lambda: is_known(bluez))

    connecting = asyncio.create_task(bluez.call(HUB_PATH, DEVICE, "Connect"))
    await asyncio.sleep(2)

    assert not connecting.done()
    assert (await world("stats"))["hub"]["connects"] == before["hub"]["connects"]
    await bluez.call(HUB_PATH, DEVICE, "Disconnect")
    with pytest.raises(BluezError):
        await connecting


# -- the line behind the hub, by bleak, which knows nothing of the code under test


def crc(octets: bytes) -> int:
    """CRC-16/MODBUS, one bit after the other."""
    remainder = 0xFFFF
    for octet in octets:
        remainder ^= octet
        for _ in range(8):
            remainder = remainder >> 1 ^ (0xA001 if remainder & 1 else 0)
    return remainder


def read_request(unit: int, register: int, words: int) -> bytes:
    body = struct.pack(">BBHH", unit, 3, register, words)
    return body + struct.pack("<H", crc(body))


class Central:
    """A bleak client that is connected and has subscribed; keeps what it is notified."""

    def __init__(self, client: BleakClient) -> None:
        self._client = client
        self.pieces: list[bytes] = []
        self._more = asyncio.Event()

    def on_notification(self, _characteristic: object, octets: bytearray) -> None:
        self.pieces.append(bytes(octets))
        self._more.set()

    async def ask(self, request: bytes, length: int, timeout_s: float = 2.0) -> bytes:
        """The answer, all pieces joined, as soon as `length` octets are there; raises TimeoutError."""
        self.pieces.clear()
        await self._client.write_gatt_char(WRITE_UUID, request, response=False)
        async with asyncio.timeout(timeout_s):
            while len(b"".join(self.pieces)) < length:
                self._more.clear()
                await self._more.wait()
        return b"".join(self.pieces)


@pytest.fixture
async def central(unfiltered_discovery: None) -> AsyncIterator[Central]:
    """Connected to the hub, whose batteries stand still."""
    await world("still 1")
    device = await BleakScanner.find_device_by_address(HUB_ADDRESS, timeout=15.0)
    assert device is not None
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(BleakClient(device, timeout=20.0))
        connected = Central(client)
        await client.start_notify(NOTIFY_UUID, connected.on_notification)
        yield connected
        await world("drop")  # BlueZ would take two seconds for it
        async with asyncio.timeout(5):
            while client.is_connected:
                await asyncio.sleep(0.02)


CELLS = read_request(48, 5000, 34)
CELLS_LENGTH = 5 + 2 * 34


async def test_a_request_is_answered_in_notifications_of_20_octets(central: Central) -> None:
    answer = await central.ask(CELLS, CELLS_LENGTH)

    assert [len(piece) for piece in central.pieces] == [20, 20, 20, 13]
    assert answer[:3] == bytes((48, 3, 68))
    assert crc(answer) == 0
    assert answer.hex() == await world(f"answer {CELLS.hex()}")


async def test_bleak_reads_the_voltages_of_all_four_batteries(central: Central) -> None:
    began = time.monotonic()
    voltages = []
    for unit in BATTERIES:
        answer = await central.ask(read_request(unit, 5042, 7), 19)
        assert answer[:3] == bytes((unit, 3, 14))
        assert crc(answer) == 0
        voltages.append(struct.unpack_from(">H", answer, 5)[0] / 10)

    assert all(48.0 < voltage < 58.4 for voltage in voltages)
    assert max(voltages) - min(voltages) < 1.0  # they hang on one bar
    assert time.monotonic() - began < 4 * 0.5


async def test_a_silent_unit_leaves_the_others_alone(central: Central) -> None:
    await world("silent 49")

    with pytest.raises(TimeoutError):
        await central.ask(read_request(49, 5042, 7), 1, timeout_s=0.5)
    assert crc(await central.ask(read_request(50, 5042, 7), 19)) == 0

    await world("cure")
    assert crc(await central.ask(read_request(49, 5042, 7), 19)) == 0


async def test_a_bad_crc_comes_as_often_as_was_asked_for(central: Central) -> None:
    await world("badcrc 2")

    answers = [await central.ask(CELLS, CELLS_LENGTH) for _ in range(3)]

    assert [crc(answer) == 0 for answer in answers] == [False, False, True]


async def test_notifications_are_as_small_as_was_asked_for(central: Central) -> None:
    await world("split 7")

    answer = await central.ask(CELLS, CELLS_LENGTH)

    assert {len(piece) for piece in central.pieces[:-1]} == {7}
    assert crc(answer) == 0


async def test_a_late_answer_comes_when_nobody_expects_it(central: Central) -> None:
    await world("late 0.7")

    with pytest.raises(TimeoutError):
        await central.ask(CELLS, CELLS_LENGTH, timeout_s=0.3)
    prompt = await central.ask(read_request(50, 5042, 7), 19, timeout_s=0.3)
    assert prompt[0] == 50

    central.pieces.clear()
    await asyncio.sleep(0.7)
    assert b"".join(central.pieces)[:3] == bytes((48, 3, 68))


@pytest.mark.parametrize(
    ("command", "head"),
    [("exception 2", b"\x30\x83\x02"), ("foreign", b"\x31\x03\x44"), ("garbage", b"\xff\x00\xff")],
)
async def test_what_comes_is_not_what_was_asked_for(central: Central, command: str, head: bytes) -> None:
    await world(command)

    assert (await central.ask(CELLS, 5))[:3] == head


async def test_the_hub_breaks_the_link_within_an_answer(central: Central, bluez: Bluez) -> None:
    await world("breaks")

    with pytest.raises(TimeoutError):
        await central.ask(CELLS, CELLS_LENGTH, timeout_s=1.0)

    assert len(central.pieces) <= 1
    await until(lambda: is_connected(bluez, False))
