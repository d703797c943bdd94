"""What an advertisement weighs on the wire, to the byte."""

import pytest
from lightness.by_mgmt import found
from lightness.conftest import MakeHouse
from lightness.house import KEY
from lightness.neighbourhood import FIRST_ADDRESS

ADVERTISEMENT = 45
"""29 octets of data, and two each before the data, the entry, the signal strength and the kind of address, of
which the last two are the values as well; eight for an address of 48 bits."""
PLAINTEXT = {1: 3 + ADVERTISEMENT, 16: 4 + 16 * ADVERTISEMENT, 64: 4 + 64 * ADVERTISEMENT}
"""In front: a zero, the length as a varint, the number of the message."""
NOISE = {size: 3 + 4 + size * ADVERTISEMENT + 16 for size in (1, 16, 64)}
"""Around: indicator and length, number and length of the message, the tag."""


@pytest.mark.parametrize(
    ("key", "size", "octets"),
    [(None, *row) for row in PLAINTEXT.items()] + [(KEY, *row) for row in NOISE.items()],
    ids=[f"{how} {size}" for how in ("plaintext", "Noise") for size in (1, 16, 64)],
)
def test_a_batch_is_one_message_of_so_many_bytes(
    house_with: MakeHouse, key: bytes | None, size: int, octets: int
) -> None:
    house = house_with(key)
    house.connect(2)

    house.hear_one()

    house.hear_at_once([found(FIRST_ADDRESS, -60)] * size)

    assert [client.transport.octets for client in house.clients] == [octets, octets]
    assert [client.transport.writes for client in house.clients] == [1, 1]
