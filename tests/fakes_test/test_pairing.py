"""Agents, Pair, CancelPairing and RemoveDevice as bluetoothd has them."""

import asyncio
from typing import Any

import pytest
from dbus_fast import Message, MessageType
from fakes import hub
from fakes.bluez import FakeBlueZ
from fakes.bluez_errors import CallError
from fakes.bus_client import BusClient, until
from fakes.peripheral import FakePeripheral
from fakes.private_bus import PrivateBus

DEVICE = "/org/bluez/hci0/dev_6C_B2_FD_86_82_4D"
KEYBOARD, NONE = "KeyboardOnly", "NoInputNoOutput"
PASSKEY = 42_007


class Central(BusClient):
    """A client with an agent: `answers` a passkey, refuses with None, and asks nobody who was asked."""

    asked: list[str]
    answers: int | None = PASSKEY

    async def connect(self) -> None:
        await super().connect()
        self.asked = []
        self.bus.add_message_handler(self._on_question)

    async def register(self, capability: str, path: str = "/agent") -> None:
        await self.manager("RegisterAgent", "os", path, capability)

    async def manager(self, member: str, signature: str, *body: Any) -> None:
        await self.call("/org/bluez", "org.bluez.AgentManager1", member, signature, *body)

    def _on_question(self, message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL or message.path != "/agent":
            return None
        self.asked.append(message.member or "")
        if self.answers is None:
            return Message.new_error(message, "org.bluez.Error.Rejected", "no")
        if message.member == "RequestPasskey":
            return Message.new_method_return(message, "u", [self.answers])
        return Message.new_method_return(message)


@pytest.fixture
def lamp(bluez: FakeBlueZ) -> FakePeripheral:
    found = bluez.peripherals[hub.HUB] = hub.hub()
    return found


@pytest.fixture
async def central(private_bus: PrivateBus, bluez: FakeBlueZ, lamp: FakePeripheral) -> Any:
    """It has a link."""
    async with Central(private_bus.address) as client:
        await client.start_discovery()
        bluez.advertise(hub.HUB)
        await client.device("Connect", DEVICE)
        yield client


async def refusal(operation: Any) -> str:
    """The name of the error, without what all have in common."""
    with pytest.raises(CallError) as failure:
        await operation
    return failure.value.name.removeprefix("org.bluez.Error.")


async def state(client: BusClient) -> tuple[bool, bool]:
    """Paired, connected."""
    told = (await client.tree())[DEVICE]["org.bluez.Device1"]
    assert told["Paired"] == told["Bonded"]
    return told["Paired"], told["Connected"]


async def test_just_works_asks_nobody_and_needs_no_agent(central: Central) -> None:
    await central.device("Pair", DEVICE)
    assert await state(central) == (True, True)
    assert central.asked == []


async def test_paired_is_told_before_the_answer(central: Central) -> None:
    await central.take_signals()
    await central.device("Pair", DEVICE)
    assert ["org.bluez.Device1", {"Paired": True, "Bonded": True}, []] in [
        each.body for each in central.signals
    ]


async def test_the_agent_of_the_caller_is_asked_for_the_passkey(
    central: Central, lamp: FakePeripheral
) -> None:
    lamp.passkey = PASSKEY
    await central.register(KEYBOARD)
    await central.device("Pair", DEVICE)
    assert await state(central) == (True, True)
    assert central.asked == ["RequestPasskey"]


async def test_after_a_wrong_passkey_the_link_ends(central: Central, lamp: FakePeripheral) -> None:
    lamp.passkey = PASSKEY + 1
    await central.register(KEYBOARD)
    assert await refusal(central.device("Pair", DEVICE)) == "AuthenticationFailed"
    assert lamp.connected
    await until(lambda: not lamp.connected)
    assert await state(central) == (False, False)


async def test_after_a_refusal_of_the_agent_the_link_stays(central: Central, lamp: FakePeripheral) -> None:
    lamp.passkey = PASSKEY
    central.answers = None
    await central.register(KEYBOARD)
    assert await refusal(central.device("Pair", DEVICE)) == "AuthenticationFailed"
    assert await state(central) == (False, True)


@pytest.mark.parametrize("registered", [False, True])
async def test_without_an_agent_that_can_type_there_is_no_passkey(
    central: Central, lamp: FakePeripheral, registered: bool
) -> None:
    lamp.passkey = PASSKEY
    if registered:
        await central.register(NONE)
    assert await refusal(central.device("Pair", DEVICE)) == "AuthenticationFailed"
    assert central.asked == []


async def test_one_pairing_of_a_device_at_a_time(central: Central, lamp: FakePeripheral) -> None:
    lamp.pairing_s = None
    pairing = asyncio.create_task(central.device("Pair", DEVICE))
    async with Central(central.address) as other:
        await central.tree()
        assert await refusal(other.device("Pair", DEVICE)) == "InProgress"
    await central.device("CancelPairing", DEVICE)
    assert await refusal(pairing) == "AuthenticationCanceled"
    assert await refusal(central.device("CancelPairing", DEVICE)) == "DoesNotExist"


async def test_an_agent_that_was_asked_is_told_that_it_is_over(
    central: Central, lamp: FakePeripheral, bluez: FakeBlueZ
) -> None:
    lamp.passkey = PASSKEY
    async with Silent(central.address) as silent:
        await silent.register(KEYBOARD)
        pairing = asyncio.create_task(silent.device("Pair", DEVICE))
        await until(lambda: silent.asked)
        await silent.device("CancelPairing", DEVICE)
        assert await refusal(pairing) == "AuthenticationCanceled"
        await until(lambda: silent.asked == ["RequestPasskey", "Cancel"])


class Silent(Central):
    """Its agent does not answer."""

    def _on_question(self, message: Message) -> Any:
        answer = super()._on_question(message)
        return answer is not None


async def test_a_pairing_ends_with_the_link(central: Central, lamp: FakePeripheral, bluez: FakeBlueZ) -> None:
    lamp.pairing_s = None
    pairing = asyncio.create_task(central.device("Pair", DEVICE))
    await central.tree()
    bluez.drop(hub.HUB)
    assert await refusal(pairing) == "AuthenticationCanceled"


async def test_a_pairing_and_an_agent_end_with_their_owner(
    central: Central, lamp: FakePeripheral, bluez: FakeBlueZ
) -> None:
    lamp.pairing_s = None
    async with Central(central.address) as other:
        await other.register(KEYBOARD)
        pairing = asyncio.create_task(other.device("Pair", DEVICE))
        await other.tree()
        pairing.cancel()
    await until(lambda: bluez.agents.registered == [])
    assert await refusal(central.device("CancelPairing", DEVICE)) == "DoesNotExist"
    lamp.pairing_s = 0.001
    await central.device("Pair", DEVICE)


async def test_one_agent_for_each_client(central: Central) -> None:
    await central.register(KEYBOARD)
    assert await refusal(central.register(NONE, "/other")) == "AlreadyExists"
    assert await refusal(central.manager("UnregisterAgent", "o", "/other")) == "DoesNotExist"
    await central.manager("UnregisterAgent", "o", "/agent")
    assert await refusal(central.manager("UnregisterAgent", "o", "/agent")) == "DoesNotExist"
    assert await refusal(central.register("Telepathy")) == "InvalidArguments"


async def test_a_bond_outlives_the_link_and_is_removed_with_the_device(
    central: Central, lamp: FakePeripheral
) -> None:
    await central.device("Pair", DEVICE)
    await central.device("Disconnect", DEVICE)
    assert await state(central) == (True, False)
    await central.device("Connect", DEVICE)
    assert lamp.encrypted
    await central.adapter("RemoveDevice", "o", DEVICE)
    assert not lamp.connected
    assert not lamp.paired
    assert DEVICE not in await central.tree()


async def test_a_device_without_a_link_to_pair_over_is_refused(
    central: Central, lamp: FakePeripheral
) -> None:
    await central.device("Disconnect", DEVICE)
    assert await refusal(central.device("Pair", DEVICE)) == "Failed"
