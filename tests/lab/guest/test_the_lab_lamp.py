"""What other tests take for granted about the lab's lamp."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from bluez import CHARACTERISTIC, DESCRIPTOR, DEVICE, Agent, Bluez, BluezError
from mgmt import Found, MgmtSocket
from world import HUB_ADDRESS, LAMP_ADDRESS, LAMP_NAME, until, world

LAMP_PATH = f"/org/bluez/hci0/dev_{LAMP_ADDRESS.replace(':', '_')}"
HUB_PATH = f"/org/bluez/hci0/dev_{HUB_ADDRESS.replace(':', '_')}"
LE_RANDOM = 2
SILENCE_S = 0.6  # six intervals of the lamp: long enough to be sure that it is silent
TEMPERATURE, DESCRIPTION, CONFIGURATION, FORMAT = (
    f"0000{short}-0000-1000-8000-00805f9b34fb" for short in ("2a6e", "2901", "2902", "2904")
)
BRIGHTNESS, COMMAND, EVENT, SCHEDULE, SECRET, TICK, LEVEL = (
    f"7a1e{number:04x}-5b0c-4f5e-9c3a-6d1f0b2a8e47" for number in (0x02, 0x03, 0x04, 0x05, 0x06, 0x08, 0x11)
)
INDICATE_NOW, BEGIN_TO_TICK, STOP_TICKING = b"\x01", b"\x02", b"\x03"


def from_lamp(found: Found) -> bool:
    return found.address == LAMP_ADDRESS


async def connect(bluez: Bluez, path: str = LAMP_PATH) -> None:
    """A link, with its services."""

    async def known() -> bool:
        return path in (await bluez.devices()).values()

    async def resolved() -> bool:
        return await bluez.get(path, DEVICE, "ServicesResolved")

    # bluetoothd does not discover for 5 s after a pairing
    await until(known, 7)
    await bluez.call(path, DEVICE, "Connect")
    await until(resolved)


async def stats() -> dict[str, Any]:
    return (await world("stats"))["lamp"]


async def counter_is(name: str, value: int) -> bool:
    return (await stats())[name] == value


async def disconnected(bluez: Bluez) -> bool:
    return not await bluez.get(LAMP_PATH, DEVICE, "Connected")


@dataclass
class Central:
    """Connected to the lamp. Attributes are named by UUID and, of several, by number."""

    bluez: Bluez
    characteristics: Mapping[str, list[str]]
    descriptors: Mapping[str, list[str]]

    def path(self, uuid: str, number: int = 0) -> str:
        return self.characteristics[uuid][number]

    def descriptor(self, of: str, uuid: str) -> str:
        (path,) = [each for each in self.descriptors[uuid] if each.startswith(self.path(of) + "/")]
        return path

    async def read(self, uuid: str, number: int = 0) -> bytes:
        (value,) = await self.bluez.call(self.path(uuid, number), CHARACTERISTIC, "ReadValue", "a{sv}", {})
        return value

    async def write(self, uuid: str, value: bytes, number: int = 0) -> None:
        await self.bluez.call(self.path(uuid, number), CHARACTERISTIC, "WriteValue", "aya{sv}", value, {})

    async def read_descriptor(self, of: str, uuid: str) -> bytes:
        (value,) = await self.bluez.call(self.descriptor(of, uuid), DESCRIPTOR, "ReadValue", "a{sv}", {})
        return value

    @contextlib.asynccontextmanager
    async def values(self, uuid: str) -> AsyncIterator[asyncio.Queue[bytes]]:
        """What it notifies or indicates, while the block lasts."""
        async with self.bluez.values(self.path(uuid)) as told:
            await self.bluez.call(self.path(uuid), CHARACTERISTIC, "StartNotify")
            yield told
            await self.bluez.call(self.path(uuid), CHARACTERISTIC, "StopNotify")


async def look(bluez: Bluez) -> Central:
    """All attributes of the lamp that BlueZ shows, in the order of their handles."""
    found: dict[str, dict[str, list[str]]] = {CHARACTERISTIC: {}, DESCRIPTOR: {}}
    for path, interfaces in sorted((await bluez.objects()).items()):
        if path.startswith(LAMP_PATH):
            for interface in found.keys() & interfaces.keys():
                found[interface].setdefault(interfaces[interface]["UUID"], []).append(path)
    return Central(bluez, found[CHARACTERISTIC], found[DESCRIPTOR])


@pytest.fixture
async def lamp(initial_state: None) -> None:
    """It is switched on."""
    await world("lamp on")


@pytest.fixture
async def central(lamp: None, unfiltered_discovery: None, bluez: Bluez) -> Central:
    await connect(bluez)
    return await look(bluez)


async def next_of(told: asyncio.Queue[bytes]) -> bytes:
    async with asyncio.timeout(2):
        return await told.get()


# -- presence


@pytest.mark.usefixtures("lamp", "discovery")
async def test_the_lamp_advertises_a_name_from_a_random_address(mgmt: MgmtSocket) -> None:
    found = await mgmt.wait_for(from_lamp)

    name = bytes((1 + len(LAMP_NAME), 0x09)) + LAMP_NAME.encode()
    assert found.kind == LE_RANDOM
    assert found.data == b"\x02\x01\x06" + name + b"\x03\x02\x1a\x18"


@pytest.mark.usefixtures("unfiltered_discovery")
async def test_the_lamp_is_off_until_it_is_switched_on(mgmt: MgmtSocket) -> None:
    assert await mgmt.count(from_lamp, SILENCE_S) == 0

    await world("lamp on")
    await mgmt.wait_for(from_lamp)

    await world("lamp off")
    await asyncio.sleep(0.1)
    assert await mgmt.count(from_lamp, SILENCE_S) == 0


@pytest.mark.parametrize("command", ["lampdrop", "lamp off", "reset"])
async def test_the_lamp_ends_a_link(central: Central, command: str) -> None:
    await world(command)

    await until(lambda: disconnected(central.bluez))
    assert (await stats())["links"] == 0


@pytest.mark.usefixtures("lamp", "unfiltered_discovery")
async def test_a_busy_lamp_advertises_and_refuses(bluez: Bluez, mgmt: MgmtSocket) -> None:
    before = (await stats())["connects"]
    await world("lamp busy")
    await mgmt.wait_for(from_lamp)

    with pytest.raises(TimeoutError):
        await bluez.call(LAMP_PATH, DEVICE, "Connect", timeout_s=1)

    assert (await stats())["connects"] == before
    await world("lamp on")
    await until(lambda: counter_is("connects", before + 1))


async def test_hub_and_lamp_are_connected_at_once(central: Central) -> None:
    await connect(central.bluez, HUB_PATH)

    assert await central.read(BRIGHTNESS) == b"\x28"
    now = await world("stats")
    assert (now["hub"]["links"], now["lamp"]["links"], now["adapters"][0]["links"]) == (1, 1, 2)
    await world("drop")
    assert await central.read(BRIGHTNESS) == b"\x28"


@pytest.mark.usefixtures("lamp", "unfiltered_discovery")
async def test_an_adapter_has_as_many_links_as_it_may(bluez: Bluez) -> None:
    await world("links 1")
    await connect(bluez, HUB_PATH)

    with pytest.raises(BluezError):
        await connect(bluez)
    assert (await stats())["links"] == 0

    await world("links -")
    await connect(bluez)
    assert (await stats())["links"] == 1


# -- attributes


async def test_values_and_descriptors_are_those_of_the_demo(central: Central) -> None:
    assert await central.read(TEMPERATURE) == struct.pack("<h", 2150)
    assert await central.read(SCHEDULE) == bytes(range(200))
    assert (await central.read_descriptor(TEMPERATURE, FORMAT)).hex() == "0efe2f27010000"
    assert await central.read_descriptor(BRIGHTNESS, DESCRIPTION) == b"Brightness in percent"
    assert await central.bluez.get(central.path(BRIGHTNESS), CHARACTERISTIC, "MTU") == 247


async def test_what_is_written_is_read_until_the_reset(central: Central) -> None:
    await central.write(LEVEL, b"\x11", 0)
    await central.write(LEVEL, b"\x22", 1)

    assert (await central.read(LEVEL, 0), await central.read(LEVEL, 1)) == (b"\x11", b"\x22")
    await world("reset")
    await world("lamp on")
    await connect(central.bluez)
    assert (await central.read(LEVEL, 0), await central.read(LEVEL, 1)) == (b"\x00", b"\x00")


@pytest.mark.parametrize(
    ("uuid", "value", "error"),
    [
        (BRIGHTNESS, b"\x65", "org.bluez.Error.Failed: Operation failed with ATT error: 0x80"),
        (BRIGHTNESS, b"\x01\x02", "org.bluez.Error.InvalidArguments: Invalid Length"),
        (SCHEDULE, bytes(201), "org.bluez.Error.InvalidArguments: Invalid Length"),
        (SCHEDULE, bytes(300), "org.bluez.Error.InvalidArguments: Invalid Length"),
    ],
)
async def test_the_lamp_refuses_with_its_own_errors(
    central: Central, uuid: str, value: bytes, error: str
) -> None:
    with pytest.raises(BluezError) as caught:
        await central.write(uuid, value)

    assert str(caught.value) == error


async def test_what_only_notifies_cannot_be_read(central: Central) -> None:
    with pytest.raises(BluezError) as caught:
        await central.read(TICK)

    assert caught.value.name == "org.bluez.Error.NotPermitted"


async def test_brightness_is_indicated_when_it_is_written_and_on_command(central: Central) -> None:
    async with central.values(EVENT) as told:
        await central.write(BRIGHTNESS, b"\x07")
        assert await next_of(told) == b"\x07"
        await central.write(COMMAND, INDICATE_NOW)
        assert await next_of(told) == b"\x07"
        assert await central.read_descriptor(EVENT, CONFIGURATION) == b"\x02\x00"

    assert await central.read_descriptor(EVENT, CONFIGURATION) == b"\x00\x00"


async def test_ticks_come_each_ten_milliseconds_until_they_are_stopped(central: Central) -> None:
    async with central.values(TICK) as told:
        began = asyncio.get_running_loop().time()
        await central.write(COMMAND, BEGIN_TO_TICK)
        ticks = [await next_of(told) for _ in range(50)]
        took_s = asyncio.get_running_loop().time() - began
        await central.write(COMMAND, STOP_TICKING)

        assert ticks == [struct.pack("<I", count) for count in range(50)]
        assert 0.45 < took_s < 1.0
        await asyncio.sleep(0.1)
        while not told.empty():
            told.get_nowait()
        await asyncio.sleep(0.1)
        assert told.empty()


async def test_a_subscription_ends_with_its_link(central: Central) -> None:
    async with Bluez() as other:  # else BlueZ would subscribe again, as long as this connection lasts
        await other.call(central.path(EVENT), CHARACTERISTIC, "StartNotify")
        assert await central.read_descriptor(EVENT, CONFIGURATION) == b"\x02\x00"
        await world("lampdrop")
        await until(lambda: disconnected(central.bluez))
    await connect(central.bluez)

    assert await central.read_descriptor(EVENT, CONFIGURATION) == b"\x00\x00"


# -- pairing


@contextlib.asynccontextmanager
async def agent(capability: str, passkey: int | None = None) -> AsyncIterator[Agent]:
    async with Agent(passkey) as registered:
        await registered.register(capability)
        yield registered


async def pair(central: Central) -> None:
    await central.bluez.call(LAMP_PATH, DEVICE, "Pair", timeout_s=15)


async def test_pairing_just_works_and_opens_the_secret(central: Central) -> None:
    async with agent("NoInputNoOutput"):
        await pair(central)

    assert await central.read(SECRET) == b"open sesame"
    await central.write(SECRET, b"sesame")
    now = await stats()
    assert (now["bonds"], now["centrals"][0]["encrypted"]) == (1, True)


async def test_with_a_passkey_the_lamp_pairs_with_those_who_know_it(central: Central) -> None:
    await world("lampkey 000042")
    async with agent("KeyboardOnly", 42) as asked:
        await pair(central)

        assert asked.calls == ["RequestPasskey"]
    assert await central.read(SECRET) == b"open sesame"


@pytest.mark.parametrize(("capability", "passkey"), [("KeyboardOnly", 654321), ("NoInputNoOutput", None)])
async def test_with_a_passkey_the_lamp_refuses_all_others(
    central: Central, capability: str, passkey: int | None
) -> None:
    await world("lampkey 123456")
    async with agent(capability, passkey):
        with pytest.raises(BluezError) as caught:
            await pair(central)

    assert caught.value.name == "org.bluez.Error.AuthenticationFailed"
    assert (await stats())["bonds"] == 0


async def test_after_a_vain_attempt_the_lamp_pairs_on_the_same_link(central: Central) -> None:
    await world("lampkey 123456")
    async with agent("KeyboardOnly") as asked:  # refuses to tell a passkey, which leaves the link
        with pytest.raises(BluezError):
            await pair(central)
        asked.passkey = 123456
        await pair(central)

    assert await central.read(SECRET) == b"open sesame"


async def test_a_bond_encrypts_the_next_link_until_the_lamp_forgets_it(central: Central) -> None:
    async with agent("NoInputNoOutput"):
        await pair(central)
    await world("lampdrop")
    await until(lambda: disconnected(central.bluez))
    await connect(central.bluez)
    assert await central.read(SECRET) == b"open sesame"

    await world("lampunbond")
    await world("lampdrop")
    await until(lambda: disconnected(central.bluez))
    with pytest.raises(BluezError):
        await central.bluez.call(LAMP_PATH, DEVICE, "Connect")


async def test_the_lamp_takes_the_interval_that_the_central_chooses(
    central: Central, mgmt: MgmtSocket
) -> None:
    await mgmt.load_connection_parameters(LAMP_ADDRESS, LE_RANDOM, interval=56, latency=0, timeout=400)

    async def has_it() -> bool:
        return (await stats())["centrals"][0]["interval_ms"] == 70

    await until(has_it)
