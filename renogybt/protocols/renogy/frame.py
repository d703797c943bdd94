"""One frame to all that it says, in the way of the `decode` command."""

from renogybt.model.reading import DeviceType
from renogybt.protocols.modbus.crc import crc16
from renogybt.protocols.modbus.errors import RequestError, TruncatedError, WrongUnitError
from renogybt.protocols.modbus.replies import crc_error, parse_reply
from renogybt.protocols.modbus.requests import (
    MOST_WORDS,
    WRITE_REGISTER,
    ReadRequest,
    Request,
    WriteRequest,
    parse_request,
)
from renogybt.protocols.renogy import charger
from renogybt.protocols.renogy.decode import decode, map_of
from renogybt.protocols.renogy.derive import electrical
from renogybt.protocols.renogy.errors import RequestNeededError
from renogybt.protocols.renogy.registers import Block, Values, text
from renogybt.protocols.renogy.shunt import parse_live

_LEAST = 5


def decode_frame(device_type: DeviceType, request: bytes | None, response: bytes) -> Values:
    """What a reply says that came to a request, both whole with their CRC.

    Without the request, the reply must be as long as one of those that programs usually read of
    this type. A shunt is not asked: its frame is a notification, put together. Raises a
    RenogyBTError that says what is wrong; never gives a value of a frame that does not fit.
    """
    if device_type is DeviceType.SHUNT:
        return _decode_shunt(request, response)
    asked = _implied_request(response) if request is None else parse_request(request)
    reply = parse_reply(asked, response)
    if isinstance(asked, WriteRequest):
        return _written(device_type, asked)
    first = asked.register if request is not None else _usual_register(device_type, reply.data)
    values = decode(device_type, first, reply.data)
    head: Values = {"function": "READ", "device_id": reply.unit}
    return head | values | electrical(device_type, values)


def _decode_shunt(request: bytes | None, response: bytes) -> Values:
    if request is not None:
        raise RequestError("a shunt is not asked: there is no request to its values")
    return parse_live(response)


def _written(device_type: DeviceType, request: WriteRequest) -> Values:
    values: Values = {
        "function": "WRITE",
        "device_id": request.unit,
        "register": request.register,
        "value": request.value,
        "write": f"register {request.register} = {request.value}",
    }
    state = charger.ON_OFF.get(request.value)
    if state and device_type is DeviceType.CONTROLLER and request.register == charger.LOAD_SWITCH:
        values |= {"write": f"load {state}", "load_status": state}
    return values


def _implied_request(response: bytes) -> Request:
    """A request that this could be the reply to, as far as the reply tells; its register is not known."""
    if len(response) < _LEAST:
        raise TruncatedError(f"truncated: a reply has at least {_LEAST} bytes, here are {len(response)}")
    try:
        if response[1] & 0x7F == WRITE_REGISTER:
            return WriteRequest(response[0], int.from_bytes(response[2:4]), int.from_bytes(response[4:6]))
        return ReadRequest(response[0], 0, min(max(response[2] // 2, 1), MOST_WORDS))
    except RequestError as error:
        raise crc_error(response) if crc16(response) else WrongUnitError(str(error)) from error


def _usual_register(device_type: DeviceType, data: bytes) -> int:
    """Where the one usual block of this size begins; raises RequestNeededError when it is not one."""
    words = len(data) // 2
    blocks = [block for block in map_of(device_type).blocks if block.words == words]
    starts = [block.register for block in blocks if _may_be(block, blocks, data)]
    if len(starts) == 1:
        return starts[0]
    shown = " or ".join(f"0x{start:04X}" for start in starts)
    why = f"could be those from {shown} on" if starts else f"are no usual ones of {device_type.value}"
    raise RequestNeededError(f"{words} registers {why}: a reply does not say, give the request (--request)")


def _may_be(block: Block, same_size: list[Block], data: bytes) -> bool:
    """Text stands where text belongs, and where there is a choice nowhere else."""
    if any(other.text for other in same_size):
        return block.text == _is_text(data)
    return True


_SHORTEST_TEXT = 3
"""Two status bytes may happen to be letters; no model and no serial number is so short."""


def _is_text(data: bytes) -> bool:
    words = text(data)
    if not isinstance(words, str) or len(words) < _SHORTEST_TEXT or not words[0].isalnum():
        return False
    return all(octet == 0 or 0x20 <= octet < 0x7F for octet in data)
