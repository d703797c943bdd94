"""What a unit answers, and whether it answers what was asked."""

from dataclasses import dataclass

from renogybt.protocols.modbus.crc import SIZE, crc16
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
from renogybt.protocols.modbus.requests import READ_REGISTERS, ReadRequest, Request, WriteRequest

EXCEPTION_BIT = 0x80
EXCEPTION_LENGTH = 5
_LEAST = 4
"""Unit id, function and CRC."""


@dataclass(frozen=True, slots=True)
class Reply:
    """`data`: the registers that were read, or register and value of a write; words high byte first."""

    unit: int
    function: int
    data: bytes


def parse_reply(request: Request, data: bytes) -> Reply:
    """The reply that these octets are, exactly; raises a ModbusError that says why they are none.

    The checks come in this order: CRC, unit id, function, byte count. Of several frames the
    first one is judged.
    """
    fault = _more_than_one(request, data)
    if fault is None and (len(data) < _LEAST or crc16(data)):
        fault = _damage(request, data)
    fault = fault or _mismatch(request, data)
    if fault is not None:
        raise fault
    return accepted(request, data)


def accepted(request: Request, frame: bytes) -> Reply:
    """The reply in a frame that has passed all checks."""
    start = 3 if isinstance(request, ReadRequest) else 2
    return Reply(request.unit, request.function, bytes(frame[start:-SIZE]))


def fault_of(request: Request, data: bytes, *, ended: bool = False) -> ModbusError | None:
    """Why a stream that begins with these octets does not begin with the reply.

    None while it may still be the reply. `ended`: nothing follows.
    """
    length = own_length(data)
    if length is not None and len(data) >= length:
        frame = data[:length]
        return crc_error(frame) if crc16(frame) else _mismatch(request, frame)
    early = _header_fault(request, data)
    if early is None and ended and data:
        return _truncated(len(data), _expected_length(request, data))
    return early


def own_length(data: bytes) -> int | None:
    """The length of the frame that these octets begin, by what they say themselves; None: not known (yet)."""
    if len(data) < 2:
        return None
    if data[1] & EXCEPTION_BIT:
        return EXCEPTION_LENGTH
    if data[1] == READ_REGISTERS:
        return 5 + data[2] if len(data) > 2 else None
    return {0x06: 8, 0x10: 8}.get(data[1])


def crc_error(frame: bytes) -> CrcError:
    """Says what the CRC of a frame is and what it should be."""
    fits = crc16(frame[:-SIZE]).to_bytes(SIZE, "little")
    return CrcError(f"wrong CRC: the frame ends with {frame[-SIZE:].hex()}, {fits.hex()} would fit")


def _more_than_one(request: Request, data: bytes) -> ModbusError | None:
    """What is wrong with octets that begin with a whole frame and go on after it."""
    length = own_length(data)
    if length is None or length >= len(data) or crc16(data[:length]):
        return None
    extra = len(data) - length
    rest = f"{extra} {'byte' if extra == 1 else 'bytes'} after its end"
    return _mismatch(request, data[:length]) or TrailingBytesError(f"more than one reply: {rest}")


def _damage(request: Request, data: bytes) -> ModbusError:
    """What is wrong with octets whose CRC does not fit."""
    expected = _expected_length(request, data)
    return _truncated(len(data), expected) if len(data) < expected else crc_error(data)


def _mismatch(request: Request, frame: bytes) -> ModbusError | None:
    """What keeps a frame with a good CRC from being the reply."""
    fault = _header_fault(request, frame[:-SIZE])
    if fault is not None:
        return fault
    if frame[1] & EXCEPTION_BIT:
        if len(frame) == EXCEPTION_LENGTH:
            return ExceptionReplyError(frame[2])
        return WrongByteCountError(f"an exception reply of {len(frame)} bytes instead of {EXCEPTION_LENGTH}")
    if len(frame) != request.reply_length:
        return WrongByteCountError(f"the reply has {len(frame)} bytes, {request.reply_length} were expected")
    return _echo_fault(request, frame) if isinstance(request, WriteRequest) else None


def _header_fault(request: Request, data: bytes) -> ModbusError | None:
    """What the first octets, as far as they are there, say against this being the reply or an exception."""
    if data and data[0] != request.unit:
        return WrongUnitError(f"wrong unit id: the reply is of unit {data[0]}, asked was {request.unit}")
    function = data[1] & ~EXCEPTION_BIT if len(data) > 1 else request.function
    if function != request.function:
        return WrongFunctionError(
            f"wrong function: the reply is to function {function}, asked was {request.function}"
        )
    if len(data) < 3 or data[1] & EXCEPTION_BIT or isinstance(request, WriteRequest):
        return None
    if data[2] != 2 * request.words:
        return WrongByteCountError(
            f"wrong byte count: the reply has {data[2]} bytes of data, asked were {2 * request.words}"
        )
    return None


def _echo_fault(request: WriteRequest, frame: bytes) -> EchoError | None:
    if frame[:-SIZE] == request.reply_head:
        return None
    register, value = int.from_bytes(frame[2:4]), int.from_bytes(frame[4:6])
    return EchoError(
        f"wrong echo: register {register} with value {value},"
        f" written was register {request.register} with value {request.value}"
    )


def _expected_length(request: Request, data: bytes) -> int:
    refused = len(data) > 1 and data[1] == request.function | EXCEPTION_BIT
    return EXCEPTION_LENGTH if refused else request.reply_length


def _truncated(there: int, expected: int) -> TruncatedError:
    return TruncatedError(f"truncated: {there} of {expected} bytes are there, so the CRC does not fit")
