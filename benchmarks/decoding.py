"""What it costs to read one battery: its replies put together from notifications, and decoded."""

from collections.abc import Callable
from functools import partial

from benchmarks.building_blocks import per_call_us
from benchmarks.table import Row
from benchmarks.targets import FRAME_US
from renogybt.model.reading import DeviceType
from renogybt.protocols.modbus.crc import with_crc
from renogybt.protocols.modbus.framer import Framer
from renogybt.protocols.modbus.requests import ReadRequest
from renogybt.protocols.renogy.decode import decode
from renogybt.protocols.renogy.derive import derive
from renogybt.protocols.renogy.registers import Values

_UNIT = 48
_NOTIFICATION = 20
_CELLS = (16).to_bytes(2) + (33).to_bytes(2) * 16 + (4).to_bytes(2) + (233).to_bytes(2) * 4 + bytes(24)
_BLOCKS = (
    (5000, "16 cells and 4 temperatures, 34 registers", _CELLS),
    (5042, "current to cycles, 7 registers", bytes.fromhex("014601f80000c2840000c34d0010")),
    (5100, "alarms and status, 10 registers", bytes(12) + bytes.fromhex("00060000000000c0")),
)


def _read(request: ReadRequest, chunks: list[bytes]) -> Values:
    framer = Framer(request)
    for chunk in chunks:
        if (reply := framer.feed(chunk)) is not None:
            return decode(DeviceType.BATTERY, request.register, reply.data)
    raise AssertionError("the chunks hold no reply")


def _reading(register: int, data: bytes) -> Callable[[], Values]:
    frame = with_crc(bytes((_UNIT, 3, len(data))) + data)
    chunks = [frame[at : at + _NOTIFICATION] for at in range(0, len(frame), _NOTIFICATION)]
    return partial(_read, ReadRequest(_UNIT, register, len(data) // 2), chunks)


def measure() -> list[Row]:
    """Times per frame, and for what follows from a whole round."""
    found = []
    values: Values = {}
    for register, what, data in _BLOCKS:
        read = _reading(register, data)
        values |= read()
        found.append(Row(f"battery frame: {what}", per_call_us(read), "µs", FRAME_US))
    action = partial(derive, DeviceType.BATTERY, values)
    found.append(Row("derived values of a battery", per_call_us(action), "µs"))
    return found
