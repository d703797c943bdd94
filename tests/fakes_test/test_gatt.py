"""Attributes as bluetoothd shows them: what is signalled when, as measured on bluetoothd 5.66."""

import asyncio
from typing import Any

import pytest
from dbus_fast import Message, MessageType, Variant
from fakes.bluez import FakeBlueZ
from fakes.bluez_errors import CallError
from fakes.bus_client import BusClient, until
from fakes.lamp import LAMP, lamp
from fakes.peripheral import FakePeripheral

DEVICE = "/org/bluez/hci0/dev_C4_4D_0A_10_5E_01"
TEMPERATURE = f"{DEVICE}/service0020/char0021"
CCCD, FORMAT = f"{TEMPERATURE}/desc0023", f"{TEMPERATURE}/desc0024"
BRIGHTNESS = f"{DEVICE}/service0030/char0031"
EVENT = f"{DEVICE}/service0030/char0036"
SCHEDULE = f"{DEVICE}/service0030/char0039"
SCHEDULE_NAME = f"{SCHEDULE}/desc003b"
SECRET = f"{DEVICE}/service0030/char003c"
VALUE = bytes.fromhex("6608")
REQUEST, COMMAND = ({"type": Variant("s", kind)} for kind in ("request", "command"))


@pytest.fixture
async def peripheral(bluez: FakeBlueZ, client: BusClient) -> FakePeripheral:
    """A lamp with a link."""
    fake = bluez.peripherals[LAMP] = lamp()
    await client.start_discovery()
    bluez.advertise(LAMP)
    await until(lambda: bluez.device(LAMP))
    await call(client, DEVICE, "Connect")
    while not await client.get("ServicesResolved", DEVICE, "org.bluez.Device1"):
        await asyncio.sleep(0.001)
    await client.take_signals()
    return fake


async def call(client: BusClient, path: str, member: str, signature: str = "", *body: Any) -> list[Any]:
    interface = "Descriptor" if "/desc" in path else "Characteristic"
    interface = "org.bluez.Device1" if path == DEVICE else f"org.bluez.Gatt{interface}1"
    reply = await client.bus.call(
        Message("org.bluez", path, interface, member, signature=signature, body=list(body))
    )
    assert reply is not None
    if reply.message_type is MessageType.ERROR:
        raise CallError(reply.error_name or "", "".join(reply.body))
    return list(reply.body)


async def read(client: BusClient, path: str) -> bytes:
    (value,) = await call(client, path, "ReadValue", "a{sv}", {})
    return bytes(value)


async def write(client: BusClient, path: str, value: bytes, options: dict[str, Variant]) -> None:
    await call(client, path, "WriteValue", "aya{sv}", value, options)


def changes(client: BusClient, path: str) -> list[Any]:
    """Of the properties of one object, so far: what has changed, and what is gone."""
    return [each.body[1:] for each in client.signals if each.path == path]


@pytest.mark.usefixtures("peripheral")
@pytest.mark.parametrize(("path", "value"), [(TEMPERATURE, VALUE), (FORMAT, bytes.fromhex("0efe2f27010000"))])
async def test_what_is_read_is_signalled_each_time(client: BusClient, path: str, value: bytes) -> None:
    for count in (1, 2):
        assert await read(client, path) == value
        assert changes(client, path) == [[{"Value": value}, []]] * count


# -- what takes a bond


