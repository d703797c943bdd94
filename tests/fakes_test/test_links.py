"""Links: Connect and Disconnect, what belongs to whom, and GATT objects."""

import asyncio
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakDBusError
from dbus_fast import Message, MessageType, Variant
from fakes import hub
from fakes.bluez import FakeBlueZ
from fakes.bluez_errors import CallError
from fakes.bus_client import BusClient, Signal, until
from fakes.peripheral import FakePeripheral, short

DEVICE = "/org/bluez/hci0/dev_6C_B2_FD_86_82_4D"
WRITE = f"{DEVICE}/service000f/char0010"
NOTIFY = f"{DEVICE}/service001f/char0020"
REQUEST = bytes.fromhex("300313b20006654a")
COMMAND = {"type": Variant("s", "command")}


@pytest.fixture
async def peripheral(bluez: FakeBlueZ, client: BusClient) -> FakePeripheral:
    """A hub that has been heard."""
    fake = bluez.peripherals[hub.HUB] = hub.hub()
    await client.start_discovery()
    bluez.advertise(hub.HUB)
    await until(lambda: bluez.device(hub.HUB))
    return fake


async def call(client: BusClient, path: str, member: str, signature: str = "", *body: Any) -> list[Any]:
    interface = "org.bluez.Device1" if path == DEVICE else "org.bluez.GattCharacteristic1"
    reply = await client.bus.call(
        Message("org.bluez", path, interface, member, signature=signature, body=list(body))
    )
    assert reply is not None
    if reply.message_type is MessageType.ERROR:
        raise CallError(reply.error_name or "", "".join(reply.body))
    return list(reply.body)


async def get(client: BusClient, name: str) -> Any:
    return await client.get(name, DEVICE, "org.bluez.Device1")


async def link(client: BusClient) -> None:
    await call(client, DEVICE, "Connect")
    while not await get(client, "ServicesResolved"):
        await asyncio.sleep(0.001)


def values(signals: list[Signal]) -> list[bytes]:
    return [each.body[1]["Value"] for each in signals if each.path == NOTIFY and "Value" in each.body[1]]


# -- Connect and Disconnect


async def test_connected_comes_first_and_the_services_later(
    peripheral: FakePeripheral, client: BusClient
) -> None:
    peripheral.resolve_s = 0.02
    await call(client, DEVICE, "Connect")
    assert await get(client, "Connected") is True
    assert await get(client, "ServicesResolved") is False
    assert WRITE not in await client.tree()
    await link(client)
    assert (await client.tree())[WRITE]["org.bluez.GattCharacteristic1"]["Flags"] == [
        "write-without-response",
        "write",
    ]


async def test_a_pending_connect_is_ended_by_disconnect(
    bluez: FakeBlueZ, peripheral: FakePeripheral, client: BusClient, second_client: BusClient
) -> None:
    peripheral.hangs = True
    pending = asyncio.create_task(call(client, DEVICE, "Connect"))
    await until(lambda: bluez.calls["Connect"])
    with pytest.raises(CallError, match=r"org\.bluez\.Error\.InProgress"):
        await call(second_client, DEVICE, "Connect")
    await call(second_client, DEVICE, "Disconnect")
    with pytest.raises(CallError, match=r"org\.bluez\.Error\.Failed"):
        await pending
    with pytest.raises(CallError, match=r"org\.bluez\.Error\.NotConnected"):
        await call(client, DEVICE, "Disconnect")


async def test_a_failure_on_request_is_used_up(peripheral: FakePeripheral, client: BusClient) -> None:
    peripheral.failures = ["le-connection-abort-by-local"]
    with pytest.raises(CallError, match="le-connection-abort-by-local"):
        await call(client, DEVICE, "Connect")
    await call(client, DEVICE, "Connect")
    await call(client, DEVICE, "Connect")  # connected already is success
    assert peripheral.connected


async def test_a_connected_peripheral_does_not_advertise(
    bluez: FakeBlueZ, peripheral: FakePeripheral, client: BusClient
) -> None:
    await link(client)
    await client.take_signals()
    bluez.advertise(hub.HUB, rssi=-20)
    assert await client.take_signals() == []
    await call(client, DEVICE, "Disconnect")
    await client.take_signals()
    bluez.advertise(hub.HUB, rssi=-20)
    assert await client.take_signals() != []


async def test_a_link_outlives_the_client_that_made_it(
    bluez: FakeBlueZ, peripheral: FakePeripheral, client: BusClient, second_client: BusClient
) -> None:
    await link(second_client)
    await call(second_client, NOTIFY, "StartNotify")
    await second_client.close()
    await until(lambda: not bluez.owners() or len(bluez.owners()) == 1)
    assert peripheral.connected
    assert await get(client, "Connected") is True
    interface = "org.bluez.GattCharacteristic1"
    assert await client.get("Notifying", NOTIFY, interface) is False


