"""The rules of the port `RadioCare` on the radio of BlueZ."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from conformance.care import CareConformance
from fakes.radio_world import World

from renogybt.config import AdvertisementSource
from renogybt.model.radio import Radio


@dataclass
class BlueZUnderTest:
    radio: Radio


class TestByDbus(CareConformance):
    deadline_s = 10.0

    @pytest.fixture
    async def care_under_test(self, world: World) -> AsyncIterator[BlueZUnderTest]:
        radio = world.radio(AdvertisementSource.DBUS)
        async with world.run(radio):
            yield BlueZUnderTest(radio)


class TestByTheManagementSocket(CareConformance):
    deadline_s = 10.0

    @pytest.fixture
    async def care_under_test(self, world: World) -> AsyncIterator[BlueZUnderTest]:
        radio = world.radio(AdvertisementSource.MGMT)
        async with world.run(radio):
            yield BlueZUnderTest(radio)
