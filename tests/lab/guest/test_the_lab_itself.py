"""What other tests take for granted about the lab."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from bluez import ADAPTER, Bluez, BluezError
from mgmt import Found, MgmtSocket
from world import ADAPTER_ADDRESS, WorldError, bluetoothd, until, world

SENDER = "D1:22:33:44:55:66"
PAYLOAD = "02010605ff11223344"
SILENCE_S = 0.6  # six intervals of an advertiser: long enough to be sure that it is silent


def comes_from(address: str) -> Callable[[Found], bool]:
    return lambda found: found.address.startswith(address)


async def has_adapters(bluez: Bluez, *names: str) -> bool:
    return sorted((await bluez.adapters()).values()) == list(names)


async def is_powered(bluez: Bluez, on: bool) -> bool:
    return await bluez.get("/org/bluez/hci0", ADAPTER, "Powered") is on


# -- the adapter


async def test_the_adapter_is_on_d_bus_and_powered(bluez: Bluez) -> None:
    assert await bluez.adapters() == {ADAPTER_ADDRESS: "hci0"}
    assert await bluez.get("/org/bluez/hci0", ADAPTER, "Powered") is True


async def test_a_second_adapter_can_be_plugged_in(bluez: Bluez) -> None:
    await world("plug 1")

    await until(lambda: has_adapters(bluez, "hci0", "hci1"))


async def test_the_radio_switch_blocks_the_adapter(bluez: Bluez) -> None:
    switch = next(Path("/sys/class/rfkill").iterdir()) / "soft"
    switch.write_text("1")
    try:
        await until(lambda: is_powered(bluez, False))
    finally:
        switch.write_text("0")


# -- advertisements


@pytest.mark.usefixtures("discovery")
@pytest.mark.parametrize(
    ("address", "kind", "number"), [(SENDER, "random", 2), ("5C:22:33:44:55:66", "public", 1)]
)
async def test_a_payload_arrives_byte_for_byte(
    mgmt: MgmtSocket, address: str, kind: str, number: int
) -> None:
    await world(f"advertise {address} {kind} {PAYLOAD}")

    found = await mgmt.wait_for(comes_from(address))

    assert found == (address, number, -60, bytes.fromhex(PAYLOAD), False)


@pytest.mark.usefixtures("discovery")
async def test_a_scan_response_follows_the_advertisement(mgmt: MgmtSocket) -> None:
    response = "0409414243"
    await world(f"advertise {SENDER} random {PAYLOAD} {response}")

    found = await mgmt.wait_for(comes_from(SENDER))

    assert found.data.hex() == PAYLOAD + response


@pytest.mark.usefixtures("unfiltered_discovery")
async def test_a_silenced_advertiser_is_gone(mgmt: MgmtSocket) -> None:
    await world(f"advertise {SENDER} random {PAYLOAD}")
    await mgmt.wait_for(comes_from(SENDER))

    await world(f"silence {SENDER}")
    await asyncio.sleep(0.1)

    assert await mgmt.count(comes_from(SENDER), SILENCE_S) == 0


@pytest.mark.usefixtures("discovery")
async def test_the_rssi_is_that_of_the_command(mgmt: MgmtSocket) -> None:
    await world("rssi -87")
    await world(f"advertise {SENDER} random {PAYLOAD}")

    assert (await mgmt.wait_for(comes_from(SENDER))).rssi == -87


@pytest.mark.usefixtures("discovery")
async def test_noise_has_a_new_payload_each_time_and_none_is_lost(mgmt: MgmtSocket) -> None:
    await world("hub off")
    before = await world("stats")
    await world("noise 200 5")
    await asyncio.sleep(1)
    await world("noise 0 0")
    after = await world("stats")
    await asyncio.sleep(0.3)

    noise = [found for found in mgmt.found if found.address.startswith("C0:FF:EE")]
    sent = after["sent"] - before["sent"]
    assert 150 < sent < 250
    assert len(noise) == len({found.data for found in noise}) == sent
    assert len({found.address for found in noise}) == 5
    assert after["audible"] - before["audible"] == sent
    assert after["adapters"][0]["reported"] - before["adapters"][0]["reported"] == sent


# -- the controller's duplicate filter


@pytest.mark.usefixtures("discovery")
async def test_in_plain_discovery_a_repeat_is_dropped(mgmt: MgmtSocket) -> None:
    await world("repeat 100 5")
    await asyncio.sleep(2)

    assert len([found for found in mgmt.found if found.address.startswith("DE:CA:FE")]) == 5
    assert (await world("stats"))["adapters"][0]["filter_duplicates"] is True


@pytest.mark.usefixtures("unfiltered_discovery")
async def test_with_a_monitor_every_repeat_arrives(mgmt: MgmtSocket) -> None:
    await world("repeat 100 5")

    assert await mgmt.count(comes_from("DE:CA:FE"), 2) == pytest.approx(200, abs=20)


async def test_a_monitor_alone_listens_passively(mgmt: MgmtSocket) -> None:
    await mgmt.add_monitor()
    await world(f"advertise {SENDER} random {PAYLOAD} 0409414243")

    found = await mgmt.wait_for(comes_from(SENDER))

    assert (found.data.hex(), found.by_monitor) == (PAYLOAD, True)
    assert (await world("stats"))["adapters"][0]["active"] is False


# -- faults of the adapter


async def test_a_hung_adapter_does_not_start_a_discovery(bluez: Bluez) -> None:
    await world("hang 0 1")

    with pytest.raises(BluezError, match="InProgress"):
        await bluez.start_discovery()


@pytest.mark.usefixtures("discovery")
async def test_a_mute_adapter_looks_healthy_and_hears_nothing(bluez: Bluez, mgmt: MgmtSocket) -> None:
    await world("noise 50 5")
    await mgmt.wait_for(comes_from("C0:FF:EE"))

    await world("mute 0 1")
    await asyncio.sleep(0.1)
    before = await world("stats")

    assert await mgmt.count(comes_from(""), SILENCE_S) == 0
    after = await world("stats")
    assert after["sent"] > before["sent"]
    assert after["audible"] == before["audible"]
    assert await bluez.get("/org/bluez/hci0", ADAPTER, "Discovering") is True

    mgmt.found.clear()
    await world("mute 0 0")
    await mgmt.wait_for(comes_from("C0:FF:EE"))


async def test_an_unplugged_adapter_comes_back(bluez: Bluez) -> None:
    await world("unplug 0")
    await until(lambda: has_adapters(bluez))
    with pytest.raises(WorldError, match="unplugged"):
        await world("mute 0 1")

    await world("plug 0")

    await until(lambda: has_adapters(bluez, "hci0"))
    await until(lambda: is_powered(bluez, True))


async def test_a_moved_adapter_keeps_its_address_under_another_name(bluez: Bluez) -> None:
    await world("move 0")

    await until(lambda: has_adapters(bluez, "hci1"))
    assert await bluez.adapters() == {ADAPTER_ADDRESS: "hci1"}


# -- bluetoothd


async def test_bluetoothd_stops_and_starts(bluez: Bluez) -> None:
    await bluetoothd("stop")
    assert await bluez.objects() == {}

    await bluetoothd("start")

    await until(lambda: has_adapters(bluez, "hci0"))


@pytest.mark.usefixtures("discovery")
async def test_after_a_crash_of_bluetoothd_the_kernel_goes_on(mgmt: MgmtSocket, bluez: Bluez) -> None:
    await world("noise 50 5")
    await mgmt.wait_for(comes_from("C0:FF:EE"))

    await bluetoothd("crash")

    assert await bluez.objects() == {}
    mgmt.found.clear()
    await mgmt.wait_for(comes_from("C0:FF:EE"))


# -- the control socket


async def test_ping_and_errors() -> None:
    assert await world("ping") == "pong"
    for wrong in ("nonsense", "noise", "rssi 100", "silence 00:00:00:00:00:00", "hang 7 1", "hang 0 2"):
        with pytest.raises(WorldError):
            await world(wrong)
    with pytest.raises(WorldError, match="31 octets"):
        await world(f"advertise {SENDER} random {'00' * 32}")
