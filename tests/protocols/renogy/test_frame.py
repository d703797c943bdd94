import pytest

from renogybt.model.reading import DeviceType
from renogybt.protocols.modbus.crc import with_crc
from renogybt.protocols.modbus.errors import (
    CrcError,
    EchoError,
    RequestError,
    TruncatedError,
    WrongByteCountError,
    WrongFunctionError,
    WrongUnitError,
)
from renogybt.protocols.modbus.requests import ReadRequest, WriteRequest
from renogybt.protocols.renogy.errors import ImplausibleError, RequestNeededError
from renogybt.protocols.renogy.frame import decode_frame

BATTERY, CONTROLLER = DeviceType.BATTERY, DeviceType.CONTROLLER


def reply(unit: int, data: bytes) -> bytes:
    return with_crc(bytes((unit, 3, len(data))) + data)


@pytest.mark.parametrize(("value", "state"), [(0, "off"), (1, "on")])
@pytest.mark.parametrize("known", [True, False])
def test_the_echo_of_the_load_switch_says_what_was_switched(value: int, state: str, known: bool) -> None:
    echo = WriteRequest(96, 266, value).encode()

    assert decode_frame(CONTROLLER, echo if known else None, echo) == {
        "function": "WRITE",
        "device_id": 96,
        "register": 266,
        "value": value,
        "write": f"load {state}",
        "load_status": state,
    }


@pytest.mark.parametrize(
    ("device_type", "register", "value"),
    [(CONTROLLER, 266, 2), (CONTROLLER, 0xE004, 1), (BATTERY, 266, 1), (DeviceType.DC_CHARGER, 266, 1)],
)
def test_the_echo_of_another_write_says_register_and_value(
    device_type: DeviceType, register: int, value: int
) -> None:
    echo = WriteRequest(1, register, value).encode()

    assert decode_frame(device_type, echo, echo) == {
        "function": "WRITE",
        "device_id": 1,
        "register": register,
        "value": value,
        "write": f"register {register} = {value}",
    }


def test_an_echo_of_another_value_is_refused() -> None:
    with pytest.raises(EchoError):
        decode_frame(CONTROLLER, WriteRequest(1, 266, 1).encode(), WriteRequest(1, 266, 0).encode())


@pytest.mark.parametrize(
    ("device_type", "register", "data", "unit_id"),
    [
        (BATTERY, 5223, b"\0\x31", 49),
        (CONTROLLER, 0x001A, b"\1\x11", 17),
        (DeviceType.DC_CHARGER, 0x001A, b"\0\x60", 96),
        (DeviceType.INVERTER, 4109, b"\0\x20", 32),
    ],
)
def test_the_unit_id_is_what_the_device_says_it_is(
    device_type: DeviceType, register: int, data: bytes, unit_id: int
) -> None:
    request = ReadRequest(255, register, 1).encode()

    assert decode_frame(device_type, request, reply(255, data)) == {"function": "READ", "device_id": unit_id}


def test_power_and_level_follow_from_what_the_frame_carries() -> None:
    data = bytes.fromhex("014601f80000c2840000c34d")

    values = decode_frame(BATTERY, None, reply(48, data))

    assert values["power"] == 164.304
    assert values["battery_level"] == 99.6


@pytest.mark.parametrize(
    ("device_type", "count", "why"),
    [
        (BATTERY, 17, "from 0x1388 or 0x1399 on"),
        (BATTERY, 3, "no usual ones of RNG_BATT"),
        (CONTROLLER, 7, "no usual ones of RNG_CTRL"),
        (CONTROLLER, 8, "no usual ones of RNG_CTRL"),
    ],
)
def test_a_reply_that_could_be_anything_needs_its_request(
    device_type: DeviceType, count: int, why: str
) -> None:
    with pytest.raises(RequestNeededError, match=f"{count} registers .*{why}: .*--request"):
        decode_frame(device_type, None, reply(48, bytes(2 * count)))


@pytest.mark.parametrize(
    ("device_type", "octets", "name"),
    [
        (BATTERY, b"RBT50LFP48S\0\0\0\0\0", "model"),
        (BATTERY, bytes(13) + b"\6\0\0", "problem"),
        (BATTERY, bytes(12) + b"@@\0\0", "problem"),
        (CONTROLLER, b"  RNG-CTRL-RVR40", "model"),
        (DeviceType.INVERTER, b"RIV4835CSH1S    ", "model"),
        (DeviceType.INVERTER, bytes.fromhex("04d3000004af000a177201f501090000"), "input_voltage"),
    ],
)
def test_of_blocks_of_one_size_text_is_taken_for_text(
    device_type: DeviceType, octets: bytes, name: str
) -> None:
    assert name in decode_frame(device_type, None, reply(32, octets))


@pytest.mark.parametrize("request_", [None, ReadRequest(48, 5000, 34).encode()])
def test_nothing_is_truncated(request_: bytes | None) -> None:
    with pytest.raises(TruncatedError):
        decode_frame(BATTERY, request_, b"")


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (with_crc(b"\0\3\2\0\1"), WrongUnitError),
        (with_crc(b"\xfa\3\2\0\1"), WrongUnitError),
        (b"\0\3\2\0\1\0\0", CrcError),
        (with_crc(b"\x30\4\2\0\1"), WrongFunctionError),
        (with_crc(b"\x30\3\3\0\1\2"), WrongByteCountError),
        (with_crc(b"\x30\3\0"), WrongByteCountError),
        (with_crc(b"\x30\3\xfe" + bytes(254)), WrongByteCountError),
    ],
)
def test_a_reply_without_its_request_is_held_against_itself(response: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_frame(BATTERY, None, response)


def test_a_request_that_is_none_is_refused() -> None:
    with pytest.raises(WrongFunctionError, match="function 120,"):
        decode_frame(BATTERY, with_crc(bytes.fromhex("307800000001")), b"")


def test_a_shunt_is_not_asked() -> None:
    with pytest.raises(RequestError, match="not asked"):
        decode_frame(DeviceType.SHUNT, ReadRequest(1, 1, 1).encode(), bytes(110))


def test_something_else_is_no_frame_of_a_shunt() -> None:
    with pytest.raises(ImplausibleError, match="42570119"):
        decode_frame(DeviceType.SHUNT, None, bytes(110))
