import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from conformance.link import LinkConformance

from renogybt.simulator.demo_hub import DemoHub
from renogybt.simulator.radio import DemoRadio

pytestmark = pytest.mark.asyncio(loop_factories=["virtual"])


class DemoUnderTest:
    absent_address = 0x6CB2FD86824E

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._hub = DemoHub(clock=lambda: 0.0)  # so that the batteries stay as they are
        self.radio = DemoRadio(clock=loop.time, hub=self._hub)
        self.address = self._hub.address

    async def drop(self) -> None:
        self._hub.drop()

    async def vanish(self) -> None:
        self._hub.vanish()

    async def reappear(self) -> None:
        self._hub.reappear()

    def expected_answer(self, request: bytes) -> bytes:
        return self._hub.bus.truth(request, self._hub.now)


class TestDemoLink(LinkConformance):
    @pytest.fixture
    async def hub_under_test(self) -> AsyncIterator[DemoUnderTest]:
        world = DemoUnderTest()
        task = asyncio.create_task(world.radio.run())
        yield world
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
