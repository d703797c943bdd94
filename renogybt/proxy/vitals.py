"""The diagnostic entities of the radio and of the proxy itself."""

import asyncio
import logging
from collections.abc import Callable, Sequence

import renogybt
from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import Radio, ScannerStatus
from renogybt.model.subscribers import Subscribers
from renogybt.proxy.entities import EntityStore
from renogybt.proxy.entity_kinds import Sensor, StateClass, TextSensor

_LOGGER = logging.getLogger(__name__)

RATE, AGE, SOURCE = "advertisements_per_second", "last_advertisement_age", "advertisement_source"
CLIENTS, LOST, VERSION, UPTIME = "connected_clients", "lost_advertisements", "version", "uptime"

ENTITIES = (
    Sensor(RATE, "Advertisements per second", icon="mdi:bluetooth", unit="1/s", decimals=1),
    Sensor(AGE, "Last advertisement", device_class="duration", unit="s", decimals=1),
    Sensor(CLIENTS, "Connected clients", icon="mdi:lan-connect"),
    Sensor(
        LOST,
        "Advertisements lost by slow clients",
        icon="mdi:bluetooth-off",
        state_class=StateClass.TOTAL_INCREASING,
    ),
    TextSensor(SOURCE, "Advertisement source", icon="mdi:bluetooth-settings"),
    TextSensor(VERSION, "Version", icon="mdi:tag"),
    Sensor(UPTIME, "Uptime", device_class="duration", unit="s", state_class=StateClass.TOTAL_INCREASING),
)

PERIOD_S = 30.0
"""Often enough to see a radio die, seldom enough for Home Assistant's database."""
UPTIME_EVERY = 2
"""Periods between two values of the uptime: a minute, as ESPHome does."""


class Vitals:
    """Counts advertisements and publishes what it sees, every PERIOD_S."""

    def __init__(
        self,
        radio: Radio,
        entities: EntityStore,
        now: Callable[[], float],
        lost: Callable[[], int] = lambda: 0,
    ) -> None:
        self.beats: Subscribers[None] = Subscribers()
        """Told after each look, for whoever wants to know that this goes on."""
        self._entities = entities
        self._now = now
        self._lost = lost
        self._started = self._looked = now()
        self._count = 0
        self._last: float | None = None
        self._periods = 0
        radio.listen(self._on_batch, patient=True)
        radio.watch(self._on_status)
        self._on_status(radio.status)
        entities.publish(VERSION, renogybt.__version__)
        entities.publish(CLIENTS, 0)
        entities.publish(LOST, 0)
        entities.publish(UPTIME, 0)

    def _on_batch(self, batch: Sequence[Advertisement]) -> None:
        self._count += len(batch)
        first = self._last is None
        self._last = self._now()
        if first:
            self._entities.publish(AGE, 0.0)
            _LOGGER.info("hearing advertisements")

    def _on_status(self, status: ScannerStatus) -> None:
        self._entities.publish(SOURCE, status.intake.value)

    def on_clients(self, count: int) -> None:
        """The number of clients has changed."""
        self._entities.publish(CLIENTS, count)

    def look(self) -> None:
        """Publish what has happened since the last look."""
        now = self._now()
        elapsed = now - self._looked
        if elapsed > 0:
            self._entities.publish(RATE, round(self._count / elapsed, 1))
        self._count, self._looked = 0, now
        self._entities.publish(LOST, self._lost())
        if self._last is not None:
            self._entities.publish(AGE, round(now - self._last, 1))
        self._periods += 1
        if self._periods % UPTIME_EVERY == 0:
            self._entities.publish(UPTIME, round(now - self._started))

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(PERIOD_S)
            self.look()
            self.beats.notify(None)
