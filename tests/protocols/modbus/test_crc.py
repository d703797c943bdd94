from hypothesis import given
from hypothesis import strategies as st

from renogybt.protocols.modbus.crc import crc16, with_crc


def test_the_check_value_of_the_catalogues_comes_out() -> None:
    assert crc16(b"123456789") == 0x4B37


def test_the_low_byte_goes_first() -> None:
    assert with_crc(bytes.fromhex("300313b20006")).hex() == "300313b20006654a"


@given(st.binary(max_size=300))
def test_over_a_whole_frame_it_is_zero(body: bytes) -> None:
    assert crc16(with_crc(body)) == 0


@given(st.binary(min_size=1, max_size=260), st.data())
def test_a_burst_of_up_to_16_bits_never_goes_unseen(body: bytes, data: st.DataObject) -> None:
    frame = with_crc(body)
    burst = data.draw(st.integers(1, 0xFFFF))
    place = data.draw(st.integers(0, 8 * len(frame) - 16))
    # the CRC runs through each octet from its lowest bit on, so a burst is one in that order
    damaged = int.from_bytes(frame, "little") ^ burst << place

    assert crc16(damaged.to_bytes(len(frame), "little")) != 0
