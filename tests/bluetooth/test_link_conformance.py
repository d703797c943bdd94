from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

import pytest
from conformance.link import LinkConformance
from fakes import hub
from fakes.radio_world import World

from renogybt.bluetooth.approach import LinkTiming
from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import parse_address
from renogybt.model.radio import Radio, ScanMode

QUICK = LinkTiming(hear_s=0.2, attempt_s=0.5, pauses_s=(0.01, 0.02), total_s=2.0, goodbye_s=0.5)


@dataclass
class HubOnBlueZ:
    world: World
    radio: Radio
    address: int = parse_address(hub.HUB)
    absent_address: int = parse_address("6C:B2:FD:00:00:01")

    async def drop(self) -> None:
        self.world.bluez.drop(hub.HUB)

    async def vanish(self) -> None:
        self.world.bluez.switch(hub.HUB, on=False)

    async def reappear(self) -> None:
        self.world.bluez.switch(hub.HUB, on=True)

    def expected_answer(self, request: bytes) -> bytes:
        return hub.answer(request)


class OnBlueZ(LinkConformance):
    deadline_s = 5.0
    source: ClassVar[AdvertisementSource]
    mode: ClassVar[ScanMode] = ScanMode.ACTIVE

    @pytest.fixture
    async def hub_under_test(self, world: World) -> AsyncIterator[HubOnBlueZ]:
        world.bluez.peripherals[hub.HUB] = hub.hub()
        radio = world.radio(self.source, mode=self.mode, link_timing=QUICK)
        async with world.run(radio):
            yield HubOnBlueZ(world, radio)


class TestByDbus(OnBlueZ):
    source = AdvertisementSource.DBUS


class TestByTheManagementSocket(OnBlueZ):
    source = AdvertisementSource.MGMT


class TestScanningPassively(OnBlueZ):
    source = AdvertisementSource.MGMT
    mode = ScanMode.PASSIVE
