"""The radio on the real BlueZ: the rules of the port, and what is in the air byte for byte."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bluez import ADAPTER, Bluez
from conformance.radio import RadioConformance
from ears import Ears, listening, noted_monitor
from mgmt import MgmtSocket
from world import world

from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import AddressType, parse_address
from renogybt.model.radio import Intake, ScanMode
from renogybt.protocols.advertising.summary import describe

MGMT, DBUS = AdvertisementSource.MGMT, AdvertisementSource.DBUS
SENDER = "D1:22:33:44:55:66"


async def is_discovering(bluez: Bluez) -> bool:
    return bool(await bluez.get("/org/bluez/hci0", ADAPTER, "Discovering"))


class TestConformanceByMgmt(RadioConformance):
    @pytest.fixture
    async def radio_under_test(self, initial_state: None) -> AsyncIterator[Ears]:
        await world("noise 50 10")
        async with listening(MGMT) as ears:
            yield ears


class TestConformanceByDbus(RadioConformance):
    can_be_passive = False

    @pytest.fixture
    async def radio_under_test(self, initial_state: None) -> AsyncIterator[Ears]:
        await world("noise 50 10")
        async with listening(DBUS) as ears:
            yield ears


async def test_auto_takes_the_management_socket_where_it_may() -> None:
    async with listening(AdvertisementSource.AUTO) as ears:
        await ears.running()

        assert ears.radio.status.intake is Intake.MGMT


@pytest.mark.parametrize(
    ("sender", "kind"), [(SENDER, AddressType.RANDOM), ("5C:22:33:44:55:66", AddressType.PUBLIC)]
)
async def test_the_management_socket_delivers_data_byte_for_byte(sender: str, kind: AddressType) -> None:
    data = "0201060aff4c0010050b1c5a7f3e" + "03039ffe" + "02ffaa"  # an unusual order and a stub
    await world(f"advertise {sender} {kind.name.lower()} {data}")
    await world("rssi -87")
    async with listening(MGMT) as ears:
        await ears.hears(sender)

    assert ears.data_of(sender) == {bytes.fromhex(data)}
    heard = [found for found in ears.heard if found.address == parse_address(sender)]
    assert {found.address_type for found in heard} == {kind}
    assert {found.rssi for found in heard} == {-87}


async def test_d_bus_delivers_the_same_content_without_inventions() -> None:
    data = "0201060303d2fc0716d2fc4002c4090809" + b"Kitchen".hex()
    await world(f"advertise {SENDER} random {data}")
    async with listening(DBUS) as ears:
        await ears.hears(SENDER)

    truth, (rebuilt,) = describe(bytes.fromhex(data)), ears.data_of(SENDER)
    told = describe(rebuilt)
    assert told.name == truth.name == "Kitchen"
    assert told.service_data == truth.service_data
    assert told.service_uuids == truth.service_uuids
    assert told.manufacturer == truth.manufacturer == ()
    assert told.flags in (None, truth.flags)  # only an experimental BlueZ tells them
    assert {found.address_type for found in ears.heard if found.data == rebuilt} == {AddressType.RANDOM}


async def test_d_bus_gives_a_nameless_device_no_name() -> None:
    stranger = "D1:22:33:44:55:99"  # BlueZ remembers the names of those who once told it
    await world(f"advertise {stranger} random 02010605ff11223344")
    async with listening(DBUS) as ears:
        await ears.hears(stranger)

    (rebuilt,) = ears.data_of(stranger)
    assert describe(rebuilt).name is None
    assert describe(rebuilt).manufacturer == ((0x2211, b"\x33\x44"),)


async def test_with_a_monitor_every_repeat_arrives() -> None:
    async with listening(MGMT) as ears:
        await ears.running()
        await world("repeat 500 50")
        before = (await world("stats"))["sent"]
        start = len(ears.heard)
        await ears.until(lambda: len(ears.heard) - start >= 1_500, 10)
        await world("repeat 0 0")
        sent = (await world("stats"))["sent"] - before
        await ears.until(lambda: len(ears.heard) - start >= 0.99 * sent, 2)


@pytest.mark.parametrize("source", [MGMT, DBUS])
async def test_active_is_a_discovery_and_ends_with_the_radio(
    source: AdvertisementSource, bluez: Bluez
) -> None:
    async with listening(source) as ears:
        await ears.running(ScanMode.ACTIVE)
        assert await is_discovering(bluez)

    assert not await is_discovering(bluez)


async def test_passive_is_a_monitor_without_discovery(bluez: Bluez, mgmt: MgmtSocket) -> None:
    await world("noise 50 10")
    async with listening(MGMT) as ears:
        await ears.running()
        ears.radio.set_mode(ScanMode.PASSIVE)
        await ears.running(ScanMode.PASSIVE)
        assert not await is_discovering(bluez)
        start = len(ears.heard)
        await ears.until(lambda: len(ears.heard) >= start + 50)

        ears.radio.set_mode(ScanMode.ACTIVE)
        await ears.running(ScanMode.ACTIVE)
        assert await is_discovering(bluez)

    assert await mgmt.monitors() == []


async def test_only_an_active_scan_hears_the_scan_response() -> None:
    response = "0809" + b"Kitchen".hex()
    await world(f"advertise {SENDER} random 020106 {response}")
    async with listening(MGMT) as ears:
        ears.radio.set_mode(ScanMode.PASSIVE)
        await ears.running(ScanMode.PASSIVE)
        await ears.hears(SENDER)
        assert {describe(data).name for data in ears.data_of(SENDER)} == {None}

        ears.radio.set_mode(ScanMode.ACTIVE)
        await ears.running(ScanMode.ACTIVE)
        await ears.until(lambda: any(describe(data).name == "Kitchen" for data in ears.data_of(SENDER)), 15)


async def test_a_monitor_that_a_crash_left_is_used_on(tmp_path: Path, mgmt: MgmtSocket) -> None:
    lock = tmp_path / "lock"
    left = await mgmt.add_monitor()
    lock.write_text(f"1 {left}\n")
    lock.chmod(0o644)
    async with listening(MGMT, lock) as ears:
        await ears.running()
        assert await mgmt.monitors() == [left]
        assert noted_monitor(lock) == left

    assert await mgmt.monitors() == []


async def test_a_second_process_listens_and_takes_over() -> None:
    await world("noise 50 10")
    async with listening(MGMT) as second:
        async with listening(MGMT) as first:
            await first.running()
        # the block's end frees the lock: whoever was waiting scans on
        await second.running(ScanMode.ACTIVE, 5)
        start = len(second.heard)
        await second.until(lambda: len(second.heard) > start + 20, 5)
