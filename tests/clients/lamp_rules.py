"""What holds for the lamp behind a proxy, wherever the proxy is and however it is reached."""

import struct
import time
from collections.abc import Awaitable, Callable

import pytest
from bleak import BleakError
from bleak.backends.characteristic import BleakGATTCharacteristic
from clients.connecting import LAMP, Integration, Notified, found
from clients.serving import until

from renogybt.model.gatt import BASE_UUID, Property
from renogybt.simulator.lamp import (
    BEGIN_TO_TICK,
    BRIGHTNESS,
    CCCD,
    CHANNEL_SERVICE,
    COMMAND,
    DEVICE_SERVICE,
    EVENT,
    FORMAT,
    INDICATE_NOW,
    LAMP_SERVICE,
    LEVEL,
    MANUFACTURER,
    SCHEDULE,
    SECRET,
    SENSING_SERVICE,
    SERVICES,
    STOP_TICKING,
    TEMPERATURE,
    TICK,
    USER_DESCRIPTION,
    Lamp,
)

SERVICES_REQUEST = "BluetoothGATTGetServicesRequest"
GENERIC_ACCESS = BASE_UUID.format(0x1800)
"""BlueZ keeps it to itself."""
PROPERTIES = {
    "read": Property.READ,
    "write": Property.WRITE,
    "write-without-response": Property.WRITE_WITHOUT_RESPONSE,
    "notify": Property.NOTIFY,
    "indicate": Property.INDICATE,
}


async def all_its_services_are_there(lamp: Integration) -> None:
    async with lamp.link() as client:
        seen = [
            (
                service.uuid,
                [
                    (each.uuid, _properties(each), [descriptor.uuid for descriptor in each.descriptors])
                    for each in service.characteristics
                ],
            )
            for service in client.services
            if service.uuid != GENERIC_ACCESS
        ]

    assert seen == [
        (
            service.uuid,
            [
                (each.uuid, each.properties, [descriptor.uuid for descriptor in each.descriptors])
                for each in service.characteristics
            ],
        )
        for service in SERVICES
        if service.uuid != GENERIC_ACCESS
    ]


def _properties(characteristic: BleakGATTCharacteristic) -> Property:
    properties = Property(0)
    for each in characteristic.properties:
        properties |= PROPERTIES[each]
    return properties


async def two_services_of_the_same_kind_are_two(lamp: Integration) -> None:
    async with lamp.link() as client:
        first, second = (found(client, CHANNEL_SERVICE, LEVEL, nth) for nth in (0, 1))
        await client.write_gatt_char(first, b"\x11", response=True)
        await client.write_gatt_char(second, b"\x22", response=True)

        assert bytes(await client.read_gatt_char(first)) == b"\x11"
        assert bytes(await client.read_gatt_char(second)) == b"\x22"


async def values_are_read(lamp: Integration) -> None:
    async with lamp.link() as client:
        temperature = await client.read_gatt_char(found(client, SENSING_SERVICE, TEMPERATURE))
        manufacturer = await client.read_gatt_char(found(client, DEVICE_SERVICE, MANUFACTURER))

    assert struct.unpack("<h", temperature) == (2150,)
    assert bytes(manufacturer) == b"renogybt"


async def what_was_written_is_read_back(lamp: Integration) -> None:
    async with lamp.link() as client:
        brightness = found(client, LAMP_SERVICE, BRIGHTNESS)
        for percent in (b"\x37", b"\x00", b"\x64"):
            await client.write_gatt_char(brightness, percent, response=True)
            assert bytes(await client.read_gatt_char(brightness)) == percent


async def two_hundred_octets_go_both_ways(lamp: Integration) -> None:
    async with lamp.link() as client:
        schedule = found(client, LAMP_SERVICE, SCHEDULE)
        assert bytes(await client.read_gatt_char(schedule)) == bytes(range(200))
        await client.write_gatt_char(schedule, bytes(reversed(range(200))), response=True)
        assert bytes(await client.read_gatt_char(schedule)) == bytes(reversed(range(200)))
        assert client.mtu_size == Lamp.mtu


async def a_write_without_response_arrives(lamp: Integration) -> None:
    async with lamp.link() as client:
        brightness = found(client, LAMP_SERVICE, BRIGHTNESS)
        await client.write_gatt_char(brightness, b"\x21", response=True)
        async with Notified(client, found(client, LAMP_SERVICE, EVENT)) as events:
            await client.write_gatt_char(found(client, LAMP_SERVICE, COMMAND), INDICATE_NOW, response=False)
            assert await events.next() == b"\x21"


