import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.protocols.esphome.varint import VarintTooLong, encode_varint, read_varint


@given(st.integers(min_value=0, max_value=2**28 - 1), st.binary(max_size=8), st.binary(max_size=8))
def test_what_was_encoded_is_read_at_its_place(value: int, before: bytes, after: bytes) -> None:
    encoded = encode_varint(value)

    assert read_varint(before + encoded + after, len(before)) == (value, len(before) + len(encoded))


@given(st.integers(min_value=0, max_value=2**28 - 1), st.data())
def test_a_varint_that_is_cut_off_waits_for_the_rest(value: int, draw: st.DataObject) -> None:
    encoded = encode_varint(value)
    cut = draw.draw(st.integers(min_value=0, max_value=len(encoded) - 1))

    assert read_varint(encoded[:cut], 0) is None


@pytest.mark.parametrize(
    ("value", "encoded"), [(0, "00"), (127, "7f"), (128, "8001"), (2**48 - 1, "ffffffffffff3f")]
)
def test_it_is_the_encoding_of_protobuf(value: int, encoded: str) -> None:
    assert encode_varint(value) == bytes.fromhex(encoded)


def test_an_overlong_but_short_enough_form_is_read() -> None:
    assert read_varint(bytes.fromhex("80808000"), 0) == (0, 4)


@pytest.mark.parametrize("encoded", ["80808080", "ffffffff", "8080808001"])
def test_a_fourth_byte_that_promises_more_is_too_long(encoded: str) -> None:
    with pytest.raises(VarintTooLong):
        read_varint(bytes.fromhex(encoded), 0)


@given(st.binary(max_size=12), st.integers(min_value=0, max_value=14))
def test_any_bytes_are_a_number_too_little_or_too_long(data: bytes, start: int) -> None:
    try:
        found = read_varint(data, start)
    except VarintTooLong:
        assert all(byte >= 0x80 for byte in data[start : start + 4])
    else:
        assert found is None or (0 <= found[0] < 2**28 and start < found[1] <= len(data))
