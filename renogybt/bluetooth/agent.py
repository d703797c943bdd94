"""Who answers BlueZ's questions about pairing (BlueZ doc/org.bluez.Agent.rst)."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

from dbus_fast import Message, MessageType

from renogybt.bluetooth.bus import CALL_TIMEOUT_S, Bus
from renogybt.bluetooth.errors import BluetoothError, CallError, CallTimeoutError
from renogybt.bluetooth.farewell import in_any_case

_LOGGER = logging.getLogger(__name__)

_AGENT = "org.bluez.Agent1"
_AGENT_PATH = "/renogybt/agent"
_MANAGER = "org.bluez.AgentManager1"
_MANAGER_PATH = "/org/bluez"
_REJECTED = "org.bluez.Error.Rejected"
_NO_INPUT, _KEYBOARD = "NoInputNoOutput", "KeyboardOnly"


class Agent:
    """Speaks for us on one connection, with which BlueZ drops it.

    Where a peripheral wants a bond for an operation BlueZ pairs by itself, and answers nothing on that link
    any more if nobody allows it. So the devices to which we have a link may, of which `linked` is asked.
    Only BlueZ is answered, for anybody on the bus may ask for the passkey, and that only for its device.
    """

    def __init__(self, bus: Bus, linked: Callable[[str], bool]) -> None:
        self.bus = bus
        self.asked = False
        """Whether BlueZ wanted the passkey of the last pairing."""
        self._linked = linked
        self._device_path = ""
        self._passkey: int | None = None
        self._known_to = ""  # the unique name of the BlueZ that has us, or may have
        self._capability = ""  # empty: it may have us or not
        self._changing = asyncio.Lock()
        bus.message_bus.add_message_handler(self._on_message)

    async def offer(self) -> None:
        """Be registered; tried once with each bluetoothd, and no error if it refuses. Raises BusError."""
        if self.bus.bluez in ("", self._known_to):
            return
        try:
            await self._register(_NO_INPUT)
        except (CallError, CallTimeoutError) as error:
            _LOGGER.debug("no pairing agent: %s", error)

    @contextlib.asynccontextmanager
    async def speak_for(self, device_path: str, passkey: int | None) -> AsyncIterator[None]:
        """While one device is paired; raises BusError, CallError, CallTimeoutError."""
        self.asked, self._device_path, self._passkey = False, device_path, passkey
        try:
            await self._register(_NO_INPUT if passkey is None else _KEYBOARD)
            yield
        finally:
            self._device_path, self._passkey = "", None
            if self.bus.open and self._capability != _NO_INPUT:
                await in_any_case(asyncio.create_task(self._stand_back()), CALL_TIMEOUT_S)

    async def _stand_back(self) -> None:
        try:
            await self._register(_NO_INPUT)
        except BluetoothError as error:
            _LOGGER.debug("no pairing agent after a pairing: %s", error)

    async def _register(self, capability: str) -> None:
        """What we can do cannot be changed, so that we come and go; raises BusError, CallError,
        CallTimeoutError."""
        async with self._changing:
            bluez = self.bus.bluez
            if (self._known_to, self._capability) == (bluez, capability):
                return
            if self._known_to == bluez:
                await self._unregister()
            self._known_to, self._capability = bluez, ""
            await self.bus.call(_MANAGER_PATH, _MANAGER, "RegisterAgent", "os", (_AGENT_PATH, capability))
            self._capability = capability

    async def _unregister(self) -> None:
        try:
            await self.bus.call(_MANAGER_PATH, _MANAGER, "UnregisterAgent", "o", (_AGENT_PATH,))
        except (CallError, CallTimeoutError) as error:  # it never was
            _LOGGER.debug("taking the pairing agent back: %s", error)

    def _on_message(self, message: Message) -> Message | None:
        """The answer to what is meant for the agent; None: something else."""
        if (message.message_type, message.path, message.interface) != (
            MessageType.METHOD_CALL,
            _AGENT_PATH,
            _AGENT,
        ):
            return None
        if message.sender != self.bus.bluez:
            return Message.new_error(message, _REJECTED, "BlueZ alone may ask")
        answer = self._answer(message)
        refused = answer.message_type is MessageType.ERROR
        _LOGGER.debug("BlueZ asks: %s, %s", message.member, "refused" if refused else "granted")
        return answer

    def _answer(self, question: Message) -> Message:
        match question.member, question.body:
            case "RequestPasskey", [self._device_path] if self._passkey is not None:
                self.asked = True
                return Message.new_method_return(question, "u", [self._passkey])
            case ("RequestAuthorization", [str(path)]) | ("RequestConfirmation", [str(path), int()]) if (
                path == self._device_path or self._linked(path)
            ):
                return Message.new_method_return(question)
            case (("Cancel" | "Release"), []):
                return Message.new_method_return(question)
        return Message.new_error(question, _REJECTED, "not asked for")
