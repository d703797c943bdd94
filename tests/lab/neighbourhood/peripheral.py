"""What the hub and the lamp have in common: somebody who advertises and lets centrals connect."""

import asyncio
from collections.abc import Coroutine
from enum import Enum
from typing import Any

from bumble import hci
from bumble.controller import Controller
from bumble.core import AdvertisingData
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from neighbourhood.air import Air

INTERVAL_MS = 100


class Presence(Enum):
    ON = "on"
    OFF = "off"
    BUSY = "busy"


class Peripheral:
    """One central at a time, and no advertising while it is connected. Off at first.

    `service` is the UUID of 16 bits that its advertisements name.
    """

    def __init__(
        self, air: Air, source: str, name: str, address: hci.Address, service: int, **settings: Any
    ) -> None:
        self.connects = 0
        self._air = air
        self._address = address
        self._presence = Presence.OFF
        self._tasks: set[asyncio.Task[None]] = set()
        controller = Controller(source, link=air, public_address=None if address.is_random else address)
        self._device = Device(
            config=DeviceConfiguration(name=name, address=address, **settings),
            host=Host(controller, AsyncPipeSink(controller)),
        )
        self._device.on("connection", self._on_connection)
        self._device.advertising_data = bytes(
            AdvertisingData(
                [
                    (AdvertisingData.FLAGS, b"\x06"),
                    (AdvertisingData.COMPLETE_LOCAL_NAME, name.encode()),
                    (
                        AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
                        service.to_bytes(2, "little"),
                    ),
                ]
            )
        )

    async def power_on(self) -> None:
        """Once, before anything else."""
        await self._device.power_on()

    async def set_presence(self, presence: Presence) -> None:
        """Be there, be away (a link is lost as by distance), or refuse every connection."""
        self._presence = presence
        if presence is Presence.BUSY:
            self._air.refusing.add(self._address)
        else:
            self._air.refusing.discard(self._address)
        if presence is Presence.OFF:
            await self._device.stop_advertising()
            await self._disconnect(hci.HCI_CONNECTION_TIMEOUT_ERROR)
        elif not self._device.connections:
            await self._advertise()

    async def drop(self) -> None:
        """Close the link, as one does that has had enough, and advertise again."""
        await self._disconnect(hci.HCI_REMOTE_USER_TERMINATED_CONNECTION_ERROR)

    def stats(self) -> dict[str, Any]:
        """What centrals have done, for JSON."""
        return {
            "state": self._presence.value,
            "links": len(self._device.connections),
            "connects": self.connects,
        }

    @property
    def _connections(self) -> tuple[Connection, ...]:
        return tuple(self._device.connections.values())

    async def _advertise(self) -> None:
        await self._device.stop_advertising()
        own = hci.OwnAddressType.RANDOM if self._address.is_random else hci.OwnAddressType.PUBLIC
        await self._device.start_advertising(
            own_address_type=own,
            advertising_interval_min=INTERVAL_MS,
            advertising_interval_max=INTERVAL_MS,
        )

    async def _disconnect(self, reason: int) -> None:
        for connection in self._connections:
            await connection.disconnect(reason)

    def _on_connection(self, connection: Connection) -> None:
        self.connects += 1
        connection.once(connection.EVENT_DISCONNECTION, self._on_disconnection)

    def _on_disconnection(self, _reason: int) -> None:
        if self._presence is not Presence.OFF:
            self._spawn(self._advertise())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
