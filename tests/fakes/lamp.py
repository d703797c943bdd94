"""The demo's lamp on the air: its attributes as a fake peripheral has them, and its ticks."""

import asyncio

from fakes.peripheral import (
    Attribute,
    AttributeGroup,
    DescriptorAttribute,
    FakePeripheral,
    Notifications,
)
from renogybt.model.advertisement import format_address
from renogybt.model.gatt import Characteristic, Property
from renogybt.simulator.lamp import LAMP_ADDRESS, LAMP_MTU, LAMP_NAME, SERVICES, TICK_S, Lamp, Sent

LAMP = format_address(LAMP_ADDRESS)
_FLAGS = {
    Property.READ: "read",
    Property.WRITE_WITHOUT_RESPONSE: "write-without-response",
    Property.WRITE: "write",
    Property.NOTIFY: "notify",
    Property.INDICATE: "indicate",
}


def _attribute(characteristic: Characteristic) -> Attribute:
    return Attribute(
        characteristic.uuid,
        characteristic.handle - 1,
        tuple(word for flag, word in _FLAGS.items() if flag in characteristic.properties),
        descriptors=tuple(DescriptorAttribute(each.uuid, each.handle) for each in characteristic.descriptors),
    )


GROUPS = tuple(
    AttributeGroup(service.uuid, service.handle, tuple(map(_attribute, service.characteristics)))
    for service in SERVICES
)


class LampOnAir:
    """Serves the attributes of `lamp`; it ticks for as long as it is asked to and there is a link."""

    def __init__(self, lamp: Lamp) -> None:
        self.lamp = lamp
        self.peripheral = FakePeripheral(
            LAMP,
            GROUPS,
            server=self,
            address_type="random",
            name=LAMP_NAME,
            mtu=LAMP_MTU,
            passkey=lamp.passkey,
        )
        self._ticks: asyncio.TimerHandle | None = None

    def read(self, handle: int, *, encrypted: bool) -> bytes:
        """The whole value; raises AttError."""
        return self.lamp.read(handle, encrypted=encrypted)

    def write(self, handle: int, value: bytes, *, encrypted: bool) -> Notifications:
        """What is notified thereupon; raises AttError."""
        sent = self.lamp.write(handle, value, encrypted=encrypted)
        if self.lamp.ticking and self._ticks is None:
            self._ticks = asyncio.get_running_loop().call_later(TICK_S, self._tick)
        return [_declared(each) for each in sent]

    def _tick(self) -> None:
        self._ticks = None
        if self.lamp.ticking and self.peripheral.connected:
            self.peripheral.notify(*_declared(self.lamp.tick()))
            self._ticks = asyncio.get_running_loop().call_later(TICK_S, self._tick)


def _declared(sent: Sent) -> tuple[int, bytes]:
    return sent.handle - 1, sent.octets


def lamp(passkey: int | None = None) -> FakePeripheral:
    """A peripheral that is the demo's lamp."""
    return LampOnAir(Lamp(passkey)).peripheral
