"""What is on the air, in virtual time."""

from collections import defaultdict
from itertools import pairwise

import pytest
from simulator.decoders import (
    bthome,
    govee_h5075,
    manufacturer_data,
    name,
    ruuvi_5,
    service_data,
    structures,
    switchbot_meter,
)

from renogybt.model.advertisement import Advertisement, format_address
from renogybt.model.radio import ScanMode
from renogybt.simulator.advertiser import STRONGEST_RSSI_DBM, WEAKEST_RSSI_DBM
from renogybt.simulator.kinds import DEFAULT_ADVERTISERS, KINDS, LAMP, line_up
from renogybt.simulator.lamp import LAMP_ADDRESS
from renogybt.simulator.neighbourhood import Neighbourhood

HUB = 0x6CB2FD86824D
ACTIVE, PASSIVE = ScanMode.ACTIVE, ScanMode.PASSIVE


def minute(mode: ScanMode = ACTIVE, seed: int = 1) -> list[Advertisement]:
    return Neighbourhood(seed).hear(60.0, mode)


def timed(seconds: float, *, tick: float = 0.01, seed: int = 1) -> list[tuple[float, Advertisement]]:
    """Advertisements with the time at which they were heard."""
    neighbourhood = Neighbourhood(seed)
    ticks = round(seconds / tick)
    return [(n * tick, heard) for n in range(ticks) for heard in neighbourhood.hear(n * tick, ACTIVE)]


# -- rate and rhythm


@pytest.mark.parametrize("seed", range(10))
def test_about_fifty_advertisements_come_per_second(seed: int) -> None:
    assert len(minute(seed=seed)) / 60 == pytest.approx(50, rel=0.02)


def test_the_rate_and_the_number_of_devices_can_be_chosen() -> None:
    crowd = Neighbourhood(advertisers=400, rate=1000.0).hear(10.0, ACTIVE)

    assert len(crowd) / 10 == pytest.approx(1000, rel=0.02)
    assert len({each.address for each in crowd}) == pytest.approx(400, abs=5)  # some rotate meanwhile


def test_one_device_is_the_hub() -> None:
    assert {each.address for each in Neighbourhood(advertisers=1).hear(2.0, ACTIVE)} == {HUB}


def test_the_first_devices_are_one_of_each_kind_and_there_is_one_hub_only() -> None:
    assert tuple(line_up(len(KINDS))) == KINDS
    assert [kind.address for kind in line_up(500)].count(HUB) == 1
    assert all(line_up(DEFAULT_ADVERTISERS).count(kind) == kind.share for kind in KINDS)


@pytest.mark.parametrize("seed", range(5))
def test_each_device_keeps_an_interval_between_100_ms_and_2_s(seed: int) -> None:
    times = defaultdict(list)
    for now, heard in timed(20.0, seed=seed):
        times[heard.address].append(now)
    for moments in times.values():
        gaps = [later - earlier for earlier, later in pairwise(moments)]
        assert all(0.09 <= gap <= 2.03 for gap in gaps)
        assert max(gaps, default=0) - min(gaps, default=0) < 0.035  # advertising delay and the tick


@pytest.mark.parametrize("wrong", [{"advertisers": 0}, {"rate": 0.0}, {"rotation_s": 0.0}])
def test_a_neighbourhood_without_anything_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Neighbourhood(**wrong)  # type: ignore[arg-type]


# -- time


def test_the_same_seed_gives_the_same_in_whatever_steps_and_another_seed_does_not() -> None:
    in_steps = Neighbourhood(seed=7)
    heard = [each for step in range(1, 601) for each in in_steps.hear(step * 0.1, ACTIVE)]

    assert heard == minute(seed=7)
    assert heard != minute(seed=8)


def test_nothing_is_due_before_the_time_it_names() -> None:
    neighbourhood = Neighbourhood()
    due = neighbourhood.next_due

    assert neighbourhood.hear(due - 0.0001, ACTIVE) == []
    assert len(neighbourhood.hear(due, ACTIVE)) == 1
    assert neighbourhood.next_due > due


def test_skipped_time_is_lost_and_the_rhythm_goes_on() -> None:
    neighbourhood = Neighbourhood()
    neighbourhood.skip(3600.0)

    assert 3600.0 <= neighbourhood.next_due < 3600.2
    assert len(neighbourhood.hear(3610.0, ACTIVE)) == pytest.approx(500, rel=0.05)


# -- bytes


