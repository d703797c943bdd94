"""The ATT bearer of a link: one request after the other (bluez src/shared/att.c)."""

import asyncio
from collections.abc import Callable
from typing import Any

from fakes.bluez_errors import CallError, att_error, failed
from fakes.bluez_later import Later
from renogybt.model.gatt import AttError

Answer = tuple[str, list[Any]]
Request = Callable[[], Answer]
TIMEOUT_S = 30.0
_TIMED_OUT = 0x0E
_UNTRUSTED = {0x05, 0x0F}


class Bearer:
    """A request that takes a bond is not refused: `secure` is called to make one, and all wait until it is.

    If none comes about the requests are never answered, and after `TIMEOUT_S` `give_up` is called.
    """

    def __init__(self, secure: Callable[[], None], give_up: Callable[[], None]) -> None:
        self._secure = secure
        self._give_up = give_up
        self._waiting: list[tuple[Request, Later]] = []
        self._timer: asyncio.TimerHandle | None = None

    def request(self, request: Request) -> Answer | Later:
        """Carry it out, now or later; raises CallError."""
        if not self._waiting:
            try:
                return _carry_out(request)
            except _UntrustedError:
                self._timer = asyncio.get_running_loop().call_later(TIMEOUT_S, self._time_out)
                self._secure()
        later = Later()
        self._waiting.append((request, later))
        return later

    def resume(self) -> None:
        """There is a bond now."""
        waiting = self._clear()
        for request, later in waiting:
            try:
                later.settle(_carry_out(request))
            except CallError as error:
                later.settle(error)

    def end(self) -> None:
        """The link is gone."""
        self._fail(failed("Operation failed"))

    def _time_out(self) -> None:
        self._fail(att_error(_TIMED_OUT))
        self._give_up()

    def _fail(self, error: CallError) -> None:
        for _request, later in self._clear():
            later.settle(error)

    def _clear(self) -> list[tuple[Request, Later]]:
        waiting, self._waiting = self._waiting, []
        if self._timer is not None:
            self._timer.cancel()
        return waiting


class _UntrustedError(CallError):
    """It takes a bond."""


def _carry_out(request: Request) -> Answer:
    """Raises CallError."""
    try:
        return request()
    except AttError as error:
        if error.code in _UNTRUSTED:
            raise _UntrustedError("org.bluez.Error.NotPermitted", "Not paired") from error
        raise att_error(error.code) from error
