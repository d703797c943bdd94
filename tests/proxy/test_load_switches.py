"""The way of a command, in virtual time: PowerEntities with a load output that takes its time."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from proxy.power_devices import CONTROLLER_VALUES, controller, key
from proxy.virtual_time import VirtualLoop

from renogybt.config import EntityNaming
from renogybt.model.errors import RenogyBTError
from renogybt.model.reading import Reading
from renogybt.protocols.esphome.messages import Message
from renogybt.proxy.entities import EntityStore
from renogybt.proxy.entity_kinds import fnv1a
from renogybt.proxy.load_switches import DEADLINE_S
from renogybt.proxy.power import PowerEntities

LOAD, OTHER = (f"roof_solar_controller_{unit}_load_status" for unit in (96, 97))
ANSWER_S = 2.0


class RefusedError(RenogyBTError):
    """The controller says no."""


class Controller:
    """Switches after ANSWER_S, or as its fields say."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.under_way = 0
        self.error: RenogyBTError | None = None
        self.answer_s = ANSWER_S

    async def switch_load(self, device: str, on: bool) -> None:
        self.asked.append((device, on))
        self.under_way += 1
        try:
            await asyncio.sleep(self.answer_s)
            if self.error is not None:
                raise self.error
        finally:
            self.under_way -= 1


class Bench:
    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.controller = Controller()
        self.store = EntityStore([])
        self.power = PowerEntities(
            self.store, naming=EntityNaming.MODERN, switch_load=self.controller.switch_load
        )
        self.power.devices([controller(96), controller(97)])
        for unit in (96, 97):
            self.power.reading(Reading(key(unit), 0.0, CONTROLLER_VALUES))
        self.told: list[Message] = []
        self.store.subscribe(self.told.extend)

    def command(self, object_id: str, on: bool) -> None:
        assert self.store.command(fnv1a(object_id), on)

    def state(self, object_id: str) -> bool:
        message: Any = self.store.state(fnv1a(object_id))
        assert not message.missing_state
        return bool(message.state)


@pytest.fixture
def bench(virtual_loop: VirtualLoop) -> Iterator[Bench]:
    bench = Bench(virtual_loop)
    running = virtual_loop.create_task(bench.power.run())
    yield bench
    assert not running.done()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        virtual_loop.run_until_complete(running)
    assert bench.controller.under_way == 0


def test_a_command_is_carried_out_and_shown_when_it_was(bench: Bench) -> None:
    bench.command(LOAD, True)
    bench.loop.advance(ANSWER_S / 2)
    assert (bench.controller.asked, bench.state(LOAD)) == ([(key(96), True)], False)

    bench.loop.advance(ANSWER_S)
    assert bench.state(LOAD)
    assert len(bench.told) == 1


def test_a_command_that_fails_shows_the_true_state_again_and_says_why(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.controller.error = RefusedError("the controller refused")

    bench.command(LOAD, True)
    bench.loop.advance(ANSWER_S + 1)

    assert bench.told == [bench.store.state(fnv1a(LOAD))]
    assert not bench.state(LOAD)
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"{LOAD} could not be switched on: the controller refused"
    ]


def test_a_command_that_is_never_answered_ends(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.controller.answer_s = 10 * DEADLINE_S

    bench.command(LOAD, True)
    bench.loop.advance(DEADLINE_S + 1)

    assert len(bench.told) == 1
    assert not bench.state(LOAD)
    assert "no answer within 60 s" in caplog.text


def test_the_next_command_works_after_one_that_failed(bench: Bench) -> None:
    bench.controller.error = RefusedError("no")
    bench.command(LOAD, True)
    bench.loop.advance(ANSWER_S + 1)
    bench.controller.error = None

    bench.command(LOAD, True)
    bench.loop.advance(ANSWER_S + 1)

    assert bench.state(LOAD)


def test_of_many_commands_for_one_switch_the_last_counts(bench: Bench) -> None:
    for on in (True, False, True, False, True):
        bench.command(LOAD, on)
        bench.loop.advance(0.1)
    for on in [False] * 1_000:
        bench.command(LOAD, on)
    bench.loop.advance(10 * ANSWER_S)

    assert bench.controller.asked == [(key(96), True), (key(96), False)]
    assert not bench.state(LOAD)


def test_one_slow_controller_does_not_delay_another(bench: Bench) -> None:
    bench.controller.answer_s = DEADLINE_S / 2
    bench.command(LOAD, True)
    bench.loop.advance(1)
    bench.controller.answer_s = ANSWER_S

    bench.command(OTHER, True)
    bench.loop.advance(ANSWER_S + 1)

    assert (bench.state(LOAD), bench.state(OTHER)) == (False, True)


def test_the_end_of_the_program_ends_a_command_that_is_under_way(bench: Bench) -> None:
    bench.command(LOAD, True)
    bench.loop.advance(ANSWER_S / 2)

    assert bench.controller.under_way == 1


def test_without_load_switches_there_is_nothing_to_run(virtual_loop: VirtualLoop) -> None:
    power = PowerEntities(EntityStore([]), naming=EntityNaming.MODERN)

    virtual_loop.run_until_complete(power.run())
