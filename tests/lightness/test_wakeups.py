"""Readings of the intake and writes to clients at a fixed load, in virtual time: the same on any machine."""

import pytest
from lightness.by_dbus import ByDbus
from lightness.by_mgmt import ByMgmt
from lightness.conftest import MakeHouse
from lightness.house import KEYS

from renogybt.bluetooth.pacing import ALONE_MOST, FULL, PATIENT_TICK_S, TICK_S

READINGS = {50: 1000.0, 100: 1000.0, 300: 66.7, 1_000: 20.0, 2_660: 7.8}
"""Per 1,000 advertisements: each by itself while it is calm, 20 per second when it is busy, and a few more
where a tick would bring more than half of what a Unix socket holds."""
WARM_UP_S, MEASURED_S = 1.0, 6.0
"""Shorter than the time until a client is asked whether it is there."""
OWN_STEPS = 12
"""Callbacks in the measured time that are not for advertisements: the watchdog asks BlueZ every four seconds
where they come past it."""

loads = pytest.mark.parametrize("per_s", READINGS, ids=lambda per_s: f"{per_s} per s")
ways = pytest.mark.parametrize("way", [ByMgmt, ByDbus], ids=["mgmt", "dbus"])


@loads
@ways
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("clients", [1, 3], ids=lambda clients: f"clients {clients}")
def test_a_wake_up_brings_one_batch_and_makes_one_write_for_each_client(
    house_with: MakeHouse, per_s: int, way: type, key: bytes | None, clients: int
) -> None:
    house = house_with(key, way)
    house.connect(clients)
    house.hear(per_s, WARM_UP_S)
    for client in house.clients:
        client.forget()
    steps, batches = house.loop.steps, house.batches

    count = house.hear(per_s, MEASURED_S)

    readings = house.batches - batches
    assert readings * 1000 / count <= READINGS[per_s]
    assert house.loop.steps - steps <= readings + OWN_STEPS
    assert [client.transport.writes for client in house.clients] == [readings] * clients


@loads
@ways
def test_nothing_is_lost_on_the_way(house_with: MakeHouse, per_s: int, way: type) -> None:
    house = house_with(way=way)

    count = house.hear(per_s, MEASURED_S)
    house.loop.pass_time(2 * PATIENT_TICK_S)

    assert house.heard == count


@pytest.mark.parametrize(
    ("per_s", "looks_for_more"),
    [(50, 1 / ALONE_MOST), (100, 1 / ALONE_MOST), (300, 1), (1_000, 1), (2_660, 1)],
)
def test_it_is_looked_for_more_once_in_a_tick_and_seldom_where_one_comes_at_a_time(
    house_with: MakeHouse, per_s: int, looks_for_more: float
) -> None:
    house = house_with(way=ByMgmt)
    house.connect(1)
    house.hear(per_s, WARM_UP_S)
    batches, emptied = house.batches, house.way.socket.emptied

    house.hear(per_s, MEASURED_S)

    assert house.way.socket.emptied - emptied <= looks_for_more * (house.batches - batches)
    assert house.way.socket.asked - house.way.socket.emptied == house.heard


@loads
@ways
def test_without_clients_it_wakes_four_times_a_second(house_with: MakeHouse, per_s: int, way: type) -> None:
    """More often only where the sender's queue would be more than half full by then."""
    most = max(MEASURED_S / PATIENT_TICK_S, 1.01 * per_s * MEASURED_S / FULL)
    house = house_with(way=way)
    house.hear(per_s, WARM_UP_S)
    steps, batches = house.loop.steps, house.batches

    house.hear(per_s, MEASURED_S)

    assert house.batches - batches <= most
    assert house.loop.steps - steps <= most + OWN_STEPS


@ways
def test_it_is_prompt_while_a_client_is_there(house_with: MakeHouse, way: type) -> None:
    house = house_with(way=way)
    house.hear(100, WARM_UP_S)
    house.connect(1)
    house.hear(100, PATIENT_TICK_S)
    batches = house.batches
    assert house.hear(100, 1.0) == house.batches - batches
    house.clients[0].transport.close()
    house.hear(100, PATIENT_TICK_S)
    batches = house.batches
    house.hear(100, 1.0)
    assert house.batches - batches <= 1 / PATIENT_TICK_S + 1


@ways
def test_when_nothing_comes_any_more_nothing_ticks(house_with: MakeHouse, way: type) -> None:
    house = house_with(way=way)
    house.hear(1_000, WARM_UP_S)
    house.connect(1)
    house.loop.pass_time(2 * TICK_S)
    steps = house.loop.steps

    house.loop.pass_time(MEASURED_S)

    assert house.loop.steps - steps <= OWN_STEPS
