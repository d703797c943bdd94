from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from conformance.radio import RadioConformance
from fakes.radio_world import World

from renogybt.config import AdvertisementSource
from renogybt.model.radio import Radio


@dataclass
class BlueZUnderTest:
    radio: Radio

    async def on_air(self) -> None:
        """The sender of the world is never silent."""


class TestByDbus(RadioConformance):
    can_be_passive = False
    deadline_s = 5.0

    @pytest.fixture
    async def radio_under_test(self, world: World) -> AsyncIterator[BlueZUnderTest]:
        radio = world.radio(AdvertisementSource.DBUS)
        async with world.run(radio):
            yield BlueZUnderTest(radio)


class TestByTheManagementSocket(RadioConformance):
    can_be_passive = True
    deadline_s = 5.0

    @pytest.fixture
    async def radio_under_test(self, world: World) -> AsyncIterator[BlueZUnderTest]:
        radio = world.radio(AdvertisementSource.MGMT)
        async with world.run(radio):
            yield BlueZUnderTest(radio)
