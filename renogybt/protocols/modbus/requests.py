"""What a client asks: read some registers, or write one."""

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar

from renogybt.protocols.modbus.crc import crc16, with_crc
from renogybt.protocols.modbus.errors import (
    CrcError,
    RequestError,
    TrailingBytesError,
    TruncatedError,
    WrongFunctionError,
)

READ_REGISTERS = 0x03
WRITE_REGISTER = 0x06
MOST_WORDS = 125
"""The byte count of a reply is one octet."""
REQUEST_LENGTH = 8
UNIVERSAL_UNIT = 255
"""Renogy's address for whoever is there (BMS Modbus since V1.3); a reply repeats it."""
_REQUEST = Struct(">BBHH")


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """Read `words` registers from `register` on; raises RequestError for numbers that cannot be."""

    unit: int
    register: int
    words: int
    function: ClassVar[int] = READ_REGISTERS

    def __post_init__(self) -> None:
        _check_unit(self.unit)
        if not 1 <= self.words <= MOST_WORDS:
            raise RequestError(f"{self.words} registers in one request, 1 to {MOST_WORDS} are allowed")
        if not 0 <= self.register <= 0x10000 - self.words:
            raise RequestError(f"{self.words} registers from {self.register} on: there are 65536")

    @property
    def reply_length(self) -> int:
        """Octets of the reply, its CRC included."""
        return 5 + 2 * self.words

    @property
    def reply_head(self) -> bytes:
        """What the reply begins with."""
        return bytes((self.unit, self.function, 2 * self.words))

    def encode(self) -> bytes:
        """The frame to send."""
        return with_crc(_REQUEST.pack(self.unit, self.function, self.register, self.words))


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """Write `value` to one register; raises RequestError for numbers that cannot be."""

    unit: int
    register: int
    value: int
    function: ClassVar[int] = WRITE_REGISTER

    def __post_init__(self) -> None:
        _check_unit(self.unit)
        for name, number in (("register", self.register), ("value", self.value)):
            if not 0 <= number <= 0xFFFF:
                raise RequestError(f"{name} {number} does not fit into 16 bits")

    @property
    def reply_length(self) -> int:
        """Octets of the reply, its CRC included."""
        return REQUEST_LENGTH

    @property
    def reply_head(self) -> bytes:
        """What the reply begins with: it is the echo of the request."""
        return _REQUEST.pack(self.unit, self.function, self.register, self.value)

    def encode(self) -> bytes:
        """The frame to send."""
        return with_crc(self.reply_head)


Request = ReadRequest | WriteRequest


def _check_unit(unit: int) -> None:
    if not (1 <= unit <= 247 or unit == UNIVERSAL_UNIT):
        raise RequestError(f"unit id {unit}, allowed are 1 to 247 and {UNIVERSAL_UNIT}")


def parse_request(data: bytes) -> Request:
    """The request that a frame holds; raises a ModbusError that says why it is none.

    Only functions 03 and 06 are requests here.
    """
    if len(data) < REQUEST_LENGTH:
        raise TruncatedError(f"the request is cut off: {len(data)} of {REQUEST_LENGTH} bytes")
    if len(data) > REQUEST_LENGTH and data[1] in (READ_REGISTERS, WRITE_REGISTER):
        extra = len(data) - REQUEST_LENGTH
        raise TrailingBytesError(f"{_bytes(extra)} after the {REQUEST_LENGTH} bytes of the request")
    if crc16(data):
        raise CrcError(f"the CRC of the request is {data[-2:].hex()}, {_expected_crc(data)} would fit")
    unit, function, register, last = _REQUEST.unpack_from(data)
    if function == READ_REGISTERS:
        return ReadRequest(unit, register, last)
    if function == WRITE_REGISTER:
        return WriteRequest(unit, register, last)
    raise WrongFunctionError(
        f"a request of function {function}, known are 3 (read) and 6 (write one register)"
    )


def _expected_crc(data: bytes) -> str:
    return crc16(data[:-2]).to_bytes(2, "little").hex()


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count} bytes"
