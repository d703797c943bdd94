import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from conformance.care import CareConformance

from renogybt.model.radio import Radio
from renogybt.simulator.radio import DemoRadio

pytestmark = pytest.mark.asyncio(loop_factories=["virtual"])


@dataclass
class DemoUnderTest:
    radio: Radio


class TestDemoCare(CareConformance):
    deadline_s = 5.0

    @pytest.fixture
    async def care_under_test(self) -> AsyncIterator[DemoUnderTest]:
        radio = DemoRadio(clock=asyncio.get_running_loop().time)
        task = asyncio.create_task(radio.run())
        yield DemoUnderTest(radio)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
