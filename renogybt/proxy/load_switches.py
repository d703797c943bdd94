"""Commands of clients for the load outputs of controllers."""

import asyncio
import logging

from renogybt.model.errors import RenogyBTError
from renogybt.model.reading import SwitchLoad
from renogybt.proxy.entities import EntityStore

_LOGGER = logging.getLogger(__name__)

DEADLINE_S = 60.0
"""A command waits for the reading that is under way, which takes 30 s when the device has to be found."""


class LoadSwitches:
    """Carries out one command per switch at a time; a newer one takes the place of one that waits."""

    def __init__(self, entities: EntityStore, switch_load: SwitchLoad) -> None:
        self._entities = entities
        self._switch_load = switch_load
        self._wishes: dict[str, tuple[str, bool]] = {}
        self._busy: set[str] = set()
        self._asked = asyncio.Event()

    def ask(self, object_id: str, device: str, on: bool) -> None:
        """Returns at once; what comes of it appears as the state of the entity `object_id`."""
        self._wishes[object_id] = (device, on)
        self._asked.set()

    async def run(self) -> None:
        """Carry out commands until cancelled. May be run again: those that wait come first then."""
        self._asked.set()
        async with asyncio.TaskGroup() as group:
            while True:
                await self._asked.wait()
                self._asked.clear()
                for object_id in self._wishes.keys() - self._busy:
                    self._busy.add(object_id)
                    group.create_task(self._serve(object_id))

    async def _serve(self, object_id: str) -> None:
        try:
            while object_id in self._wishes:
                await self._carry_out(object_id, *self._wishes.pop(object_id))
        finally:
            self._busy.discard(object_id)

    async def _carry_out(self, object_id: str, device: str, on: bool) -> None:
        wanted = "on" if on else "off"
        switched = False
        try:
            async with asyncio.timeout(DEADLINE_S):
                await self._switch_load(device, on)
            switched = True
        except (RenogyBTError, TimeoutError) as error:
            why = str(error) or f"no answer within {DEADLINE_S:.0f} s"
            _LOGGER.warning("%s could not be switched %s: %s", object_id, wanted, why)
        finally:
            if not switched:  # whatever the reason: the client shows already what it wanted
                self._entities.repeat_all([object_id])
        if switched:
            _LOGGER.info("%s was switched %s", object_id, wanted)
            self._entities.publish_all({object_id: on})
