"""Reading one unit by its plan: which blocks are due, and what has come of them."""

import asyncio
from dataclasses import dataclass

from renogybt.model.reading import DeviceType
from renogybt.protocols.modbus.errors import ExceptionReplyError
from renogybt.protocols.renogy.decode import decode, history
from renogybt.protocols.renogy.registers import Values
from renogybt.readers.connection import INVERTER_RADIOS, Lines
from renogybt.readers.errors import DamagedAnswerError, NoAnswerError
from renogybt.readers.line import Line
from renogybt.readers.plan import HOUR_S, INVERTER_RADIO_TIMING, PLANS, Block, Cadence, Timing

MODEL = 0x000C
"""Where controllers and DC chargers have their model."""
_SHORT_MAPS = "-G6"
_EXTRA_OF_LONG_MAPS = 0x0120
"""DC chargers whose model ends so never answer a read that starts here; 0x0100 brings it, too."""
_TRIES = 2
"""A block without which a reading is complete may fail so often in a row; each time costs others 2 s."""
_FORGET_S = 2 * HOUR_S + 600.0
"""What could not be read again for so long is not known any more."""


@dataclass(slots=True)
class _Known:
    """What is known of a block: its octets as read last, when, how often it has failed since, and when."""

    octets: bytes = b""
    read_at: float = float("-inf")
    failed: int = 0
    failed_at: float = float("-inf")


class Poll:
    """The plan of one unit, carried out round by round.

    Octets are kept rather than values: what they mean may depend on the device's name, which may
    be heard later.
    """

    def __init__(self, device_type: DeviceType, unit_id: int) -> None:
        self._type = device_type
        self._unit = unit_id
        self._plan = PLANS[device_type]
        self._lines: Lines | None = None
        self._main = next((each for each in self._plan.blocks if each.cadence is Cadence.EACH_ROUND), None)
        self._known = {block.register: _Known() for block in self._plan.blocks}

    async def read(self, lines: Lines, name: str, patience: int) -> Values:
        """All values of one round; `name`: that of the device, where known; `patience`: as of `Line.read`.

        Raises what `Line.read` raises for a block that a reading must have, ImplausibleError when the
        registers cannot be those of the type.
        """
        if lines is not self._lines:
            self._lines = lines
            self._connected()
        if not self._plan.blocks:
            assert lines.pushes is not None  # noqa: S101 the hub opens what its plans need
            return await lines.pushes.take()
        assert lines.modbus is not None  # noqa: S101
        timing = INVERTER_RADIO_TIMING if name.startswith(INVERTER_RADIOS) else self._plan.timing
        for block in self._plan.blocks:
            if self._due(block):
                await self._fetch(lines.modbus, block, timing, patience)
        return self._decoded(name)

    async def answers(self, line: Line) -> bool:
        """Whether the unit says anything at all, be it that it refuses; raises what the link raises."""
        if self._main is None:
            return False
        try:
            await line.read(self._unit, self._main.register, self._main.words, patience=1)
        except (NoAnswerError, DamagedAnswerError):
            return False
        except ExceptionReplyError:
            return True
        return True

    def _connected(self) -> None:
        """What has failed may be tried again."""
        for known in self._known.values():
            known.failed = 0

    def _due(self, block: Block) -> bool:
        known = self._known[block.register]
        if block.register == _EXTRA_OF_LONG_MAPS and self._model().endswith(_SHORT_MAPS):
            known.octets = b""
            return False
        if known.failed >= (1 if block.optional and block.cadence is Cadence.HOURLY else _TRIES):
            return _now() - known.failed_at >= HOUR_S
        return block.cadence is Cadence.EACH_ROUND or _now() - known.read_at >= HOUR_S

    async def _fetch(self, line: Line, block: Block, timing: Timing, patience: int) -> None:
        known = self._known[block.register]
        needed = block.cadence is Cadence.EACH_ROUND and not block.optional
        try:
            octets = await line.read(
                self._unit, block.register, block.words, timing=timing, patience=patience if needed else 1
            )
        except (NoAnswerError, DamagedAnswerError):
            if needed:
                raise
            self._missed(block, 1)
        except ExceptionReplyError:
            if block is self._main:
                raise
            self._missed(block, _TRIES)
        else:
            known.octets, known.read_at, known.failed = octets, _now(), 0

    def _missed(self, block: Block, failures: int) -> None:
        known = self._known[block.register]
        known.failed, known.failed_at = known.failed + failures, _now()
        if block.cadence is Cadence.EACH_ROUND or failures >= _TRIES:
            known.octets = b""

    def _decoded(self, name: str) -> Values:
        called, now = name or self._model(), _now()
        windows = [
            decode(self._type, register, known.octets, name=called)
            for register, known in self._known.items()
            if known.octets and now - known.read_at < _FORGET_S
        ]
        if self._type is DeviceType.CONTROLLER_HISTORY:
            return history(windows)
        return {name: value for values in windows for name, value in values.items()}

    def _model(self) -> str:
        known = self._known.get(MODEL)
        if known is None or not known.octets:
            return ""
        return str(decode(self._type, MODEL, known.octets).get("model", ""))


def _now() -> float:
    return asyncio.get_running_loop().time()
