"""systemd on a private bus: whoever asks for a unit is believed, and remembered."""

from typing import Self

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

NAME, MANAGER = "org.freedesktop.systemd1", "org.freedesktop.systemd1.Manager"


class FakeSystemd:
    """`async with` puts it on the bus. `started` are the units in their order; `refuse` names an error."""

    def __init__(self, bus_address: str) -> None:
        self._bus_address = bus_address
        self.started: list[str] = []
        self.refuse = ""

    async def __aenter__(self) -> Self:
        self._bus = await MessageBus(self._bus_address, BusType.SYSTEM).connect()
        self._bus.add_message_handler(self._on_message)
        await self._bus.request_name(NAME)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()

    def _on_message(self, call: Message) -> bool:
        if call.message_type is not MessageType.METHOD_CALL or call.interface != MANAGER:
            return False
        if self.refuse:
            self._bus.send(Message.new_error(call, self.refuse, "refused"))
        else:
            self.started.append(call.body[0])
            self._bus.send(Message.new_method_return(call, "o", ["/org/freedesktop/systemd1/job/1"]))
        return True
