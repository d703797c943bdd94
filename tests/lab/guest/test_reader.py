"""The reader on the real BlueZ: five devices behind the hub, and what happens to them in real life."""

import asyncio
import os
import time

import pytest
from bluez import Bluez
from ears import Ears, listening
from readings import ALL, BATTERIES, CONTROLLER, Notes, reading, reading_with, truth, without_energy
from world import world

from renogybt.config import AdvertisementSource
from renogybt.model.radio import ScanMode

MGMT, DBUS = AdvertisementSource.MGMT, AdvertisementSource.DBUS
BOTH = pytest.mark.parametrize("source", [MGMT, DBUS])
NOISE = 0xC0FFEE
"""How the addresses of the neighbourhood's noise begin."""
NOISE_SIZE = 8
"""The size of its manufacturer data, which no other neighbour's has."""
RATE = 200
LONG = bool(os.environ.get("RENOGYBT_LAB_LONG"))
SIZES = tuple(range(1, 21)) if LONG else (1, 2, 3, 4, 5, 7, 13, 19, 20)
"""Of notifications."""
WAVES = 2 if LONG else 1
"""Of a fault."""


def noise_heard(ears: Ears) -> int:
    return sum(found.address >> 24 == NOISE for found in ears.heard)


async def noise_sent() -> int:
    return int((await world("stats"))["sent_by"].get("noise", 0))