@pytest.mark.parametrize("end", ["drop", "power", "crash", "unplug"])
async def test_what_ends_a_link(
    bluez: FakeBlueZ, peripheral: FakePeripheral, client: BusClient, end: str
) -> None:
    await link(client)
    match end:
        case "drop":
            bluez.drop(hub.HUB)
        case "power":
            bluez.power("hci0", False)
        case "crash":
            await bluez.crash()
        case _:
            bluez.remove_adapter("hci0")
    assert not peripheral.connected


async def test_services_stay_known_until_the_device_is_removed(
    peripheral: FakePeripheral, client: BusClient
) -> None:
    await link(client)
    await call(client, DEVICE, "Disconnect")
    assert WRITE in await client.tree()
    with pytest.raises(CallError, match="Not connected"):
        await call(client, WRITE, "WriteValue", "aya{sv}", REQUEST, COMMAND)
    await client.adapter("RemoveDevice", "o", DEVICE)
    assert WRITE not in await client.tree()


async def test_a_device_that_was_connected_to_is_no_longer_temporary(
    bluez: FakeBlueZ, peripheral: FakePeripheral, client: BusClient
) -> None:
    device = bluez.device(hub.HUB)
    assert device is not None
    assert device.temporary
    await link(client)
    assert not device.temporary


# -- GATT


async def test_what_is_written_is_answered_by_signals_even_if_nothing_changes(
    peripheral: FakePeripheral, client: BusClient
) -> None:
    await link(client)
    await call(client, NOTIFY, "StartNotify")
    await client.take_signals()
    for _ in range(2):
        await call(client, WRITE, "WriteValue", "aya{sv}", REQUEST, COMMAND)
    assert values(await client.take_signals()) == [hub.answer(REQUEST)] * 2
    await call(client, NOTIFY, "StopNotify")
    await client.take_signals()
    await call(client, WRITE, "WriteValue", "aya{sv}", REQUEST, COMMAND)
    assert values(await client.take_signals()) == []


@pytest.mark.parametrize(
    ("path", "member", "arguments", "error"),
    [
        (WRITE, "ReadValue", ("a{sv}", {}), "NotPermitted"),
        (WRITE, "StartNotify", (), "NotSupported"),
        (NOTIFY, "WriteValue", ("aya{sv}", b"\x01", {}), "NotSupported"),
        (
            NOTIFY,
            "WriteValue",
            ("aya{sv}", b"\x01", {"type": Variant("s", "request")}),
            "Write not permitted",
        ),
        (NOTIFY, "StopNotify", (), "No notify session started"),
    ],
)
async def test_refusals_are_those_of_bluez(
    peripheral: FakePeripheral, client: BusClient, path: str, member: str, arguments: Any, error: str
) -> None:
    await link(client)
    with pytest.raises(CallError, match=error):
        await call(client, path, member, *arguments)


# -- unmodified bleak


@pytest.mark.usefixtures("system_bus")
async def test_bleak_asks_and_is_answered(bluez: FakeBlueZ) -> None:
    fake = bluez.peripherals[hub.HUB] = hub.hub()
    request = bytes.fromhex("300313880022455c")
    told: list[bytes] = []
    async with BleakScanner() as scanner:
        bluez.advertise(hub.HUB, name="BT-TH")
        await until(lambda: scanner.discovered_devices)
        (found,) = scanner.discovered_devices
        async with BleakClient(found) as bleak:
            await bleak.start_notify(short(0xFFF1), lambda _, data: told.append(data))
            service = bleak.services.get_service(short(0xFFD0))
            assert service is not None
            write = service.get_characteristic(short(0xFFD1))
            assert write is not None
            assert write.handle == hub.WRITE  # of the declaration, as BlueZ tells it
            await bleak.write_gatt_char(write, request, response=False)
            await until(lambda: len(b"".join(told)) >= len(hub.answer(request)))
    assert [len(each) for each in told] == [20, 20, 20, 13]
    assert b"".join(told) == hub.answer(request)
    assert not fake.connected


@pytest.mark.usefixtures("system_bus")
async def test_bleak_is_told_why_it_cannot_connect(bluez: FakeBlueZ) -> None:
    fake = bluez.peripherals[hub.HUB] = hub.hub()
    fake.failures = ["le-connection-refused"]
    async with BleakScanner() as scanner:
        bluez.advertise(hub.HUB, name="BT-TH")
        await until(lambda: scanner.discovered_devices)
        with pytest.raises(BleakDBusError, match="le-connection-refused"):
            await BleakClient(scanner.discovered_devices[0]).connect()


@pytest.mark.usefixtures("system_bus")
async def test_bleak_tries_again_when_an_attempt_is_aborted(bluez: FakeBlueZ) -> None:
    fake = bluez.peripherals[hub.HUB] = hub.hub()
    fake.failures = ["le-connection-abort-by-local"] * 2
    async with BleakScanner() as scanner:
        bluez.advertise(hub.HUB, name="BT-TH")
        await until(lambda: scanner.discovered_devices)
        async with BleakClient(scanner.discovered_devices[0]):
            assert fake.connected
    assert bluez.calls["Connect"] == 3
