import asyncio
from collections.abc import Sequence

import pytest
from proxy.radio import SpokenRadio
from proxy.virtual_time import VirtualLoop

from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import ScanMode
from renogybt.model.reading import DeviceHealth
from renogybt.model.slots import Holder
from renogybt.proxy.feed import AdvertisementFeed
from renogybt.proxy.silent_peripherals import REPEAT_S, SilentPeripherals

HUB, OTHER, STRANGER = 0x6CB2FD86824D, 0x806FB0123456, 0xC44D0A105E01
HEALTH = DeviceHealth("6cb2fd86824d_48")


def heard(address: int, rssi: int = -60) -> Advertisement:
    return Advertisement(address, rssi, 0, b"\x02\x01\x06")


@pytest.fixture
def radio() -> SpokenRadio:
    return SpokenRadio()


@pytest.fixture
def linked() -> list[int]:
    return []


@pytest.fixture
def silent(radio: SpokenRadio, linked: list[int]) -> SilentPeripherals:
    return SilentPeripherals(radio, (HUB, OTHER), lambda: linked)


def test_who_is_read_is_known_by_its_last_advertisement(
    radio: SpokenRadio, silent: SilentPeripherals, linked: list[int]
) -> None:
    radio.hear([heard(HUB, -70), heard(STRANGER), heard(HUB, -65)])
    linked.append(HUB)

    assert silent.last() == [heard(HUB, -65)]


def test_who_has_no_link_is_not_spoken_for_be_it_that_one_is_tried(
    radio: SpokenRadio, silent: SilentPeripherals
) -> None:
    radio.hear([heard(HUB), heard(OTHER)])
    radio.slots.reserve(HUB, Holder.READER)

    assert silent.last() == []


def test_nothing_is_made_up_of_one_who_was_never_heard(
    radio: SpokenRadio, silent: SilentPeripherals, linked: list[int]
) -> None:
    linked += [HUB, STRANGER]
    radio.hear([heard(STRANGER)])  # not one of those that are read

    assert silent.last() == []


def test_it_is_repeated_while_the_reader_has_it(virtual_loop: VirtualLoop, radio: SpokenRadio) -> None:
    linked = [HUB]
    silent = SilentPeripherals(radio, (HUB,), lambda: linked)
    told: list[Sequence[Advertisement]] = []
    silent.repeats.add(told.append)
    radio.hear([heard(HUB)])
    running = virtual_loop.create_task(silent.run())
    virtual_loop.advance(3.5 * REPEAT_S)
    assert told == [[heard(HUB)]] * 3

    linked.clear()
    virtual_loop.advance(3 * REPEAT_S)
    assert len(told) == 3
    running.cancel()
    virtual_loop.run_until_complete(asyncio.wait([running]))


def test_when_a_link_comes_about_those_who_came_meanwhile_hear_of_it_once(
    radio: SpokenRadio, silent: SilentPeripherals, linked: list[int]
) -> None:
    told: list[Sequence[Advertisement]] = []
    silent.repeats.add(told.append)
    radio.hear([heard(HUB, -65), heard(OTHER)])
    silent.health(HEALTH)
    assert told == []
    linked.append(HUB)
    for _ in range(3):
        silent.health(HEALTH)
    assert told == [[heard(HUB, -65)]]
    linked.clear()
    silent.health(HEALTH)
    linked.append(HUB)
    silent.health(HEALTH)
    assert told == [[heard(HUB, -65)]] * 2


class Client:
    encrypted = False

    def __init__(self) -> None:
        self.counts: list[int] = []

    def advertise(self, payload: bytes, count: int, framed: bytes | None) -> None:
        self.counts.append(count)

    def send(self, message: object) -> None:
        """States of the scanner."""


def test_a_client_hears_of_it_when_it_comes_and_with_each_repeat(
    radio: SpokenRadio, silent: SilentPeripherals, linked: list[int]
) -> None:
    feed = AdvertisementFeed(radio, ScanMode.ACTIVE, silent)
    early, late = Client(), Client()
    feed.subscribe(early)
    radio.hear([heard(HUB), heard(OTHER)])
    linked += [HUB, OTHER]
    feed.subscribe(late)
    assert (early.counts, late.counts) == ([2], [2])

    silent.repeats.notify(silent.last())
    assert (early.counts, late.counts) == ([2, 2], [2, 2])
    feed.close()
    silent.repeats.notify(silent.last())
    assert early.counts == [2, 2]
