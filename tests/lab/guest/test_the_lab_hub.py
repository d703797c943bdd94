"""What other tests take for granted about the lab's hub."""

import asyncio

import pytest
from bluez import CHARACTERISTIC, DEVICE, Bluez, BluezError
from mgmt import Found, MgmtSocket
from world import HUB_ADDRESS, HUB_NAME, until, world

HUB_PATH = f"/org/bluez/hci0/dev_{HUB_ADDRESS.replace(':', '_')}"
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
