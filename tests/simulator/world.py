"""A demo radio that runs in the time of the event loop, and what it has heard."""

import asyncio

from renogybt.model.advertisement import Advertisement
from renogybt.simulator.demo_hub import DemoHub
from renogybt.simulator.hub import HUB_ADDRESS
from renogybt.simulator.radio import DemoRadio


class World:
    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.hub = DemoHub(clock=self.loop.time)
        self.radio = DemoRadio(clock=self.loop.time, hub=self.hub)
        self.lamp = self.radio.lamp
        self.heard: list[Advertisement] = []
        self.radio.listen(self.heard.extend)

    @property
    def hub_is_heard(self) -> bool:
        return self.is_heard(HUB_ADDRESS)

    def is_heard(self, address: int) -> bool:
        return any(each.address == address for each in self.heard)

    async def listen(self, seconds: float) -> None:
        self.heard.clear()
        await asyncio.sleep(seconds)
