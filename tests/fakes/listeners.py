"""One intake at a time, without the radio above it, and what it told."""

import asyncio
from typing import Any

from fakes.bluez import FakeBlueZ
from fakes.bus_client import until
from fakes.mgmt import FakeKernel
from renogybt.bluetooth.dbus_intake import DbusIntake
from renogybt.bluetooth.mgmt import MgmtSocket
from renogybt.model.advertisement import Advertisement, parse_address
from renogybt.protocols.advertising import mgmt

ADDRESS = "6C:B2:FD:86:82:4D"
OTHER = "C4:7C:8D:6A:3E:02"
ADAPTER_PATH = "/org/bluez/hci0"


class Intake:
    """An intake of hci0, and a client that discovers."""

    def __init__(self, bluez: FakeBlueZ, bus_address: str) -> None:
        self.bluez = bluez
        self.batches: list[list[Advertisement]] = []
        self.ended = asyncio.Event()
        self.intake = DbusIntake(
            bus_address, ADAPTER_PATH, lambda batch: self.batches.append(list(batch)), self.ended.set
        )

    @property
    def heard(self) -> list[Advertisement]:
        return [each for batch in self.batches for each in batch]

    async def hear(self, address: str = ADDRESS, **advert: Any) -> Advertisement:
        """What one advertisement arrives as."""
        count = len(self.heard)
        self.bluez.advertise(address, **advert)
        await until(lambda: len(self.heard) > count)
        return self.heard[-1]

    async def hears_nothing_of(self, address: str = ADDRESS) -> None:
        """Whatever is on its way has arrived when a later advertisement has."""
        await self.hear(OTHER, manufacturer_data={0xFFFF: len(self.heard).to_bytes(4, "big")})
        assert parse_address(address) not in {each.address for each in self.heard}


class Channel:
    """A socket on a fake kernel, and what it told; `prompt`: whether anybody waits for that."""

    def __init__(self, kernel: FakeKernel, *, prompt: bool = True) -> None:
        self.kernel = kernel
        self.batches: list[list[Advertisement]] = []
        self.changes = 0
        self.socket = MgmtSocket(
            kernel.open(), lambda batch: self.batches.append(list(batch)), self._changed, lambda: prompt
        )
        self.socket.follow(0)

    def _changed(self) -> None:
        self.changes += 1

    @property
    def heard(self) -> list[Advertisement]:
        return [each for batch in self.batches for each in batch]

    async def flush(self) -> None:
        """Everything that was sent before has arrived afterwards."""
        await self.socket.command(mgmt.GET_CONNECTIONS, 0)
