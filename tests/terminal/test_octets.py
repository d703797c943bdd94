"""Octets as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.terminal.octets import OctetsError, parse_octets


@pytest.mark.parametrize(
    "text",
    [
        "300313b2",
        "30 03 13 B2",
        "30:03:13:b2",
        "0x300313b2",
        "0X30,0x03,0x13,0xB2",
        " 3003-13b2\n",
        "30\t0313b2",
    ],
)
def test_blanks_colons_and_prefixes_mean_nothing(text: str) -> None:
    assert parse_octets(text) == b"\x30\x03\x13\xb2"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no octets"),
        (" : ", "no octets"),
        ("303", "odd number"),
        ("3 0 0 3", "odd number"),
        ("30x3", "not hexadecimal"),
        ("30 zz", "'zz' is not hexadecimal"),
        ("3003…", "not hexadecimal"),
        ("٣٠", "not hexadecimal"),
        ("0x", "'0x' is not hexadecimal"),
        ("\x1b[31m", "not hexadecimal"),
    ],
)
def test_what_is_no_row_of_octets_is_told(text: str, said: str) -> None:
    with pytest.raises(OctetsError, match=said) as caught:
        parse_octets(text)
    assert str(caught.value).isprintable()


@given(st.binary(min_size=1), st.sampled_from(["", " ", ":", ", "]))
def test_any_octets_come_back(octets: bytes, between: str) -> None:
    assert parse_octets(between.join(f"{each:02x}" for each in octets)) == octets


@given(st.text())
def test_any_text_is_octets_or_refused_in_a_few_words(text: str) -> None:
    said = ""
    try:
        assert parse_octets(text)
    except OctetsError as error:
        said = str(error)
    assert len(said) < 150