async def register_agent(client: BusClient, *, accepts: bool) -> list[str]:
    """Registers one; what it is asked, from now on."""
    asked: list[str] = []

    def answer(message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        asked.append(f"{message.member} {message.body}")
        refusal = Message.new_error(message, "org.bluez.Error.Rejected", "no")
        return Message.new_method_return(message) if accepts else refusal

    client.bus.add_message_handler(answer)
    await client.call("/org/bluez", "org.bluez.AgentManager1", "RegisterAgent", "os", "/agent", "")
    return asked


async def test_what_takes_a_bond_is_answered_when_bluez_has_made_one(
    client: BusClient, peripheral: FakePeripheral
) -> None:
    asked = await register_agent(client, accepts=True)
    assert await read(client, SECRET) == b"open sesame"
    assert peripheral.paired
    assert [{"Paired": True, "Bonded": True}, []] in changes(client, DEVICE)
    await write(client, SECRET, b"xyzzy", REQUEST)
    assert asked == [f"RequestAuthorization ['{DEVICE}']"]


@pytest.mark.parametrize("agent", [True, False])
async def test_where_nobody_allows_a_bond_nothing_is_answered_until_the_link_ends(
    client: BusClient, peripheral: FakePeripheral, bluez: FakeBlueZ, agent: bool
) -> None:
    if agent:
        await register_agent(client, accepts=False)
    calls = [
        asyncio.create_task(each)
        for each in (
            write(client, SECRET, b"xyzzy", REQUEST),
            read(client, BRIGHTNESS),
            call(client, EVENT, "StartNotify"),
        )
    ]
    await write(client, BRIGHTNESS, b"\x07", COMMAND)
    done, _ = await asyncio.wait(calls, timeout=0.05)
    assert not done
    assert not peripheral.paired
    bluez.drop(LAMP)
    for each in calls:
        with pytest.raises(CallError, match="Operation failed"):
            await each
    await client.device("Connect", DEVICE)
    assert await read(client, BRIGHTNESS) == b"\x07"


async def test_the_first_agent_speaks_for_what_nobody_has_begun(
    client: BusClient, second_client: BusClient, peripheral: FakePeripheral, bluez: FakeBlueZ
) -> None:
    first = await register_agent(second_client, accepts=True)
    second = await register_agent(client, accepts=True)
    await read(client, SECRET)
    assert (len(first), second) == (1, [])


# -- values


@pytest.mark.usefixtures("peripheral")
async def test_what_is_written_is_not_signalled(client: BusClient) -> None:
    await write(client, BRIGHTNESS, b"\x10", REQUEST)
    await write(client, BRIGHTNESS, b"\x11", COMMAND)
    await write(client, SCHEDULE_NAME, b"Weekdays", {})
    assert await client.take_signals() == []
    assert await read(client, BRIGHTNESS) == b"\x11"
    assert await read(client, SCHEDULE_NAME) == b"Weekdays"


@pytest.mark.usefixtures("peripheral")
async def test_no_octets_are_no_value(client: BusClient) -> None:
    await write(client, SCHEDULE, b"", REQUEST)
    assert await read(client, SCHEDULE) == b""
    assert changes(client, SCHEDULE) == [[{}, ["Value"]]]


async def test_reads_at_the_same_time_are_one(peripheral: FakePeripheral, client: BusClient) -> None:
    peripheral.read_s = 0.02
    assert await asyncio.gather(*(read(client, TEMPERATURE) for _ in range(3))) == [VALUE] * 3
    assert changes(client, TEMPERATURE) == [[{"Value": VALUE}, []]]


async def test_a_read_ends_with_the_link(
    bluez: FakeBlueZ, peripheral: FakePeripheral, client: BusClient
) -> None:
    peripheral.read_s = 60.0
    reading = asyncio.create_task(read(client, TEMPERATURE))
    await until(lambda: bluez.calls["ReadValue"])
    bluez.drop(LAMP)
    with pytest.raises(CallError, match="Operation failed"):
        await reading


@pytest.mark.usefixtures("peripheral")
async def test_the_configuration_is_read_and_written_by_bluez_alone(client: BusClient) -> None:
    assert await read(client, CCCD) == b"\0\0"
    await call(client, TEMPERATURE, "StartNotify")
    assert await read(client, CCCD) == b"\1\0"
    with pytest.raises(CallError, match="NotPermitted: Write not permitted"):
        await write(client, CCCD, b"\0\0", {})


async def test_a_subscription_outlives_the_link(
    bluez: FakeBlueZ, peripheral: FakePeripheral, client: BusClient
) -> None:
    await call(client, TEMPERATURE, "StartNotify")
    bluez.drop(LAMP)
    await call(client, DEVICE, "Connect")
    assert await read(client, CCCD) == b"\1\0"
    bluez.drop(LAMP)
    await call(client, TEMPERATURE, "StopNotify")
    await call(client, DEVICE, "Connect")
    assert await read(client, CCCD) == b"\0\0"


@pytest.mark.usefixtures("peripheral")
async def test_generic_access_is_not_shown(client: BusClient) -> None:
    services = {
        path for path in await client.tree() if path.startswith(f"{DEVICE}/service") and "char" not in path
    }
    assert f"{DEVICE}/service0001" not in services
    assert f"{DEVICE}/service0006" in services


@pytest.mark.usefixtures("peripheral")
@pytest.mark.parametrize(
    ("path", "value", "options", "error"),
    [
        (BRIGHTNESS, b"\x65", REQUEST, "Failed: Operation failed with ATT error: 0x80"),
        (BRIGHTNESS, b"", REQUEST, "InvalidArguments: Invalid Length"),
        (TEMPERATURE, b"", REQUEST, "NotPermitted: Write not permitted"),
        (TEMPERATURE, b"", {}, "NotSupported"),
        (BRIGHTNESS, bytes(245), COMMAND, "Failed: Failed to initiate write"),
        (FORMAT, b"", {}, "NotPermitted: Write not permitted"),
        (SCHEDULE_NAME, bytes(41), {}, "InvalidArguments: Invalid Length"),
    ],
)
async def test_what_is_refused_is_refused_in_the_words_of_bluez(
    client: BusClient, path: str, value: bytes, options: dict[str, Variant], error: str
) -> None:
    with pytest.raises(CallError, match=error):
        await write(client, path, value, options)


@pytest.mark.usefixtures("peripheral")
async def test_what_is_refused_to_a_command_is_not_told(client: BusClient) -> None:
    await write(client, TEMPERATURE, b"", COMMAND)
    await write(client, BRIGHTNESS, b"\x65", COMMAND)


@pytest.mark.usefixtures("peripheral")
async def test_what_was_read_is_signalled_ahead_of_the_answer_and_what_is_indicated_after_it(
    client: BusClient,
) -> None:
    await call(client, EVENT, "StartNotify")
    await client.take_signals()
    order: list[MessageType] = []
    client.bus.add_message_handler(lambda message: order.append(message.message_type))
    await read(client, TEMPERATURE)
    assert order == [MessageType.SIGNAL, MessageType.METHOD_RETURN]
    await write(client, BRIGHTNESS, b"\x10", REQUEST)
    await until(lambda: changes(client, EVENT) == [[{"Value": b"\x10"}, []]])
    assert order[2:] == [MessageType.METHOD_RETURN, MessageType.SIGNAL]
