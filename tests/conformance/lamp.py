"""The rules of `Radio` and of the port `GattLink`, for any radio that reaches the demo's lamp."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from typing import Protocol

import pytest
from conformance.radio import Record
from conformance.steps import LinkSteps, refused

from renogybt.model.gatt import (
    AttCode,
    AttError,
    Characteristic,
    ConnectError,
    Descriptor,
    GattError,
    GattLink,
    LinkEnd,
    LinkLostError,
    LinkParameters,
    NotHeardError,
    PairingError,
    Service,
)
from renogybt.model.radio import Radio
from renogybt.model.slots import Holder, NoSlotError, Slot
from renogybt.simulator import lamp as model

NO_HANDLE = 0xFFF0
OPTIONAL_SERVICES = {model.SERVICES[0].uuid, model.SERVICES[1].uuid}
"""1800 and 1801, which a host may keep to itself."""
PASSKEY, OTHER_PASSKEY = 123456, 654321
TICKS = 100
"""One second of them."""
COMMON_PARAMETERS = LinkParameters(min_interval=24, max_interval=40, latency=0, timeout=400)
"""30 to 50 ms, and 4 s."""


class LampUnderTest(Protocol):
    """A radio whose `run` is already a task, and the demo's lamp in its reach, as `simulator.lamp` has it.

    The lamp serves one central. Its values may be those that the last test has written.
    """

    radio: Radio
    address: int
    """Of the lamp."""
    second_address: int | None
    """Of another peripheral that accepts links, None where there is none."""

    async def drop(self) -> None:
        """The lamp ends the link, and advertises again."""

    async def vanish(self) -> None:
        """The lamp is switched off: a link breaks, and it is not heard any more."""

    async def reappear(self) -> None:
        """The lamp is switched on again."""

    async def set_passkey(self, passkey: int | None) -> None:
        """From now on the lamp pairs with these six digits only, or with everybody."""

    async def forget_bonds(self) -> None:
        """The lamp forgets with whom it was paired."""


class LampConformance(LinkSteps):
    """Derive a `Test...` class, with a fixture `lamp_under_test` that yields a `LampUnderTest`."""

    tells_strangers = True
    """Whether a stranger who wants the secret is answered at any time, with a refusal or after pairing.

    BlueZ 5.66 pairs by itself, and now and then is stuck then.
    """
    pairing_s = 45.0
    """For pairing, of which the port says 30 s."""

    # -- steps

    @contextlib.asynccontextmanager
    async def _link(self, lamp: LampUnderTest, slot: Slot | None = None) -> AsyncIterator[GattLink]:
        async with contextlib.AsyncExitStack() as stack:
            try:
                link = await stack.enter_async_context(self._connected(lamp.radio, lamp.address, slot))
            except NotHeardError:  # BlueZ hears nobody for some seconds after it has paired
                link = await stack.enter_async_context(self._connected(lamp.radio, lamp.address, slot))
            yield link

    async def _read(self, link: GattLink, handle: int) -> bytes:
        async with self._deadline(f"a reading of {handle:#06x}"):
            return await link.read(handle)

    async def _write(self, link: GattLink, handle: int, value: bytes, *, response: bool = True) -> None:
        async with self._deadline(f"a write to {handle:#06x}"):
            await link.write(handle, value, response=response)

    async def _written(self, link: GattLink, handle: int, value: bytes) -> None:
        """It can be written, and read again."""
        await self._write(link, handle, value)
        assert await self._read(link, handle) == value

    async def _listening(self, link: GattLink, handle: int) -> Record[bytes]:
        record = Record[bytes]()
        async with self._deadline(f"a subscription of {handle:#06x}"):
            await link.subscribe(handle, record)
        return record

    async def _unsubscribe(self, link: GattLink, handle: int) -> None:
        async with self._deadline(f"unsubscribing {handle:#06x}"):
            await link.unsubscribe(handle)

    async def _indicated_now(self, link: GattLink) -> None:
        """Wait until the lamp has indicated: what it has sent before that has come."""
        event = await self._listening(link, own(link, model.EVENT).handle)
        await self._write(link, own(link, model.COMMAND).handle, model.INDICATE_NOW, response=False)
        async with self._deadline("an indication"):
            await event.until(bool)

    async def _ended(self, link: GattLink) -> None:
        closed = Record[None]()
        link.on_close(lambda: closed(None))
        async with self._deadline("the news that the link is gone"):
            await closed.until(bool)

    async def _given_back(self, lamp: LampUnderTest) -> None:
        """The slot for the lamp, at latest when all of the link has been cleared away."""
        slots = lamp.radio.slots
        record = Record[None]()
        leave = slots.changes.add(record)
        async with self._deadline("a free slot"):
            await record.until(lambda _: slots.holder(lamp.address) is None)
        leave()

    async def _pair(self, link: GattLink, passkey: int | None = None) -> None:
        async with self._deadline("pairing", self.pairing_s):
            await link.pair(passkey)

    @contextlib.asynccontextmanager
    async def _strangers(self, lamp: LampUnderTest, passkey: int | None = None) -> AsyncIterator[None]:
        """The two have no bond, neither before nor afterwards."""
        await self._running(lamp.radio)
        await self._part(lamp, passkey)
        try:
            yield
        finally:
            await self._part(lamp, None)

    async def _part(self, lamp: LampUnderTest, passkey: int | None) -> None:
        async with self._deadline("the end of a bond"):
            await lamp.radio.unpair(lamp.address)
            await lamp.forget_bonds()
            await lamp.set_passkey(passkey)

    async def _trusted(self, link: GattLink) -> None:
        """The secret can be written and read."""
        await self._written(link, own(link, model.SECRET).handle, b"xyzzy")

    async def _guarded(self, link: GattLink) -> None:
        """Whoever wants the secret without a bond is told, or the host makes one by itself, as BlueZ does."""
        secret = own(link, model.SECRET).handle
        try:
            await self._read(link, secret)
        except AttError:
            with refused(AttCode.INSUFFICIENT_AUTHENTICATION):
                await self._read(link, secret)
            with refused(AttCode.INSUFFICIENT_AUTHENTICATION):
                await self._write(link, secret, b"plugh")
        else:
            await self._trusted(link)

    # -- services

    async def test_all_services_are_shown_in_order(self, lamp_under_test: LampUnderTest) -> None:
        async with self._link(lamp_under_test) as link:
            assert link.address == lamp_under_test.address
            assert 23 <= link.mtu <= 517
            shown = [shape(each) for each in link.services if each.uuid not in OPTIONAL_SERVICES]

        assert shown == [shape(each) for each in model.SERVICES if each.uuid not in OPTIONAL_SERVICES]

    async def test_handles_of_all_attributes_are_unique_and_in_order(
        self, lamp_under_test: LampUnderTest
    ) -> None:
        async with self._link(lamp_under_test) as link:
            found = [handle for each in link.services for handle in handles(each)]

        assert found == sorted(set(found))
        assert all(0 < handle < 0xFFFF for handle in found)

    async def test_the_same_attributes_have_the_same_handles_at_the_next_link(
        self, lamp_under_test: LampUnderTest
    ) -> None:
        async with self._link(lamp_under_test) as link:
            first = list(link.services)
        async with self._link(lamp_under_test) as link:
            assert list(link.services) == first

    async def test_services_of_the_same_uuid_are_two(self, lamp_under_test: LampUnderTest) -> None:
        async with self._link(lamp_under_test) as link:
            first, second = (
                characteristic(link, model.CHANNEL_SERVICE, model.LEVEL, number).handle for number in (0, 1)
            )
            await self._write(link, first, b"\x11")
            await self._write(link, second, b"\x22")

            assert await self._read(link, first) == b"\x11"
            assert await self._read(link, second) == b"\x22"

    # -- descriptors

    async def test_descriptors_are_read(self, lamp_under_test: LampUnderTest) -> None:
        async with self._link(lamp_under_test) as link:
            description = descriptor(own(link, model.BRIGHTNESS), model.USER_DESCRIPTION)
            form = descriptor(temperature(link), model.FORMAT)

            assert await self._read(link, description.handle) == b"Brightness in percent"
            assert (await self._read(link, form.handle)).hex() == "0efe2f27010000"

    async def test_a_descriptor_is_written_and_always_responds(self, lamp_under_test: LampUnderTest) -> None:
        async with self._link(lamp_under_test) as link:
            name = descriptor(own(link, model.SCHEDULE), model.USER_DESCRIPTION).handle
            await self._written(link, name, b"Weekdays")
            await self._write(link, name, b"Weekends", response=False)

            assert await self._read(link, name) == b"Weekends"
            with refused(AttCode.INVALID_LENGTH):
                await self._write(link, name, bytes(41))

    async def test_a_descriptor_that_is_only_read_is_not_written(
        self, lamp_under_test: LampUnderTest
    ) -> None:
        async with self._link(lamp_under_test) as link:
            description = descriptor(own(link, model.BRIGHTNESS), model.USER_DESCRIPTION)
            with refused(AttCode.WRITE_NOT_PERMITTED):
                await self._write(link, description.handle, b"Dimness")

    @pytest.mark.parametrize(("uuid", "value"), [(model.TICK, b"\1\0"), (model.EVENT, b"\2\0")])
    async def test_a_subscription_is_seen_in_the_configuration_and_not_made_there(
        self, lamp_under_test: LampUnderTest, uuid: str, value: bytes
    ) -> None:
        async with self._link(lamp_under_test) as link:
            handle = own(link, uuid).handle
            configuration = descriptor(own(link, uuid), model.CCCD).handle
            await self._listening(link, handle)

            assert await self._read(link, configuration) == value
            with refused(AttCode.WRITE_NOT_PERMITTED):
                await self._write(link, configuration, b"\0\0")
            await self._unsubscribe(link, handle)
            assert await self._read(link, configuration) == b"\0\0"

    # -- values

    async def test_a_value_is_read(self, lamp_under_test: LampUnderTest) -> None:
        async with self._link(lamp_under_test) as link:
            maker = characteristic(link, model.DEVICE_SERVICE, model.MANUFACTURER)

            assert await self._read(link, maker.handle) == b"renogybt"

    @pytest.mark.parametrize("count", [0, 1, 22, 23, 200])
    async def test_a_value_of_any_length_is_written_and_read_whole(
        self, lamp_under_test: LampUnderTest, count: int
    ) -> None:
        async with self._link(lamp_under_test) as link:
            await self._written(link, own(link, model.SCHEDULE).handle, bytes(range(count)))

    async def test_errors_of_the_peripheral_are_told_with_their_numbers(
        self, lamp_under_test: LampUnderTest
    ) -> None:
        async with self._link(lamp_under_test) as link:
            brightness = own(link, model.BRIGHTNESS).handle
            await self._write(link, brightness, b"\x14")
            with refused(model.OUT_OF_RANGE):
                await self._write(link, brightness, b"\x65")
            with refused(AttCode.INVALID_LENGTH):
                await self._write(link, brightness, b"\x10\x10")
            with refused(AttCode.INVALID_LENGTH):
                await self._write(link, own(link, model.SCHEDULE).handle, bytes(201))

            assert await self._read(link, brightness) == b"\x14"

    async def test_what_an_attribute_cannot_do_is_refused(self, lamp_under_test: LampUnderTest) -> None:
        async with self._link(lamp_under_test) as link:
            maker = characteristic(link, model.DEVICE_SERVICE, model.MANUFACTURER).handle
            for uuid in (model.COMMAND, model.EVENT, model.TICK):
                with refused(AttCode.READ_NOT_PERMITTED):
                    await self._read(link, own(link, uuid).handle)
            with refused(AttCode.WRITE_NOT_PERMITTED):
                await self._write(link, maker, b"somebody")
            with refused(AttCode.REQUEST_NOT_SUPPORTED):
                await self._listening(link, maker)

            assert await self._read(link, maker) == b"renogybt"

    async def test_a_handle_that_is_not_there_is_refused(self, lamp_under_test: LampUnderTest) -> None:
        async with self._link(lamp_under_test) as link:
            with refused(AttCode.INVALID_HANDLE):
                await self._read(link, NO_HANDLE)
            with refused(AttCode.INVALID_HANDLE):
                await self._write(link, NO_HANDLE, b"\0")
            with refused(AttCode.INVALID_HANDLE):
                await self._listening(link, NO_HANDLE)

    async def test_a_write_without_response_is_no_longer_than_a_packet(
        self, lamp_under_test: LampUnderTest
    ) -> None:
        async with self._link(lamp_under_test) as link:
            with pytest.raises(AttError):
                await self._write(link, own(link, model.COMMAND).handle, bytes(link.mtu - 2), response=False)

            assert link.open

    # -- notifications and indications

    async def test_what_is_written_is_indicated(self, lamp_under_test: LampUnderTest) -> None:
        async with self._link(lamp_under_test) as link:
            event = await self._listening(link, own(link, model.EVENT).handle)
            for percent in (10, 11, 11):
                await self._write(link, own(link, model.BRIGHTNESS).handle, bytes((percent,)))
            async with self._deadline("three indications"):
                await event.until(lambda told: len(told) >= 3)

        assert event.told == [b"\x0a", b"\x0b", b"\x0b"]

    async def test_a_write_without_response_is_heard_by_the_peripheral(
        self, lamp_under_test: LampUnderTest
    ) -> None:
        async with self._link(lamp_under_test) as link:
            await self._write(link, own(link, model.BRIGHTNESS).handle, b"\x37")
            event = await self._listening(link, own(link, model.EVENT).handle)
            await self._write(link, own(link, model.COMMAND).handle, model.INDICATE_NOW, response=False)
            async with self._deadline("an indication"):
                await event.until(bool)

        assert event.told == [b"\x37"]

    async def test_a_second_of_notifications_comes_in_order_and_without_a_gap(
        self, lamp_under_test: LampUnderTest
    ) -> None:
        async with self._link(lamp_under_test) as link:
            command = own(link, model.COMMAND).handle
            ticks = await self._listening(link, own(link, model.TICK).handle)
            await self._write(link, command, model.BEGIN_TO_TICK, response=False)
            async with self._deadline(f"{TICKS} notifications"):
                await ticks.until(lambda told: len(told) >= TICKS)
            await self._write(link, command, model.STOP_TICKING, response=False)

            assert [struct.unpack("<I", tick)[0] for tick in ticks.told[:TICKS]] == list(range(TICKS))

    async def test_a_subscription_ends_with_its_link(self, lamp_under_test: LampUnderTest) -> None:
        async with self._link(lamp_under_test) as link:
            ticks = await self._listening(link, own(link, model.TICK).handle)
            await self._write(link, own(link, model.COMMAND).handle, model.BEGIN_TO_TICK, response=False)
            async with self._deadline("a notification"):
                await ticks.until(bool)
        count = len(ticks.told)
        async with self._link(lamp_under_test) as link:
            await self._write(link, own(link, model.COMMAND).handle, model.BEGIN_TO_TICK, response=False)
            await self._indicated_now(link)
            await self._write(link, own(link, model.COMMAND).handle, model.STOP_TICKING, response=False)

        assert len(ticks.told) == count

    async def test_reading_what_is_subscribed_to_is_no_notification(
        self, lamp_under_test: LampUnderTest
    ) -> None:
        async with self._link(lamp_under_test) as link:
            told = await self._listening(link, temperature(link).handle)
            for _ in range(3):
                assert len(await self._read(link, temperature(link).handle)) == 2
            await self._indicated_now(link)

        assert told.told == []

    async def test_after_unsubscribing_nothing_more_is_told(self, lamp_under_test: LampUnderTest) -> None:
        async with self._link(lamp_under_test) as link:
            handle = own(link, model.EVENT).handle
            event = await self._listening(link, handle)
            await self._unsubscribe(link, handle)
            await self._unsubscribe(link, handle)
            await self._write(link, own(link, model.BRIGHTNESS).handle, b"\x01")
            await self._indicated_now(link)

        assert event.told == []

    # -- bonds

    async def test_a_secret_is_for_those_with_a_bond_and_nobody_waits_for_it_in_vain(
        self, lamp_under_test: LampUnderTest
    ) -> None:
        if not self.tells_strangers:
            pytest.skip("such a read may hang in this host")
        async with self._strangers(lamp_under_test), self._link(lamp_under_test) as link:
            await self._guarded(link)
            assert link.open
            await self._pair(link)
            await self._trusted(link)

    async def test_after_pairing_the_secret_is_read_and_written(self, lamp_under_test: LampUnderTest) -> None:
        async with self._strangers(lamp_under_test), self._link(lamp_under_test) as link:
            await self._pair(link)
            await self._trusted(link)

    async def test_pairing_again_changes_nothing(self, lamp_under_test: LampUnderTest) -> None:
        async with self._strangers(lamp_under_test), self._link(lamp_under_test) as link:
            await self._pair(link)
            await self._pair(link)
            await self._trusted(link)

    async def test_a_bond_lasts_longer_than_a_link(self, lamp_under_test: LampUnderTest) -> None:
        async with self._strangers(lamp_under_test):
            async with self._link(lamp_under_test) as link:
                await self._pair(link)
            async with self._link(lamp_under_test) as link:
                await self._trusted(link)
                await self._pair(link)

    async def test_unpairing_ends_the_bond_and_the_link(self, lamp_under_test: LampUnderTest) -> None:
        async with self._strangers(lamp_under_test):
            async with self._link(lamp_under_test) as link:
                await self._pair(link)
                async with self._deadline("the end of the bond"):
                    await lamp_under_test.radio.unpair(lamp_under_test.address)
                await self._ended(link)

                assert link.end is LinkEnd.OURSELVES
                with pytest.raises(LinkLostError):
                    await link.pair()
            await lamp_under_test.forget_bonds()
            async with self._link(lamp_under_test) as link:
                if self.tells_strangers:
                    await self._guarded(link)
                await self._pair(link)
                await self._trusted(link)

    async def test_where_there_is_no_bond_unpairing_is_no_error(self, lamp_under_test: LampUnderTest) -> None:
        async with self._strangers(lamp_under_test), self._deadline("two ends of nothing"):
            await lamp_under_test.radio.unpair(lamp_under_test.address)
            await lamp_under_test.radio.unpair(lamp_under_test.address)

    async def test_with_the_right_passkey_a_bond_is_made(self, lamp_under_test: LampUnderTest) -> None:
        async with self._strangers(lamp_under_test, PASSKEY), self._link(lamp_under_test) as link:
            await self._pair(link, PASSKEY)
            await self._trusted(link)

    @pytest.mark.parametrize("passkey", [OTHER_PASSKEY, None])
    async def test_with_another_passkey_or_none_no_bond_is_made(
        self, lamp_under_test: LampUnderTest, passkey: int | None
    ) -> None:
        async with self._strangers(lamp_under_test, PASSKEY):
            async with self._link(lamp_under_test) as link:
                with pytest.raises(PairingError):
                    await self._pair(link, passkey)
            async with self._link(lamp_under_test) as link:  # the first may have ended
                await self._pair(link, PASSKEY)
                await self._trusted(link)

    async def test_services_that_are_read_anew_are_the_same_and_the_bond_stays(
        self, lamp_under_test: LampUnderTest
    ) -> None:
        async with self._strangers(lamp_under_test):
            async with self._link(lamp_under_test) as link:
                await self._pair(link)
                first = list(link.services)
            async with self._deadline("services that are forgotten"):
                await lamp_under_test.radio.forget(lamp_under_test.address)
            async with self._link(lamp_under_test) as link:
                assert list(link.services) == first
                await self._trusted(link)

    # -- slots

    async def test_a_link_has_a_slot_as_long_as_it_lasts(self, lamp_under_test: LampUnderTest) -> None:
        slots, address = lamp_under_test.radio.slots, lamp_under_test.address
        free = slots.free
        async with self._link(lamp_under_test):
            assert slots.holder(address) is Holder.READER
            assert slots.free == free - 1

        await self._given_back(lamp_under_test)
        assert slots.free == free

    async def test_a_link_that_the_lamp_has_ended_has_no_slot(self, lamp_under_test: LampUnderTest) -> None:
        async with self._link(lamp_under_test) as link:
            await lamp_under_test.drop()
            await self._ended(link)
            assert link.end is LinkEnd.PERIPHERAL

        await self._given_back(lamp_under_test)

    @pytest.mark.parametrize("turns", [0, 1, 3, 10, 30])
    async def test_an_attempt_that_is_cancelled_leaves_no_slot_behind(
        self, lamp_under_test: LampUnderTest, turns: int
    ) -> None:
        async def linger() -> None:
            async with lamp_under_test.radio.connect(lamp_under_test.address):
                await asyncio.Event().wait()

        await self._running(lamp_under_test.radio)
        attempt = asyncio.create_task(linger())
        for _ in range(turns):
            await asyncio.sleep(0)
        attempt.cancel()
        async with self._deadline("the end of the attempt"):
            await asyncio.wait([attempt])

        assert attempt.cancelled()
        await self._given_back(lamp_under_test)
        async with self._link(lamp_under_test) as link:
            assert link.open

    async def test_an_attempt_that_fails_leaves_no_slot_behind(self, lamp_under_test: LampUnderTest) -> None:
        radio, address = lamp_under_test.radio, lamp_under_test.address
        await self._running(radio)
        await lamp_under_test.vanish()
        async with self._deadline("the end of a vain attempt", 2 * self.deadline_s):
            with pytest.raises(GattError):
                async with radio.connect(address):
                    pytest.fail("it is switched off")

        await self._given_back(lamp_under_test)
        await lamp_under_test.reappear()
        async with self._link(lamp_under_test) as link:
            assert link.open

    async def test_a_slot_of_the_caller_stays_his(self, lamp_under_test: LampUnderTest) -> None:
        slots, address = lamp_under_test.radio.slots, lamp_under_test.address
        slot = slots.reserve(address, Holder.CLIENT)
        for _ in range(2):
            async with self._link(lamp_under_test, slot):
                assert slots.holder(address) is Holder.CLIENT
            assert slots.holder(address) is Holder.CLIENT
        slot.release()

        assert slots.holder(address) is None

    async def test_what_a_client_has_no_reader_gets(self, lamp_under_test: LampUnderTest) -> None:
        await self._running(lamp_under_test.radio)
        slot = lamp_under_test.radio.slots.reserve(lamp_under_test.address, Holder.CLIENT)
        async with self._deadline("a refusal"):
            with pytest.raises(ConnectError):
                async with lamp_under_test.radio.connect(lamp_under_test.address):
                    pytest.fail("a client has it")
        slot.release()

    async def test_a_slot_that_a_client_has_taken_over_is_not_given_back_by_the_reader(
        self, lamp_under_test: LampUnderTest
    ) -> None:
        slots, address = lamp_under_test.radio.slots, lamp_under_test.address
        async with self._link(lamp_under_test):
            slot = slots.reserve(address, Holder.CLIENT)

        assert slots.holder(address) is Holder.CLIENT
        async with self._link(lamp_under_test, slot) as link:
            assert link.open
        slot.release()

    async def test_without_a_free_slot_there_is_no_link(self, lamp_under_test: LampUnderTest) -> None:
        slots = lamp_under_test.radio.slots
        await self._running(lamp_under_test.radio)
        taken = [slots.reserve(number, Holder.CLIENT) for number in range(1, slots.free + 1)]
        async with self._deadline("a refusal"):
            with pytest.raises(NoSlotError):
                async with lamp_under_test.radio.connect(lamp_under_test.address):
                    pytest.fail("all slots are taken")
        for each in taken:
            each.release()
        async with self._link(lamp_under_test) as link:
            assert link.open

    # -- beside the rest

    async def test_two_links_stand_side_by_side(self, lamp_under_test: LampUnderTest) -> None:
        if (other := lamp_under_test.second_address) is None:
            pytest.skip("the lamp is alone")
        free = lamp_under_test.radio.slots.free
        async with self._connected(lamp_under_test.radio, other) as second:
            async with self._link(lamp_under_test) as first:
                assert lamp_under_test.radio.slots.free == free - 2
                assert (first.address, second.address) == (lamp_under_test.address, other)
                await self._written(first, own(first, model.SCHEDULE).handle, b"both")
                await lamp_under_test.drop()
                await self._ended(first)
                assert second.open
            async with self._link(lamp_under_test) as first:
                assert first.open

    async def test_a_lamp_that_is_switched_off_ends_its_link(self, lamp_under_test: LampUnderTest) -> None:
        async with self._link(lamp_under_test) as link:
            assert link.end is None
            await lamp_under_test.vanish()
            await self._ended(link)

            assert link.end is LinkEnd.PERIPHERAL
            with pytest.raises(LinkLostError):
                await link.read(own(link, model.SCHEDULE).handle)
        await lamp_under_test.reappear()
        async with self._link(lamp_under_test) as link:
            assert link.open

    async def test_a_link_is_tuned_where_the_radio_says_so(self, lamp_under_test: LampUnderTest) -> None:
        async with self._link(lamp_under_test) as link:
            async with self._deadline("other parameters"):
                if lamp_under_test.radio.tunes_links:
                    await link.tune(COMMON_PARAMETERS)
                else:
                    with pytest.raises(AttError):
                        await link.tune(COMMON_PARAMETERS)

            await self._written(link, own(link, model.SCHEDULE).handle, b"tuned")


def characteristic(link: GattLink, service: str, uuid: str, number: int = 0) -> Characteristic:
    """The characteristic `uuid` of the service `service`; of several the one with this number."""
    found = [
        each
        for holder in link.services
        for each in holder.characteristics
        if (holder.uuid, each.uuid) == (service, uuid)
    ]
    return found[number]


def own(link: GattLink, uuid: str) -> Characteristic:
    """A characteristic of the lamp's own service."""
    return characteristic(link, model.LAMP_SERVICE, uuid)


def temperature(link: GattLink) -> Characteristic:
    """What is read, and could be notified."""
    return characteristic(link, model.SENSING_SERVICE, model.TEMPERATURE)


def descriptor(of: Characteristic, uuid: str) -> Descriptor:
    """The only descriptor of this kind."""
    (found,) = [each for each in of.descriptors if each.uuid == uuid]
    return found


def shape(service: Service) -> tuple[object, ...]:
    """All but the handles, which are another host's choice."""
    characteristics = [
        (each.uuid, each.properties, [descriptor.uuid for descriptor in each.descriptors])
        for each in service.characteristics
    ]
    return service.uuid, characteristics


def handles(service: Service) -> list[int]:
    """Of the service and all that is in it."""
    inner = [
        handle
        for each in service.characteristics
        for handle in (each.handle, *(descriptor.handle for descriptor in each.descriptors))
    ]
    return [service.handle, *inner]
