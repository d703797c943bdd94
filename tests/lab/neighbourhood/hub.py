"""A Renogy communication hub of the BT-TH kind, as far as Bluetooth goes."""

import asyncio
from collections.abc import Sequence
from typing import Any

from bumble import hci
from bumble.att import ATT_READ_NOT_PERMITTED_ERROR, ATT_Error
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue, Service

from neighbourhood.air import Air
from neighbourhood.peripheral import Peripheral
from renogybt.simulator.hub_faults import Answer, HubFaults, in_pieces
from renogybt.simulator.renogy_bus import ANSWER_S, RenogyBus

ATT_MTU = 23  # a hub agrees to no more: notifications of 20 octets


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


class Hub(Peripheral):
    """FFD1 takes requests, FFF1 notifies the answers of the devices on the `line`.

    The answer to a request arrives in pieces of the ATT MTU, one request after the other.
    """

    def __init__(self, air: Air, name: str, address: str) -> None:
        super().__init__(
            air, "hub", name, hci.Address(address, hci.Address.PUBLIC_DEVICE_ADDRESS), service=0xFFD0
        )
        self.line = Line()
        self.requests: list[bytes] = []
        self._bus = asyncio.Lock()
        self._device.gatt_server.max_mtu = ATT_MTU
        unreadable = CharacteristicValue(read=_refuse_to_read)
        self._notify = Characteristic(
            "FFF1", Characteristic.Properties.NOTIFY, Characteristic.READABLE, unreadable
        )
        self._add_services()

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

    async def notify(self, payload: bytes) -> None:
        """Send this to whoever is connected and has subscribed."""
        for connection in self._connections:
            await self._send(connection, in_pieces(payload, connection.att_mtu - 3))

    def stats(self) -> dict[str, Any]:
        return super().stats() | {
            "requests": len(self.requests),
            "last_request": self.requests[-1].hex() if self.requests else None,
        }

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


def _refuse_to_read(_connection: Connection) -> bytes:
    """Bumble looks at no permission to read, and a hub has none for what it notifies."""
    raise ATT_Error(ATT_READ_NOT_PERMITTED_ERROR)
