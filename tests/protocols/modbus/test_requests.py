import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.model.errors import RenogyBTError
from renogybt.protocols.modbus.crc import with_crc
from renogybt.protocols.modbus.errors import (
    CrcError,
    ModbusError,
    RequestError,
    TrailingBytesError,
    TruncatedError,
    WrongFunctionError,
)
from renogybt.protocols.modbus.requests import ReadRequest, Request, WriteRequest, parse_request

units = st.integers(1, 247) | st.just(255)
words = st.integers(0, 0xFFFF)
reads = st.builds(ReadRequest, units, st.integers(0, 0x10000 - 125), st.integers(1, 125))
writes = st.builds(WriteRequest, units, words, words)


def test_a_read_request_is_as_the_document_says() -> None:
    assert ReadRequest(48, 5042, 6).encode().hex() == "300313b20006654a"


def test_a_write_request_is_as_the_document_says() -> None:
    assert WriteRequest(255, 0x010A, 1).encode().hex() == "ff06010a00017c2a"


def test_a_reply_to_a_read_has_two_bytes_per_register_and_five_more() -> None:
    assert ReadRequest(1, 5000, 34).reply_length == 73
    assert WriteRequest(1, 5000, 34).reply_length == 8


@given(reads | writes)
def test_what_was_encoded_is_parsed_again(request_: Request) -> None:
    assert parse_request(request_.encode()) == request_


@pytest.mark.parametrize("unit", [-1, 0, 248, 254, 256])
def test_a_unit_id_that_cannot_be_is_refused(unit: int) -> None:
    with pytest.raises(RequestError, match=f"unit id {unit}"):
        ReadRequest(unit, 5000, 1)
    with pytest.raises(RequestError, match=f"unit id {unit}"):
        WriteRequest(unit, 5000, 1)


@pytest.mark.parametrize("count", [-1, 0, 126])
def test_a_number_of_registers_that_cannot_be_is_refused(count: int) -> None:
    with pytest.raises(RequestError, match=f"{count} registers"):
        ReadRequest(1, 5000, count)


@pytest.mark.parametrize(("register", "count"), [(-1, 1), (0x10000, 1), (0xFFFF, 2)])
def test_registers_that_are_not_there_are_refused(register: int, count: int) -> None:
    with pytest.raises(RequestError, match="65536"):
        ReadRequest(1, register, count)


@pytest.mark.parametrize(("register", "value"), [(-1, 0), (0x10000, 0), (0, -1), (0, 0x10000)])
def test_a_write_that_does_not_fit_into_words_is_refused(register: int, value: int) -> None:
    with pytest.raises(RequestError, match="16 bits"):
        WriteRequest(1, register, value)


@given(reads | writes, st.data())
def test_a_request_with_a_wrong_bit_is_refused(request_: Request, data: st.DataObject) -> None:
    frame = bytearray(request_.encode())
    bit = data.draw(st.integers(0, 63))
    frame[bit // 8] ^= 1 << bit % 8

    with pytest.raises(CrcError):
        parse_request(bytes(frame))


@pytest.mark.parametrize("length", range(8))
def test_a_request_that_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(TruncatedError, match=f"{length} of 8 bytes"):
        parse_request(ReadRequest(1, 5000, 1).encode()[:length])


def test_bytes_after_a_request_are_refused() -> None:
    with pytest.raises(TrailingBytesError, match="1 byte after"):
        parse_request(ReadRequest(1, 5000, 1).encode() + b"\0")


@pytest.mark.parametrize(
    ("body", "function"),
    [("0110e0040001020004", 16), ("017800000001", 120), ("017900000001", 121), ("010100000001", 1)],
)
def test_another_function_is_refused_by_its_number(body: str, function: int) -> None:
    with pytest.raises(WrongFunctionError, match=f"function {function},"):
        parse_request(with_crc(bytes.fromhex(body)))


def test_its_errors_are_of_the_tree_and_value_errors() -> None:
    assert issubclass(ModbusError, RenogyBTError)
    assert issubclass(ModbusError, ValueError)
