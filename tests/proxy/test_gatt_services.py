import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from aioesphomeapi.model import BluetoothGATTService, BluetoothGATTServices
from bleak.assigned_numbers import CHARACTERISTIC_PROPERTIES
from hypothesis import given, settings
from hypothesis import strategies as st

from renogybt.model.gatt import BASE_UUID, Characteristic, Descriptor, Property, Service
from renogybt.protocols.esphome.messages import Message, api
from renogybt.proxy.gatt_services import (
    CCCD,
    LARGEST_PAYLOAD,
    Meaning,
    can_be_told,
    cccds,
    meanings,
    service_messages,
    with_cccds,
)

ADDRESS = 0xC4_4D_0A_10_5E_01
BATTERY, LEVEL = BASE_UUID.format(0x180F), BASE_UUID.format(0x2A19)
DEVICE, MODEL = BASE_UUID.format(0x180A), BASE_UUID.format(0x2A24)
NAME, FORMAT = BASE_UUID.format(0x2901), BASE_UUID.format(0x2904)
READ, NOTIFY, INDICATE = Property.READ, Property.NOTIFY, Property.INDICATE


def service(handle: int, *characteristics: Characteristic, uuid: str = BATTERY) -> Service:
    return Service(uuid, handle, characteristics)


def notifying(handle: int, *descriptors: Descriptor, properties: Property = NOTIFY) -> Characteristic:
    return Characteristic(LEVEL, handle, properties, descriptors)


def told(messages: Sequence[Message]) -> list[BluetoothGATTService]:
    """What the client of Home Assistant makes of the messages."""
    return [each for message in messages for each in BluetoothGATTServices.from_pb(message).services]


def as_model(service: Service) -> BluetoothGATTService:
    """The same in the client's own words."""
    return BluetoothGATTService.from_dict(
        {
            "uuid": service.uuid,
            "handle": service.handle,
            "characteristics": [
                {
                    "uuid": each.uuid,
                    "handle": each.handle,
                    "properties": int(each.properties),
                    "descriptors": [{"uuid": one.uuid, "handle": one.handle} for one in each.descriptors],
                }
                for each in service.characteristics
            ],
        }
    )


# any services: a few UUIDs that occur often, any UUID at all; rising handles, as in the air

uuids = st.sampled_from([BATTERY, LEVEL, CCCD, NAME]) | st.uuids().map(str)
shapes = st.lists(
    st.tuples(
        uuids, st.lists(st.tuples(uuids, st.integers(0, 255), st.lists(uuids, max_size=3)), max_size=4)
    ),
    max_size=5,
)


def laid_out(shape: Any, step: Callable[[], int], last: int = 0) -> Iterator[Service]:
    """Services of this shape, each handle `step` above the one before."""

    def following() -> int:
        nonlocal last
        last += step()
        return last

    for uuid, characteristics in shape:
        handle = following()
        inner = []
        for each, properties, descriptors in characteristics:
            last += 1  # the declaration
            value = following()
            below = tuple(Descriptor(one, following()) for one in descriptors)
            inner.append(Characteristic(each, value, Property(properties), below))
        yield Service(uuid, handle, tuple(inner))


@st.composite
def any_services(draw: st.DrawFn) -> tuple[Service, ...]:
    dice, widest = random.Random(draw(st.integers(0, 1000))), draw(st.sampled_from([1, 3]))
    first = draw(st.sampled_from([0, 0xFE80]))
    return tuple(laid_out(draw(shapes), lambda: dice.randint(1, widest), first))


def handles(services: Sequence[Service]) -> list[int]:
    found = []
    for service in services:
        found.append(service.handle)
        for each in service.characteristics:
            found += [each.handle, *(one.handle for one in each.descriptors)]
    return found


# invented descriptors


def test_a_cccd_is_invented_behind_the_value() -> None:
    (given,) = with_cccds([service(1, notifying(3))])

    assert given.characteristics[0].descriptors == (Descriptor(CCCD, 4),)


@pytest.mark.parametrize("properties", [NOTIFY, INDICATE, NOTIFY | INDICATE | READ])
def test_whoever_notifies_or_indicates_gets_one(properties: Property) -> None:
    (given,) = with_cccds([service(1, notifying(3, properties=properties))])

    assert len(given.characteristics[0].descriptors) == 1


@pytest.mark.parametrize("properties", [READ, Property.WRITE | Property.WRITE_WITHOUT_RESPONSE, Property(0)])
def test_no_other_gets_one(properties: Property) -> None:
    services = (service(1, notifying(3, properties=properties)),)

    assert with_cccds(services) == services