async def indications_come_after_each_write(lamp: Integration) -> None:
    async with lamp.link() as client:
        brightness = found(client, LAMP_SERVICE, BRIGHTNESS)
        async with Notified(client, found(client, LAMP_SERVICE, EVENT)) as events:
            for percent in (b"\x01", b"\x02", b"\x03"):
                await client.write_gatt_char(brightness, percent, response=True)
                assert await events.next() == percent
        await client.write_gatt_char(brightness, b"\x04", response=True)
        await client.read_gatt_char(brightness)
        assert len(events.values) == 3  # nobody listens any more


async def notifications_come_in_order(lamp: Integration) -> None:
    async with lamp.link() as client:
        command = found(client, LAMP_SERVICE, COMMAND)
        async with Notified(client, found(client, LAMP_SERVICE, TICK)) as ticks:
            await client.write_gatt_char(command, BEGIN_TO_TICK, response=False)
            first = [await ticks.next() for _ in range(50)]
            await client.write_gatt_char(command, STOP_TICKING, response=False)

    assert first == [struct.pack("<I", number) for number in range(50)]


async def descriptors_are_read_and_written(lamp: Integration) -> None:
    async with lamp.link() as client:
        brightness = found(client, LAMP_SERVICE, BRIGHTNESS).get_descriptor(USER_DESCRIPTION)
        schedule = found(client, LAMP_SERVICE, SCHEDULE).get_descriptor(USER_DESCRIPTION)
        form = found(client, SENSING_SERVICE, TEMPERATURE).get_descriptor(FORMAT)
        assert brightness is not None
        assert schedule is not None
        assert form is not None
        assert bytes(await client.read_gatt_descriptor(brightness)) == b"Brightness in percent"
        assert bytes(await client.read_gatt_descriptor(form)) == bytes.fromhex("0efe2f27010000")
        await client.write_gatt_descriptor(schedule, b"When it is on")
        assert bytes(await client.read_gatt_descriptor(schedule)) == b"When it is on"


async def a_subscription_shows_in_its_descriptor(lamp: Integration) -> None:
    async with lamp.link() as client:
        for uuid, value in ((TICK, b"\x01\x00"), (EVENT, b"\x02\x00")):
            characteristic = found(client, LAMP_SERVICE, uuid)
            cccd = characteristic.get_descriptor(CCCD)
            assert cccd is not None
            assert bytes(await client.read_gatt_descriptor(cccd)) == b"\x00\x00"
            async with Notified(client, characteristic):
                assert bytes(await client.read_gatt_descriptor(cccd)) == value
            assert bytes(await client.read_gatt_descriptor(cccd)) == b"\x00\x00"


async def a_refusal_says_why_and_the_link_goes_on(lamp: Integration) -> None:
    async with lamp.link() as client:
        brightness = found(client, LAMP_SERVICE, BRIGHTNESS)
        nowhere = BleakGATTCharacteristic(
            None,
            0x00EE,
            BRIGHTNESS,
            ["read"],
            lambda: 20,
            client.services.services[brightness.service_handle],
        )
        with pytest.raises(BleakError, match=r"error=2 description=Read not permitted"):
            await client.read_gatt_char(found(client, LAMP_SERVICE, COMMAND))
        with pytest.raises(BleakError, match=r"handle=238 error=1 description=Invalid handle"):
            await client.read_gatt_char(nowhere)
        with pytest.raises(BleakError, match=r"error=3 description=Write not permitted"):
            await client.write_gatt_char(found(client, DEVICE_SERVICE, MANUFACTURER), b"me", response=True)
        with pytest.raises(BleakError, match=r"error=13 description=Invalid attribute length"):
            await client.write_gatt_char(brightness, b"\x01\x02", response=True)
        with pytest.raises(BleakError, match=r"error=128 description=Application error"):
            await client.write_gatt_char(brightness, b"\x65", response=True)

        assert len(await client.read_gatt_char(brightness)) == 1


