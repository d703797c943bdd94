from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.protocols.advertising.rebuild import Advertised, rebuild
from renogybt.protocols.advertising.structures import MAX_STRUCTURE_DATA, ADType, split
from renogybt.protocols.advertising.summary import describe
from renogybt.protocols.advertising.uuids import shorten_uuid

BASE = "-0000-1000-8000-00805f9b34fb"
LONG = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"

short_uuids = st.integers(0, 0xFFFF).map(lambda value: f"0000{value:04x}{BASE}")
uuids = st.one_of(
    short_uuids,
    st.integers(0x10000, 0xFFFFFFFF).map(lambda value: f"{value:08x}{BASE}"),
    st.uuids().map(str),
)
payloads = st.binary(max_size=40)
# as D-Bus may tell them: of these types, but with any content
anything = st.builds(
    Advertised,
    flags=st.binary(max_size=3),
    uuids=st.lists(st.one_of(uuids, st.text(st.characters(codec="utf-8"), max_size=12)), max_size=40),
    service_data=st.dictionaries(
        st.one_of(uuids, st.text(st.characters(codec="utf-8"), max_size=12)),
        st.binary(max_size=300),
        max_size=3,
    ),
    manufacturer=st.dictionaries(st.integers(-5, 0x1FFFF), st.binary(max_size=300), max_size=3),
    tx_power=st.none() | st.integers(-0x8000, 0x7FFF),
    name=st.none() | st.text(st.characters(codec="utf-8"), max_size=300),
    other=st.dictionaries(st.integers(-1, 300), st.binary(max_size=300), max_size=3),
)


def test_nothing_known_is_nothing() -> None:
    assert rebuild(Advertised()) == b""


def test_only_what_is_known_is_there() -> None:
    data = rebuild(Advertised(manufacturer={0x0958: b"\x01\x02"}))
    assert data == bytes.fromhex("05ff58090102")


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (Advertised(flags=b"\x06"), "020106"),
        (Advertised(flags=b"\x06\x01"), "020106"),
        (Advertised(name="Shed"), "050953686564"),
        (Advertised(name=""), "0109"),
        (Advertised(tx_power=-4), "020afc"),
        (Advertised(uuids=["0000fcd2" + BASE, "0000180f" + BASE]), "0502d2fc0f18"),
        (Advertised(uuids=["12345678" + BASE]), "050478563412"),
        (Advertised(service_data={"0000fcd2" + BASE: b"\x40"}), "0416d2fc40"),
        (Advertised(service_data={"12345678" + BASE: b"\x40"}), "06207856341240"),
        (Advertised(other={0x1B: b"\x00\x01"}), "031b0001"),
    ],
)
def test_each_part_has_its_structure(known: Advertised, expected: str) -> None:
    assert rebuild(known).hex() == expected


def test_a_long_uuid_stays_long() -> None:
    (structure,) = split(rebuild(Advertised(uuids=[LONG])))
    assert structure == (ADType.INCOMPLETE_UUIDS_128, bytes.fromhex(LONG.replace("-", ""))[::-1])


@pytest.mark.parametrize(
    "broken",
    [
        Advertised(tx_power=200),
        Advertised(tx_power=-0x8000),
        Advertised(uuids=["no uuid"]),
        Advertised(service_data={"no uuid": b""}),
        Advertised(manufacturer={0x10000: b""}),
        Advertised(manufacturer={1: bytes(254)}),
        Advertised(name="x" * 255),
        Advertised(other={256: b""}),
    ],
)
def test_what_fits_no_structure_is_left_out_alone(broken: Advertised) -> None:
    assert rebuild(broken) == b""
    broken.flags = b"\x06"
    broken.service_data = {**broken.service_data, "fcd2": b"\x01"}
    assert describe(rebuild(broken)).service_data == (("fcd2", b"\x01"),)


def test_one_uuid_that_is_none_does_not_take_the_others_with_it() -> None:
    assert describe(rebuild(Advertised(uuids=["180f", "", LONG]))).service_uuids == ("180f", LONG)


def test_of_a_list_that_is_too_long_as_many_as_fit_are_told() -> None:
    known = Advertised(uuids=[f"{number:04x}" for number in range(200)] + [LONG] * 20)
    short, long = split(rebuild(known), strict=True)
    assert len(short.data) == 240
    assert short.data[:4] == b"\0\0\1\0"
    assert len(long.data) == 240


@given(anything)
def test_whatever_is_known_it_is_structures(known: Advertised) -> None:
    data = rebuild(known)
    structures = split(data, strict=True)
    assert all(len(structure.data) <= MAX_STRUCTURE_DATA for structure in structures)
    assert sum(len(structure.data) + 2 for structure in structures) == len(data)


@given(
    st.builds(
        Advertised,
        uuids=st.lists(short_uuids, max_size=10, unique=True),
        service_data=st.dictionaries(uuids, payloads, max_size=3),
        manufacturer=st.dictionaries(st.integers(0, 0xFFFF), payloads, max_size=3),
        tx_power=st.none() | st.integers(-128, 127),
        name=st.none() | st.text("abc xyz", min_size=1, max_size=20),
    )
)
def test_what_fits_is_all_there_and_nothing_else(known: Advertised) -> None:
    summary = describe(rebuild(known))
    assert summary.flags is None
    assert summary.name == known.name
    assert summary.tx_power == known.tx_power
    assert list(summary.service_uuids) == [shorten_uuid(uuid) for uuid in known.uuids]
    assert dict(summary.manufacturer) == known.manufacturer
    assert dict(summary.service_data) == _shortened(known.service_data)
    assert not {structure.type for structure in split(rebuild(known))} & {
        ADType.COMPLETE_UUIDS_16,
        ADType.COMPLETE_UUIDS_32,
        ADType.COMPLETE_UUIDS_128,
    }


def _shortened(data: Mapping[str, bytes]) -> dict[str, bytes]:
    return {shorten_uuid(uuid): octets for uuid, octets in data.items()}