def test_a_cccd_that_is_there_is_left_alone() -> None:
    services = (service(1, notifying(3, Descriptor(NAME, 4), Descriptor(CCCD, 9))),)

    assert with_cccds(services) == services


@pytest.mark.parametrize(
    ("services", "why"),
    [
        ((service(1, notifying(3), notifying(5, Descriptor(CCCD, 6))),), "the next declaration"),
        ((service(1, notifying(3)), service(4)), "the next service"),
        ((service(1, notifying(3, Descriptor(NAME, 4))),), "another descriptor"),
    ],
)
def test_where_something_stands_behind_the_value_the_highest_free_handle_is_taken(
    services: tuple[Service, ...], why: str
) -> None:
    assert cccds(with_cccds(services))[0xFFFE] == 3, why


def test_the_highest_free_handles_are_taken_one_after_the_other() -> None:
    services = [
        service(1, notifying(3), notifying(5), notifying(7)),
        service(8, notifying(0xFFFE), uuid=DEVICE),
    ]

    assert cccds(with_cccds(services)) == {0xFFFC: 3, 0xFFFB: 5, 0xFFFA: 7, 0xFFF9: 0xFFFE}


def test_an_invented_handle_is_in_use_for_the_next_one() -> None:
    services = [service(1, notifying(3), notifying(5, properties=READ)), service(9, notifying(0xFFFD))]

    assert cccds(with_cccds(services)) == {0xFFFE: 3, 0xFFFB: 0xFFFD}


def test_descriptors_stay_in_the_order_of_their_handles() -> None:
    (given,) = with_cccds([service(1, notifying(3, Descriptor(NAME, 5)))])

    assert [each.handle for each in given.characteristics[0].descriptors] == [4, 5]


def test_where_no_handle_is_free_there_is_no_cccd() -> None:
    full = tuple(
        service(handle, notifying(handle + 2, Descriptor(NAME, handle + 3))) for handle in range(1, 0xFFFC, 4)
    )
    rest = service(0xFFFD, notifying(0xFFFF))

    assert not cccds(with_cccds((*full, rest)))


@given(services=any_services())
def test_every_one_that_needs_it_has_a_cccd_of_its_own_and_nothing_else_changes(
    services: tuple[Service, ...],
) -> None:
    completed = with_cccds(services)

    assert len(set(handles(completed))) == len(handles(completed))
    declarations = {each.handle - 1 for service in services for each in service.characteristics}
    assert not declarations & (set(handles(completed)) - set(handles(services)))
    assert all(0 < each < 0x10000 for each in handles(completed))
    for before, after in zip(services, completed, strict=True):
        assert (before.uuid, before.handle) == (after.uuid, after.handle)
        for one, other in zip(before.characteristics, after.characteristics, strict=True):
            assert (one.uuid, one.handle, one.properties) == (other.uuid, other.handle, other.properties)
            added = set(other.descriptors) - set(one.descriptors)
            assert set(one.descriptors) <= set(other.descriptors)
            has_one = any(each.uuid == CCCD for each in one.descriptors)
            assert len(added) == (bool(one.properties & (NOTIFY | INDICATE)) and not has_one)
            assert {each.uuid for each in added} <= {CCCD}


@given(services=any_services(), order=st.randoms())
def test_the_same_services_always_get_the_same(services: tuple[Service, ...], order: Any) -> None:
    shuffled = list(services)
    order.shuffle(shuffled)

    assert set(with_cccds(shuffled)) == set(with_cccds(services))
    assert with_cccds(with_cccds(services)) == with_cccds(services)


def test_each_cccd_leads_to_its_value() -> None:
    services = [service(1, notifying(3, Descriptor(NAME, 4), Descriptor(CCCD, 5)), notifying(7))]

    assert cccds(services) == {5: 3}
    assert cccds(with_cccds(services)) == {5: 3, 8: 7}


# meanings


def test_a_handle_means_the_same_where_only_the_numbers_have_moved() -> None:
    old = meanings([service(1, notifying(3, Descriptor(CCCD, 4)), notifying(6))])
    new = meanings([service(0x11, notifying(0x13, Descriptor(CCCD, 0x14)), notifying(0x16))])

    assert [old[each] for each in (3, 4, 6)] == [new[each] for each in (0x13, 0x14, 0x16)]


def test_a_handle_that_something_else_has_now_means_something_else() -> None:
    old = meanings([service(1, notifying(3)), service(4, notifying(6))])
    new = meanings([service(4, notifying(6))])

    assert old[6] != new[6], "the second service of that kind, and the only one"


def test_other_properties_are_another_meaning() -> None:
    assert meanings([service(1, notifying(3))]) != meanings([service(1, notifying(3, properties=INDICATE))])


