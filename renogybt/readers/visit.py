"""One round over the units of a hub: who is asked when, and what a silence means."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from renogybt.model.gatt import ConnectError, GattError, NotHeardError
from renogybt.protocols.modbus.errors import ExceptionReplyError
from renogybt.protocols.modbus.requests import UNIVERSAL_UNIT
from renogybt.protocols.renogy.errors import ImplausibleError
from renogybt.protocols.renogy.registers import Values
from renogybt.readers.connection import Connection, Lines
from renogybt.readers.errors import (
    AlienError,
    DamagedAnswerError,
    LineError,
    NoAnswerError,
    NoRenogyServiceError,
)
from renogybt.readers.plan import HOUR_S
from renogybt.readers.recognise import contradiction, recognise
from renogybt.readers.unit import Unit

ZOMBIE_TRIES = 2
"""So many tries without a single notification, and the link may be there in name only."""
BLIND_TRIES = 3
"""So many, where nobody who answered could be asked: two neighbours may be switched off together."""
_FINAL = (NotHeardError, ConnectError, NoRenogyServiceError)
"""What a second attempt in the same round would not cure: the radio has tried for long enough."""

_SEVERAL = f"; perhaps several devices answer to {UNIVERSAL_UNIT} at once: write their own ids, as 48,49"

Deliver = Callable[[Unit, Values], None]
"""Takes the values of a unit; raises AlienError."""


@dataclass(frozen=True, slots=True)
class _Silence:
    """What a try has ended with, and after how long (seconds)."""

    trouble: str
    lasted_s: float


class Visit:
    """Asks `units`; `waiting` are those that have neither been read nor been given up.

    Those that are silent are asked again when all others are done, so that they delay nobody for
    more than one try, and not at all where that would last beyond `until` (monotonic seconds), which
    would cost the others their next round. Those that were silent last time come last at once. A
    link that breaks is made anew once.
    """

    def __init__(
        self, connection: Connection, units: Sequence[Unit], deliver: Deliver, until: float = float("inf")
    ) -> None:
        self.waiting = list(units)
        self._connection = connection
        self._deliver = deliver
        self._until = until
        self._silences: dict[Unit, _Silence] = {}
        self._began = _now()
        self._witness: Unit | None = None

    async def run(self, name: Callable[[], str]) -> None:
        """Until all are done; `name`: what the hub is called, as far as is known then. Raises GattError."""
        try:
            await self._ask_all(name)
        except _FINAL:
            raise
        except GattError:
            await self._connection.close()
            await self._ask_all(name)

    async def _ask_all(self, name: Callable[[], str]) -> None:
        lines = await self._connection.open(name)
        self._witness = None
        for last_pass in (False, True):
            for unit in sorted(self.waiting, key=lambda each: each.silent):
                if await self._ask(unit, lines, name(), last_pass=last_pass):
                    self.waiting.remove(unit)
            self._give_up_late_ones()

    def _give_up_late_ones(self) -> None:
        """Those whose second try would take too long, at the end of the first pass."""
        now = _now()
        for unit in [each for each in self.waiting if each in self._silences]:
            silence = self._silences[unit]
            if now + silence.lasted_s > self._until:
                self.waiting.remove(unit)
                self._miss(unit, silence.trouble)
            else:
                now += silence.lasted_s

    async def _ask(self, unit: Unit, lines: Lines, name: str, *, last_pass: bool) -> bool:
        """Whether the unit is done with for this round."""
        began = _now()
        try:
            values = await unit.poll.read(lines, name, patience=1)
            self._witness = unit
            self._contradict(unit, values)
            self._deliver(unit, values)
        except NoAnswerError as error:
            await self._beware_of_zombies(unit, lines)
            unit.silent = True
            if not last_pass:
                self._silences[unit] = _Silence(str(error), _now() - began)
                return False
            self._miss(unit, str(error))
        except DamagedAnswerError as error:
            hint = _SEVERAL if unit.unit_id == UNIVERSAL_UNIT else ""
            self._miss(unit, f"{error}{hint}")
        except (ExceptionReplyError, ImplausibleError, AlienError) as error:
            self._witness = unit
            self._miss(unit, await self._explained(unit, lines, error))
        return True

    async def _beware_of_zombies(self, unit: Unit, lines: Lines) -> None:
        """Raise LineError when it is the link that is silent rather than this unit."""
        if lines.modbus is None:
            unit.silent = True
            raise LineError("the shunt sends nothing")
        silent = lines.modbus.silent
        if silent < ZOMBIE_TRIES or (self._witness is None and silent < min(BLIND_TRIES, len(self.waiting))):
            return
        if self._witness is not None and await self._witness.poll.answers(lines.modbus):
            return
        unit.silent = True
        raise LineError("no unit answers over this link")

    def _contradict(self, unit: Unit, values: Values) -> None:
        found = contradiction(unit.device_type, unit.unit_id, str(values.get("model", "")))
        if found:
            raise AlienError(found)

    async def _explained(self, unit: Unit, lines: Lines, error: Exception) -> str:
        """What is wrong, by asking the unit what it is: once an hour, the answer stays the same."""
        plain = str(error) if isinstance(error, AlienError) else f"unit {unit.unit_id}: {error}"
        if lines.modbus is None or "set type" in plain:
            return plain
        if self._began - unit.probed_at < HOUR_S:
            return unit.trouble or plain
        unit.probed_at = self._began
        return await recognise(lines.modbus, unit.device_type, unit.unit_id) or plain

    def _miss(self, unit: Unit, trouble: str) -> None:
        unit.miss(trouble, self._began, own=True)


def _now() -> float:
    return asyncio.get_running_loop().time()
