"""A Modbus line with its slaves: what comes back when a frame is put on it.

BMS Modbus V1.7 and Charge Controller Modbus V1.7, both chapter "Protocol": exceptions, longest read,
the universal address.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Protocol

from renogybt.model.errors import RenogyBTError
from renogybt.protocols.modbus.crc import crc16, with_crc
from renogybt.simulator.words import Registers

READ, WRITE = 0x03, 0x06
UNKNOWN_FUNCTION, UNKNOWN_REGISTER, TOO_LONG, FAILED = 1, 2, 3, 4
EVERYBODY = 255
_LONGEST_READ = 125
_SHORTEST_FRAME = 4
_REQUEST_LENGTH = 8
_NOBODY = 0x00
"""What noise begins with, so that no unit seems to have sent it."""


class RefusedError(RenogyBTError):
    """A slave answers with an exception."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class Slave(Protocol):
    """One device on the line; both raise RefusedError."""

    def read(self, register: int, words: int, now: float) -> Sequence[int]:
        """The words of these registers at a time."""
        ...

    def write(self, register: int, value: int, now: float) -> None:
        """One register gets this word."""
        ...


def words_of(registers: Registers, register: int, words: int) -> list[int]:
    """Words one after the other; RefusedError where one of the registers does not exist."""
    try:
        return [registers[number] for number in range(register, register + words)]
    except KeyError:
        raise RefusedError(UNKNOWN_REGISTER) from None


class ModbusBus:
    """Slaves by unit id."""

    def __init__(self, slaves: dict[int, Slave]) -> None:
        self._slaves = slaves

    def answer(self, request: bytes, now: float) -> bytes:
        """Octets on the line after `request`; none where nobody feels addressed.

        When all are asked at once, all answer at once: noise.
        """
        if len(request) < _SHORTEST_FRAME or crc16(request):
            return b""
        unit = request[0]
        if unit == EVERYBODY:
            replies = [_reply(EVERYBODY, slave, request, now) for slave in self._slaves.values()]
            return replies[0] if len(replies) == 1 else _noise(request, max(map(len, replies), default=0))
        slave = self._slaves.get(unit)
        return b"" if slave is None else _reply(unit, slave, request, now)


def _reply(unit: int, slave: Slave, request: bytes, now: float) -> bytes:
    function = request[1]
    try:
        body = _body(function, slave, request, now)
    except RefusedError as refusal:
        return with_crc(bytes((unit, function | 0x80, refusal.code)))
    return with_crc(bytes((unit, function)) + body)


def _body(function: int, slave: Slave, request: bytes, now: float) -> bytes:
    """What stands between the function code and the CRC."""
    if function not in (READ, WRITE):
        raise RefusedError(UNKNOWN_FUNCTION)
    if len(request) != _REQUEST_LENGTH:
        raise RefusedError(FAILED)
    register = int.from_bytes(request[2:4], "big")
    last = int.from_bytes(request[4:6], "big")
    if function == WRITE:
        slave.write(register, last, now)
        return request[2:6]
    if not 1 <= last <= _LONGEST_READ:
        raise RefusedError(TOO_LONG)
    words = slave.read(register, last, now)
    return bytes((2 * len(words),)) + b"".join(word.to_bytes(2, "big") for word in words)


def _noise(request: bytes, length: int) -> bytes:
    """Octets that nobody can read, the same for the same request."""
    drawn = b"".join(
        blake2b(request, digest_size=64, salt=bytes((part,))).digest() for part in range(length // 64 + 1)
    )
    return (bytes((_NOBODY,)) + drawn)[:length]
