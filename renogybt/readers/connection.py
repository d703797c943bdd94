"""The one link to a hub: opened when it is needed, kept as long as its owner likes."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

from renogybt.model.gatt import AttError, ConnectError, GattError, GattLink, NotHeardError, Property
from renogybt.model.radio import Radio, ScannerState, ScannerStatus
from renogybt.model.reading import LinkState
from renogybt.readers.channel import INVERTER_GREETING, find_anywhere
from renogybt.readers.errors import NoRenogyServiceError
from renogybt.readers.line import Line, open_line
from renogybt.readers.pushes import Pushes, open_pushes

RADIO_S = 5.0
"""A radio that is starting has this time before it counts as away."""
GREETING_S = 1.0
"""Inverters with a radio of their own want to be left alone for so long (renogy-ble)."""
INVERTER_RADIOS = ("RNGRIU", "BTRIC")


@dataclass(frozen=True, slots=True)
class Lines:
    """What is spoken over a link: Modbus, or a shunt's own way, or both."""

    modbus: Line | None
    pushes: Pushes | None


class Connection:
    """A link to `address` in the hands of one task, which alone calls `open` and `close`.

    `changed` is called when `state` has become another one, also when the peripheral ends the link.
    """

    def __init__(
        self, radio: Radio, address: int, *, modbus: bool, pushes: bool, changed: Callable[[], None]
    ) -> None:
        self.state = LinkState.DISCONNECTED
        self.device_name = ""
        self._radio = radio
        self._address = address
        self._modbus = modbus
        self._pushes = pushes
        self._changed = changed
        self._stack = AsyncExitStack()
        self._link: GattLink | None = None
        self._lines: Lines | None = None
        self._forgotten = False

    @property
    def broken(self) -> bool:
        """Whether there is a link that has ended and still waits to be closed."""
        return self._link is not None and not self._link.open

    async def open(self, name: Callable[[], str]) -> Lines:
        """The lines of the link that there is, or of a new one.

        `name`: what the peripheral advertises, as far as is known by then. Raises GattError; then
        there is no link.
        """
        if self._lines is not None and not self.broken:
            return self._lines
        await self.close()
        try:
            await self._await_radio()
            self._become(LinkState.CONNECTING)
            self._link = link = await self._stack.enter_async_context(self._radio.connect(self._address))
            await self._greet(link, name())
            self._lines = Lines(
                await open_line(link) if self._modbus else None,
                await open_pushes(link) if self._pushes else None,
            )
            link.on_close(self._ended)
        except BaseException as error:
            await self.close()
            if isinstance(error, NoRenogyServiceError):
                await self._read_services_anew()
            raise
        self._forgotten = False
        if link.open:
            self._become(LinkState.CONNECTED)
        return self._lines

    async def close(self) -> None:
        """End the link, politely; nothing when there is none."""
        stack, self._stack = self._stack, AsyncExitStack()
        self._link = self._lines = None
        try:
            with suppress(GattError):
                await stack.aclose()
        finally:
            self._become(LinkState.DISCONNECTED)

    async def _read_services_anew(self) -> None:
        """Perhaps what is remembered of them is wrong, as after an update of the device. Once is enough."""
        if not self._forgotten:
            self._forgotten = True
            with suppress(ConnectError):
                await self._radio.forget(self._address)

    async def _greet(self, link: GattLink, name: str) -> None:
        self.device_name = link.name
        if (name or self.device_name).startswith(INVERTER_RADIOS):
            await asyncio.sleep(GREETING_S)
            handle = find_anywhere(link.services, INVERTER_GREETING, Property.READ)
            if handle is not None:
                with suppress(AttError):
                    await link.read(handle)

    async def _await_radio(self) -> None:
        running = asyncio.Event()

        def look(status: ScannerStatus) -> None:
            if status.state is ScannerState.RUNNING:
                running.set()

        unsubscribe = self._radio.watch(look)
        try:
            look(self._radio.status)
            async with asyncio.timeout(RADIO_S):
                await running.wait()
        except TimeoutError:
            reason = self._radio.status.reason or self._radio.status.state.value
            raise NotHeardError(f"the radio does not scan: {reason}") from None
        finally:
            unsubscribe()

    def _ended(self) -> None:
        if self.broken:
            self._become(LinkState.DISCONNECTED)

    def _become(self, state: LinkState) -> None:
        if state is not self.state:
            self.state = state
            self._changed()
