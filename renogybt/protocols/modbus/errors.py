"""Why octets are not the reply to a request, each reason by its name."""

from renogybt.model.errors import RenogyBTError

MEANINGS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "read or write failed",
    5: "wrong check code",
}
"""Codes of exception replies. 1 to 3 as in the Modbus specification, 4 and 5 as in BMS Modbus V1.7."""


class ModbusError(RenogyBTError, ValueError):
    """Octets that are not what they should be."""


class RequestError(ModbusError):
    """A request that cannot be made: a number is out of its range."""


class CrcError(ModbusError):
    """The check sum does not fit: at least one bit is wrong."""


class WrongUnitError(ModbusError):
    """Another unit is speaking."""


class WrongFunctionError(ModbusError):
    """An answer to another kind of request."""


class WrongByteCountError(ModbusError):
    """An answer to a request for another number of registers."""


class TruncatedError(ModbusError):
    """The end is missing."""


class TrailingBytesError(ModbusError):
    """There is more than one frame."""


class EchoError(ModbusError):
    """The echo of a write names another register or another value."""


class ExceptionReplyError(ModbusError):
    """The unit has understood, and refuses."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.meaning = MEANINGS.get(code, "unknown exception")
        super().__init__(f"exception {code}: {self.meaning}")
