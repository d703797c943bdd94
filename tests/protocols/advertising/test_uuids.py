import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.protocols.advertising.uuids import UUIDError, decode_uuid, encode_uuid, shorten_uuid


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("fcd2", "d2fc"),
        ("FCD2", "d2fc"),
        ("0000fcd2", "d2fc"),
        ("0000fcd2-0000-1000-8000-00805f9b34fb", "d2fc"),
        ("0000FFD0-0000-1000-8000-00805F9B34FB", "d0ff"),
        ("12345678", "78563412"),
        ("12345678-0000-1000-8000-00805f9b34fb", "78563412"),
        ("6e400001-b5a3-f393-e0a9-e50e24dcca9e", "9ecadc240ee5a9e093f3a3b50100406e"),
        ("0000fcd2-0000-1000-8000-00805f9b34fc", "fc349b5f80000080001000 00d2fc0000"),
    ],
)
def test_a_uuid_is_written_little_endian_in_its_shortest_form(text: str, octets: str) -> None:
    assert encode_uuid(text) == bytes.fromhex(octets)
    assert decode_uuid(encode_uuid(text)) == shorten_uuid(text)


def test_a_sig_uuid_that_was_sent_in_full_reads_like_its_short_form() -> None:
    assert decode_uuid(bytes.fromhex("fb349b5f80000080001000 00d2fc0000")) == "fcd2"


@pytest.mark.parametrize(
    "text", ["", "fcd", "fc d2", "0xfcd2", "fcd2g", "0000fcd200001000800000805f9b34fb", "١٢٣٤"]
)
def test_a_text_that_is_no_uuid_is_refused(text: str) -> None:
    with pytest.raises(UUIDError, match="is not a UUID"):
        encode_uuid(text)


@given(st.binary(max_size=20))
def test_octets_are_a_uuid_by_their_length_alone(octets: bytes) -> None:
    if len(octets) in (2, 4, 16):
        assert encode_uuid(decode_uuid(octets)) in (octets, octets[:2], octets[12:14], octets[12:])
    else:
        with pytest.raises(UUIDError):
            decode_uuid(octets)
