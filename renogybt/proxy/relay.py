"""The links that clients have through this proxy: who may, who has which, and what becomes of requests."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from renogybt.model.advertisement import format_address
from renogybt.model.gatt import ConnectError, GattError, GattLink
from renogybt.model.radio import Radio
from renogybt.model.slots import Holder, Tenant
from renogybt.protocols.esphome.messages import api
from renogybt.proxy.chores import Chores, begin
from renogybt.proxy.gatt_errors import (
    ENDED_BY_US,
    GENERIC_ERROR,
    NOT_CONNECTED,
    connection_error_code,
    gatt_error_code,
)
from renogybt.proxy.refusals import (
    CLEAR_CACHE,
    CONNECT_CACHED,
    CONNECT_UNCACHED,
    DISCONNECT,
    PAIR,
    UNPAIR,
    refusal,
    refuse,
    success,
)
from renogybt.proxy.relayed_link import Client, RelayedLink, Stage
from renogybt.proxy.relayed_services import RelayedServices
from renogybt.proxy.service_database import ServiceDatabase
from renogybt.proxy.slot_feed import SlotFeed
from renogybt.service.repetition import Repetition

_LOGGER = logging.getLogger(__name__)

_LAST_ADDRESS = (1 << 48) - 1
"""Clients send 64 bits."""


@dataclass(frozen=True, slots=True)
class RelayRules:
    """Who may be connected to, and how. `allowed` without an address: everybody."""

    allowed: Collection[int] = ()
    passkeys: Mapping[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Entry:
    """A link with its task; `successor` wants the next one to the same peripheral, with this request."""

    link: RelayedLink
    task: asyncio.Task[None]
    successor: tuple[Client, Any] | None = None
    closing: bool = False

    @property
    def going(self) -> bool:
        """Whether its client knows that the link ends, or has ended and is cleared away."""
        return self.closing or self.link.told_gone

    def accepts(self, client: Client) -> bool:
        """Whether this one may wait for the end of the link."""
        return self.going and (self.successor is None or self.successor[0] is client)


class Relay:
    """Answers every request about a connection. Nothing here waits: links have tasks of their own.

    One link to a peripheral, of one client; it dies with its client. A link that a reader has is asked of
    `tenant`, who gets it back when the client's has ended. `run` has to run, else all is refused.
    """

    def __init__(
        self,
        radio: Radio,
        database: ServiceDatabase,
        *,
        rules: RelayRules | None = None,
        tenant: Tenant | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.slots = SlotFeed(radio.slots, self._told_gone)
        self._radio = radio
        self._database = database
        self._rules = rules or RelayRules()
        self._tenant = tenant
        self._tasks: asyncio.TaskGroup | None = None
        self._entries: dict[int, _Entry] = {}
        self._chores = Chores()
        self._lines = Repetition(clock)

    async def run(self) -> None:
        """Have links until cancelled; then they end. May be run again."""
        self.slots.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = self._chores.tasks = tasks
                tasks.create_task(self._database.run(), name="services")
                try:
                    await asyncio.Event().wait()
                finally:
                    self._tasks = self._chores.tasks = None
        finally:
            self.slots.close()

    @property
    def tunes_links(self) -> bool:
        """Whether clients can ask for connection parameters."""
        return self._radio.tunes_links

    @property
    def links(self) -> int:
        """How many there are, those that come or go included."""
        return len(self._entries)

    def handle(self, client: Client, request: Any) -> None:
        """Answer a request, now or when it is done."""
        if request.address > _LAST_ADDRESS:
            client.send(refuse(request))
            return
        if isinstance(request, api.BluetoothDeviceRequest) and request.request_type not in (PAIR, UNPAIR):
            self._on_device(client, request)
            return
        entry = self._entries.get(request.address)
        if entry is not None and entry.link.client is client:
            entry.link.ask(request)
        elif isinstance(request, api.BluetoothDeviceRequest) and request.request_type == UNPAIR:
            self._unpair(client, request)
        else:
            client.send(refusal(request, NOT_CONNECTED))

    def left(self, client: Client) -> None:
        """A client is gone: so are its links, and its wishes."""
        self.slots.unsubscribe(client)
        for entry in tuple(self._entries.values()):
            if entry.successor is not None and entry.successor[0] is client:
                entry.successor = None
            if entry.link.client is client:
                self._close(entry)

    # requests about a device

    def _on_device(self, client: Client, request: Any) -> None:
        kind = request.request_type
        if kind == DISCONNECT:
            self._disconnect(client, request)
        elif not self._may(client, request.address):
            client.send(refusal(request, GENERIC_ERROR))
        else:
            self._DEVICE_REQUESTS.get(kind, Relay._refuse)(self, client, request)

    def _may(self, client: Client, address: int) -> bool:
        """Whether the list of allowed devices holds this one."""
        if not self._rules.allowed or address in self._rules.allowed:
            return True
        where = format_address(address)
        text = f"{client.label} may not connect to {where}: it is not in connection_allow_list"
        self._lines.log(_LOGGER, logging.WARNING, text)
        return False

    def _connect(self, client: Client, request: Any) -> None:
        entry = self._entries.get(request.address)
        if entry is None:
            self._begin(client, request)
        elif entry.accepts(client):
            entry.successor = (client, request)  # as soon as the present link has ended
        elif entry.link.client is not client or entry.going:
            where = format_address(request.address)
            self._tell(f"{client.label} gets no link to {where}: another client has it")
            client.send(refusal(request, GENERIC_ERROR))
        elif entry.link.stage is Stage.OPEN:
            entry.link.tell_open()

    def _refuse(self, client: Client, request: Any) -> None:
        """An old way to connect, or one to come; that there is a link stays true."""
        entry = self._entries.get(request.address)
        if entry is not None and entry.link.client is client and entry.link.stage is Stage.OPEN:
            entry.link.tell_open()
        else:
            client.send(refusal(request, GENERIC_ERROR))

    def _begin(self, client: Client, request: Any) -> None:
        if self._tasks is None:
            client.send(refusal(request, GENERIC_ERROR))
            return
        try:
            slot = self._radio.slots.reserve(request.address, Holder.CLIENT)
        except ConnectError as error:
            self._tell(f"{client.label} gets no link: {error}")
            client.send(refusal(request, connection_error_code(error)))
            self.slots.tell(client)
            return
        link = RelayedLink(
            client,
            slot,
            self._radio,
            self._tenant,
            partial(self._offer, client, cached=request.request_type == CONNECT_CACHED),
            on_open=partial(self._opened, client, request.address),
        )
        task = begin(self._tasks, link.run(), f"link {request.address:012x}")
        if task is None:
            client.send(refusal(request, GENERIC_ERROR))
            slot.release()
            return
        self._entries[request.address] = entry = _Entry(link, task)
        # whatever becomes of the task, even if it is cancelled before its first step
        task.add_done_callback(lambda _done: self._ended(entry))

    def _opened(self, client: Client, address: int) -> None:
        self._tell(f"{client.label} is linked to {format_address(address)}")
        self.slots.tell(client)

    def _offer(self, client: Client, link: GattLink, *, cached: bool) -> RelayedServices:
        return RelayedServices(
            link,
            self._radio,
            self._database,
            client.send,
            cached=cached,
            passkey=self._rules.passkeys.get(link.address),
        )

    def _ended(self, entry: _Entry) -> None:
        """The client is told before the address leaves the slots, as it expects."""
        link = entry.link
        del self._entries[link.address]
        if link.failure:
            self._tell(f"{link.client.label} gets no link: {link.failure}")
        link.tell_gone(link.code or ENDED_BY_US)
        link.slot.release()
        if link.stale:
            self._chores.do(self._radio.forget(link.address), lambda _error: None)
        if entry.successor is not None:
            self._connect(*entry.successor)
        if self._tenant is not None and link.address not in self._entries:
            self._tenant.resume(link.address)

    def _disconnect(self, client: Client, request: Any) -> None:
        entry = self._entries.get(request.address)
        if entry is not None and entry.successor is not None and entry.successor[0] is client:
            entry.successor = None
        if entry is not None and entry.link.client is client and not entry.link.told_gone:
            self._close(entry)  # answered when the link has ended
        else:
            client.send(refusal(request, 0))
            self.slots.tell(client)

    def _told_gone(self, address: int) -> bool:
        """Whether a client has been told of the end of its link while that is being cleared away."""
        entry = self._entries.get(address)
        return entry is not None and entry.link.told_gone

    def _close(self, entry: _Entry) -> None:
        if not entry.closing:
            entry.closing = True
            entry.link.stage = Stage.GOING
            # after its first step, with which a reader whose slot was taken over learns of it
            asyncio.get_running_loop().call_soon(entry.task.cancel)

    def _clear_cache(self, client: Client, request: Any) -> None:
        self._database.forget(request.address)
        self._chores.do(self._radio.forget(request.address), partial(_tell, client, request))

    _DEVICE_REQUESTS: ClassVar[Mapping[int, Callable[["Relay", Client, Any], None]]] = {
        CONNECT_CACHED: _connect,
        CONNECT_UNCACHED: _connect,
        CLEAR_CACHE: _clear_cache,
    }
    """BluetoothDeviceRequestType -> what is done, with a link or without one."""

    def _tell(self, text: str) -> None:
        """In the log; devices that are connected each minute do not fill it."""
        self._lines.log(_LOGGER, logging.INFO, text)

    # what needs no link

    def _unpair(self, client: Client, request: Any) -> None:
        if request.address in self._entries or not self._may(client, request.address):
            client.send(refusal(request, GENERIC_ERROR))  # somebody else's
        else:
            self._chores.do(self._radio.unpair(request.address), partial(_tell, client, request))


def _tell(client: Client, request: Any, error: GattError | None) -> None:
    client.send(success(request) if error is None else refusal(request, gatt_error_code(error)))