def test_equal_attributes_are_told_apart_by_their_order() -> None:
    services = [
        service(1, notifying(3, Descriptor(FORMAT, 4), Descriptor(FORMAT, 5)), notifying(7)),
        service(8),
    ]
    found = meanings(services)

    assert len(set(found.values())) == len(found) == 4
    assert found[5] == Meaning((BATTERY, 0), (LEVEL, 0), NOTIFY, (FORMAT, 1))
    assert found[7] == Meaning((BATTERY, 0), (LEVEL, 1), NOTIFY)


@given(services=any_services())
def test_every_value_and_descriptor_has_a_meaning_of_its_own(services: tuple[Service, ...]) -> None:
    found = meanings(services)

    assert set(found) == set(handles(services)) - {each.handle for each in services}
    assert len(set(found.values())) == len(found)


# messages


def test_no_services_are_no_answer() -> None:
    assert service_messages(ADDRESS, []) == []


@given(services=any_services())
def test_the_client_gets_what_was_sent(services: tuple[Service, ...]) -> None:
    *parts, done = service_messages(ADDRESS, services) or [None]

    assert told([type(each).FromString(each.SerializeToString()) for each in parts]) == [
        as_model(each) for each in services
    ]
    assert all(each.address == ADDRESS and each.services for each in parts)
    if services:
        assert done == api.BluetoothGATTGetServicesDoneResponse(address=ADDRESS)


def test_what_was_sent_is_in_the_order_of_handles() -> None:
    services = [service(9, uuid=DEVICE), service(1)]

    assert [each.handle for each in told(service_messages(ADDRESS, services)[:-1])] == [1, 9]


def test_a_uuid_is_understood_by_clients_of_any_age() -> None:
    message = service_messages(ADDRESS, [service(1, notifying(3, Descriptor(CCCD, 4)))])[0]
    (sent,) = message.services  # type: ignore[attr-defined]
    (characteristic,) = sent.characteristics

    for each in (sent, characteristic, characteristic.descriptors[0]):
        assert len(each.uuid) == 2
        assert not each.short_uuid
    assert list(sent.uuid) == [0x0000180F_0000_1000, 0x8000_00805F9B34FB]


def test_the_uuid_of_zeros_is_sent_too() -> None:
    nothing = "00000000-0000-0000-0000-000000000000"

    assert told(service_messages(ADDRESS, [service(1, uuid=nothing)])[:-1])[0].uuid == nothing


def test_properties_mean_to_a_client_what_they_mean_here() -> None:
    for each in Property:
        assert CHARACTERISTIC_PROPERTIES[int(each)].replace("-", "_") in {
            str(each.name).lower(),
            {
                Property.SIGNED_WRITE: "authenticated_signed_writes",
                Property.EXTENDED: "extended_properties",
            }.get(each, ""),
        }


@settings(max_examples=30)
@given(shape=shapes, times=st.integers(1, 12))
def test_messages_are_filled_and_not_larger_than_a_segment(shape: Any, times: int) -> None:
    services = tuple(laid_out(shape * times, lambda: 1))
    parts: list[Any] = service_messages(ADDRESS, services)[:-1]

    assert all(each.ByteSize() <= LARGEST_PAYLOAD or len(each.services) == 1 for each in parts)
    for part, following in itertools.pairwise(parts):
        part.services.append(following.services[0])
        assert part.ByteSize() > LARGEST_PAYLOAD, "there was room for one more"


@pytest.mark.parametrize("before", [[], [1]])
def test_a_service_that_is_too_large_goes_alone_and_whole(before: list[int]) -> None:
    large = service(10, *(notifying(handle) for handle in range(12, 212, 2)))
    services = [*(service(each) for each in before), large, service(300), service(301)]
    parts = service_messages(ADDRESS, services)[:-1]

    assert [[each.handle for each in told([part])] for part in parts] == [
        *([each] for each in before),
        [10],
        [300, 301],
    ]
    assert as_model(large) in told(parts)


def monster(characteristics: int) -> Service:
    uuid = "7a1e0000-5b0c-4f5e-9c3a-6d1f0b2a8e47"
    handles = range(3, 3 + 2 * characteristics, 2)
    return Service(uuid, 1, tuple(Characteristic(uuid, each, Property.READ) for each in handles))


def test_more_than_a_frame_or_a_client_takes_cannot_be_told() -> None:
    assert can_be_told(service_messages(1, [monster(1_000)]))
    assert not can_be_told(service_messages(1, [monster(2_500)]))
    assert not can_be_told(service_messages(1, [monster(1_000)] * 8))
