import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.model.advertisement import RSSI_UNKNOWN, AddressType, Advertisement
from renogybt.model.gatt import LinkParameters
from renogybt.protocols.advertising import mgmt
from renogybt.protocols.advertising.mgmt import MgmtPacketError

EVENTS = (mgmt.DEVICE_FOUND, mgmt.ADV_MONITOR_DEVICE_FOUND)
events = st.sampled_from(EVENTS)
# recorded from a kernel: flags, name, list of 16 bit services
RECORDED = bytes.fromhex("0201060f0942542d54482d46443836383234440302d0ff")


def packet(event: int, report: bytes, index: int = 0) -> bytes:
    if event == mgmt.ADV_MONITOR_DEVICE_FOUND:
        report = b"\x07\x00" + report
    return struct.pack("<HHH", event, index, len(report)) + report


def report(address: bytes, kind: int, rssi: int, data: bytes, flags: int = 0) -> bytes:
    return struct.pack("<6sBbIH", address, kind, rssi, flags, len(data)) + data


@pytest.mark.parametrize("event", EVENTS)
def test_a_report_is_read_as_it_is_on_the_wire(event: int) -> None:
    octets = bytes.fromhex("4d8286fdb26c")
    found = mgmt.parse_found(event, packet(event, report(octets, 1, -71, RECORDED, flags=0x24)))
    assert found == Advertisement(0x6CB2FD86824D, -71, AddressType.PUBLIC, RECORDED)


@given(
    events,
    st.binary(min_size=6, max_size=6),
    st.sampled_from([(1, AddressType.PUBLIC), (2, AddressType.RANDOM)]),
    st.integers(-127, 126),
    st.binary(max_size=400),
    st.binary(max_size=3),
)
def test_what_was_written_is_read(
    event: int, address: bytes, kind: tuple[int, AddressType], rssi: int, data: bytes, more: bytes
) -> None:
    found = mgmt.parse_found(event, packet(event, report(address, kind[0], rssi, data)) + more)
    assert found == Advertisement(int.from_bytes(address, "little"), rssi, kind[1], data)


@pytest.mark.parametrize("event", EVENTS)
def test_an_rssi_that_is_not_known_says_so(event: int) -> None:
    found = mgmt.parse_found(event, packet(event, report(b"\1" * 6, 2, 127, b"")))
    assert found is not None
    assert found.rssi == RSSI_UNKNOWN


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("kind", [0, 3, 255])
def test_what_is_not_of_le_is_none(event: int, kind: int) -> None:
    assert mgmt.parse_found(event, packet(event, report(b"\1" * 6, kind, -60, RECORDED))) is None


@pytest.mark.parametrize("event", EVENTS)
def test_a_report_that_is_cut_off_anywhere_is_none(event: int) -> None:
    whole = packet(event, report(b"\1" * 6, 1, -60, RECORDED))
    assert mgmt.parse_found(event, whole) is not None
    for length in range(len(whole)):
        assert mgmt.parse_found(event, whole[:length]) is None


@given(events, st.binary(max_size=64))
def test_any_octets_are_an_advertisement_or_none(event: int, octets: bytes) -> None:
    found = mgmt.parse_found(event, octets)
    if found is not None:
        assert 0 <= found.address < 1 << 48
        assert found.address_type in list(AddressType)
        assert -128 <= found.rssi <= 126
        assert found.data in octets


def test_a_connect_that_failed_is_read_as_it_is_on_the_wire() -> None:
    whole = bytes.fromhex("0d0000000800 4d8286fdb26c 01 07")
    assert mgmt.parse_connect_failed(whole) == (0x6CB2FD86824D, mgmt.NO_RESOURCES)
    for length in range(len(whole)):
        assert mgmt.parse_connect_failed(whole[:length]) is None


@given(st.binary(max_size=32))
def test_any_octets_are_a_connect_that_failed_or_none(octets: bytes) -> None:
    failure = mgmt.parse_connect_failed(octets)
    if failure is not None:
        assert octets[12] in (1, 2)
        assert failure.address.to_bytes(6, "little") == octets[6:12]


@given(st.integers(0, 0xFFFF), st.binary(max_size=32))
def test_any_octets_are_a_reply_or_a_typed_error(event: int, octets: bytes) -> None:
    try:
        reply = mgmt.parse_reply(event, octets)
    except MgmtPacketError:
        assert len(octets) < 9
    else:
        assert reply.data == octets[9:]


@given(st.binary(max_size=64))
def test_any_octets_are_features_or_a_typed_error(octets: bytes) -> None:
    try:
        features = mgmt.parse_features(octets)
    except MgmtPacketError:
        return
    assert len(octets) >= 13 + 2 * len(features.handles)


@given(st.integers(0, 0xFFFFFFFF), st.lists(st.integers(0, 0xFFFF), max_size=32))
def test_features_are_read_as_they_were_written(enabled: int, handles: list[int]) -> None:
    octets = struct.pack("<IIHBH", 1, enabled, 32, 16, len(handles))
    octets += struct.pack(f"<{len(handles)}H", *handles)
    assert mgmt.parse_features(octets) == (enabled, tuple(handles))


def test_a_command_has_its_length_in_the_header() -> None:
    assert mgmt.command(mgmt.STOP_DISCOVERY, 1, b"\x06") == bytes.fromhex("24000100010006")
    assert mgmt.command(mgmt.READ_ADV_MONITOR_FEATURES, 0) == bytes.fromhex("510000000000")


def test_a_monitor_has_one_pattern_at_the_begin_of_a_structure() -> None:
    parameters = mgmt.pattern_monitor(0x01, b"\x06")
    assert parameters == b"\x01" + b"\x01\x00\x01" + b"\x06" + bytes(30)
    assert len(parameters) == 1 + 34  # count, and one struct mgmt_adv_pattern


def test_a_peer_is_its_address_and_the_type_of_that() -> None:
    assert mgmt.le_peer(0x6CB2FD86824D, AddressType.PUBLIC) == bytes.fromhex("4d8286fdb26c01")
    assert mgmt.le_peer(0xC2B2FD86824D, AddressType.RANDOM) == bytes.fromhex("4d8286fdb2c202")


def test_connection_parameters_are_those_of_one_peripheral() -> None:
    wanted = LinkParameters(min_interval=6, max_interval=0x0C80, latency=3, timeout=400)
    octets = mgmt.connection_parameters(0x6CB2FD86824D, AddressType.PUBLIC, wanted)
    assert octets == bytes.fromhex("0100 4d8286fdb26c01 0600 800c 0300 9001")
    octets = mgmt.connection_parameters(0xC2B2FD86824D, AddressType.RANDOM, wanted)
    assert octets == bytes.fromhex("0100 4d8286fdb2c202 0600 800c 0300 9001")


def test_a_handle_is_little_endian() -> None:
    assert mgmt.monitor_handle(0x0102) == b"\x02\x01"
