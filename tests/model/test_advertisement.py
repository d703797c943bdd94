"""Addresses as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.model.advertisement import AddressError, format_address, parse_address

ADDRESS = 0x6CB2FD86824D


@pytest.mark.parametrize(
    "text", ["6C:B2:FD:86:82:4D", "6c:b2:fd:86:82:4d", "6C-B2-FD-86-82-4D", " 6C:B2:FD:86:82:4D\n"]
)
def test_an_address_may_be_written(text: str) -> None:
    assert parse_address(text) == ADDRESS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "6C:B2:FD:86:82",
        "6C:B2:FD:86:82:4D:00",
        "6CB2FD86824D",
        "6C:B2:FD:86:82:4G",
        "6C:B2:FD:86: 8:24",
        "6C:B2:FD:86:  :4D",
        "6C:B2:FD:86:\t\t:4D",
        "6C :B2:FD:86:82:4D",
        "6C:B2:FD:86:82:٤D",
    ],
)
def test_anything_else_is_no_address(text: str) -> None:
    with pytest.raises(AddressError, match="is not an address like"):
        parse_address(text)


@given(st.integers(0, (1 << 48) - 1))
def test_an_address_survives_being_written(address: int) -> None:
    assert parse_address(format_address(address)) == address
