"""Smart Shunt 300: it is not asked, it sends its values by itself, and without a check sum.

No document is public and no capture of a whole frame; places and scales are those that other
programs read. So whatever is out of bounds is refused.
"""

from dataclasses import dataclass

from renogybt.protocols.modbus.errors import TrailingBytesError, TruncatedError
from renogybt.protocols.renogy.errors import ImplausibleError
from renogybt.protocols.renogy.registers import Values

LIVE = b"\x42\x57\x01\x19"
HISTORY = b"\x42\x57\x01\x0b"
LENGTH = 110
_PREFIX = b"\x61\xd2"
_PREFIX_LENGTH = 4


@dataclass(frozen=True, slots=True)
class _Field:
    """`size` octets at a place of the frame, high one first; `least` and `most` are what can be."""

    name: str
    start: int
    size: int
    decimals: int
    least: float
    most: float
    signed: bool = False


_FIELDS = (
    _Field("main_battery_voltage", 25, 3, 3, 6.0, 80.0),
    _Field("charge_amps", 21, 3, 3, -500.0, 500.0, signed=True),
    _Field("starter_battery_voltage", 30, 2, 3, 0.0, 80.0),
    _Field("main_battery_percent", 34, 2, 1, 0.0, 100.0),
    # that it is signed is not verified
    _Field("battery_temperature", 66, 2, 1, -60.0, 150.0, signed=True),
)
_POWERS = (1, 10, 100, 1000)
_MOST_WATTS = 10_000.0


def parse_live(frame: bytes) -> Values:
    """The values of exactly one frame, with or without its prefix.

    Raises ImplausibleError when it is no frame of live values or they cannot be, TruncatedError
    or TrailingBytesError when it is not exactly one.
    """
    if frame.startswith(_PREFIX):
        frame = frame[_PREFIX_LENGTH:]
    if not frame.startswith(LIVE):
        raise ImplausibleError(f"no live values of a shunt: they begin with {LIVE.hex()}")
    if len(frame) < LENGTH:
        raise TruncatedError(f"truncated: {len(frame)} of {LENGTH} bytes are there")
    if len(frame) > LENGTH:
        raise TrailingBytesError(f"more than one frame: {len(frame)} bytes instead of {LENGTH}")
    numbers = {field.name: _number(field, frame) for field in _FIELDS}
    watts = round(numbers["main_battery_voltage"] * numbers["charge_amps"], 3)
    if abs(watts) > _MOST_WATTS:
        raise ImplausibleError(f"charge_watts {watts} of a shunt, at most {_MOST_WATTS} are possible")
    return {**numbers, "charge_watts": watts}


def _number(field: _Field, frame: bytes) -> float:
    raw = int.from_bytes(frame[field.start : field.start + field.size], signed=field.signed)
    number = raw / _POWERS[field.decimals]
    if not field.least <= number <= field.most:
        raise ImplausibleError(f"{field.name} of a shunt is {number}, not {field.least} to {field.most}")
    return number


class ShuntAssembler:
    """Puts frames together from notifications of any size, whatever stands between them.

    Frames of the shunt's history are passed over. A frame that another one begins in was cut off.
    `fault` says why the newest frame was not believed, None when it was.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self.fault: ImplausibleError | None = None

    def feed(self, chunk: bytes) -> Values | None:
        """The values of the newest frame that is complete now and can be believed, else None."""
        self._buffer += bytes(chunk)
        found: Values | None = None
        while (frame := self._next()) is not None:
            try:
                found, self.fault = parse_live(frame), None
            except ImplausibleError as error:
                self.fault = error
        return found

    def _next(self) -> bytes | None:
        """The next whole frame of live values; drops what stands before it."""
        while True:
            start = self._buffer.find(LIVE)
            if start < 0:
                self._buffer = self._buffer[-(len(LIVE) - 1) :]
                return None
            self._buffer = self._buffer[start:]
            broken = self._another_head()
            if broken is not None:
                self._buffer = self._buffer[broken:]
            elif len(self._buffer) < LENGTH:
                return None
            else:
                frame, self._buffer = self._buffer[:LENGTH], self._buffer[LENGTH:]
                return frame

    def _another_head(self) -> int | None:
        """Where another frame begins inside of the first one."""
        places = [self._buffer.find(head, 1, LENGTH) for head in (LIVE, HISTORY)]
        return min((place for place in places if place > 0), default=None)
