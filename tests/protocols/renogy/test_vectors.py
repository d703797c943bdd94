import pytest
from protocols.renogy.vectors import Vector, flipped, modbus_vectors, parts, readings, vectors, with_octet

from renogybt.model.quantity import Value
from renogybt.model.reading import DeviceType
from renogybt.protocols.modbus.crc import with_crc
from renogybt.protocols.modbus.errors import (
    CrcError,
    ExceptionReplyError,
    ModbusError,
    TrailingBytesError,
    TruncatedError,
    WrongByteCountError,
    WrongFunctionError,
    WrongUnitError,
)
from renogybt.protocols.modbus.framer import Framer
from renogybt.protocols.modbus.requests import parse_request
from renogybt.protocols.renogy.catalogue import quantity
from renogybt.protocols.renogy.decode import decode
from renogybt.protocols.renogy.frame import decode_frame

TOLERANCES = {"battery_level": 0.05, "power": 0.01, "charge_watts": 0.01}


def named(vector: Vector) -> str:
    return vector.id


def same(name: str, found: Value, expected: Value) -> bool:
    if isinstance(expected, bool | str):
        return found is expected or (isinstance(expected, str) and found == expected)
    assert isinstance(found, int | float)
    assert not isinstance(found, bool)
    return found == pytest.approx(expected, rel=0, abs=TOLERANCES.get(name, 1e-6))


def assert_expected(vector: Vector, request: bytes | None) -> None:
    found = decode_frame(vector.type, request, vector.response)
    wrong = {
        name: found.get(name)
        for name, expected in vector.expected.items()
        if name not in found or not same(name, found[name], expected)
    }
    assert not wrong


def test_all_of_them_are_here() -> None:
    assert len(vectors()) == 19


@pytest.mark.parametrize("vector", [each for each in vectors() if each.kind != "exception"], ids=named)
def test_a_frame_decodes_to_what_it_says(vector: Vector) -> None:
    assert_expected(vector, vector.request)


@pytest.mark.parametrize("vector", [each for each in vectors() if each.kind != "exception"], ids=named)
def test_a_usual_frame_needs_no_request(vector: Vector) -> None:
    assert_expected(vector, None)


@pytest.mark.parametrize("vector", [each for each in vectors() if each.kind == "exception"], ids=named)
@pytest.mark.parametrize("with_request", [True, False])
def test_an_exception_gives_its_number_and_its_meaning(vector: Vector, with_request: bool) -> None:
    with pytest.raises(ExceptionReplyError) as caught:
        decode_frame(vector.type, vector.request if with_request else None, vector.response)

    assert {"exception": caught.value.code, "meaning": caught.value.meaning} == vector.expected


@pytest.mark.parametrize("vector", [each for each in vectors() if each.kind != "exception"], ids=named)
def test_every_value_is_in_the_catalogue(vector: Vector) -> None:
    for name in decode_frame(vector.type, vector.request, vector.response):
        assert quantity(name).name == name


@pytest.mark.parametrize("vector", modbus_vectors(), ids=named)
def test_no_frame_with_a_wrong_bit_gives_a_value(vector: Vector) -> None:
    for bit in range(8 * len(vector.response)):
        with pytest.raises(ModbusError, match="CRC"):
            decode_frame(vector.type, vector.request, flipped(vector.response, bit))
        with pytest.raises(ModbusError):
            decode_frame(vector.type, None, flipped(vector.response, bit))


@pytest.mark.parametrize("vector", modbus_vectors(), ids=named)
def test_no_request_with_a_wrong_bit_is_taken(vector: Vector) -> None:
    for bit in range(8 * len(vector.asked)):
        with pytest.raises(CrcError):
            decode_frame(vector.type, flipped(vector.asked, bit), vector.response)


@pytest.mark.parametrize("vector", vectors(), ids=named)
def test_no_frame_without_its_end_gives_a_value(vector: Vector) -> None:
    for length in range(4 if vector.request is None else 0, len(vector.response)):
        with pytest.raises(TruncatedError, match=f"{length} of"):
            decode_frame(vector.type, vector.request, vector.response[:length])


@pytest.mark.parametrize("vector", readings(), ids=named)
@pytest.mark.parametrize("with_request", [True, False])
def test_bytes_after_a_frame_are_named(vector: Vector, with_request: bool) -> None:
    request = vector.request if with_request else None
    for extra in (b"\0", b"\xff", vector.response):
        with pytest.raises(TrailingBytesError):
            decode_frame(vector.type, request, vector.response + extra)


@pytest.mark.parametrize("vector", modbus_vectors(), ids=named)
def test_a_frame_of_another_unit_is_named(vector: Vector) -> None:
    for unit in range(256):
        if unit != vector.response[0]:
            with pytest.raises(WrongUnitError, match=f"unit {unit}, asked was {vector.response[0]}"):
                decode_frame(vector.type, vector.request, with_octet(vector.response, 0, unit))


@pytest.mark.parametrize("vector", modbus_vectors(), ids=named)
def test_a_frame_of_another_function_is_named(vector: Vector) -> None:
    asked = parse_request(vector.asked).function
    for function in range(128):
        if function != asked:
            with pytest.raises(WrongFunctionError, match=f"function {function}, asked was {asked}"):
                decode_frame(vector.type, vector.request, with_octet(vector.response, 1, function))


@pytest.mark.parametrize("vector", readings(), ids=named)
def test_a_frame_with_another_byte_count_is_named(vector: Vector) -> None:
    asked = vector.response[2]
    for count in range(256):
        if count != asked:
            with pytest.raises(WrongByteCountError, match=f"{count} bytes of data, asked were {asked}"):
                decode_frame(vector.type, vector.request, with_octet(vector.response, 2, count))


@pytest.mark.parametrize("vector", readings(), ids=named)
def test_the_reply_to_another_request_gives_no_value(vector: Vector) -> None:
    for other in modbus_vectors():
        if other.response[:3] != vector.response[:3]:
            with pytest.raises(ModbusError):
                decode_frame(vector.type, vector.request, other.response)


@pytest.mark.parametrize("vector", readings(), ids=named)
@pytest.mark.parametrize("size", [1, 20, 21])
def test_a_frame_in_parts_decodes_behind_another_reply(vector: Vector, size: int) -> None:
    request = parse_request(vector.asked)
    for other in (each for each in readings() if each.response[:3] != vector.response[:3]):
        framer = Framer(request)
        replies = [framer.feed(part) for part in parts(other.response + vector.response, size)]
        assert replies[:-1] == [None] * (len(replies) - 1)
        reply = replies[-1]
        assert reply is not None
        assert with_crc(vector.response[:3] + reply.data) == vector.response


def test_a_controller_that_is_read_as_a_battery_is_told() -> None:
    controller = next(each for each in vectors() if each.id == "dev-08")
    with pytest.raises(ValueError, match=r"RNG_BATT .* 0x0100 to 0x0121 .*: try RNG_CTRL or RNG_DCC"):
        decode_frame(DeviceType.BATTERY, controller.request, controller.response)
    with pytest.raises(ValueError, match="100 cells, at most 16"):
        decode(DeviceType.BATTERY, 5000, controller.response[3:-2])
