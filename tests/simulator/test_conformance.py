import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from conformance.radio import RadioConformance

from renogybt.model.radio import Radio
from renogybt.simulator.radio import DemoRadio


@dataclass
class DemoUnderTest:
    radio: Radio

    async def on_air(self) -> None:
        """The neighbourhood never falls silent."""


class TestDemoRadio(RadioConformance):
    can_be_passive = True
    deadline_s = 5.0

    @pytest.fixture
    async def radio_under_test(self) -> AsyncIterator[DemoUnderTest]:
        radio = DemoRadio(rate=1000.0)
        task = asyncio.create_task(radio.run())
        yield DemoUnderTest(radio)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
