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
_SLOW_TRIES = 2
"""A block that nobody needs each round may fail so often per connection; each time costs others 2 s."""


@dataclass(slots=True)
class _Known:
    """What is known of a block: its octets as read last, when, and how often it failed on this link."""

    octets: bytes = b""
    read_at: float = float("-inf")
    failed: int = 0
    wanted: bool = True


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

    def _connected(self) -> None:
        """What is read once per connection is due again, and what has failed may be tried."""
        now = _now()
        for known in self._known.values():
            known.failed = 0
            known.wanted |= now - known.read_at >= HOUR_S

    def _due(self, block: Block) -> bool:
        known = self._known[block.register]
        if block.register == _EXTRA_OF_LONG_MAPS and self._model().endswith(_SHORT_MAPS):
            known.octets = b""
            return False
        if block.cadence is Cadence.EACH_ROUND:
            return True
        if known.failed >= (1 if block.optional else _SLOW_TRIES):
            return False
        if block.cadence is Cadence.HOURLY:
            return _now() - known.read_at >= HOUR_S
        return known.wanted

    async def _fetch(self, line: Line, block: Block, timing: Timing, patience: int) -> None:
        known = self._known[block.register]
        each_round = block.cadence is Cadence.EACH_ROUND
        try:
            octets = await line.read(
                self._unit,
                block.register,
                block.words,
                timing=timing,
                patience=patience if each_round else 1,
            )
        except (NoAnswerError, DamagedAnswerError, ExceptionReplyError) as error:
            if each_round:
                raise
            known.failed += _SLOW_TRIES if isinstance(error, ExceptionReplyError) else 1
            return
        known.octets, known.read_at, known.wanted = octets, _now(), False

    def _decoded(self, name: str) -> Values:
        called = name or self._model()
        windows = [
            decode(self._type, register, known.octets, name=called)
            for register, known in self._known.items()
            if known.octets
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