def test_the_hub_advertises_what_the_real_one_does() -> None:
    for mode in ScanMode:
        hub = [each for each in minute(mode) if each.address == HUB]
        assert {each.data.hex() for each in hub} == {"0201060f0942542d54482d46443836383234440302d0ff"}
        assert {each.address_type for each in hub} == {0}


def test_no_payload_is_longer_than_the_air_allows() -> None:
    assert all(0 < len(each.data) <= 31 for each in minute(PASSIVE))
    assert all(0 < len(each.data) <= 62 for each in minute(ACTIVE))


def test_every_payload_consists_of_whole_structures() -> None:
    assert all(structures(each.data) for each in minute(ACTIVE))


def test_a_passive_scanner_gets_no_scan_response() -> None:
    active, passive = minute(ACTIVE), minute(PASSIVE)

    assert [each.address for each in active] == [each.address for each in passive]
    assert all(more.data.startswith(less.data) for more, less in zip(active, passive, strict=True))
    only_active = {name(each.data) for each in active} - {name(each.data) for each in passive}
    assert len(only_active) >= 4
    assert all(service_data(each.data, 0xFD3D) is None for each in passive)


def test_a_mode_counts_from_the_next_advertisement_on() -> None:
    neighbourhood = Neighbourhood()
    neighbourhood.hear(10.0, ACTIVE)

    assert max(len(each.data) for each in neighbourhood.hear(20.0, PASSIVE)) <= 31
    assert max(len(each.data) for each in neighbourhood.hear(30.0, ACTIVE)) > 31


def test_bthome_thermometers_wander_slowly_and_count_their_packets() -> None:
    found = defaultdict(list)
    for each in Neighbourhood().hear(600.0, PASSIVE):
        if payload := service_data(each.data, 0xFCD2):
            found[each.address].append(bthome(payload))

    assert len(found) == 3
    for readings in found.values():
        assert len({climate.temperature_c for _, climate in readings}) > 10
        for (earlier_id, earlier), (later_id, later) in pairwise(readings):
            assert (later_id - earlier_id) % 256 == (1 if later != earlier else (later_id != earlier_id))
            assert abs(later.temperature_c - earlier.temperature_c) < 0.1
            assert abs(later.humidity_percent - earlier.humidity_percent) < 0.5
            assert 0 <= later.battery <= 100


def test_govee_thermometers_are_named_after_their_address() -> None:
    found = [each for each in minute(PASSIVE) if manufacturer_data(each.data, 0xEC88)]

    assert found
    for each in found:
        assert name(each.data) == f"GVH5075_{format_address(each.address)[-5:].replace(':', '')}"
        climate = govee_h5075(manufacturer_data(each.data, 0xEC88) or b"")
        assert -20 < climate.temperature_c < 40
        assert 20 < climate.humidity_percent < 80


def test_switchbot_meters_measure_in_the_scan_response() -> None:
    found = [each for each in minute(ACTIVE) if manufacturer_data(each.data, 0x0969)]

    assert found
    for each in found:
        assert manufacturer_data(each.data, 0x0969) == each.address.to_bytes(6, "big")
        assert -20 < switchbot_meter(service_data(each.data, 0xFD3D) or b"").temperature_c < 40


def test_ruuvi_tags_carry_their_address_and_count() -> None:
    found = defaultdict(list)
    for each in minute(PASSIVE):
        if payload := manufacturer_data(each.data, 0x0499):
            found[each.address].append(ruuvi_5(payload))

    assert len(found) == 2
    for address, readings in found.items():
        assert {each.address for each in readings} == {address}
        assert {later.sequence - earlier.sequence for earlier, later in pairwise(readings)} == {0, 1}
        assert all(2500 <= each.climate.battery <= 3100 for each in readings)


def test_ibeacons_have_the_shape_that_apple_gave_them() -> None:
    found = {
        each.address: payload
        for each in minute(PASSIVE)
        if (payload := manufacturer_data(each.data, 0x004C)) and payload.startswith(b"\x02\x15")
    }

    assert len(set(found.values())) == 3
    assert all(len(payload) == 2 + 16 + 2 + 2 + 1 and payload[-1] == 256 - 59 for payload in found.values())


def test_eddystones_send_their_identity_and_now_and_then_telemetry() -> None:
    frames = defaultdict(list)
    for each in minute(PASSIVE):
        if payload := service_data(each.data, 0xFEAA):
            assert (0x03, b"\xaa\xfe") in structures(each.data)
            frames[payload[0]].append(payload)

    assert set(frames) == {0x00, 0x20}
    assert len(frames[0x00]) > 5 * len(frames[0x20])
    assert {len(frame) for frame in frames[0x00]} == {20}
    assert {len(frame) for frame in frames[0x20]} == {14}


