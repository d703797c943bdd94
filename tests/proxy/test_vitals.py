import asyncio
from typing import Any

import pytest
from proxy.radio import SpokenRadio
from proxy.virtual_time import VirtualLoop

import renogybt
from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import Intake
from renogybt.proxy.entities import EntityStore
from renogybt.proxy.vitals import (
    AGE,
    CLIENTS,
    ENTITIES,
    LOST,
    PERIOD_S,
    RATE,
    SOURCE,
    UPTIME,
    UPTIME_EVERY,
    VERSION,
    Vitals,
)

ADVERTISEMENT = Advertisement(1, -60, 0, b"")


class World:
    """Vitals in virtual time, on a radio that the test speaks for."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.radio = SpokenRadio()
        self.entities = EntityStore(ENTITIES)
        self.lost = 0
        self.vitals = Vitals(self.radio, self.entities, loop.time, lambda: self.lost)
        self.changes: list[Any] = []
        self.entities.subscribe(self.changes.extend)

    def state(self, object_id: str) -> Any:
        (key,) = (entity.key for entity in ENTITIES if entity.object_id == object_id)
        (message,) = (each for each in self.entities.states() if each.key == key)  # type: ignore[attr-defined]
        return None if message.missing_state else message.state  # type: ignore[attr-defined]


@pytest.fixture
def world(virtual_loop: VirtualLoop) -> World:
    return World(virtual_loop)


@pytest.fixture
def running(world: World) -> World:
    task = world.loop.create_task(world.vitals.run())
    yield world  # type: ignore[misc]
    task.cancel()
    world.loop.run_until_complete(asyncio.wait([task]))


def test_what_is_known_at_once_is_shown_at_once(world: World) -> None:
    assert world.state(VERSION) == renogybt.__version__
    assert world.state(SOURCE) == "mgmt"
    assert world.state(CLIENTS) == 0
    assert world.state(UPTIME) == 0


def test_what_is_not_known_yet_is_unknown(world: World) -> None:
    assert world.state(RATE) is None
    assert world.state(AGE) is None


def test_the_rate_is_that_of_the_last_period(running: World) -> None:
    for _ in range(45):
        running.radio.hear([ADVERTISEMENT] * 2)
    running.loop.advance(PERIOD_S + 0.1)
    assert running.state(RATE) == pytest.approx(3.0)

    running.loop.advance(PERIOD_S)
    assert running.state(RATE) == 0.0


def test_what_slow_clients_lost_is_counted_for_all_to_see(running: World) -> None:
    assert running.state(LOST) == 0
    running.lost = 17
    running.loop.advance(PERIOD_S + 0.1)
    assert running.state(LOST) == 17


def test_the_first_advertisement_shows_at_once(running: World) -> None:
    running.loop.advance(1.0)

    running.radio.hear([ADVERTISEMENT])

    assert running.state(AGE) == 0.0


def test_the_age_of_the_last_advertisement_grows_when_the_radio_falls_silent(running: World) -> None:
    running.loop.advance(10.0)
    running.radio.hear([ADVERTISEMENT])

    running.loop.advance(PERIOD_S - 9.0)
    assert running.state(AGE) == pytest.approx(20.0)
    running.loop.advance(PERIOD_S)
    assert running.state(AGE) == pytest.approx(50.0)
    running.radio.hear([ADVERTISEMENT])
    running.loop.advance(PERIOD_S - 1.0)
    assert running.state(AGE) < PERIOD_S


def test_the_uptime_is_shown_every_minute(running: World) -> None:
    running.loop.advance(PERIOD_S * UPTIME_EVERY - 0.1)
    assert running.state(UPTIME) == 0
    running.loop.advance(0.2)
    assert running.state(UPTIME) == PERIOD_S * UPTIME_EVERY
    running.loop.advance(3600.0)
    assert running.state(UPTIME) == 3600 + PERIOD_S * UPTIME_EVERY


def test_the_source_and_the_clients_show_at_once(world: World) -> None:
    world.radio.become(intake=Intake.DBUS)
    world.vitals.on_clients(3)

    assert world.state(SOURCE) == "dbus"
    assert world.state(CLIENTS) == 3
    assert len(world.changes) == 2


def test_hundreds_of_advertisements_are_no_hundreds_of_states(running: World) -> None:
    for _ in range(500):
        running.radio.hear([ADVERTISEMENT])
    running.loop.advance(PERIOD_S + 0.1)

    assert len(running.changes) == 3  # the first age, the rate, the age


def test_two_looks_at_one_moment_do_no_harm(world: World) -> None:
    world.radio.hear([ADVERTISEMENT])

    world.vitals.look()
    world.vitals.look()

    assert world.state(RATE) is None
    assert world.state(AGE) == 0.0
