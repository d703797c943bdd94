from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

import pytest
from conformance.lamp import LampConformance
from fakes import hub
from fakes.lamp import LAMP, lamp
from fakes.radio_world import World

from renogybt.bluetooth.approach import LinkTiming
from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import parse_address
from renogybt.model.radio import Radio
from renogybt.simulator.lamp import LAMP_ADDRESS

QUICK = LinkTiming(hear_s=0.2, attempt_s=0.5, pauses_s=(0.01, 0.02), total_s=2.0, goodbye_s=0.5)


@dataclass
class LampOnBlueZ:
    world: World
    radio: Radio
    address: int = LAMP_ADDRESS
    second_address: int | None = parse_address(hub.HUB)

    async def drop(self) -> None:
        self.world.bluez.drop(LAMP)

    async def vanish(self) -> None:
        self.world.bluez.switch(LAMP, on=False)

    async def reappear(self) -> None:
        self.world.bluez.switch(LAMP, on=True)

    async def set_passkey(self, passkey: int | None) -> None:
        self.world.bluez.peripherals[LAMP].passkey = passkey

    async def forget_bonds(self) -> None:
        self.world.bluez.peripherals[LAMP].paired = False


class OnBlueZ(LampConformance):
    deadline_s = 5.0
    source: ClassVar[AdvertisementSource]

    @pytest.fixture
    async def lamp_under_test(self, world: World) -> AsyncIterator[LampOnBlueZ]:
        world.bluez.peripherals[LAMP] = lamp()
        world.bluez.peripherals[hub.HUB] = hub.hub()
        radio = world.radio(self.source, link_timing=QUICK)
        async with world.run(radio):
            yield LampOnBlueZ(world, radio)


class TestByDbus(OnBlueZ):
    source = AdvertisementSource.DBUS


class TestByTheManagementSocket(OnBlueZ):
    source = AdvertisementSource.MGMT
