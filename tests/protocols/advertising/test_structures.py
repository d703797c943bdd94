import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.model.errors import RenogyBTError
from renogybt.protocols.advertising.structures import (
    MAX_STRUCTURE_DATA,
    ADType,
    AdvertisingDataError,
    Flags,
    Structure,
    complete_name,
    flags,
    join,
    manufacturer,
    service_data,
    service_uuids,
    shortened_name,
    split,
    tx_power,
)

HUB = bytes.fromhex("0201060f0942542d54482d46443836383234440302d0ff")

structures = st.builds(
    Structure, st.integers(min_value=0, max_value=255), st.binary(max_size=MAX_STRUCTURE_DATA)
)


@given(st.lists(structures, max_size=8), st.booleans())
def test_what_was_joined_splits_into_the_same(originals: list[Structure], strict: bool) -> None:
    assert split(join(originals), strict=strict) == originals


@given(st.binary(max_size=64))
def test_any_octets_split_into_a_beginning_of_themselves(data: bytes) -> None:
    assert data.startswith(join(split(data)))


@given(st.binary(max_size=64))
def test_strictly_any_octets_are_structures_or_a_typed_error(data: bytes) -> None:
    try:
        found = split(data, strict=True)
    except AdvertisingDataError:
        assert len(join(split(data))) < len(data)
    else:
        assert found == split(data)


@given(st.lists(structures, min_size=1, max_size=4), st.data())
def test_a_structure_that_is_cut_off_is_dropped(originals: list[Structure], draw: st.DataObject) -> None:
    whole = join(originals)
    last = len(originals[-1].data) + 2
    cut = whole[: -draw.draw(st.integers(min_value=1, max_value=last - 1))]

    assert split(cut) == originals[:-1]
    with pytest.raises(AdvertisingDataError, match="too early"):
        split(cut, strict=True)


def test_a_zero_length_ends_the_list() -> None:
    assert split(bytes.fromhex("020106 00 020a04"), strict=True) == [Structure(ADType.FLAGS, b"\x06")]


def test_a_structure_may_have_a_type_and_no_data() -> None:
    assert split(bytes.fromhex("0109020106")) == [Structure(9, b""), Structure(1, b"\x06")]


def test_the_advertisement_of_the_hub_is_built_octet_by_octet() -> None:
    built = join(
        [
            flags(Flags.GENERAL_DISCOVERABLE | Flags.NO_BREDR),
            complete_name("BT-TH-FD86824D"),
            *service_uuids(["0000ffd0-0000-1000-8000-00805f9b34fb"], complete=False),
        ]
    )

    assert built == HUB


def test_254_octets_fit_into_a_structure_and_255_do_not() -> None:
    assert len(join([Structure(0xFF, bytes(254))])) == 256
    with pytest.raises(AdvertisingDataError, match="255 octets do not fit"):
        join([Structure(0xFF, bytes(255))])


def test_the_errors_of_the_room_are_of_the_tree_and_value_errors() -> None:
    assert issubclass(AdvertisingDataError, RenogyBTError)
    assert issubclass(AdvertisingDataError, ValueError)


@pytest.mark.parametrize("kind", [-1, 256])
def test_a_type_that_is_no_octet_is_refused(kind: int) -> None:
    with pytest.raises(AdvertisingDataError, match="AD type"):
        join([Structure(kind, b"")])


def test_uuids_are_grouped_by_width_in_the_given_order() -> None:
    uart = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"

    grouped = service_uuids([uart, "180f", "12345678", "0000180d-0000-1000-8000-00805f9b34fb"])

    assert grouped == [
        Structure(ADType.COMPLETE_UUIDS_16, bytes.fromhex("0f180d18")),
        Structure(ADType.COMPLETE_UUIDS_32, bytes.fromhex("78563412")),
        Structure(ADType.COMPLETE_UUIDS_128, bytes.fromhex("9ecadc240ee5a9e093f3a3b50100406e")),
    ]


def test_incomplete_lists_have_types_of_their_own() -> None:
    grouped = service_uuids(["180f", "12345678", "6e400001-b5a3-f393-e0a9-e50e24dcca9e"], complete=False)

    assert [kind for kind, _ in grouped] == [0x02, 0x04, 0x06]


def test_no_uuids_make_no_list() -> None:
    assert service_uuids([]) == []


@pytest.mark.parametrize(
    ("uuid", "head"),
    [
        ("0000fcd2-0000-1000-8000-00805f9b34fb", "16d2fc"),
        ("12345678", "2078563412"),
        ("6e400001-b5a3-f393-e0a9-e50e24dcca9e", "219ecadc240ee5a9e093f3a3b50100406e"),
    ],
)
def test_service_data_takes_the_type_of_the_width_of_its_uuid(uuid: str, head: str) -> None:
    kind, data = service_data(uuid, b"\x40")

    assert bytes((kind,)) + data == bytes.fromhex(head) + b"\x40"


def test_manufacturer_data_begins_with_the_company_little_endian() -> None:
    assert manufacturer(0x004C, b"\x10\x05") == Structure(0xFF, bytes.fromhex("4c001005"))


def test_transmit_power_is_signed() -> None:
    assert join([tx_power(-7), tx_power(4)]) == bytes.fromhex("020af9020a04")


def test_names_are_utf_8() -> None:
    assert join([complete_name("Küche"), shortened_name("Kü")]) == b"\x07\x09K\xc3\xbcche\x04\x08K\xc3\xbc"


@pytest.mark.parametrize(("build", "value"), [(flags, 256), (flags, -1), (tx_power, 128), (tx_power, -129)])
def test_a_number_that_does_not_fit_is_refused(build, value: int) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AdvertisingDataError, match="does not fit"):
        build(value)


def test_a_company_id_that_does_not_fit_is_refused() -> None:
    with pytest.raises(AdvertisingDataError, match="company id 65536"):
        manufacturer(0x10000, b"")
