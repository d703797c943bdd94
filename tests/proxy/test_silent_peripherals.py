import asyncio
from collections.abc import Sequence

import pytest
from proxy.radio import SpokenRadio
from proxy.virtual_time import VirtualLoop

from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import ScanMode
from renogybt.model.slots import Holder
from renogybt.proxy.feed import AdvertisementFeed
from renogybt.proxy.silent_peripherals import REPEAT_S, SilentPeripherals

HUB, OTHER, STRANGER = 0x6CB2FD86824D, 0x806FB0123456, 0xC44D0A105E01


def heard(address: int, rssi: int = -60) -> Advertisement:
    return Advertisement(address, rssi, 0, b"\x02\x01\x06")


@pytest.fixture
def radio() -> SpokenRadio:
    return SpokenRadio()


@pytest.fixture
def silent(radio: SpokenRadio) -> SilentPeripherals:
    return SilentPeripherals(radio, (HUB, OTHER))


def test_who_is_read_is_known_by_its_last_advertisement(
    radio: SpokenRadio, silent: SilentPeripherals
) -> None:
    radio.hear([heard(HUB, -70), heard(STRANGER), heard(HUB, -65)])
    radio.slots.reserve(HUB, Holder.READER)

    assert silent.last() == [heard(HUB, -65)]


def test_who_advertises_by_itself_is_not_spoken_for(radio: SpokenRadio, silent: SilentPeripherals) -> None:
    radio.hear([heard(HUB), heard(OTHER)])
    slot = radio.slots.reserve(HUB, Holder.READER)
    slot.release()

    assert silent.last() == []


def test_a_client_knows_of_its_own_link(radio: SpokenRadio, silent: SilentPeripherals) -> None:
    radio.hear([heard(HUB)])
    radio.slots.reserve(HUB, Holder.CLIENT)

    assert silent.last() == []


def test_nothing_is_made_up_of_one_who_was_never_heard(radio: SpokenRadio, silent: SilentPeripherals) -> None:
    radio.slots.reserve(HUB, Holder.READER)
    radio.slots.reserve(STRANGER, Holder.READER)
    radio.hear([heard(STRANGER)])  # not one of those that are read

    assert silent.last() == []


def test_it_is_repeated_while_the_reader_has_it(virtual_loop: VirtualLoop, radio: SpokenRadio) -> None:
    silent = SilentPeripherals(radio, (HUB,))
    told: list[Sequence[Advertisement]] = []
    silent.repeats.add(told.append)
    radio.hear([heard(HUB)])
    slot = radio.slots.reserve(HUB, Holder.READER)
    running = virtual_loop.create_task(silent.run())
    virtual_loop.advance(3.5 * REPEAT_S)
    assert told == [[heard(HUB)]] * 3

    slot.release()
    virtual_loop.advance(3 * REPEAT_S)
    assert len(told) == 3
    running.cancel()
    virtual_loop.run_until_complete(asyncio.wait([running]))


class Client:
    encrypted = False

    def __init__(self) -> None:
        self.counts: list[int] = []

    def advertise(self, payload: bytes, count: int, framed: bytes | None) -> None:
        self.counts.append(count)

    def send(self, message: object) -> None:
        """States of the scanner."""


def test_a_client_hears_of_it_when_it_comes_and_with_each_repeat(
    radio: SpokenRadio, silent: SilentPeripherals
) -> None:
    feed = AdvertisementFeed(radio, ScanMode.ACTIVE, silent)
    early, late = Client(), Client()
    feed.subscribe(early)
    radio.hear([heard(HUB), heard(OTHER)])
    radio.slots.reserve(HUB, Holder.READER)
    radio.slots.reserve(OTHER, Holder.READER)
    feed.subscribe(late)
    assert (early.counts, late.counts) == ([2], [2])

    silent.repeats.notify(silent.last())
    assert (early.counts, late.counts) == ([2, 2], [2, 2])
    feed.close()
    silent.repeats.notify(silent.last())
    assert early.counts == [2, 2]
