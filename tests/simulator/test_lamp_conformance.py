import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from conformance.lamp import LampConformance

from renogybt.simulator.hub import HUB_ADDRESS
from renogybt.simulator.lamp import LAMP_ADDRESS
from renogybt.simulator.radio import DemoRadio

pytestmark = pytest.mark.asyncio(loop_factories=["virtual"])


class DemoUnderTest:
    address = LAMP_ADDRESS
    second_address = HUB_ADDRESS

    def __init__(self) -> None:
        self.radio = DemoRadio(clock=asyncio.get_running_loop().time)
        self._lamp = self.radio.lamp

    async def drop(self) -> None:
        self._lamp.drop()

    async def vanish(self) -> None:
        self._lamp.vanish()

    async def reappear(self) -> None:
        self._lamp.reappear()

    async def set_passkey(self, passkey: int | None) -> None:
        self._lamp.model.passkey = passkey

    async def forget_bonds(self) -> None:
        self._lamp.unpair()


class TestDemoLamp(LampConformance):
    @pytest.fixture
    async def lamp_under_test(self) -> AsyncIterator[DemoUnderTest]:
        world = DemoUnderTest()
        task = asyncio.create_task(world.radio.run())
        yield world
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
