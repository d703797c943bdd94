"""A connection to the system bus, with a deadline on every call."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from dbus_fast import BusType, InvalidMessageError, Message, MessageType

from renogybt.bluetooth.bus_internals import QuietMessageBus, disconnect
from renogybt.bluetooth.errors import BusError, CallError, CallTimeoutError
from renogybt.model.radio import Unsubscribe
from renogybt.model.subscribers import Subscribers
from renogybt.service.repetition import Repetition

_LOGGER = logging.getLogger(__name__)

BLUEZ = "org.bluez"
DBUS = "org.freedesktop.DBus"
DBUS_PATH = "/org/freedesktop/DBus"
PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"

CALL_TIMEOUT_S = 5.0
"""BlueZ answers within milliseconds, or hangs."""
CONNECT_TIMEOUT_S = 5.0
MAX_UNANSWERED = 16
"""A call that was given up goes on counting until it is answered after all: the bus allows 128 per
connection, then refuses all. Only a new connection clears the others, so it is due long before."""
MAX_MATCHES = 8
"""The bus allows 512 per connection; more than a handful here would be a leak, unless a connection
says that it needs more."""

_NO_OWNER = "org.freedesktop.DBus.Error.NameHasNoOwner"


class Bus:
    """One connection. `async with` opens and closes it; raises BusError.

    Closing it is also the strongest honest way to end a discovery: BlueZ ends what the connection
    had started, and the bus forgets its match rules and unanswered calls.

    `repetition` outlives the connection, so that one that breaks again and again is not logged each
    time. `bluez` is the unique name of bluetoothd's connection, empty while it is unknown or not there.
    """

    def __init__(
        self,
        address: str | None = None,
        repetition: Repetition | None = None,
        *,
        max_matches: int = MAX_MATCHES,
    ) -> None:
        self._address = address
        self._max_matches = max_matches
        self._repetition = repetition or Repetition(time.monotonic)
        self.bluez = ""
        self.left = False
        """Whether it ended because another one is wanted."""
        self._changes_of_owner = 0
        self._signals: Subscribers[Message] = Subscribers()
        self._closing: Subscribers[None] = Subscribers()
        self._due: set[int] = set()  # the serials of calls without an answer so far
        self._given_up: set[int] = set()
        self._matches = 0
        self._answered = asyncio.Event()
        self._ended = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Bus":
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                self.message_bus = QuietMessageBus(self._address, BusType.SYSTEM)
                await self.message_bus.connect()
        except (OSError, EOFError, ValueError) as error:  # dbus-fast: a refusal or nonsense is a ValueError
            raise BusError(
                f"the D-Bus system bus cannot be reached ({str(error) or type(error).__name__})"
            ) from error
        self.message_bus.add_message_handler(self._on_message)
        self._watch = asyncio.create_task(self.message_bus.wait_for_disconnect())  # type: ignore[no-untyped-call]
        self._watch.add_done_callback(self._on_end)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self.close()

    def leave(self) -> None:
        """End the connection because another one is wanted, which is nobody's fault."""
        self.left = True
        self.close()

    def close(self) -> None:
        """End the connection at once; calls under way raise BusError."""
        self._end()
        if self.message_bus.connected:
            disconnect(self.message_bus)

    def _end(self) -> None:
        if not self._ended.is_set():
            self._ended.set()
            self._answered.set()
            self._closing.notify(None)

    def _on_end(self, watch: asyncio.Task[None]) -> None:
        self._end()
        if not watch.cancelled() and (error := watch.exception()) is not None:
            _LOGGER.debug("the bus connection ended: %r", error)

    @property
    def open(self) -> bool:
        """Whether calls can still be made."""
        return not self._ended.is_set() and self.message_bus.connected

    async def wait_calm(self) -> None:
        """Until no answer is waited for."""
        while self.open and len(self._due) > len(self._given_up):
            self._answered.clear()
            await self._answered.wait()

    async def wait_closed(self) -> None:
        """Until the connection is gone."""
        await self._ended.wait()

    def on_close(self, listener: Callable[[], None]) -> Unsubscribe:
        """Call `listener` when the connection ends; when we close it, while its descriptor is still open."""
        return self._closing.add(lambda _nothing: listener())

    def on_signal(self, listener: Callable[[Message], None]) -> Unsubscribe:
        """Hand every further signal of BlueZ, and of its coming and going, to `listener`."""
        return self._signals.add(listener)

    def _on_message(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL:
            if self.admits(message):
                self._signals.notify(message)
        elif message.message_type is not MessageType.METHOD_CALL:
            for calls in (self._due, self._given_up):
                calls.discard(message.reply_serial or 0)
            self._answered.set()

    def admits(self, message: Message) -> bool:
        """Whether a signal comes from BlueZ, or is the bus's own word on who that is; to be asked once,
        in the order of arrival.

        Match rules are no protection: what another process addresses to this connection arrives
        whatever they say. The sender is true, for the bus itself writes it.
        """
        if message.sender != DBUS:
            return message.sender == self.bluez
        match message.interface, message.path, message.member, message.body:
            case interface, path, "NameOwnerChanged", [str(name), str(), str(owner)] if (
                interface,
                path,
                name,
            ) == (DBUS, DBUS_PATH, BLUEZ):
                self._changes_of_owner += 1
                self.bluez = owner
                return True
        return False

    async def follow_bluez(self) -> None:
        """Know who BlueZ is, now and from now on; before that no signal is admitted. Raises BusError."""
        await self.match(f"type='signal',sender='{DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'")
        changes = self._changes_of_owner
        owner = await self._ask_owner()
        if changes == self._changes_of_owner:  # a change that is in already is newer than the answer
            self.bluez = owner

    async def _ask_owner(self) -> str:
        try:
            (owner,) = await self.call(DBUS_PATH, DBUS, "GetNameOwner", "s", (BLUEZ,), destination=DBUS)
        except CallTimeoutError as error:
            raise BusError(f"the D-Bus system bus does not answer ({error})") from error
        except CallError as error:
            if error.name == _NO_OWNER:
                return ""
            raise BusError(f"the D-Bus system bus does not tell who BlueZ is ({error})") from error
        return str(owner)

    async def call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: tuple[Any, ...] = (),
        *,
        destination: str = BLUEZ,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> list[Any]:
        """The body of the reply; raises CallError, CallTimeoutError or BusError."""
        if not self.open:
            raise BusError("the connection to the D-Bus system bus is gone")
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
            serial=self.message_bus.next_serial(),
        )
        self._due.add(message.serial)
        try:
            async with asyncio.timeout(timeout_s):
                reply: Message | None = await self.message_bus.call(message)
        except TimeoutError as error:
            self._give_up(message)
            self._part_where_many_are_due()
            who = "BlueZ" if destination == BLUEZ else "D-Bus"
            raise CallTimeoutError(f"{who} did not answer {member} within {timeout_s:g} s") from error
        except asyncio.CancelledError:
            self._give_up(message)
            self._part_where_many_are_due()
            raise
        except (OSError, EOFError, InvalidMessageError) as error:
            self._end()
            raise BusError("the connection to the D-Bus system bus broke") from error
        if reply is None:
            raise BusError("the connection to the D-Bus system bus was closed")
        if reply.error_name:
            raise CallError(reply.error_name, str(reply.body[0]) if reply.body else "")
        return reply.body

    def _give_up(self, call: Message) -> None:
        if call.serial in self._due:  # else the answer has come in the same moment
            self._given_up.add(call.serial)
            self._answered.set()

    def _part_where_many_are_due(self) -> None:
        count = len(self._given_up)
        if count >= MAX_UNANSWERED:
            text = "%d calls were never answered; opening a new bus connection%s"
            if self._repetition.allows("unanswered"):
                _LOGGER.warning(text, count, self._repetition.remark("unanswered"))
            else:
                _LOGGER.debug(text, count, "")
            self.close()

    async def match(self, rule: str) -> None:
        """Have the signals that fit this rule delivered, until `unmatch` or for the life of the connection.

        Raises BusError: it is the bus that answers, not BlueZ.
        """
        self._matches += 1
        if self._matches > self._max_matches:
            raise AssertionError(f"more than {self._max_matches} match rules on one connection")
        try:
            await self.call(DBUS_PATH, DBUS, "AddMatch", "s", (rule,), destination=DBUS)
        except (CallError, CallTimeoutError) as error:
            raise BusError(f"the D-Bus system bus delivers no signals ({error})") from error

    async def unmatch(self, rule: str) -> None:
        """Take one `match` of this rule back, also one that was not answered; raises BusError."""
        self._matches -= 1
        try:
            await self.call(DBUS_PATH, DBUS, "RemoveMatch", "s", (rule,), destination=DBUS)
        except CallTimeoutError as error:
            raise BusError(f"the D-Bus system bus does not answer ({error})") from error
        except CallError as error:  # there is none
            _LOGGER.debug("taking a match rule back: %s", error)