class Coverage:
    """How much of the noise has arrived since the block began; `share` is known at its end."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self.share = 0.0
        self.heard = self.sent = 0

    async def __aenter__(self) -> "Coverage":
        self._sent, self._before = await noise_sent(), noise_heard(self._ears)
        await world(f"noise {RATE} 20")
        return self

    async def __aexit__(self, *_error: object) -> None:
        await world("noise 0 0")
        self.sent = await noise_sent() - self._sent
        await asyncio.sleep(0.5)
        self.heard = noise_heard(self._ears) - self._before
        self.share = self.heard / self.sent


# -- readings, and advertisements beside them


@BOTH
async def test_all_five_are_read_within_one_interval_while_advertisements_flow(
    source: AdvertisementSource, bluez: Bluez
) -> None:
    """By D-Bus that is all that bluetoothd tells; on a busy host it merges what it is late with."""
    interval_s = 10.0
    async with reading(source, interval_s) as notes:
        async with bluez.manufacturer_data() as told, Coverage(notes.ears) as coverage:
            first_s = await notes.more(timeout_s=interval_s)
            await notes.more(timeout_s=interval_s + 5)

        first, second = ([notes.readings[unit][number].taken_at for unit in ALL] for number in (0, 1))
        print(
            f"{source.value}: first round {first_s:.2f} s, next {max(second) - min(second):.2f} s from the"
            f" first device to the last, {coverage.share:.2%} of {coverage.sent} advertisements"
        )
        assert max(second) - min(second) < interval_s / 2
        assert min(second) - min(first) == pytest.approx(interval_s, abs=4)
        witnessed = sum(len(each) == NOISE_SIZE for each in told)
        print(f"an independent connection was told {witnessed}, the reader's radio {coverage.heard}")
        assert coverage.share > (0.95 if source is MGMT else 0.8)
        assert source is MGMT or coverage.heard >= 0.99 * witnessed
        for unit in ALL:
            assert all(each.failed == 0 for each in notes.healths[unit])


async def test_reading_costs_less_than_one_advertisement_in_a_hundred() -> None:
    seconds = 10
    async with listening(MGMT) as ears:
        await ears.running()
        async with Coverage(ears) as idle:
            await asyncio.sleep(seconds)
        async with reading_with(ears, 2.0) as notes:
            async with Coverage(ears) as beginning:
                await notes.more()
            before = notes.count(48)
            async with Coverage(ears) as busy:
                await asyncio.sleep(seconds)
            rounds = notes.count(48) - before

    print(
        f"idle {idle.share:.2%} of {idle.sent}, connecting {beginning.share:.2%} of {beginning.sent},"
        f" reading {busy.share:.2%} of {busy.sent} in {rounds} rounds"
    )
    assert rounds >= seconds / 2 - 1
    assert idle.sent > 0.9 * RATE * seconds
    assert busy.share >= 0.99 * idle.share


async def test_a_link_is_found_where_the_scan_is_passive() -> None:
    await world("noise 50 10")
    async with reading(MGMT, 5.0, mode=ScanMode.PASSIVE) as notes:
        took_s = await notes.more(timeout_s=20)
        print(f"passive: first round {took_s:.2f} s")
        await notes.ears.running(ScanMode.PASSIVE)
        start = len(notes.ears.heard)
        await notes.ears.until(lambda: len(notes.ears.heard) > start + 20)


# -- the way to the hub


@pytest.mark.parametrize(("source", "return_s"), [(MGMT, 8), (DBUS, 25)])
async def test_a_hub_out_of_range_is_unavailable_and_back_when_it_is_heard(
    source: AdvertisementSource, return_s: float
) -> None:
    interval_s = 4.0
    await world("noise 50 10")
    async with reading(source, interval_s) as notes:
        await notes.more(times=2)
        await world("hub off")
        gone = time.monotonic()
        await notes.until(lambda: not any(map(notes.fresh, ALL)), 2.5 * interval_s + 3)
        last = min(notes.readings[unit][-1].taken_at for unit in ALL)
        stale_s = asyncio.get_running_loop().time() - last
        trouble_s = await notes.until(lambda: all(notes.trouble(unit) for unit in ALL), 30)
        print(f"{source.value}: {notes.trouble(48)} (told {trouble_s:.1f} s later)")
        assert "not heard" in notes.trouble(48)
        await asyncio.sleep(5)
        counts = [notes.count(unit) for unit in ALL]

        await world("hub on")
        back_s = await notes.more(timeout_s=return_s)
        print(
            f"{source.value}: unavailable {stale_s:.1f} s after the last reading, read again {back_s:.1f} s"
            f" after the return ({time.monotonic() - gone:.0f} s away)"
        )
        assert all(map(notes.fresh, ALL))
        assert counts == [notes.count(unit) - 1 for unit in ALL]


@BOTH
async def test_a_dropped_link_costs_no_reading(source: AdvertisementSource) -> None:
    await world("noise 50 10")
    async with reading(source, 4.0) as notes:
        await notes.more()
        told = {unit: len(notes.healths[unit]) for unit in ALL}
        for until_drop in ([BATTERIES[0]], [BATTERIES[2]], ALL):  # within a round, and between two
            await notes.more(until_drop, timeout_s=15)
            await world("drop")
            took_s = await notes.more(timeout_s=15)
            print(f"{source.value}: all read again {took_s:.1f} s after the drop")
        assert all(each.fresh for unit in ALL for each in notes.healths[unit][told[unit] :])


async def test_a_busy_hub_is_named_as_the_trouble_and_holds_up_the_feed_for_seconds_only() -> None:
    await world("hub busy")
    async with reading(MGMT, 30.0) as notes:
        async with Coverage(notes.ears) as coverage:
            took_s = await notes.until(lambda: all(notes.trouble(unit) for unit in ALL), 15)
            await asyncio.sleep(25 - took_s)
        trouble = notes.trouble(48)
        print(f"busy: {coverage.share:.0%} of {coverage.sent}")
        assert coverage.share > 0.6  # the kernel does not scan while it calls somebody who does not answer
        print(f"after {took_s:.1f} s: {trouble}")
        assert "in use" in trouble or "another" in trouble
        await world("hub on")
        print(f"read {await notes.more(timeout_s=45):.1f} s after it was free again")


# -- the line behind the hub


async def test_a_silent_unit_holds_up_no_other() -> None:
    interval_s = 5.0
    others = [unit for unit in ALL if unit != 49]
    async with reading(MGMT, interval_s) as notes:
        await notes.more()
        await world("silent 49")
        silent_from = notes.count(49)
        await notes.more(others, times=4, timeout_s=8 * interval_s)

        # one try at it is all that the others may ever wait for; two tries in each round would be 16 s
        begun, *later = ([each.taken_at for each in notes.readings[unit][-4:]] for unit in others)
        waited_s = [sum(theirs) - sum(begun) for theirs in later]
        print(f"behind the first of each of 4 rounds, in all: {waited_s}")
        assert all(0 < each < 8.0 for each in waited_s)
        assert all(notes.healths[unit][-1].failed == 0 for unit in others)
        assert notes.count(49) <= silent_from + 1
        assert "49" in notes.trouble(49)
        await world("cure")
        await notes.more([49], timeout_s=45)


async def only_the_truth(notes: Notes, units: tuple[int, ...], since: dict[int, int]) -> None:
    for unit in units:
        true = await truth(unit)
        fresh = notes.readings[unit][since[unit] :]
        assert fresh, f"no reading of unit {unit}"
        for each in fresh:
            told = without_energy(each)
            assert told == {name: value for name, value in true.items() if name in told}
            assert len(told) > 10


@pytest.mark.parametrize(
    "fault", ["badcrc 5", "late 2.5 5", "late 0.7 5", "foreign 5", "garbage 5", "duplicate 5"]
)
async def test_what_is_damaged_late_or_foreign_never_becomes_a_value(fault: str) -> None:
    await world("still 1")
    async with reading(MGMT, 3.0) as notes:
        await notes.more()
        since = {unit: notes.count(unit) - 1 for unit in ALL}
        for _ in range(WAVES):
            await world(fault)
            await asyncio.sleep(3.5)
        await world("cure")
        await notes.more(timeout_s=60)
        await only_the_truth(notes, ALL, since)
        print(fault, {unit: notes.count(unit) - since[unit] for unit in ALL}, notes.healths[48][-1])


async def test_notifications_of_any_size_make_the_same_reading() -> None:
    await world("still 1")
    units = (BATTERIES[0], CONTROLLER)
    async with reading(MGMT, 0.5, units) as notes:
        await notes.more(units)
        for size in SIZES:
            await world(f"split {size}")
            await notes.more(units, times=2, timeout_s=10)
        await only_the_truth(notes, units, dict.fromkeys(units, 0))
        assert all(each.failed == 0 for unit in units for each in notes.healths[unit])


async def test_an_answer_that_is_broken_off_is_asked_for_again() -> None:
    await world("still 1")
    async with reading(MGMT, 5.0) as notes:
        await notes.more()
        for _ in range(2):
            await world("breaks")
            await notes.more(timeout_s=15)
        await only_the_truth(notes, ALL, dict.fromkeys(ALL, 0))
