"""The demo's lamp on a radio."""

import asyncio
from typing import Any

from bumble import hci
from bumble.att import ATT_Error, Attribute, AttributeValueV2
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue, Descriptor, Service

from neighbourhood.air import Air
from neighbourhood.bonding import Bonding
from neighbourhood.peripheral import Peripheral
from renogybt.model import gatt
from renogybt.model.advertisement import format_address
from renogybt.simulator import lamp as model

SENSING = 0x181A
ANYTHING = Attribute.READABLE | Attribute.WRITEABLE
"""Permissions are the model's business."""


class Lamp(Peripheral):
    """Its attributes are those of the model, in the same order; handles are Bumble's."""

    def __init__(self, air: Air) -> None:
        super().__init__(
            air,
            "lamp",
            model.LAMP_NAME,
            hci.Address(format_address(model.LAMP_ADDRESS), hci.Address.RANDOM_DEVICE_ADDRESS),
            service=SENSING,
            gap_service_enabled=False,
            gatt_service_enabled=False,
        )
        self.bonding = Bonding(self._device)
        self._model = model.Lamp()
        self._characteristics: dict[int, Characteristic[bytes]] = {}
        self._ticker: asyncio.Task[None] | None = None
        self._device.gatt_server.max_mtu = model.LAMP_MTU
        for service in model.Lamp.services:
            self._device.add_service(
                Service(service.uuid, [self._characteristic(each) for each in service.characteristics])
            )

    async def renew(self) -> None:
        """As on its first day: no link, no bonds, no passkey, all values as at first."""
        await self.drop()
        self._model = model.Lamp()
        self.bonding.forget()
        self.bonding.passkey = None

    def stats(self) -> dict[str, Any]:
        return super().stats() | {
            "bonds": self.bonding.bonds,
            "centrals": [
                {
                    "encrypted": each.is_encrypted,
                    "mtu": each.att_mtu,
                    "interval_ms": each.parameters.connection_interval,
                }
                for each in self._connections
            ],
        }

    def _on_disconnection(self, reason: int) -> None:
        self._model.ticking = False  # as the demo's, it ticks as long as a link lasts
        super()._on_disconnection(reason)

    def _characteristic(self, described: gatt.Characteristic) -> Characteristic[bytes]:
        descriptors: list[Descriptor] = []
        made = Characteristic(
            described.uuid,
            Characteristic.Properties(described.properties),
            ANYTHING,
            self._value(described.handle),
            descriptors,
        )
        for each in described.descriptors:
            value = self._subscription(made) if each.uuid == model.CCCD else self._value(each.handle)
            descriptors.append(Descriptor(each.uuid, ANYTHING, value))
        self._characteristics[described.handle] = made
        return made

    def _subscription(self, characteristic: Characteristic[bytes]) -> AttributeValueV2[bytes]:
        return self._device.gatt_server.make_descriptor_value(characteristic)

    def _value(self, handle: int) -> CharacteristicValue[bytes]:
        """The attribute of the model that has this handle there."""

        def read(connection: Connection) -> bytes:
            try:
                return self._model.read(handle, encrypted=connection.is_encrypted)
            except gatt.AttError as error:
                raise ATT_Error(error.code) from error

        def write(connection: Connection, value: bytes) -> None:
            try:
                sent = self._model.write(handle, bytes(value), encrypted=connection.is_encrypted)
            except gatt.AttError as error:
                raise ATT_Error(error.code) from error
            for each in sent:
                self._spawn(self._send(each))
            if self._model.ticking and (self._ticker is None or self._ticker.done()):
                self._ticker = asyncio.create_task(self._tick())

        return CharacteristicValue(read, write)

    async def _send(self, sent: model.Sent) -> None:
        """To those who have subscribed."""
        characteristic = self._characteristics[sent.handle]
        if Characteristic.Properties.INDICATE in characteristic.properties:
            await self._device.indicate_subscribers(characteristic, sent.octets)
        else:
            await self._device.notify_subscribers(characteristic, sent.octets)

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._model.ticking:
            await self._send(self._model.tick())
            due += model.TICK_S
            await asyncio.sleep(due - loop.time())
