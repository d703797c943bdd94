"""A Renogy communication hub of the BT-TH kind, as far as Bluetooth goes."""

import asyncio
import struct
from collections.abc import Coroutine, Sequence
from enum import Enum
from typing import Any

from bumble import hci
from bumble.att import ATT_READ_NOT_PERMITTED_ERROR, ATT_Error
from bumble.controller import Controller
from bumble.core import AdvertisingData
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from neighbourhood.air import Air
from renogybt.simulator.hub_faults import Answer, HubFaults, in_pieces
from renogybt.simulator.renogy_bus import ANSWER_S, RenogyBus

ATT_MTU = 23  # a hub agrees to no more: notifications of 20 octets
INTERVAL_MS = 100


class HubState(Enum):
    ON = "on"
    OFF = "off"
    BUSY = "busy"


class Line:
    """The demo's batteries and controller, on the clock of the event loop, which can be stopped."""

    def __init__(self) -> None:
        self._bus = RenogyBus()
        self._began = asyncio.get_running_loop().time()
        self._stands_at: float | None = None

    @property
    def faults(self) -> HubFaults:
        return self._bus.faults

    def stand_still(self, still: bool) -> None:
        """Whether everything stays as it is now, so that the same request gets the same answer."""
        self._stands_at = self._now() if still else None

    def truth(self, request: bytes) -> bytes:
        """What would come back without any fault."""
        return self._bus.truth(request, self._now())

    def answer(self, request: bytes) -> Answer:
        return self._bus.answer(request, self._now())

    def _now(self) -> float:
        if self._stands_at is not None:
            return self._stands_at
        return asyncio.get_running_loop().time() - self._began


class Hub:
    """FFD1 takes requests, FFF1 notifies the answers of the devices on the `line`.

    One central at a time, and no advertising while it is connected. The answer to a request
    arrives in pieces of the ATT MTU, one request after the other.
    """

    def __init__(self, air: Air, name: str, address: str) -> None:
        self.line = Line()
        self.connects = 0
        self.requests: list[bytes] = []
        self._air = air
        self._address = hci.Address(address, hci.Address.PUBLIC_DEVICE_ADDRESS)
        self._state = HubState.OFF
        self._bus = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        controller = Controller("hub", link=air, public_address=self._address)
        self._device = Device(
            config=DeviceConfiguration(name=name, address=self._address),
            host=Host(controller, AsyncPipeSink(controller)),
        )
        self._device.gatt_server.max_mtu = ATT_MTU
        self._device.on("connection", self._on_connection)
        unreadable = CharacteristicValue(read=_refuse_to_read)
        self._notify = Characteristic(
            "FFF1", Characteristic.Properties.NOTIFY, Characteristic.READABLE, unreadable
        )
        self._add_services()
        self._device.advertising_data = bytes(
            AdvertisingData(
                [
                    (AdvertisingData.FLAGS, b"\x06"),
                    (AdvertisingData.COMPLETE_LOCAL_NAME, name.encode()),
                    (
                        AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
                        struct.pack("<H", 0xFFD0),
                    ),
                ]
            )
        )

    def _add_services(self) -> None:
        writable = Characteristic.Properties.WRITE | Characteristic.Properties.WRITE_WITHOUT_RESPONSE
        requests = CharacteristicValue(write=self._on_write)
        write = Characteristic("FFD1", writable, Characteristic.WRITEABLE, requests)
        # the BT-2 has a second service whose 128-bit UUIDs hold the same digits elsewhere
        decoy = Characteristic(
            "F000FFD1-0451-4000-B000-000000000000", writable, Characteristic.WRITEABLE, b""
        )
        self._device.add_service(Service("F000FFD0-0451-4000-B000-000000000000", [decoy]))
        self._device.add_service(Service("FFD0", [write]))
        self._device.add_service(Service("FFF0", [self._notify]))

    async def power_on(self) -> None:
        """Once, before anything else."""
        await self._device.power_on()

    async def set_state(self, state: HubState) -> None:
        """Be there, be away (a link is lost as by distance), or refuse every connection."""
        self._state = state
        if state is HubState.BUSY:
            self._air.refusing.add(self._address)
        else:
            self._air.refusing.discard(self._address)
        if state is HubState.OFF:
            await self._device.stop_advertising()
            await self._disconnect(hci.HCI_CONNECTION_TIMEOUT_ERROR)
        elif not self._device.connections:
            await self._advertise()

    async def drop(self) -> None:
        """Close the link, as a hub does that has had enough, and advertise again."""
        await self._disconnect(hci.HCI_REMOTE_USER_TERMINATED_CONNECTION_ERROR)

    async def notify(self, payload: bytes) -> None:
        """Send this to whoever is connected and has subscribed."""
        for connection in tuple(self._device.connections.values()):
            await self._send(connection, in_pieces(payload, connection.att_mtu - 3))

    def stats(self) -> dict[str, Any]:
        """What centrals have done, for JSON."""
        return {
            "state": self._state.value,
            "links": len(self._device.connections),
            "connects": self.connects,
            "requests": len(self.requests),
            "last_request": self.requests[-1].hex() if self.requests else None,
        }

    async def _advertise(self) -> None:
        await self._device.stop_advertising()
        await self._device.start_advertising(
            own_address_type=hci.OwnAddressType.PUBLIC,
            advertising_interval_min=INTERVAL_MS,
            advertising_interval_max=INTERVAL_MS,
        )

    async def _disconnect(self, reason: int) -> None:
        for connection in tuple(self._device.connections.values()):
            await connection.disconnect(reason)

    def _on_connection(self, connection: Connection) -> None:
        self.connects += 1
        connection.once(connection.EVENT_DISCONNECTION, self._on_disconnection)

    def _on_disconnection(self, _reason: int) -> None:
        if self._state is not HubState.OFF:
            self._spawn(self._advertise())

    def _on_write(self, connection: Connection, value: bytes) -> None:
        self.requests.append(bytes(value))
        self._spawn(self._answer(connection, bytes(value)))

    async def _answer(self, connection: Connection, request: bytes) -> None:
        async with self._bus:
            await asyncio.sleep(ANSWER_S)
            answer = self.line.answer(request)
            if not answer.delay_s:
                await self._send_answer(connection, answer)
        if answer.delay_s:
            # what is late holds up nobody: it may come in the middle of something else
            await asyncio.sleep(answer.delay_s)
            await self._send_answer(connection, answer)

    async def _send_answer(self, connection: Connection, answer: Answer) -> None:
        if answer.drops:
            await self._send(connection, answer.pieces[:1])
            await self.drop()
        else:
            await self._send(connection, answer.pieces)

    async def _send(self, connection: Connection, pieces: Sequence[bytes]) -> None:
        for piece in pieces:
            if connection.handle in self._device.connections:
                await self._device.notify_subscriber(connection, self._notify, piece)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _refuse_to_read(_connection: Connection) -> bytes:
    """Bumble looks at no permission to read, and a hub has none for what it notifies."""
    raise ATT_Error(ATT_READ_NOT_PERMITTED_ERROR)
