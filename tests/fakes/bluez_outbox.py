"""What bluetoothd sends: replies first, then the signals that the call caused (as gdbus does)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dbus_fast import Message, MessageFlag, Variant
from dbus_fast.aio import MessageBus

PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
Interfaces = dict[str, dict[str, Variant]]


class Outbox:
    """Sends on a bus connection while there is one, and drops everything else."""

    def __init__(self) -> None:
        self.bus: MessageBus | None = None
        self._held: list[Message] | None = None

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Hold signals back until the reply is out."""
        held: list[Message] = []
        self._held = held
        try:
            yield
        finally:
            self._held = None
            for message in held:
                self._send(message)

    def reply(self, call: Message, signature: str, body: list[Any]) -> None:
        """Answer a call."""
        if not call.flags & MessageFlag.NO_REPLY_EXPECTED:
            self._send(Message.new_method_return(call, signature, body))

    def refuse(self, call: Message, name: str, text: str) -> None:
        """Answer a call with an error."""
        if not call.flags & MessageFlag.NO_REPLY_EXPECTED:
            self._send(Message.new_error(call, name, text))

    def properties_changed(
        self,
        path: str,
        interface: str,
        changed: dict[str, Variant],
        invalidated: list[str],
        *,
        at_once: bool = False,
    ) -> None:
        """One signal for all changes of one interface; `at_once`: ahead of the answer to a call."""
        body = [interface, changed, invalidated]
        message = Message.new_signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", body)
        if at_once:
            self._send(message)
        else:
            self._hold(message)

    def interfaces_added(self, path: str, interfaces: Interfaces) -> None:
        """A new object."""
        body = [path, with_standard_interfaces(interfaces)]
        self._signal("/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", body)

    def interfaces_removed(self, path: str, interfaces: Interfaces) -> None:
        """An object that is gone."""
        body = [path, list(with_standard_interfaces(interfaces))]
        self._signal("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", body)

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        self._hold(Message.new_signal(path, interface, member, signature, body))

    def _hold(self, message: Message) -> None:
        if self._held is None:
            self._send(message)
        else:
            self._held.append(message)

    def _send(self, message: Message) -> None:
        if self.bus is not None and self.bus.connected:
            self.bus.send(message)


def with_standard_interfaces(interfaces: Interfaces) -> Interfaces:
    """gdbus lists Introspectable and Properties with each object."""
    return {INTROSPECTABLE: {}, **interfaces, PROPERTIES: {}}


async def add_match(bus: MessageBus, rule: str) -> None:
    """Ask the bus daemon for signals."""
    daemon = "org.freedesktop.DBus"
    await bus.call(Message(daemon, "/", daemon, "AddMatch", signature="s", body=[rule]))
