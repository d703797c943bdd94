from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.model.gatt import ConnectError
from renogybt.model.slots import ConnectionSlots, Holder, NoSlotError, Slot

READER, CLIENT = Holder.READER, Holder.CLIENT
HUB, LAMP, OTHER = 0x6C_B2_FD_86_82_4D, 0xC4_4D_0A_10_5E_01, 0x6C_B2_FD_00_00_00


def counted(slots: ConnectionSlots) -> Callable[[], int]:
    """How often a change was told since the last look."""
    told: list[None] = []
    slots.changes.add(told.append)

    def look() -> int:
        count = len(told)
        told.clear()
        return count

    return look


def test_a_slot_is_in_use_from_its_reservation_to_its_release() -> None:
    slots = ConnectionSlots(2)
    slot = slots.reserve(LAMP, CLIENT)

    assert (slots.free, slots.clients, slots.holder(LAMP)) == (1, (LAMP,), CLIENT)
    slot.release()
    assert (slots.free, slots.clients, slots.holder(LAMP)) == (2, (), None)


def test_a_slot_knows_whose_it_is_and_for_what() -> None:
    slot = ConnectionSlots().reserve(HUB, READER)

    assert (slot.address, slot.holder) == (HUB, READER)


def test_without_a_free_slot_there_is_none_for_anybody() -> None:
    slots = ConnectionSlots(1)
    slots.reserve(LAMP, CLIENT)

    for holder in Holder:
        with pytest.raises(NoSlotError, match="1 connection slots"):
            slots.reserve(HUB, holder)


@pytest.mark.parametrize(("first", "second"), [(CLIENT, CLIENT), (CLIENT, READER), (READER, READER)])
def test_a_peripheral_has_one_slot_and_only_a_reader_leaves_its_own(first: Holder, second: Holder) -> None:
    slots = ConnectionSlots()
    slots.reserve(LAMP, first)

    with pytest.raises(ConnectError, match="in use by") as refused:
        slots.reserve(LAMP, second)

    assert not isinstance(refused.value, NoSlotError)
    assert slots.holder(LAMP) is first


def test_a_client_takes_over_the_slot_of_a_reader_also_when_it_is_the_last() -> None:
    slots = ConnectionSlots(1)
    readers = slots.reserve(HUB, READER)

    clients = slots.reserve(HUB, CLIENT)

    assert (slots.free, slots.clients) == (0, (HUB,))
    readers.release()
    assert slots.holder(HUB) is CLIENT
    clients.release()
    assert slots.free == 1


def test_a_slot_that_a_client_gives_back_before_the_reader_has_left_is_the_readers_again() -> None:
    slots = ConnectionSlots(1)
    readers = slots.reserve(HUB, READER)

    slots.reserve(HUB, CLIENT).release()

    assert (slots.free, slots.holder(HUB)) == (0, READER)
    readers.release()
    assert (slots.free, slots.holder(HUB)) == (1, None)


def test_a_slot_is_given_back_once() -> None:
    slots = ConnectionSlots()
    look = counted(slots)
    first = slots.reserve(LAMP, CLIENT)
    first.release()
    slots.reserve(LAMP, CLIENT)
    assert look() == 3

    first.release()

    assert slots.holder(LAMP) is CLIENT
    assert look() == 0


def test_clients_do_not_see_the_slots_of_readers() -> None:
    slots = ConnectionSlots(3)
    slots.reserve(HUB, READER)
    assert (slots.free, slots.clients) == (2, ())

    slots.reserve(LAMP, CLIENT)
    assert (slots.free, slots.clients) == (1, (LAMP,))


def test_clients_stand_in_the_order_in_which_they_came() -> None:
    slots = ConnectionSlots()
    for address in (LAMP, HUB, OTHER):
        slots.reserve(address, CLIENT)

    assert slots.clients == (LAMP, HUB, OTHER)


def test_every_change_is_told_and_a_refusal_is_none() -> None:
    slots = ConnectionSlots(1)
    look = counted(slots)

    slot = slots.reserve(HUB, READER)
    assert look() == 1
    with pytest.raises(NoSlotError):
        slots.reserve(LAMP, CLIENT)
    assert look() == 0
    slots.reserve(HUB, CLIENT).release()
    assert look() == 2
    slot.release()
    assert look() == 1


# what the controller allows


def test_the_pool_shrinks_to_what_the_controller_allows_and_never_grows() -> None:
    slots = ConnectionSlots(5)
    look = counted(slots)

    slots.allow(3)
    assert (slots.limit, slots.free, look()) == (3, 3, 1)
    slots.allow(3)
    slots.allow(9)
    assert (slots.limit, look()) == (3, 0)


@pytest.mark.parametrize("allowed", [0, -1])
def test_one_slot_always_remains(allowed: int) -> None:
    slots = ConnectionSlots(5)

    slots.allow(allowed)

    assert slots.limit == 1


def test_links_that_are_there_stay_when_the_pool_shrinks_below_them() -> None:
    slots = ConnectionSlots(3)
    held = [slots.reserve(address, CLIENT) for address in (LAMP, HUB, OTHER)]

    slots.allow(2)

    assert (slots.free, slots.clients) == (0, (LAMP, HUB, OTHER))
    held[0].release()
    with pytest.raises(NoSlotError):
        slots.reserve(LAMP, CLIENT)
    held[1].release()
    slots.reserve(LAMP, CLIENT)


steps = st.one_of(
    st.tuples(st.just("reserve"), st.integers(0, 6), st.sampled_from(Holder)),
    st.tuples(st.just("release"), st.integers(0, 40), st.just(READER)),
    st.tuples(st.just("allow"), st.integers(-1, 7), st.just(READER)),
)


@given(st.integers(1, 6), st.lists(steps, max_size=40))
def test_the_numbers_agree_whatever_happens(limit: int, done: list[tuple[str, int, Holder]]) -> None:
    slots = ConnectionSlots(limit)
    look = counted(slots)
    given: list[Slot] = []
    for what, number, holder in done:
        before = (slots.limit, slots.free, slots.clients)
        try:
            if what == "reserve":
                given.append(slots.reserve(number, holder))
            elif what == "release" and given:
                given[number % len(given)].release()
            elif what == "allow":
                slots.allow(number)
        except ConnectError:
            assert (slots.limit, slots.free, slots.clients) == before
        assert 1 <= slots.limit <= limit
        assert 0 <= slots.free <= slots.limit
        assert len(slots.clients) == len(set(slots.clients))
        assert look() or (slots.limit, slots.free, slots.clients) == before
    for slot in given:
        slot.release()
    assert slots.free == slots.limit
