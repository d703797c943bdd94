"""Who may start and stop discovery, and what ends it."""

import pytest
from dbus_fast import MessageType, Variant
from fakes.bluez import FakeBlueZ
from fakes.bluez_errors import CallError
from fakes.bluez_filter import DiscoveryFilter
from fakes.bus_client import BusClient, until

LE = {"Transport": Variant("s", "le"), "DuplicateData": Variant("b", True)}


async def test_starting_twice_on_one_connection_is_in_progress(client: BusClient) -> None:
    await client.start_discovery()
    with pytest.raises(CallError, match=r"org\.bluez\.Error\.InProgress"):
        await client.start_discovery()


async def test_a_second_connection_may_start_too(
    bluez: FakeBlueZ, client: BusClient, second_client: BusClient
) -> None:
    await client.start_discovery()
    await second_client.start_discovery()
    assert list(bluez.owners()) == [client.name, second_client.name]


async def test_discovery_belongs_to_an_adapter_too(bluez: FakeBlueZ, client: BusClient) -> None:
    bluez.add_adapter("hci1", "00:1A:7D:DA:71:14")
    await until(lambda: bluez.adapters["hci1"].powered)
    await client.start_discovery()
    await client.adapter("StartDiscovery", path="/org/bluez/hci1")
    assert list(bluez.owners("hci0")) == list(bluez.owners("hci1")) == [client.name]


async def test_stopping_without_having_started_fails(client: BusClient, second_client: BusClient) -> None:
    await client.start_discovery()
    with pytest.raises(CallError, match=r"org\.bluez\.Error\.Failed: No discovery started"):
        await second_client.adapter("StopDiscovery")


async def test_discovering_is_true_while_anybody_discovers(
    client: BusClient, second_client: BusClient
) -> None:
    await client.start_discovery()
    await second_client.start_discovery()
    await client.adapter("StopDiscovery")
    assert await client.get("Discovering") is True
    await second_client.adapter("StopDiscovery")
    assert await client.get("Discovering") is False
    signals = await client.take_signals()
    assert [signal.body[1] for signal in signals] == [{"Discovering": True}, {"Discovering": False}]


async def test_the_reply_to_start_comes_before_the_signal(client: BusClient) -> None:
    arrived: list[MessageType] = []
    client.bus.add_message_handler(lambda message: arrived.append(message.message_type))
    await client.adapter("StartDiscovery")
    await until(lambda: MessageType.SIGNAL in arrived)
    assert arrived == [MessageType.METHOD_RETURN, MessageType.SIGNAL]


async def test_without_power_every_discovery_call_is_not_ready(bluez: FakeBlueZ, client: BusClient) -> None:
    bluez.power("hci0", False)
    for member in ("StartDiscovery", "StopDiscovery"):
        with pytest.raises(CallError, match=r"org\.bluez\.Error\.NotReady"):
            await client.adapter(member)
    with pytest.raises(CallError, match=r"org\.bluez\.Error\.NotReady"):
        await client.adapter("SetDiscoveryFilter", "a{sv}", LE)


async def test_a_filter_survives_stop(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery(**LE)
    await client.adapter("StopDiscovery")
    await client.adapter("StartDiscovery")
    assert bluez.owners() == {client.name: DiscoveryFilter(transport="le", duplicate_data=True)}


async def test_a_filter_goes_with_its_connection(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.adapter("SetDiscoveryFilter", "a{sv}", LE)
    assert list(bluez.filters()) == [client.name]
    await client.close()
    await until(lambda: not bluez.filters())


async def test_an_empty_filter_removes_the_filter(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery(**LE)
    await client.adapter("SetDiscoveryFilter", "a{sv}", {})
    assert bluez.owners() == {client.name: None}


@pytest.mark.parametrize(
    "arguments",
    [
        {"Colour": Variant("s", "red")},
        {"Transport": Variant("s", "pigeon")},
        {"Transport": Variant("b", True)},
        {"RSSI": Variant("n", 21)},
        {"Pathloss": Variant("n", 20)},
        {"RSSI": Variant("n", -80), "Pathloss": Variant("q", 20)},
        {"UUIDs": Variant("as", ["not one"])},
    ],
)
async def test_a_bad_filter_is_refused(
    bluez: FakeBlueZ, client: BusClient, arguments: dict[str, Variant]
) -> None:
    with pytest.raises(CallError, match=r"org\.bluez\.Error\.InvalidArguments"):
        await client.adapter("SetDiscoveryFilter", "a{sv}", arguments)
    assert bluez.filters() == {}


async def test_all_known_filter_keys_are_accepted(bluez: FakeBlueZ, client: BusClient) -> None:
    (keys,) = await client.adapter("GetDiscoveryFilters")
    assert set(keys) >= {"UUIDs", "RSSI", "Pathloss", "Transport", "DuplicateData"}
    arguments = {"UUIDs": Variant("as", ["ffd0"]), "RSSI": Variant("n", -90), "Pattern": Variant("s", "BT")}
    await client.adapter("SetDiscoveryFilter", "a{sv}", arguments)
    stored = bluez.filters()[client.name]
    assert stored.uuids == ("0000ffd0-0000-1000-8000-00805f9b34fb",)
    assert stored.rssi == -90


async def test_discovery_ends_when_the_connection_of_its_owner_closes(
    bluez: FakeBlueZ, client: BusClient, second_client: BusClient
) -> None:
    await second_client.start_discovery()
    await second_client.close()
    await until(lambda: not bluez.owners())
    signals = await client.take_signals()
    assert signals[-1].body == ["org.bluez.Adapter1", {"Discovering": False}, []]


async def test_power_off_deletes_all_discovery_in_one_signal(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery(**LE)
    await client.take_signals()
    await client.set("Powered", Variant("b", False))
    (signal,) = await client.take_signals()
    assert signal.body == ["org.bluez.Adapter1", {"Powered": False, "Discovering": False}, []]
    assert bluez.owners() == {}


async def test_power_on_brings_no_discovery_back(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery()
    await client.set("Powered", Variant("b", False))
    await client.set("Powered", Variant("b", True))
    assert await client.get("Discovering") is False
    with pytest.raises(CallError, match="No discovery started"):
        await client.adapter("StopDiscovery")
    await client.start_discovery()


async def test_power_off_deletes_the_filters_too(bluez: FakeBlueZ, client: BusClient) -> None:
    await client.start_discovery(**LE)
    await client.set("Powered", Variant("b", False))
    await client.set("Powered", Variant("b", True))
    await client.start_discovery()
    assert bluez.owners() == {client.name: None}


async def test_power_may_come_after_the_reply(bluez: FakeBlueZ, client: BusClient) -> None:
    bluez.adapters["hci0"].power_settle_s = 0.3
    bluez.power("hci0", False)
    await client.set("Powered", Variant("b", True))
    assert await client.get("Powered") is False
    await until(lambda: bluez.adapters["hci0"].powered)


async def test_the_same_power_again_is_no_change(client: BusClient) -> None:
    await client.set("Powered", Variant("b", True))
    assert await client.take_signals() == []
