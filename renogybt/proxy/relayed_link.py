"""One client's link to one peripheral, from the request for it to its end."""

import asyncio
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Protocol

from renogybt.model.gatt import AttCode, GattError, GattLink
from renogybt.model.radio import Radio
from renogybt.model.slots import Slot, Tenant
from renogybt.protocols.esphome.messages import Message, api
from renogybt.proxy.gatt_errors import NOT_CONNECTED, connection_error_code, end_code
from renogybt.proxy.refusals import refusal
from renogybt.proxy.relayed_services import RelayedServices

MOST_WAITING = 64
"""Requests of one link that may wait. A client sends the next one after the answer, or a burst of writes."""


class Client(Protocol):
    """Whoever has asked for the link."""

    @property
    def label(self) -> str:
        """How the log calls it."""
        ...

    def send(self, message: Message) -> None:
        """Take a message; nothing happens once the client is gone."""
        ...

    def send_all(self, messages: Iterable[Message]) -> None:
        """Take several."""
        ...


class Stage(Enum):
    """Where a link is in its life."""

    COMING = "coming"
    OPEN = "open"
    GOING = "going"


class RelayedLink:
    """The work of one task: connects, answers requests one after the other, and ends.

    `offer` makes what is relayed over the link once it is there; `on_open` is called when the client has
    been told of it. Cancelling `run` ends the link. `code` is that with which it ended, or did not come.
    """

    def __init__(
        self,
        client: Client,
        slot: Slot,
        radio: Radio,
        tenant: Tenant | None,
        offer: Callable[[GattLink], RelayedServices],
        on_open: Callable[[], None],
    ) -> None:
        self.client = client
        self.slot = slot
        self.address = slot.address
        self.stage = Stage.COMING
        self.code = 0
        self.failure = ""
        """Why there was no link, if that is so."""
        self.told_gone = False
        """Whether the client knows that it has ended."""
        self.stale = False
        """Whether what is remembered of the peripheral's services has turned out to be wrong."""
        self._radio = radio
        self._tenant = tenant
        self._offer = offer
        self._on_open = on_open
        self._mtu = 0
        self._waiting: asyncio.Queue[Message | None] = asyncio.Queue()
        self._unanswered: list[Message] = []

    async def run(self) -> None:
        """Until the link has ended, or none came about."""
        try:
            if self._tenant is not None:
                await self._tenant.release(self.address)
            async with self._radio.connect(self.address, self.slot) as link:
                await self._serve(link)
                # at once, and not when everything is cleared away
                self.tell_gone(end_code(link.end))
        except GattError as error:
            self.failure = str(error)
            self.code = connection_error_code(error)
        finally:
            self.stage = Stage.GOING

    def ask(self, request: Message) -> None:
        """Have a request answered when it is its turn."""
        if self.stage is not Stage.OPEN:
            self.client.send(refusal(request, NOT_CONNECTED))
        elif self._waiting.qsize() >= MOST_WAITING:
            self.client.send(refusal(request, AttCode.INSUFFICIENT_RESOURCES))
        else:
            self._waiting.put_nowait(request)

    def tell_open(self) -> None:
        """Tell the client that the link is there."""
        self.client.send(
            api.BluetoothDeviceConnectionResponse(address=self.address, connected=True, mtu=self._mtu)
        )
        self._on_open()

    def tell_gone(self, code: int) -> None:
        """Tell the client that the link is not there, once, and answer what has no answer yet."""
        self.stage = Stage.GOING
        if self.told_gone:
            return
        self.told_gone = True
        self.code = code
        while not self._waiting.empty():
            if (request := self._waiting.get_nowait()) is not None:
                self._unanswered.append(request)
        self.client.send_all(refusal(each, NOT_CONNECTED) for each in self._unanswered)
        self.client.send(
            api.BluetoothDeviceConnectionResponse(address=self.address, connected=False, error=code)
        )

    async def _serve(self, link: GattLink) -> None:
        services = self._offer(link)
        stop = link.on_close(lambda: self._waiting.put_nowait(None))
        self._mtu = link.mtu
        if self.stage is Stage.COMING:  # else the client has changed its mind in this very moment
            self.stage = Stage.OPEN
            self.tell_open()
        try:
            while link.open:
                if (request := await self._waiting.get()) is not None:
                    await self._carry_out(services, request)
        finally:
            self.stage = Stage.GOING
            self.stale = services.stale
            stop()

    async def _carry_out(self, services: RelayedServices, request: Message) -> None:
        """Nothing is begun, and nothing told, once the client does not want the link any more."""
        self._unanswered.append(request)
        if self.stage is Stage.OPEN:
            answer = await services.answer(request)
            if self.stage is Stage.OPEN:
                self._unanswered.remove(request)
                self.client.send_all(answer)
