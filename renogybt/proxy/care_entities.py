"""The entities that tell whether the radio is well, and what was done where it was not."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from renogybt.model.radio import Radio, ScannerState, ScannerStatus
from renogybt.model.recovery import CareState, CareStatus, RadioEvent
from renogybt.proxy.entities import EntityStore
from renogybt.proxy.entity_kinds import BinarySensor, Button, Category, Sensor, State, StateClass, TextSensor
from renogybt.proxy.quantity_entities import NOTHING

SCANNER, STATE, LAST = "bluetooth_status", "recovery_state", "last_recovery"
RUNGS, RESETS, LEFT = "recoveries", "adapter_resets", "adapter_resets_left"
PROBLEM, RESET = "bluetooth_problem", "reset_adapter"

ENTITIES = (
    BinarySensor(PROBLEM, "Bluetooth problem", device_class="problem"),
    TextSensor(SCANNER, "Bluetooth", icon="mdi:bluetooth"),
    TextSensor(STATE, "Recovery", icon="mdi:bandage"),
    TextSensor(LAST, "Last recovery", icon="mdi:history"),
    Sensor(RUNGS, "Recoveries", icon="mdi:counter", state_class=StateClass.TOTAL_INCREASING),
    Sensor(RESETS, "Adapter resets", icon="mdi:counter", state_class=StateClass.TOTAL_INCREASING),
    Sensor(LEFT, "Adapter resets left", icon="mdi:gauge"),
    Button(RESET, "Reset adapter", device_class="restart", category=Category.CONFIG),
)

PROBLEM_AFTER_S = 10.0
"""A failure that lasts no longer is not worth an alarm: most are over within seconds."""
LOOK_S = 60.0
"""How often the care's status is looked at, though changes are told: resets become possible again by the
mere passing of time."""

_PROBLEMS = (CareState.EXHAUSTED, CareState.HELPLESS)


class CareEntities:
    """Publishes the status of the scanner and of its care; while `run` runs, also the failures that last.

    `wall` tells the time of day in seconds of the epoch, for the stamp of the last recovery.
    """

    def __init__(self, radio: Radio, entities: EntityStore, wall: Callable[[], float] = time.time) -> None:
        self._care = radio.care
        self._scanner = radio.status
        self._entities = entities
        self._wall = wall
        self._event: RadioEvent | None = None
        self._last = NOTHING
        self._fails = asyncio.Event()
        self._fails_not = asyncio.Event()
        self._fails_long = False
        radio.watch(self._on_scanner)
        self._care.watch(self._on_care)
        self._on_scanner(radio.status)
        self._on_care(self._care.status)

    async def run(self) -> None:
        """Look after what nobody tells, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._time_failures())
            group.create_task(self._look())

    async def _time_failures(self) -> None:
        while True:
            self._tell_failure(lasts=False)
            await self._fails.wait()
            try:
                async with asyncio.timeout(PROBLEM_AFTER_S):
                    await self._fails_not.wait()
            except TimeoutError:
                self._tell_failure(lasts=True)
                await self._fails_not.wait()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self._on_care(self._care.status)

    def _on_scanner(self, status: ScannerStatus) -> None:
        self._tell_scanner(status, self._care.status)
        match status.state:
            case ScannerState.FAILED:
                self._fails_not.clear()
                self._fails.set()
            case ScannerState.STARTING:  # an attempt is no success
                pass
            case _:
                self._fails.clear()
                self._fails_not.set()

    def _tell_scanner(self, scanner: ScannerStatus, care: CareStatus) -> None:
        self._scanner = scanner
        self._entities.publish(SCANNER, _in_words(scanner, care.trouble))

    def _on_care(self, status: CareStatus) -> None:
        self._tell_scanner(self._scanner, status)
        if status.last is not None and status.last is not self._event:
            self._event = status.last
            self._last = f"{self._now()}: {status.last.text}"
        self._entities.publish_all(
            {
                PROBLEM: self._problem(status),
                STATE: status.state.value,
                LAST: self._last,
                RUNGS: status.rungs,
                RESETS: status.resets,
                LEFT: status.resets_left,
            }
        )

    def _tell_failure(self, *, lasts: bool) -> None:
        self._fails_long = lasts
        self._entities.publish(PROBLEM, self._problem(self._care.status))

    def _problem(self, status: CareStatus) -> State:
        return self._fails_long or status.state in _PROBLEMS

    def _now(self) -> str:
        """In front of the text, which may be cut at its end."""
        return datetime.fromtimestamp(self._wall(), UTC).astimezone().isoformat(timespec="seconds")


def _in_words(status: ScannerStatus, trouble: str) -> str:
    if status.state is ScannerState.RUNNING:
        return f"scanning ({status.mode.value}){trouble and f'. {trouble}'}"
    return f"not scanning: {status.reason or status.state.value}"
