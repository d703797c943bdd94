"""What an advertisement costs in objects: what stays, what is held at once, and what is made on the way.

Blocks are those of Python's own allocator (sys.getallocatedblocks), which serves all objects of up to 512
bytes. They are counted after a collection, or between two batches of different size: what a reading costs
however many advertisements it brings falls out of the difference.
"""

import gc
import sys
from functools import partial
from itertools import cycle, islice

import pytest
from lightness.by_dbus import ByDbus
from lightness.by_mgmt import ByMgmt, found
from lightness.census import Census
from lightness.conftest import MakeHouse
from lightness.house import KEY, KEYS, House
from lightness.neighbourhood import FIRST_ADDRESS

ways = pytest.mark.parametrize("way", [ByMgmt, ByDbus], ids=["mgmt", "dbus"])
framings = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
PER_S, WARM_UP_S, MEASURED_S = 1_000, 3.0, 10.0
STAYS = 200
"""Blocks that clocks and entities take in this time, whatever is heard: 50 to 60, and twice that while
coverage is measured. Of 10,000 advertisements not one in fifty may leave anything behind."""

ROTATING, AT_ONCE = 4_096, 64
"""New addresses of one round: all tables are as full at its end as they were at its begin."""

SMALL, LARGE = 40, 240
HELD = {ByMgmt: 4.05, ByDbus: 4.05}
"""Blocks for each advertisement while its batch is written: the tuple, its address, its strength, its data.
The rest is the list of the batch, which outgrows the allocator."""
MADE = {ByMgmt: (16, 2), ByDbus: (25, 2)}
"""Calls, and containers, for each advertisement. By the management socket: 4 calls to read, 5 to parse, 6 to
encode, and one to see that it is no Renogy device; the advertisement, and the key of what is encoded
already."""


def blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()


def batch(house: House, size: int) -> list[bytes]:
    return list(islice(cycle(house.way.packets), size))


@framings
@ways
def test_nothing_of_an_advertisement_stays(house_with: MakeHouse, way: type, key: bytes | None) -> None:
    house = house_with(key, way)
    house.connect(3)
    house.hear(PER_S, WARM_UP_S)
    before = blocks()

    count = house.hear(PER_S, MEASURED_S)

    assert count == 10_000
    assert blocks() - before <= STAYS


@framings
def test_addresses_that_rotate_fill_no_table_for_ever(house_with: MakeHouse, key: bytes | None) -> None:
    house = house_with(key)
    house.connect(1)
    ends = []

    for first in range(FIRST_ADDRESS, FIRST_ADDRESS + 4 * ROTATING, AT_ONCE):
        house.hear_at_once(found(address, -60) for address in range(first, first + AT_ONCE))
        house.calm_down()
        if (first + AT_ONCE - FIRST_ADDRESS) % ROTATING == 0:
            ends.append(blocks())

    assert len(ends) == 4
    assert ends[-1] - ends[0] <= 3 * STAYS


@framings
@ways
def test_an_advertisement_is_four_small_objects_until_it_is_written(
    house_with: MakeHouse, way: type, key: bytes | None
) -> None:
    house = house_with(key, way)
    house.connect(1)
    written: list[int] = []
    house.clients[0].transport.on_write = lambda: written.append(sys.getallocatedblocks())
    held = []

    for size in (LARGE, SMALL, LARGE):
        house.hear_one()
        house.hear_at_once(batch(house, size))
        held.append(written[-1])
        house.calm_down()

    _warm_up, small, large = held
    assert (large - small) / (LARGE - SMALL) <= HELD[way]


@framings
@pytest.mark.parametrize("clients", [1, 3], ids=lambda clients: f"clients {clients}")
@ways
def test_calls_and_containers_for_each_advertisement_are_few_and_those_of_further_clients_none(
    house_with: MakeHouse, way: type, key: bytes | None, clients: int
) -> None:
    house = house_with(key, way)
    house.connect(clients)
    census, counts = Census(), []

    for size in (LARGE, SMALL, LARGE):
        house.hear_one()
        counts.append(census.of(partial(house.hear_at_once, batch(house, size))))
        house.calm_down()

    _warm_up, small, large = counts
    calls, containers = ((more - less) / (LARGE - SMALL) for more, less in zip(large, small, strict=True))
    most_calls, most_containers = MADE[way]
    assert calls <= most_calls
    assert containers <= most_containers


def test_a_further_client_costs_the_same_for_a_batch_of_any_size(house_with: MakeHouse) -> None:
    house = house_with(KEY)
    house.connect(1)
    house.hear_one()
    house.hear_at_once(batch(house, LARGE))
    house.calm_down()
    census, added = Census(), []

    for size in (SMALL, LARGE):
        house.hear_one()
        alone = census.of(partial(house.hear_at_once, batch(house, size)))
        house.calm_down()
        house.connect(1)
        house.hear_one()
        together = census.of(partial(house.hear_at_once, batch(house, size)))
        house.calm_down()
        added.append(together[0] - alone[0])

    assert added[0] == added[1] <= 20