# -- guests


def test_a_guest_changes_nothing_for_all_others() -> None:
    with_lamp = Neighbourhood(seed=7, guests=(LAMP,))
    alone = Neighbourhood(seed=7)
    for skipped in (0.0, 100.0):
        with_lamp.skip(skipped)
        alone.skip(skipped)
        heard = with_lamp.hear(skipped + 60.0, ACTIVE)

        assert [each for each in heard if each.address != LAMP_ADDRESS] == alone.hear(skipped + 60.0, ACTIVE)


def test_a_guest_keeps_its_rhythm_whatever_the_others_do() -> None:
    for rate in (5.0, 1000.0):
        heard = Neighbourhood(rate=rate, guests=(LAMP,)).hear(60.0, ACTIVE)
        assert sum(each.address == LAMP_ADDRESS for each in heard) == pytest.approx(119, abs=2)


def test_the_lamp_tells_its_service_and_if_it_is_asked_its_name() -> None:
    flags, service = "020106", "1107478e2a0b1f6d3a9c5e4f0c5b01001e7a"
    for mode, response in ((PASSIVE, ""), (ACTIVE, "0a0944656d6f204c616d70")):
        heard = Neighbourhood(guests=(LAMP,)).hear(60.0, mode)
        lamp = [each for each in heard if each.address == LAMP_ADDRESS]
        assert {each.data.hex() for each in lamp} == {flags + service + response}
        assert {each.address_type for each in lamp} == {1}


# -- addresses


def test_every_address_has_the_bits_of_its_type() -> None:
    tops = {(each.address_type, each.address >> 46) for each in minute() if each.address_type}

    assert tops == {(1, 0b01), (1, 0b11)}


def is_private(each: Advertisement) -> bool:
    return each.address_type == 1 and each.address >> 46 == 0b01


def test_private_addresses_rotate_once_in_fifteen_minutes_and_never_return() -> None:
    first: dict[int, float] = {}
    last: dict[int, float] = {}
    private: set[int] = set()
    for now, each in timed(1000.0, tick=0.5):
        first.setdefault(each.address, now)
        last[each.address] = now
        if is_private(each):
            private.add(each.address)
    lasting = {address for address in first if last[address] > 997}
    gone = set(first) - lasting

    assert len(lasting) == DEFAULT_ADVERTISERS
    assert gone < private
    assert len(gone) >= len(private & lasting)  # each device had at least one more in these 1000 s
    assert all(last[address] - first[address] <= 901 for address in private)
    assert len({round(last[address]) for address in gone}) > len(gone) / 2  # not all at once


def test_what_a_private_device_says_rotates_with_its_address() -> None:
    said = defaultdict(set)
    for each in Neighbourhood(rotation_s=30.0).hear(120.0, PASSIVE):
        payload = manufacturer_data(each.data, 0x004C)
        if payload and payload.startswith(b"\x10\x05"):
            said[each.address].add(payload[4:])

    assert all(len(tags) == 1 for tags in said.values())
    assert len({tag for tags in said.values() for tag in tags}) == len(said)


def test_after_skipped_time_private_devices_have_new_addresses_and_rotate_on() -> None:
    neighbourhood = Neighbourhood(rotation_s=30.0)
    before = {each.address for each in neighbourhood.hear(10.0, ACTIVE) if is_private(each)}
    neighbourhood.skip(100_000.0)
    after = {each.address for each in neighbourhood.hear(100_010.0, ACTIVE) if is_private(each)}
    later = {each.address for each in neighbourhood.hear(100_060.0, ACTIVE) if is_private(each)}

    assert not before & after
    assert len(later - after) >= 14


# -- signal strength


def test_signal_strength_wanders_within_plausible_bounds() -> None:
    strengths = defaultdict(list)
    for each in Neighbourhood().hear(300.0, ACTIVE):
        strengths[each.address].append(each.rssi)

    for values in strengths.values():
        assert min(values) >= WEAKEST_RSSI_DBM
        assert max(values) <= STRONGEST_RSSI_DBM
        assert max(values) - min(values) <= 16
        assert all(abs(later - earlier) <= 3 for earlier, later in pairwise(values))
    assert len(set(strengths[HUB])) > 5
    assert len({round(sum(values) / len(values)) for values in strengths.values()}) > 10
