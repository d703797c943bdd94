import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renogybt.model.advertisement import RSSI_UNKNOWN, Advertisement
from renogybt.protocols.esphome.advertisements import MAX_DATA, MAX_PAYLOAD, AdvertisementEncoder
from renogybt.protocols.esphome.messages import api

data = st.one_of(
    st.binary(max_size=62),
    st.integers(min_value=0, max_value=MAX_DATA).map(lambda size: b"\x55" * size),
)
advertisements = st.builds(
    Advertisement,
    address=st.one_of(st.integers(min_value=0, max_value=2**48 - 1), st.sampled_from((0, 1, 2**48 - 1))),
    rssi=st.integers(min_value=-128, max_value=127),
    address_type=st.integers(min_value=0, max_value=1),
    data=data,
)


def by_protobuf(batch: Sequence[Advertisement]) -> bytes:
    message = api.BluetoothLERawAdvertisementsResponse()
    for each in batch:
        message.advertisements.add(**each._asdict())
    return message.SerializeToString()  # type: ignore[no-any-return]


def split(encoder: AdvertisementEncoder, batch: Sequence[Advertisement]) -> list[bytes]:
    """All payloads, after a look at the rules that each has to keep."""
    payloads = []
    start = 0
    for payload, count in encoder.encode(batch):
        assert count > 0
        assert len(payload) <= MAX_PAYLOAD
        assert payload == by_protobuf(batch[start : start + count])
        payloads.append(payload)
        start += count
    assert start == len(batch)
    return payloads


@given(advertisements)
@settings(max_examples=400)
def test_one_advertisement_is_byte_for_byte_what_protobuf_makes(advertisement: Advertisement) -> None:
    assert split(AdvertisementEncoder(), [advertisement]) == [by_protobuf([advertisement])]


@given(st.lists(st.lists(advertisements, max_size=30), max_size=4))
def test_batches_of_one_encoder_are_byte_for_byte_what_protobuf_makes(
    batches: list[list[Advertisement]],
) -> None:
    encoder = AdvertisementEncoder()

    for batch in batches:
        split(encoder, batch)
        split(encoder, batch)  # now from the table


@pytest.mark.parametrize("address", [0, 1, 2**47, 2**48 - 1])
@pytest.mark.parametrize("rssi", [0, -1, 1, RSSI_UNKNOWN, -128, 127])
@pytest.mark.parametrize("address_type", [0, 1])
@pytest.mark.parametrize("size", [0, 1, 31, 62, 127, 128, 255, MAX_DATA])
def test_the_ends_of_every_field(address: int, rssi: int, address_type: int, size: int) -> None:
    split(AdvertisementEncoder(), [Advertisement(address, rssi, address_type, bytes(size))])


def test_devices_that_differ_in_one_field_are_not_mixed_up() -> None:
    first = Advertisement(0x6CB2FD86824D, -60, 0, b"\x02\x01\x06")
    others = [
        first._replace(address=0x6CB2FD86824E),
        first._replace(rssi=-61),
        first._replace(address_type=1),
        first._replace(data=b"\x02\x01\x06\0"),
        first._replace(data=b"\x02\x01\x04"),
    ]

    split(AdvertisementEncoder(), [first, *others, first])


def test_nothing_makes_no_message() -> None:
    assert list(AdvertisementEncoder().encode([])) == []


def test_a_batch_is_cut_only_where_it_has_to_be() -> None:
    batch = [Advertisement(number, -60, 1, bytes(40)) for number in range(2**40, 2**40 + 1_000)]

    payloads = split(AdvertisementEncoder(), batch)

    one = len(by_protobuf(batch[:1]))
    assert all(len(payload) + one > MAX_PAYLOAD for payload in payloads[:-1])
    assert b"".join(payloads) == by_protobuf(batch)


def test_a_batch_that_just_fits_is_one_message_and_one_byte_more_makes_two() -> None:
    head = len(by_protobuf([Advertisement(2**47, -60, 1, bytes(1_000))])) - 1_000
    full = [Advertisement(2**47, -60, 1, bytes(1_000)) for _ in range(15)]
    rest = MAX_PAYLOAD - len(by_protobuf(full)) - head

    fits = split(AdvertisementEncoder(), [*full, Advertisement(2**47, -60, 1, bytes(rest))])
    too_much = split(AdvertisementEncoder(), [*full, Advertisement(2**47, -60, 1, bytes(rest + 1))])

    assert [len(payload) for payload in fits] == [MAX_PAYLOAD]
    assert len(too_much) == 2


def test_addresses_that_change_for_ever_do_not_make_it_grow() -> None:
    encoder = AdvertisementEncoder()
    kept = []

    tracemalloc.start()
    try:
        for day in range(3):
            start = 2**46 + day * 8_000
            for number in range(start, start + 8_000, 50):
                for _payload in encoder.encode(
                    [Advertisement(number + each, -60, 1, b"x" * 20) for each in range(50)]
                ):
                    pass
            kept.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()

    assert max(kept) < 1_500_000
