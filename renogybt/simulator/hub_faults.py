"""What can be wrong with a Renogy hub and its line, on request: one row for each fault."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from renogybt.protocols.modbus.crc import with_crc

NOTIFICATION_OCTETS = 20
"""What an ATT MTU of 23 leaves: Core Specification vol 3 part F 3.4.7.1."""
_GARBAGE = bytes.fromhex("ff00ff5a3013")
_FOREIGN_STEP = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What a hub sends back: its notifications in order, `delay_s` after it could have.

    Without `pieces` nothing comes. `drops`: the hub ends the link after the first of them.
    """

    request: bytes
    pieces: tuple[bytes, ...] = ()
    delay_s: float = 0.0
    drops: bool = False


def in_pieces(octets: bytes, size: int = NOTIFICATION_OCTETS) -> tuple[bytes, ...]:
    """Notifications of at most `size` octets each."""
    return tuple(octets[start : start + size] for start in range(0, len(octets), size))


class Fault(Enum):
    """What can be asked for; `argument` is that of the request."""

    SILENT = "silent"
    """Nothing comes."""
    BAD_CRC = "badcrc"
    """One bit of the CRC is wrong."""
    SPLIT = "split"
    """Notifications of `argument` octets."""
    LATE = "late"
    """All comes `argument` seconds later."""
    EXCEPTION = "exception"
    """The unit refuses with the exception `argument`."""
    FOREIGN = "foreign"
    """The answer is good, but another unit sent it."""
    GARBAGE = "garbage"
    """Noise comes before the answer."""
    DUPLICATE = "duplicate"
    """The answer comes twice."""
    DROP = "drop"
    """The link ends in the middle of the answer."""


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A fault that spoils the answers to `unit` (None: to everybody), `times` times (None: until cured)."""

    fault: Fault
    argument: float = 0.0
    times: int | None = None
    unit: int | None = None

    def concerns(self, request: bytes) -> bool:
        """Whether the answer to this request is spoilt."""
        return self.unit is None or request[:1] == bytes((self.unit,))


class HubFaults:
    """The disturbances of one hub, none at first."""

    def __init__(self) -> None:
        self._present: list[Disturbance] = []

    @property
    def present(self) -> tuple[Disturbance, ...]:
        """What is wrong now, with the number of times that are left."""
        return tuple(self._present)

    def add(
        self, fault: Fault, argument: float = 0.0, *, times: int | None = None, unit: int | None = None
    ) -> None:
        """Spoil the answers from the next one on; ValueError for numbers that make no sense."""
        if fault is Fault.SPLIT and not 1 <= argument <= NOTIFICATION_OCTETS:
            raise ValueError(f"a notification has 1 to {NOTIFICATION_OCTETS} octets")
        if fault is Fault.EXCEPTION and not 1 <= argument <= 255:
            raise ValueError("exceptions have the numbers 1 to 255")
        if argument < 0 or (times is not None and times < 1):
            raise ValueError("neither delays nor counts go backwards")
        self._present.append(Disturbance(fault, argument, times, unit))

    def cure(self, fault: Fault | None = None) -> None:
        """End one kind of fault, or all of them."""
        self._present = [each for each in self._present if fault is not None and each.fault is not fault]

    def spoil(self, request: bytes, octets: bytes) -> Answer:
        """The answer that becomes of the `octets` which the line would have given."""
        answer = Answer(request, in_pieces(octets))
        for disturbance in [each for each in self._present if each.concerns(request)]:
            if not answer.pieces:
                break
            answer = _SPOILERS[disturbance.fault](answer, disturbance.argument)
            self._count(disturbance)
        return answer

    def _count(self, disturbance: Disturbance) -> None:
        if disturbance.times is None:
            return
        place = next(index for index, each in enumerate(self._present) if each is disturbance)
        if disturbance.times == 1:
            del self._present[place]
        else:
            self._present[place] = replace(disturbance, times=disturbance.times - 1)


def _with_octets(answer: Answer, octets: bytes) -> Answer:
    size = max(map(len, answer.pieces), default=NOTIFICATION_OCTETS)
    return replace(answer, pieces=in_pieces(octets, size))


def _silent(answer: Answer, _: float) -> Answer:
    return replace(answer, pieces=())


def _bad_crc(answer: Answer, _: float) -> Answer:
    octets = b"".join(answer.pieces)
    return _with_octets(answer, octets[:-1] + bytes((octets[-1] ^ 0x01,)) if octets else b"")


def _split(answer: Answer, size: float) -> Answer:
    return replace(answer, pieces=in_pieces(b"".join(answer.pieces), int(size)))


def _late(answer: Answer, seconds: float) -> Answer:
    return replace(answer, delay_s=answer.delay_s + seconds)


def _exception(answer: Answer, code: float) -> Answer:
    unit, function = answer.request[:2]
    return _with_octets(answer, with_crc(bytes((unit, function | 0x80, int(code)))))


def _foreign(answer: Answer, _: float) -> Answer:
    octets = b"".join(answer.pieces)
    return _with_octets(answer, with_crc(bytes((octets[0] + _FOREIGN_STEP & 0xFF,)) + octets[1:-2]))


def _garbage(answer: Answer, _: float) -> Answer:
    return _with_octets(answer, _GARBAGE + b"".join(answer.pieces))


def _duplicate(answer: Answer, _: float) -> Answer:
    return replace(answer, pieces=answer.pieces * 2)


def _drop(answer: Answer, _: float) -> Answer:
    return replace(answer, drops=True)


_SPOILERS: dict[Fault, Callable[[Answer, float], Answer]] = {
    Fault.SILENT: _silent,
    Fault.BAD_CRC: _bad_crc,
    Fault.SPLIT: _split,
    Fault.LATE: _late,
    Fault.EXCEPTION: _exception,
    Fault.FOREIGN: _foreign,
    Fault.GARBAGE: _garbage,
    Fault.DUPLICATE: _duplicate,
    Fault.DROP: _drop,
}
