"""Clients that know an old list of entities: only a new connection makes them ask for it again."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from renogybt.model.radio import Unsubscribe
from renogybt.proxy.entities import EntityStore

_LOGGER = logging.getLogger(__name__)

SETTLE_S = 2.0
"""Changes seldom come alone: several batteries tell their number of cells in one round."""
PAUSE_S = 60.0
"""Between two times, because Home Assistant's entities are unavailable for some seconds each time."""


class Lister(Protocol):
    """A client."""

    listed: int | None
    """The layout that it has got."""

    def goodbye(self) -> None:
        """End the connection in order."""
        ...


class Relisting:
    """Sends away clients that have listed other entities than there are, so that they come back."""

    def __init__(self, entities: EntityStore, clients: Callable[[], Iterable[Lister]]) -> None:
        self._entities = entities
        self._clients = clients
        self._timer: asyncio.TimerHandle | None = None
        self._last = float("-inf")
        self._stop: Unsubscribe | None = None

    def start(self) -> None:
        """Watch the entities."""
        self._stop = self._entities.layout_changes.add(self._on_change)

    def close(self) -> None:
        """Send nobody away any more."""
        if self._stop is not None:
            self._stop()
        if self._timer is not None:
            self._timer.cancel()

    def _on_change(self, _layout: int) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            due = max(loop.time() + SETTLE_S, self._last + PAUSE_S)
            self._timer = loop.call_at(due, self._send_away, loop)

    def _send_away(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        outdated = [each for each in self._clients() if each.listed not in (None, self._entities.layout)]
        if not outdated:
            return
        self._last = loop.time()
        _LOGGER.info(
            "there are other entities than before: %d clients connect anew to see them", len(outdated)
        )
        for session in outdated:
            session.goodbye()
