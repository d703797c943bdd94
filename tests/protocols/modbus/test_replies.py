import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.protocols.modbus.crc import with_crc
from renogybt.protocols.modbus.errors import (
    CrcError,
    EchoError,
    ExceptionReplyError,
    ModbusError,
    TrailingBytesError,
    TruncatedError,
    WrongByteCountError,
    WrongFunctionError,
    WrongUnitError,
)
from renogybt.protocols.modbus.replies import Reply, parse_reply
from renogybt.protocols.modbus.requests import ReadRequest, WriteRequest

READ = ReadRequest(48, 5042, 3)
READ_BODY = bytes.fromhex("300306014601f80000")
WRITE = WriteRequest(48, 0x010A, 1)
WRITE_BODY = bytes.fromhex("3006010a0001")


def frame(body: str) -> bytes:
    return with_crc(bytes.fromhex(body))


def test_the_data_of_a_read_are_the_registers() -> None:
    assert parse_reply(READ, with_crc(READ_BODY)) == Reply(48, 3, bytes.fromhex("014601f80000"))


def test_the_data_of_a_write_are_register_and_value() -> None:
    assert parse_reply(WRITE, with_crc(WRITE_BODY)) == Reply(48, 6, bytes.fromhex("010a0001"))


@given(st.integers(1, 125), st.data())
def test_a_reply_of_any_length_is_taken(words: int, data: st.DataObject) -> None:
    registers = data.draw(st.binary(min_size=2 * words, max_size=2 * words))

    reply = parse_reply(ReadRequest(255, 5000, words), with_crc(bytes((255, 3, 2 * words)) + registers))

    assert reply == Reply(255, 3, registers)


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        ("310306014601f80000", WrongUnitError, "of unit 49, asked was 48"),
        ("ff0306014601f80000", WrongUnitError, "of unit 255, asked was 48"),
        ("310406014601f80000", WrongUnitError, "of unit 49"),  # the unit id comes first
        ("318302", WrongUnitError, "of unit 49"),
        ("300406014601f80000", WrongFunctionError, "to function 4, asked was 3"),
        ("3006010a0001", WrongFunctionError, "to function 6, asked was 3"),
        ("308602", WrongFunctionError, "to function 6, asked was 3"),
        ("3003080146" + "01f80000" + "0000", WrongByteCountError, "has 8 bytes of data, asked were 6"),
        ("300304014601f8", WrongByteCountError, "has 4 bytes of data, asked were 6"),
        ("300308014601f80000", WrongByteCountError, "has 8 bytes of data, asked were 6"),
        ("300306014601f8", WrongByteCountError, "has 9 bytes, 11 were expected"),
        ("30830200", WrongByteCountError, "exception reply of 6 bytes"),
        ("308302", ExceptionReplyError, "^exception 2: illegal data address$"),
    ],
)
def test_a_good_frame_that_is_not_the_reply_is_refused_by_name(
    body: str, error: type[ModbusError], words: str
) -> None:
    with pytest.raises(error, match=words):
        parse_reply(READ, frame(body))


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (1, "illegal function"),
        (2, "illegal data address"),
        (3, "illegal data value"),
        (4, "read or write failed"),
        (5, "wrong check code"),
        (77, "unknown exception"),
    ],
)
def test_an_exception_is_told_by_number_and_meaning(code: int, meaning: str) -> None:
    with pytest.raises(ExceptionReplyError, match=f"^exception {code}: {meaning}$") as caught:
        parse_reply(WRITE, frame(f"3086{code:02x}"))

    assert (caught.value.code, caught.value.meaning) == (code, meaning)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("3006010b0001", "register 267 with value 1, written was register 266 with value 1"),
        ("3006010a0000", "register 266 with value 0, written was register 266 with value 1"),
    ],
)
def test_an_echo_of_something_else_is_refused(body: str, words: str) -> None:
    with pytest.raises(EchoError, match=words):
        parse_reply(WRITE, frame(body))


@pytest.mark.parametrize("request_", [READ, WRITE])
@pytest.mark.parametrize("bit", range(8 * 8))
def test_a_wrong_bit_in_a_whole_frame_is_a_wrong_crc(request_: ReadRequest | WriteRequest, bit: int) -> None:
    damaged = bytearray(with_crc(READ_BODY if request_ is READ else WRITE_BODY))
    damaged[bit // 8] ^= 1 << bit % 8

    with pytest.raises(CrcError, match="wrong CRC"):
        parse_reply(request_, bytes(damaged))


@pytest.mark.parametrize("length", range(len(READ_BODY) + 2))
def test_a_reply_that_is_cut_off_is_refused_with_its_length(length: int) -> None:
    with pytest.raises(TruncatedError, match=f"{length} of 11 bytes"):
        parse_reply(READ, with_crc(READ_BODY)[:length])


@pytest.mark.parametrize("length", range(2, 5))
def test_an_exception_that_is_cut_off_is_refused_with_its_length(length: int) -> None:
    with pytest.raises(TruncatedError, match=f"{length} of 5 bytes"):
        parse_reply(READ, frame("308302")[:length])


@pytest.mark.parametrize("extra", [b"\0", with_crc(READ_BODY), b"main recv data[14] ["])
def test_bytes_after_the_reply_are_refused(extra: bytes) -> None:
    with pytest.raises(TrailingBytesError, match=f"{len(extra)} bytes? after its end"):
        parse_reply(READ, with_crc(READ_BODY) + extra)


def test_of_two_frames_the_first_one_is_named() -> None:
    with pytest.raises(WrongUnitError, match="of unit 49"):
        parse_reply(READ, frame("310306014601f80000") + with_crc(READ_BODY))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_reply_or_refused_by_name(data: bytes) -> None:
    for request in (READ, WRITE):
        try:
            reply = parse_reply(request, data)
        except ModbusError as error:
            assert str(error)  # noqa: PT017
        else:
            assert with_crc(data[:-2]) == data
            assert reply.data in data
