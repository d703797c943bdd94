"""The rules of the port `RadioCare`, for any radio: simulated, on a fake bus, or of flesh and blood."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Protocol

import pytest
from conformance.radio import Record

from renogybt.model.radio import Radio, ScannerState, ScannerStatus
from renogybt.model.recovery import (
    CareState,
    CareStatus,
    RadioCare,
    RadioEvent,
    ResetFailedError,
    ResetRefusedError,
    Result,
    Rung,
)

CAUSE = "the test asked for it"
MOST_RESETS = 12
"""Nobody allows more than this in an hour; a suite that resets more often would never end."""


class CareUnderTest(Protocol):
    """A radio whose `run` is already a task, with its care, and advertisers around it. It is well, it was
    never reset before, and nobody else resets it."""

    radio: Radio


class CareConformance:
    """Derive a `Test...` class, with a fixture `care_under_test` that yields a `CareUnderTest`."""

    deadline_s = 20.0
    """For each single step; a real adapter may need all of it."""

    # -- steps

    @contextlib.asynccontextmanager
    async def _deadline(self, radio: Radio, what: str) -> AsyncIterator[None]:
        deadline = asyncio.timeout(self.deadline_s)
        try:
            async with deadline:
                yield
        except TimeoutError:
            if not deadline.expired():
                raise
            pytest.fail(f"not within {self.deadline_s} s: {what}; {radio.status}, {radio.care.status}")

    async def _well(self, radio: Radio) -> None:
        """Wait until it scans, has heard somebody, and nothing is being done about it."""
        statuses, cares, batches = Record[ScannerStatus](), Record[CareStatus](), Record[object]()
        leave = radio.watch(statuses), radio.care.watch(cares), radio.listen(batches)
        try:
            async with self._deadline(radio, "a radio that is well"):
                await statuses.until(lambda _: radio.status.state is ScannerState.RUNNING)
                await batches.until(bool)
                await cares.until(lambda _: radio.care.status.state is CareState.WELL)
        finally:
            for each in leave:
                each()

    async def _care(self, world: CareUnderTest) -> RadioCare:
        await self._well(world.radio)
        return world.radio.care

    async def _reset(self, radio: Radio, *, force: bool = False) -> RadioEvent:
        async with self._deadline(radio, "a reset"):
            event = await radio.care.reset(CAUSE, force=force)
        await self._well(radio)
        return event

    async def _refused(self, radio: Radio) -> str:
        """Ask for a reset that is refused at once, and does nothing; the text says why."""
        before = radio.care.status
        statuses, cares = Record[ScannerStatus](), Record[CareStatus]()
        leave = radio.watch(statuses), radio.care.watch(cares)
        async with self._deadline(radio, "a refusal"):
            with pytest.raises(ResetRefusedError) as caught:
                await radio.care.reset(CAUSE)
        for each in leave:
            each()
        assert statuses.told == []
        assert cares.told == []
        assert radio.care.status == before
        return str(caught.value)

    # -- before anything was done

    async def test_a_radio_that_is_well_needs_no_care(self, care_under_test: CareUnderTest) -> None:
        care = await self._care(care_under_test)

        status = care.status
        assert (status.state, status.rungs, status.resets, status.last) == (CareState.WELL, 0, 0, None)
        assert 0 < status.resets_left <= MOST_RESETS

    # -- a reset

    async def test_a_reset_helps_and_is_an_event(self, care_under_test: CareUnderTest) -> None:
        care = await self._care(care_under_test)
        before = care.status

        event = await self._reset(care_under_test.radio)

        assert event.rung in (Rung.POWER_CYCLE, Rung.POWER_CYCLE_BY_KERNEL)
        assert (event.cause, event.result) == (CAUSE, Result.HELPED)
        assert 0.0 <= event.took_s < self.deadline_s
        assert CAUSE in event.text
        after = care.status
        assert after.last == event
        assert (after.rungs, after.resets) == (before.rungs + 1, before.resets + 1)
        assert after.resets_left == before.resets_left - 1
        assert after.state is CareState.WELL

    async def test_the_radio_does_not_run_meanwhile_and_says_so(self, care_under_test: CareUnderTest) -> None:
        radio = care_under_test.radio
        await self._well(radio)
        record = Record[ScannerStatus]()
        unwatch = radio.watch(record)

        await self._reset(radio)
        unwatch()

        assert any(each.state is not ScannerState.RUNNING for each in record.told)
        assert record.told[-1] == radio.status
        assert radio.status.state is ScannerState.RUNNING

    # -- watchers

    async def test_each_change_is_told_once_and_is_the_truth_at_that_moment(
        self, care_under_test: CareUnderTest
    ) -> None:
        radio = care_under_test.radio
        care = await self._care(care_under_test)
        before = care.status
        seen: list[tuple[CareStatus, CareStatus]] = []
        unwatch = care.watch(lambda status: seen.append((status, care.status)))

        await self._reset(radio)
        unwatch()

        assert all(told == true for told, true in seen)
        assert all(earlier != later for earlier, later in pairwise([before, *(told for told, _ in seen)]))
        assert seen[-1][0] == care.status

    async def test_an_event_is_told_when_the_reset_answers(self, care_under_test: CareUnderTest) -> None:
        radio = care_under_test.radio
        care = await self._care(care_under_test)
        record = Record[CareStatus]()
        unwatch = care.watch(record)

        async with self._deadline(radio, "a reset"):
            event = await care.reset(CAUSE)
        unwatch()

        assert record.told[-1].last == event

    async def test_who_does_not_watch_any_more_is_told_nothing(self, care_under_test: CareUnderTest) -> None:
        care = await self._care(care_under_test)
        record = Record[CareStatus]()
        unwatch = care.watch(record)

        unwatch()
        unwatch()
        await self._reset(care_under_test.radio)

        assert record.told == []

    # -- what is refused

    async def test_a_second_reset_soon_after_is_refused_and_says_why(
        self, care_under_test: CareUnderTest
    ) -> None:
        radio = care_under_test.radio
        await self._well(radio)
        await self._reset(radio)

        assert len(await self._refused(radio)) > len("no")

    async def test_force_overrules_and_is_counted(self, care_under_test: CareUnderTest) -> None:
        radio = care_under_test.radio
        care = await self._care(care_under_test)
        left = care.status.resets_left

        await self._reset(radio)
        event = await self._reset(radio, force=True)

        assert (care.status.resets, care.status.resets_left) == (2, left - 2)
        assert care.status.last == event

    async def test_while_one_reset_is_under_way_there_is_no_other(
        self, care_under_test: CareUnderTest
    ) -> None:
        radio = care_under_test.radio
        care = await self._care(care_under_test)
        record = Record[ScannerStatus]()
        unwatch = radio.watch(record)
        async with self._deadline(radio, "a reset, and others at the same time"):
            first = asyncio.create_task(care.reset(CAUSE))
            await record.until(bool)
            for force in (False, True):
                with pytest.raises(ResetRefusedError, match="under way"):
                    await care.reset("another cause", force=force)
            event = await first
        unwatch()

        assert (event.cause, event.result) == (CAUSE, Result.HELPED)
        assert (care.status.resets, care.status.last) == (1, event)

    async def test_what_is_used_up_is_refused_and_only_force_goes_on(
        self, care_under_test: CareUnderTest
    ) -> None:
        radio = care_under_test.radio
        care = await self._care(care_under_test)
        allowed = care.status.resets_left
        assert allowed <= MOST_RESETS

        for left in range(allowed - 1, -1, -1):
            await self._reset(radio, force=True)
            assert care.status.resets_left == left
        await self._refused(radio)
        await self._reset(radio, force=True)

        assert (care.status.resets, care.status.resets_left) == (allowed + 1, 0)

    # -- the end

    async def test_a_reset_that_is_cancelled_leaves_a_radio_that_works(
        self, care_under_test: CareUnderTest
    ) -> None:
        radio = care_under_test.radio
        care = await self._care(care_under_test)
        record = Record[ScannerStatus]()
        unwatch = radio.watch(record)
        async with self._deadline(radio, "a reset that is cancelled"):
            reset = asyncio.create_task(care.reset(CAUSE))
            await record.until(bool)
            reset.cancel()
            with contextlib.suppress(asyncio.CancelledError, ResetFailedError):
                await reset
        unwatch()

        await self._well(radio)
        await self._reset(radio, force=True)
