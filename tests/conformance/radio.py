"""The rules of the port `Radio`, for any radio: simulated, on a fake bus, or of flesh and blood."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Generic, Protocol, TypeVar

import pytest

from renogybt.model.advertisement import ADDRESS_BITS, RSSI_UNKNOWN, Advertisement
from renogybt.model.radio import Intake, Radio, ScanMode, ScannerState, ScannerStatus
from renogybt.protocols.advertising.structures import split

T = TypeVar("T")

STRANGER = 0x02_00_00_00_00_01
"""The address of nobody."""


class RadioUnderTest(Protocol):
    """A radio whose `run` is already a task, and the world around it."""

    radio: Radio

    async def on_air(self) -> None:
        """Make sure that advertisements are sent from now on, again and again."""


class Record(Generic[T]):
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[T] = []
        self._more = asyncio.Event()

    def __call__(self, value: T) -> None:
        self.told.append(value)
        self._more.set()

    async def until(self, rule: Callable[[list[T]], bool]) -> None:
        """Wait until the record as a whole keeps `rule`."""
        while not rule(self.told):
            self._more.clear()
            await self._more.wait()


class RadioConformance:
    """Derive a `Test...` class, with a fixture `radio_under_test` that yields a `RadioUnderTest`."""

    can_be_passive = True
    """Whether this radio reaches PASSIVE when it is asked to; if not, it must keep saying ACTIVE."""

    deadline_s = 10.0
    """For each single step; a real adapter may need all of it."""

    # -- steps

    @contextlib.asynccontextmanager
    async def _deadline(self, radio: Radio, what: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.deadline_s):
                yield
        except TimeoutError:
            pytest.fail(f"not within {self.deadline_s} s: {what}; the status is {radio.status}")

    async def _running(self, radio: Radio, mode: ScanMode | None = None) -> None:
        """Wait until the radio says that it runs, and in this mode."""
        record = Record[ScannerStatus]()
        unwatch = radio.watch(record)
        try:
            async with self._deadline(radio, f"running, mode {mode}"):
                await record.until(
                    lambda _: radio.status.state is ScannerState.RUNNING and mode in (None, radio.status.mode)
                )
        finally:
            unwatch()

    async def _batches(self, radio: Radio, count: int) -> list[Sequence[Advertisement]]:
        record = Record[Sequence[Advertisement]]()
        unsubscribe = radio.listen(record)
        try:
            async with self._deadline(radio, f"{count} batches of advertisements"):
                await record.until(lambda told: len(told) >= count)
        finally:
            unsubscribe()
        return record.told

    async def _on_air(self, world: RadioUnderTest) -> Radio:
        await self._running(world.radio)
        async with self._deadline(world.radio, "on air"):
            await world.on_air()
        return world.radio

    async def _switch(self, radio: Radio, wish: ScanMode) -> None:
        """Ask for a mode; the radio reaches and keeps what it can, and advertisements go on."""
        possible = wish if self.can_be_passive else ScanMode.ACTIVE
        radio.set_mode(wish)
        await self._running(radio, possible)
        await self._batches(radio, 2)
        await self._running(radio, possible)

    # -- the status

    async def test_it_is_running_soon_and_says_how(self, radio_under_test: RadioUnderTest) -> None:
        radio = radio_under_test.radio
        await self._running(radio)

        status = radio.status
        assert status.intake is not Intake.NONE
        assert status.adapter is not None
        assert 0 < status.adapter < 1 << ADDRESS_BITS
        assert status.reason == ""

    async def test_a_watcher_is_told_what_the_status_is_at_that_moment(
        self, radio_under_test: RadioUnderTest
    ) -> None:
        radio = await self._on_air(radio_under_test)
        seen: list[tuple[ScannerStatus, ScannerStatus]] = []
        unwatch = radio.watch(lambda status: seen.append((status, radio.status)))

        await self._switch(radio, ScanMode.PASSIVE)
        await self._switch(radio, ScanMode.ACTIVE)
        unwatch()

        assert [told for told, _ in seen] == [true for _, true in seen]
        assert bool(seen) or not self.can_be_passive

    async def test_an_unsubscribed_watcher_is_told_nothing_more(
        self, radio_under_test: RadioUnderTest
    ) -> None:
        if not self.can_be_passive:
            pytest.skip("this radio has no change of status that a test could cause")
        radio = await self._on_air(radio_under_test)
        record = Record[ScannerStatus]()
        unwatch = radio.watch(record)

        unwatch()
        unwatch()
        await self._switch(radio, ScanMode.PASSIVE)

        assert record.told == []

    # -- links, of which there is none

    async def test_all_slots_are_free_at_first(self, radio_under_test: RadioUnderTest) -> None:
        slots = radio_under_test.radio.slots

        assert slots.free == slots.limit > 0
        assert slots.clients == ()

    async def test_to_part_from_somebody_unknown_is_no_error(self, radio_under_test: RadioUnderTest) -> None:
        radio = radio_under_test.radio
        await self._running(radio)

        async with self._deadline(radio, "the end of no bond"):
            await radio.unpair(STRANGER)
            await radio.forget(STRANGER)

    # -- advertisements

    async def test_batches_are_well_formed(self, radio_under_test: RadioUnderTest) -> None:
        radio = await self._on_air(radio_under_test)

        batches = await self._batches(radio, 5)

        assert all(len(batch) > 0 for batch in batches)
        for advertisement in (each for batch in batches for each in batch):
            assert isinstance(advertisement, Advertisement)
            assert 0 <= advertisement.address < 1 << ADDRESS_BITS
            assert -127 <= advertisement.rssi <= 20 or advertisement.rssi == RSSI_UNKNOWN
            assert advertisement.address_type in (0, 1)
            assert isinstance(advertisement.data, bytes)
            assert split(advertisement.data, strict=True), advertisement

    async def test_all_listeners_get_the_same(self, radio_under_test: RadioUnderTest) -> None:
        radio = await self._on_air(radio_under_test)
        first, second = Record[Sequence[Advertisement]](), Record[Sequence[Advertisement]]()
        unsubscribe_first, unsubscribe_second = radio.listen(first), radio.listen(second)

        async with self._deadline(radio, "three batches for the first listener"):
            await first.until(lambda told: len(told) >= 3)
        # in one turn of the event loop, so that no delivery lies between the two
        unsubscribe_first()
        unsubscribe_second()

        assert [list(batch) for batch in first.told] == [list(batch) for batch in second.told]

    async def test_an_unsubscribed_listener_gets_nothing_more(self, radio_under_test: RadioUnderTest) -> None:
        radio = await self._on_air(radio_under_test)
        record = Record[Sequence[Advertisement]]()
        unsubscribe = radio.listen(record)
        async with self._deadline(radio, "a batch"):
            await record.until(bool)

        unsubscribe()
        count = len(record.told)
        unsubscribe()
        await self._batches(radio, 2)

        assert len(record.told) == count

    async def test_a_listener_may_leave_while_it_is_delivered_to(
        self, radio_under_test: RadioUnderTest
    ) -> None:
        radio = await self._on_air(radio_under_test)
        batches: list[Sequence[Advertisement]] = []

        def once(batch: Sequence[Advertisement]) -> None:
            batches.append(batch)
            unsubscribe()

        unsubscribe = radio.listen(once)
        await self._batches(radio, 3)

        assert len(batches) == 1

    # -- the scan mode

    async def test_it_goes_passive_and_back_and_tells_the_truth(
        self, radio_under_test: RadioUnderTest
    ) -> None:
        radio = await self._on_air(radio_under_test)

        for mode in (ScanMode.PASSIVE, ScanMode.ACTIVE, ScanMode.PASSIVE, ScanMode.ACTIVE):
            await self._switch(radio, mode)

    async def test_of_several_wishes_the_last_one_counts(self, radio_under_test: RadioUnderTest) -> None:
        radio = await self._on_air(radio_under_test)

        radio.set_mode(ScanMode.PASSIVE)
        radio.set_mode(ScanMode.ACTIVE)
        radio.set_mode(ScanMode.PASSIVE)

        await self._switch(radio, ScanMode.ACTIVE)

    @pytest.mark.parametrize("mode", list(ScanMode))
    async def test_repeating_the_mode_changes_nothing(
        self, radio_under_test: RadioUnderTest, mode: ScanMode
    ) -> None:
        radio = await self._on_air(radio_under_test)
        await self._switch(radio, mode)
        record = Record[ScannerStatus]()
        unwatch = radio.watch(record)

        radio.set_mode(mode)
        await self._batches(radio, 3)
        unwatch()

        assert record.told == []
