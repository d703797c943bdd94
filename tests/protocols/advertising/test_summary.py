from hypothesis import given
from hypothesis import strategies as st

from renogybt.protocols.advertising.structures import (
    Structure,
    complete_name,
    flags,
    join,
    manufacturer,
    service_data,
    service_uuids,
    shortened_name,
    tx_power,
)
from renogybt.protocols.advertising.summary import Summary, describe

UART = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"


def test_every_part_is_found() -> None:
    data = join(
        [
            flags(0x06),
            complete_name("Shelf"),
            *service_uuids(["fcd2", "12345678", UART]),
            manufacturer(0x0499, b"\x05"),
            manufacturer(0x004C, b""),
            service_data("fcd2", b"\x40"),
            service_data(UART, b"\x01"),
            tx_power(-7),
        ]
    )

    assert describe(data) == Summary(
        name="Shelf",
        service_uuids=("fcd2", "12345678", UART),
        manufacturer=((0x0499, b"\x05"), (0x004C, b"")),
        service_data=(("fcd2", b"\x40"), (UART, b"\x01")),
        tx_power=-7,
        flags=0x06,
    )


def test_the_hub_tells_its_name_and_its_service() -> None:
    summary = describe(bytes.fromhex("0201060f0942542d54482d46443836383234440302d0ff"))

    assert summary == Summary(name="BT-TH-FD86824D", service_uuids=("ffd0",), flags=6)


def test_a_complete_name_counts_before_a_shortened_one() -> None:
    assert describe(join([shortened_name("Bat"), complete_name("Battery")])).name == "Battery"
    assert describe(join([shortened_name("Bat")])).name == "Bat"


def test_a_name_cannot_move_the_cursor_of_a_terminal() -> None:
    assert describe(join([complete_name("a\x1b[2Jb\n")])).name == "a\ufffd[2Jb\ufffd"
    assert describe(join([Structure(0x09, b"a\xff")])).name == "a\ufffd"


def test_a_padded_name_loses_its_padding_and_an_empty_one_is_none() -> None:
    assert describe(join([complete_name("Bat\0\0")])).name == "Bat"
    assert describe(join([complete_name("\0\0")])).name is None


def test_a_service_in_advertisement_and_scan_response_is_named_once() -> None:
    data = join([*service_uuids(["180d"], complete=False), *service_uuids(["180f", "180d"])])

    assert describe(data).service_uuids == ("180d", "180f")


def test_parts_that_are_too_short_are_left_out() -> None:
    data = join(
        [
            Structure(0x01, b""),
            Structure(0x0A, b""),
            Structure(0x03, b"\x0f\x18\x0d"),
            Structure(0x16, b"\xd2"),
            Structure(0xFF, b"\x4c"),
        ]
    )

    assert describe(data) == Summary(service_uuids=("180f",))


def test_flags_and_power_of_the_advertisement_count_before_those_of_the_scan_response() -> None:
    data = join([flags(0x06), tx_power(4), flags(0x1A), tx_power(-4)])

    assert (describe(data).flags, describe(data).tx_power) == (0x06, 4)


@given(st.binary(max_size=64))
def test_any_octets_have_a_summary(data: bytes) -> None:
    assert isinstance(describe(data), Summary)


@given(
    st.lists(
        st.builds(
            Structure,
            st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 22, 32, 33, 255]),
            st.binary(max_size=20),
        ),
        max_size=6,
    )
)
def test_any_structures_have_a_summary(structures: list[Structure]) -> None:
    assert isinstance(describe(join(structures)), Summary)