async def the_secret_is_for_those_who_have_paired(lamp: Integration) -> None:
    async with lamp.link() as client:
        await client.pair()
        assert bytes(await client.read_gatt_char(found(client, LAMP_SERVICE, SECRET))) == b"open sesame"
    async with lamp.link() as client:  # the bond is still there
        assert bytes(await client.read_gatt_char(found(client, LAMP_SERVICE, SECRET))) == b"open sesame"
        lamp.gone.clear()
        await client.unpair()
        await lamp.ended()
        assert not client.is_connected


async def others_are_told_what_they_lack(lamp: Integration) -> None:
    async with lamp.link() as client:
        with pytest.raises(BleakError, match=r"error=5 description=Insufficient authentication"):
            await client.read_gatt_char(found(client, LAMP_SERVICE, SECRET))
        await client.pair()
        await client.read_gatt_char(found(client, LAMP_SERVICE, SECRET))
        lamp.gone.clear()
        await client.unpair()
        await lamp.ended()
    async with lamp.link() as client:
        with pytest.raises(BleakError, match=r"error=5 description=Insufficient authentication"):
            await client.read_gatt_char(found(client, LAMP_SERVICE, SECRET))


async def it_can_be_told_how_often_to_meet(lamp: Integration) -> None:
    async with lamp.link() as client:
        brightness = found(client, LAMP_SERVICE, BRIGHTNESS)
        for interval, at_least_s in ((80, 0.2), (160, 0.4)):  # a request and its response in 1.25 ms each
            await client.set_connection_params(interval, interval, 0, 600)
            began = time.monotonic()
            await client.read_gatt_char(brightness)
            assert at_least_s - 0.01 < time.monotonic() - began < at_least_s + 0.15


async def its_slot_is_taken_and_given_back(lamp: Integration) -> None:
    lamp.gone.clear()
    async with lamp.link() as client:
        assert client.is_connected
        limit, free, taken = lamp.slots()
        assert (free, taken) == (limit - 1, [LAMP])
        assert not lamp.gone.is_set()
        await client.disconnect()
        assert not client.is_connected
        assert lamp.gone.is_set()
    await until(lambda: lamp.slots()[0] == lamp.slots()[1], "the slot is free")
    assert lamp.slots()[2] == []


async def services_are_asked_for_once(lamp: Integration) -> None:
    async with lamp.link() as client:
        await client.clear_cache()
    with lamp.asked() as uncached:
        async with lamp.link():
            pass
    with lamp.asked() as cached:
        async with lamp.link() as client:
            schedule = found(client, LAMP_SERVICE, SCHEDULE)
            await client.read_gatt_char(schedule)
            async with Notified(client, found(client, LAMP_SERVICE, EVENT)) as events:
                command = found(client, LAMP_SERVICE, COMMAND)
                await client.write_gatt_char(command, INDICATE_NOW, response=False)
                await events.next()

    assert uncached == ["BluetoothDeviceRequest", SERVICES_REQUEST, "BluetoothDeviceRequest"]
    assert cached[:2] == ["BluetoothDeviceRequest", "BluetoothGATTReadRequest"]
    assert SERVICES_REQUEST not in cached


async def they_are_asked_for_again_when_the_cache_was_cleared(lamp: Integration) -> None:
    async with lamp.link() as client:
        assert await client.clear_cache() is True
    with lamp.asked() as names:
        async with lamp.link() as client:
            assert found(client, LAMP_SERVICE, BRIGHTNESS)

    assert names.count(SERVICES_REQUEST) == 1


Rule = Callable[[Integration], Awaitable[None]]
RULES: tuple[Rule, ...] = (
    all_its_services_are_there,
    two_services_of_the_same_kind_are_two,
    values_are_read,
    what_was_written_is_read_back,
    two_hundred_octets_go_both_ways,
    a_write_without_response_arrives,
    indications_come_after_each_write,
    notifications_come_in_order,
    descriptors_are_read_and_written,
    a_subscription_shows_in_its_descriptor,
    a_refusal_says_why_and_the_link_goes_on,
    its_slot_is_taken_and_given_back,
    services_are_asked_for_once,
    they_are_asked_for_again_when_the_cache_was_cleared,
    the_secret_is_for_those_who_have_paired,  # last: BlueZ hears nobody for some seconds afterwards
)
DEMO_RULES: tuple[Rule, ...] = (
    # BlueZ passes no refusal for want of a bond on, and the lab's links take no time
    others_are_told_what_they_lack,
    it_can_be_told_how_often_to_meet,
)
