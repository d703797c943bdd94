"""The radio of these tests keeps the rules of the port like any other."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from clients.scripted_radio import ScriptedRadio, batch
from conformance.radio import RadioConformance


@dataclass
class ScriptedUnderTest:
    radio: ScriptedRadio
    group: asyncio.TaskGroup
    talking: asyncio.Task[None] | None = None

    async def on_air(self) -> None:
        """Something to hear, again and again."""
        self.talking = self.talking or self.group.create_task(self._talk())

    async def _talk(self) -> None:
        while True:
            self.radio.emit(batch(0, 5))
            await asyncio.sleep(0.002)


class TestScriptedRadio(RadioConformance):
    can_be_passive = True
    deadline_s = 5.0

    @pytest.fixture
    async def radio_under_test(self) -> AsyncIterator[ScriptedUnderTest]:
        async with asyncio.TaskGroup() as group:
            world = ScriptedUnderTest(ScriptedRadio(), group)
            running = group.create_task(world.radio.run())
            yield world
            running.cancel()
            with contextlib.suppress(AttributeError):
                world.talking.cancel()  # type: ignore[union-attr]
