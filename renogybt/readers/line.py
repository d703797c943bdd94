"""Modbus over one GATT link: one transaction at a time, and no answer taken for another one's.

A reply names no register. Three things keep a late one away: it must fit the open request in unit
id, function and length; after a failed try the next request waits until the line is quiet; and
where an unanswered request of the same unit and length asked for another register, the line refuses,
so that its owner opens the link anew.
"""

import asyncio
from dataclasses import dataclass

from renogybt.model.gatt import GattLink, LinkLostError
from renogybt.protocols.modbus.framer import Framer
from renogybt.protocols.modbus.replies import Reply
from renogybt.protocols.modbus.requests import ReadRequest, Request, WriteRequest
from renogybt.readers.channel import Channel, find_channel
from renogybt.readers.errors import DamagedAnswerError, LineError, NoAnswerError
from renogybt.readers.plan import USUAL, Timing

TRIES = 2
QUIET_S = 0.3
"""A reply comes 70 to 120 ms after its request and takes 76 ms at 9600 baud: when a line on which the
wrong thing was heard is quiet for so long, nothing more is to be expected."""
DRAIN_S = 3.0
"""A line that is not quiet for a moment in this time carries something else than replies."""
LATEST_S = 32.0
"""The longest supervision timeout of a link (Core vol 4 part E 7.8.12): what is later has no link."""


@dataclass(frozen=True, slots=True)
class _Owed:
    """A request that was not answered: its reply may still come, until `until`."""

    register: int
    until: float


class Line:
    """The line behind `link`, whose notifications it takes; made by `open_line`.

    `silent` is the number of tries in a row during which nothing at all was heard.
    Beside the errors of its methods, those of the link pass through.
    """

    def __init__(self, link: GattLink, channel: Channel) -> None:
        self.silent = 0
        self._link = link
        self._channel = channel
        self._turn = asyncio.Lock()
        self._chunks: asyncio.Queue[bytes | None] | None = None
        self._last = float("-inf")  # when something went over the line last
        self._unsettled = False
        self._asked: Request | None = None
        self._owed: dict[tuple[int, int], _Owed] = {}

    async def read(
        self, unit: int, register: int, words: int, *, timing: Timing = USUAL, patience: int = TRIES
    ) -> bytes:
        """The registers' octets, high byte first.

        `patience`: how many tries may pass in silence; damaged answers always get a second one.
        Raises NoAnswerError, DamagedAnswerError, ExceptionReplyError when the unit refuses, and
        LineError when the link should be opened anew.
        """
        reply = await self._ask(ReadRequest(unit, register, words), timing, patience)
        return reply.data

    async def write(self, unit: int, register: int, value: int, *, timing: Timing = USUAL) -> None:
        """Write one register, and have the echo checked; raises as `read` does."""
        await self._ask(WriteRequest(unit, register, value), timing, TRIES)

    def receive(self, chunk: bytes) -> None:
        """A notification."""
        self.silent = 0
        self._last = _now()
        if self._chunks is not None:
            self._chunks.put_nowait(chunk)
        else:
            self._unsettled = True  # late: let it end before anything else is asked

    def lost(self) -> None:
        """The link has ended."""
        if self._chunks is not None:
            self._chunks.put_nowait(None)

    async def _ask(self, request: Request, timing: Timing, patience: int) -> Reply:
        async with self._turn:
            for left in reversed(range(TRIES)):
                try:
                    return await self._try(request, timing)
                except NoAnswerError:
                    patience -= 1
                    if not left or patience < 1:
                        raise
                except DamagedAnswerError:
                    if not left:
                        raise
        raise AssertionError("the last try returns or raises")

    async def _try(self, request: Request, timing: Timing) -> Reply:
        self._beware_of_late_replies(request)
        await self._settle(max(timing.gap_s, self._doubt_s(request)))
        framer = Framer(request)
        chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._chunks = chunks
        self.silent += 1
        try:
            await self._link.write(self._channel.write, request.encode(), response=self._channel.response)
            self._last = _now()
            return await self._reply(request, framer, chunks, timing.reply_s)
        finally:
            self._chunks = None

    async def _reply(
        self, request: Request, framer: Framer, chunks: asyncio.Queue[bytes | None], reply_s: float
    ) -> Reply:
        try:
            async with asyncio.timeout(reply_s):
                return await _collect(framer, chunks)
        except TimeoutError:
            self._unsettled = True
            self._owed[request.unit, request.reply_length] = _Owed(request.register, _now() + LATEST_S)
            if self.silent:
                raise NoAnswerError(f"unit {request.unit} does not answer") from None
            fault = framer.fault or "the reply is cut off"
            raise DamagedAnswerError(f"unit {request.unit}: {fault}") from None

    def _beware_of_late_replies(self, request: Request) -> None:
        key = request.unit, request.reply_length
        owed = self._owed.get(key)
        if owed is None:
            return
        if owed.until <= _now():
            del self._owed[key]
        elif owed.register != request.register:
            raise LineError(f"a late reply of unit {request.unit} could be taken for another one")

    def _doubt_s(self, request: Request) -> float:
        """How long to wait for a second copy of the last reply, which would fit this request as well."""
        last, self._asked = self._asked, request
        if last is None or last == request or last.unit != request.unit:
            return 0.0
        return QUIET_S if last.reply_length == request.reply_length else 0.0

    async def _settle(self, gap_s: float) -> None:
        """Wait until the line is quiet enough for the next request."""
        quiet_s = max(gap_s, QUIET_S) if self._unsettled else gap_s
        deadline = _now() + DRAIN_S
        while (pause_s := self._last + quiet_s - _now()) > 0:
            if _now() > deadline:
                raise LineError("the line does not fall quiet")
            await asyncio.sleep(pause_s)
        self._unsettled = False


async def open_line(link: GattLink) -> Line:
    """The line of a link that was just made; raises NoRenogyServiceError."""
    channel = find_channel(link.services)
    line = Line(link, channel)
    link.on_close(line.lost)
    await link.subscribe(channel.notify, line.receive)
    return line


async def _collect(framer: Framer, chunks: asyncio.Queue[bytes | None]) -> Reply:
    """The reply; TimeoutError when what came is no reply and nothing follows."""
    while True:
        async with asyncio.timeout(None if framer.fault is None else QUIET_S):
            chunk = await chunks.get()
        if chunk is None:
            raise LinkLostError("the link was lost while a reply was awaited")
        if (reply := framer.feed(chunk)) is not None:
            return reply


def _now() -> float:
    return asyncio.get_running_loop().time()
