"""The rules of `Radio.connect` and of the port `GattLink`, for any radio that reaches a Renogy hub."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

import pytest
from conformance.radio import Record
from conformance.steps import LinkSteps, refused

from renogybt.model.advertisement import Advertisement
from renogybt.model.gatt import (
    BASE_UUID,
    AttCode,
    GattError,
    GattLink,
    LinkEnd,
    LinkLostError,
    NotHeardError,
    Property,
    Service,
)
from renogybt.model.radio import Radio

REQUEST = bytes.fromhex("300313b20006654a")
"""Six registers of unit 48; the answer fits into one notification of 20 octets."""
LONG_REQUEST = bytes.fromhex("300313880022455c")
"""34 registers of unit 48, 73 octets: four notifications where the MTU is 23."""
UNIT_ID_REQUEST = bytes.fromhex("3003146700013404")
"""Register 5223 of unit 48, its unit id: the answer never changes."""
WRITE_SERVICE, WRITE = BASE_UUID.format(0xFFD0), BASE_UUID.format(0xFFD1)
NOTIFY_SERVICE, NOTIFY = BASE_UUID.format(0xFFF0), BASE_UUID.format(0xFFF1)
DECOY_SERVICE = "f000ffd0-0451-4000-b000-000000000000"
DECOY = "f000ffd1-0451-4000-b000-000000000000"
NO_HANDLE = 0xFFF0


class HubUnderTest(Protocol):
    """A radio whose `run` is already a task, and a Renogy hub in its reach.

    The hub has FFD0 with FFD1 (write, write without response), FFF0 with FFF1 (notify), and the decoy
    of the BT-2. It serves one central, and does not advertise meanwhile. Others advertise all the time.
    """

    radio: Radio
    address: int
    """Of the hub."""
    absent_address: int
    """Of nobody."""

    async def drop(self) -> None:
        """The hub ends the link, and advertises again."""

    async def vanish(self) -> None:
        """The hub is switched off: a link breaks, and it is not heard any more."""

    async def reappear(self) -> None:
        """The hub is switched on again."""

    def expected_answer(self, request: bytes) -> bytes:
        """What the hub answers, all notifications joined."""
        ...


class LinkConformance(LinkSteps):
    """Derive a `Test...` class, with a fixture `hub_under_test` that yields a `HubUnderTest`."""

    # -- steps

    @contextlib.asynccontextmanager
    async def _link(self, hub: HubUnderTest) -> AsyncIterator[GattLink]:
        async with self._connected(hub.radio, hub.address) as link:
            yield link

    async def _listening(self, link: GattLink) -> Record[bytes]:
        record = Record[bytes]()
        async with self._deadline("a subscription"):
            await link.subscribe(value_handle(link, NOTIFY_SERVICE, NOTIFY), record)
        return record

    async def _ask(self, link: GattLink, request: bytes = REQUEST) -> None:
        async with self._deadline("a write"):
            await link.write(value_handle(link, WRITE_SERVICE, WRITE), request, response=False)

    async def _answers(self, record: Record[bytes], expected: bytes) -> None:
        """Wait for all of it."""
        async with self._deadline(f"{len(expected)} octets, of which came {record.told}"):
            await record.until(lambda told: len(b"".join(told)) >= len(expected))
        assert b"".join(record.told) == expected

    async def _serves(self, hub: HubUnderTest) -> None:
        """A link comes about, and does what it is for."""
        async with self._link(hub) as link:
            record = await self._listening(link)
            await self._ask(link)
            await self._answers(record, hub.expected_answer(REQUEST))

    # -- services

    async def test_a_link_shows_the_services_of_the_peripheral(self, hub_under_test: HubUnderTest) -> None:
        async with self._link(hub_under_test) as link:
            assert link.address == hub_under_test.address
            assert link.open
            assert link.mtu >= 23
            write = characteristic(link, WRITE_SERVICE, WRITE)
            notify = characteristic(link, NOTIFY_SERVICE, NOTIFY)

        assert Property.WRITE_WITHOUT_RESPONSE in write
        assert Property.NOTIFY in notify
        assert Property.NOTIFY not in write

    async def test_uuids_are_told_in_full_so_that_a_decoy_is_none(self, hub_under_test: HubUnderTest) -> None:
        async with self._link(hub_under_test) as link:
            decoy = value_handle(link, DECOY_SERVICE, DECOY)

            assert decoy != value_handle(link, WRITE_SERVICE, WRITE)

    async def test_handles_are_unique_and_in_order(self, hub_under_test: HubUnderTest) -> None:
        async with self._link(hub_under_test) as link:
            handles = [handle for each in link.services for handle in _handles(each)]

        assert handles == sorted(set(handles))
        assert all(0 < handle < 0xFFFF for handle in handles)

    # -- requests and notifications

    async def test_a_request_is_answered_by_notifications(self, hub_under_test: HubUnderTest) -> None:
        await self._serves(hub_under_test)

    async def test_the_notifications_of_a_long_answer_keep_their_order(
        self, hub_under_test: HubUnderTest
    ) -> None:
        async with self._link(hub_under_test) as link:
            record = await self._listening(link)
            await self._ask(link, LONG_REQUEST)
            await self._answers(record, hub_under_test.expected_answer(LONG_REQUEST))

            assert len(record.told) > 1
            assert all(0 < len(chunk) <= link.mtu - 3 for chunk in record.told)

    async def test_two_notifications_of_the_same_bytes_both_arrive(
        self, hub_under_test: HubUnderTest
    ) -> None:
        async with self._link(hub_under_test) as link:
            record = await self._listening(link)
            expected = hub_under_test.expected_answer(UNIT_ID_REQUEST)
            for count in (1, 2):
                await self._ask(link, UNIT_ID_REQUEST)
                await self._answers(record, expected * count)

            assert record.told == [expected, expected]

    async def test_a_write_with_response_is_a_request_as_well(self, hub_under_test: HubUnderTest) -> None:
        async with self._link(hub_under_test) as link:
            record = await self._listening(link)
            async with self._deadline("a write with response"):
                await link.write(value_handle(link, WRITE_SERVICE, WRITE), REQUEST, response=True)
            await self._answers(record, hub_under_test.expected_answer(REQUEST))

    async def test_after_unsubscribing_nothing_more_is_told(self, hub_under_test: HubUnderTest) -> None:
        async with self._link(hub_under_test) as link:
            handle = value_handle(link, NOTIFY_SERVICE, NOTIFY)
            first = await self._listening(link)
            async with self._deadline("unsubscribing, twice"):
                await link.unsubscribe(handle)
                await link.unsubscribe(handle)
            await self._ask(link)
            second = await self._listening(link)
            await self._ask(link)
            async with self._deadline("an answer"):
                await second.until(bool)

            assert first.told == []

    async def test_a_second_listener_takes_the_place_of_the_first(self, hub_under_test: HubUnderTest) -> None:
        async with self._link(hub_under_test) as link:
            first, second = await self._listening(link), await self._listening(link)
            await self._ask(link)
            await self._answers(second, hub_under_test.expected_answer(REQUEST))

            assert first.told == []

    # -- refusals

    async def test_what_is_refused_is_an_att_error_and_the_link_goes_on(
        self, hub_under_test: HubUnderTest
    ) -> None:
        async with self._link(hub_under_test) as link:
            write = value_handle(link, WRITE_SERVICE, WRITE)
            async with self._deadline("five refusals"):
                with refused(AttCode.INVALID_HANDLE):
                    await link.read(NO_HANDLE)
                with refused(AttCode.INVALID_HANDLE):
                    await link.write(NO_HANDLE, b"\x00", response=True)
                with refused(AttCode.INVALID_HANDLE):
                    await link.subscribe(NO_HANDLE, Record[bytes]())
                with refused(AttCode.REQUEST_NOT_SUPPORTED):
                    await link.subscribe(write, Record[bytes]())
                with refused(AttCode.READ_NOT_PERMITTED):
                    await link.read(value_handle(link, NOTIFY_SERVICE, NOTIFY))
            record = await self._listening(link)
            await self._ask(link)
            await self._answers(record, hub_under_test.expected_answer(REQUEST))

    # -- the end

    async def test_leaving_ends_the_link(self, hub_under_test: HubUnderTest) -> None:
        closed = Record[None]()
        async with self._link(hub_under_test) as link:
            write = value_handle(link, WRITE_SERVICE, WRITE)
            notify = value_handle(link, NOTIFY_SERVICE, NOTIFY)
            link.on_close(lambda: closed(None))
            assert link.end is None

        assert not link.open
        assert link.end is LinkEnd.OURSELVES
        assert len(closed.told) == 1
        with pytest.raises(LinkLostError):
            await link.read(notify)
        with pytest.raises(LinkLostError):
            await link.write(write, REQUEST, response=False)
        with pytest.raises(LinkLostError):
            await link.subscribe(notify, Record[bytes]())

    async def test_a_link_that_the_peripheral_ends_is_told_once(self, hub_under_test: HubUnderTest) -> None:
        closed = Record[None]()
        async with self._link(hub_under_test) as link:
            link.on_close(lambda: closed(None))
            await hub_under_test.drop()
            async with self._deadline("the news that the link is gone"):
                await closed.until(bool)

            assert not link.open
            assert link.end is LinkEnd.PERIPHERAL
            with pytest.raises(LinkLostError):
                await link.write(value_handle(link, WRITE_SERVICE, WRITE), REQUEST, response=False)
        assert len(closed.told) == 1

    async def test_one_who_comes_late_is_told_at_once_that_the_link_is_gone(
        self, hub_under_test: HubUnderTest
    ) -> None:
        closed = Record[None]()
        async with self._link(hub_under_test) as link:
            pass

        link.on_close(lambda: closed(None))

        assert len(closed.told) == 1

    async def test_one_who_has_left_is_not_told_of_the_end(self, hub_under_test: HubUnderTest) -> None:
        closed = Record[None]()
        async with self._link(hub_under_test) as link:
            leave = link.on_close(lambda: closed(None))
            leave()
            leave()

        assert closed.told == []

    async def test_an_error_inside_the_link_comes_out_and_ends_it(self, hub_under_test: HubUnderTest) -> None:
        class Trouble(Exception):  # noqa: N818
            pass

        with pytest.raises(Trouble):
            async with self._link(hub_under_test) as link:
                raise Trouble

        assert not link.open

    async def test_after_a_link_has_ended_the_next_one_comes_about(
        self, hub_under_test: HubUnderTest
    ) -> None:
        await self._serves(hub_under_test)
        async with self._link(hub_under_test):
            await hub_under_test.drop()
        await self._serves(hub_under_test)

    # -- who is not there

    async def test_one_who_is_not_heard_is_a_matter_of_seconds(self, hub_under_test: HubUnderTest) -> None:
        await self._running(hub_under_test.radio)

        async with self._deadline("the end of a vain attempt"):
            with pytest.raises(NotHeardError):
                async with hub_under_test.radio.connect(hub_under_test.absent_address):
                    pytest.fail("nobody has that address")

    async def test_one_who_was_away_is_reached_again(self, hub_under_test: HubUnderTest) -> None:
        closed = Record[None]()
        async with self._link(hub_under_test) as link:
            link.on_close(lambda: closed(None))
            await hub_under_test.vanish()
            async with self._deadline("the news that the link is gone"):
                await closed.until(bool)
        async with self._deadline("the end of a vain attempt"):
            with pytest.raises(GattError):
                async with hub_under_test.radio.connect(hub_under_test.address):
                    pytest.fail("it is switched off")
        await hub_under_test.reappear()

        await self._serves(hub_under_test)

    async def test_a_second_link_to_the_same_peripheral_is_refused(
        self, hub_under_test: HubUnderTest
    ) -> None:
        async with self._link(hub_under_test) as link:
            async with self._deadline("a refusal"):
                with pytest.raises(GattError):
                    async with hub_under_test.radio.connect(hub_under_test.address):
                        pytest.fail("it serves one central at a time")

            assert link.open
            record = await self._listening(link)
            await self._ask(link)
            await self._answers(record, hub_under_test.expected_answer(REQUEST))

    # -- beside the rest

    async def test_advertisements_go_on_during_a_link(self, hub_under_test: HubUnderTest) -> None:
        heard = Record[list[Advertisement]]()
        async with self._link(hub_under_test):
            leave = hub_under_test.radio.listen(lambda batch: heard(list(batch)))
            async with self._deadline("two batches"):
                await heard.until(lambda told: len(told) >= 2)
            leave()

    @pytest.mark.parametrize("turns", [0, 1, 3, 10, 30])
    async def test_a_cancelled_attempt_leaves_nothing_behind(
        self, hub_under_test: HubUnderTest, turns: int
    ) -> None:
        async def linger() -> None:
            async with hub_under_test.radio.connect(hub_under_test.address):
                await asyncio.Event().wait()

        await self._running(hub_under_test.radio)
        attempt = asyncio.create_task(linger())
        for _ in range(turns):
            await asyncio.sleep(0)
        attempt.cancel()
        async with self._deadline("the end of the attempt"):
            await asyncio.wait([attempt])

        assert attempt.cancelled()
        await self._serves(hub_under_test)


def characteristic(link: GattLink, service: str, uuid: str) -> Property:
    """What the only characteristic of these UUIDs can do."""
    return _only(link, service, uuid)[1]


def value_handle(link: GattLink, service: str, uuid: str) -> int:
    """The handle of the only characteristic of these UUIDs."""
    return _only(link, service, uuid)[0]


def _only(link: GattLink, service: str, uuid: str) -> tuple[int, Property]:
    (found,) = [
        (each.handle, each.properties)
        for holder in link.services
        for each in holder.characteristics
        if (holder.uuid, each.uuid) == (service, uuid)
    ]
    return found


def _handles(service: Service) -> list[int]:
    return [service.handle, *(each.handle for each in service.characteristics)]
