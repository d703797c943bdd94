from typing import Any

import pytest
from proxy.relay_world import snapshot

from renogybt.model.slots import ConnectionSlots, Holder
from renogybt.protocols.esphome.messages import Message
from renogybt.proxy.slot_feed import SlotFeed

HUB, LAMP = 0x6C_B2_FD_86_82_4D, 0xC4_4D_0A_10_5E_01
CLIENT, READER = Holder.CLIENT, Holder.READER


class Receiver:
    def __init__(self) -> None:
        self.told: list[Any] = []

    def send(self, message: Message) -> None:
        self.told.append(message)


@pytest.fixture
def slots() -> ConnectionSlots:
    return ConnectionSlots(3)


@pytest.fixture
def ended() -> set[int]:
    """The addresses of which clients have been told that the link is gone."""
    return set()


@pytest.fixture
def feed(slots: ConnectionSlots, ended: set[int]) -> SlotFeed:
    return SlotFeed(slots, ended.__contains__)


def test_who_asks_is_told_at_once_and_of_every_change(slots: ConnectionSlots, feed: SlotFeed) -> None:
    receiver = Receiver()

    feed.subscribe(receiver)
    slot = slots.reserve(LAMP, CLIENT)
    slot.release()

    assert receiver.told == [snapshot(limit=3), snapshot(LAMP, limit=3), snapshot(limit=3)]


def test_all_who_ask_are_told_the_same_and_nobody_else_is(slots: ConnectionSlots, feed: SlotFeed) -> None:
    first, second, other = Receiver(), Receiver(), Receiver()
    feed.subscribe(first)
    feed.subscribe(second)

    slots.reserve(LAMP, CLIENT)
    feed.tell(other)

    assert first.told == second.told
    assert len(first.told) == 2
    assert other.told == []


def test_who_asks_twice_is_told_twice_now_and_once_of_changes(slots: ConnectionSlots, feed: SlotFeed) -> None:
    receiver = Receiver()
    feed.subscribe(receiver)
    feed.subscribe(receiver)

    slots.reserve(LAMP, CLIENT)

    assert receiver.told == [snapshot(limit=3), snapshot(limit=3), snapshot(LAMP, limit=3)]


def test_who_leaves_is_told_no_more_and_may_leave_twice(slots: ConnectionSlots, feed: SlotFeed) -> None:
    receiver = Receiver()
    feed.unsubscribe(receiver)
    feed.subscribe(receiver)

    feed.unsubscribe(receiver)
    feed.unsubscribe(receiver)
    slots.reserve(LAMP, CLIENT)
    feed.tell(receiver)

    assert receiver.told == [snapshot(limit=3)]


def test_who_leaves_while_all_are_told_does_not_disturb_the_others(
    slots: ConnectionSlots, feed: SlotFeed
) -> None:
    class Leaver(Receiver):
        def send(self, message: Message) -> None:
            super().send(message)
            feed.unsubscribe(self)

    leaver, other = Leaver(), Receiver()
    feed.subscribe(leaver)
    feed.subscribe(leaver)
    feed.subscribe(other)

    slots.reserve(LAMP, CLIENT)

    assert other.told == [snapshot(limit=3), snapshot(LAMP, limit=3)]


def test_links_of_readers_are_left_out_of_all_numbers(slots: ConnectionSlots, feed: SlotFeed) -> None:
    receiver = Receiver()
    feed.subscribe(receiver)

    slots.reserve(HUB, READER)
    slots.reserve(LAMP, CLIENT)
    slots.reserve(HUB, CLIENT)

    assert receiver.told[1:3] == [snapshot(limit=2), snapshot(LAMP, limit=2)]
    last = receiver.told[3]
    assert (last.free, last.limit, set(last.allocated)) == (1, 3, {HUB, LAMP})


def test_a_link_that_has_ended_is_left_out_until_its_slot_is_back(
    slots: ConnectionSlots, feed: SlotFeed, ended: set[int]
) -> None:
    receiver = Receiver()
    slot = slots.reserve(LAMP, CLIENT)
    ended.add(LAMP)

    feed.subscribe(receiver)
    slots.reserve(HUB, CLIENT)
    ended.clear()
    slot.release()

    assert receiver.told == [snapshot(limit=2), snapshot(HUB, limit=2), snapshot(HUB, limit=3)]


def test_a_smaller_limit_is_told(slots: ConnectionSlots, feed: SlotFeed) -> None:
    receiver = Receiver()
    slots.reserve(LAMP, CLIENT)
    slots.reserve(HUB, CLIENT)
    feed.subscribe(receiver)

    slots.allow(1)

    assert receiver.told == [snapshot(LAMP, HUB, limit=3), snapshot(LAMP, HUB, limit=2)]


def test_a_closed_feed_tells_no_changes(slots: ConnectionSlots, feed: SlotFeed) -> None:
    receiver = Receiver()
    feed.subscribe(receiver)

    feed.close()
    feed.close()
    slots.reserve(LAMP, CLIENT)

    assert receiver.told == [snapshot(limit=3)]
