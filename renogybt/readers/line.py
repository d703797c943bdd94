"""Modbus over one GATT link: one transaction at a time, and no answer taken for another one's.

A reply names no register. Three things keep a late one away: it must fit the open request in unit
id, function and length; after a failed try the next request waits until the line is quiet; and
where an unanswered request of the same unit and length asked for another register, the line refuses,
so that its owner opens the link anew.
"""

import asyncio
from dataclasses import dataclass

from renogybt.model.gatt import GattLink, LinkLostError
from renogybt.protocols.modbus.errors import ExceptionReplyError
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


COPY_S = 1.0
"""A link layer that repeats itself does so at once; a hub that does it has had time enough after this."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A request whose reply, or a second copy of it, may still come until `until`."""

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
        self._owed: dict[tuple[int, int], _Seen] = {}  # not answered, by unit and length
        self._answered: dict[tuple[int, int], _Seen] = {}

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
        await self._await_copies(request)
        await self._settle(timing.gap_s)
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
                reply = await _collect(framer, chunks)
        except ExceptionReplyError as error:
            self._unsettled = True  # a second copy would refuse the next request
            if self._is_doubtful(request):
                raise DamagedAnswerError(f"unit {request.unit}: {error}, perhaps of an earlier one") from None
            raise
        except TimeoutError:
            self._unsettled = True
            self._owed[request.unit, request.reply_length] = _Seen(request.register, _now() + LATEST_S)
            if self.silent:
                raise NoAnswerError(f"unit {request.unit} does not answer") from None
            fault = framer.fault or "the reply is cut off"
            raise DamagedAnswerError(f"unit {request.unit}: {fault}") from None
        self._answered[request.unit, request.reply_length] = _Seen(request.register, _now() + COPY_S)
        return reply

    def _beware_of_late_replies(self, request: Request) -> None:
        key = request.unit, request.reply_length
        owed = self._owed.get(key)
        if owed is None:
            return
        if owed.until <= _now():
            del self._owed[key]
        elif owed.register != request.register:
            raise LineError(f"a late reply of unit {request.unit} could be taken for another one")

    async def _await_copies(self, request: Request) -> None:
        """Leave time for a second copy of an earlier reply that would fit this request as well."""
        answered = self._answered.get((request.unit, request.reply_length))
        if answered is not None and answered.register != request.register:
            await asyncio.sleep(max(0.0, answered.until - _now()))

    def _is_doubtful(self, request: Request) -> bool:
        """Whether a refusal may be that of another request of this unit: an exception names no register."""
        return any(
            unit == request.unit and owed.register != request.register and owed.until > _now()
            for (unit, _length), owed in self._owed.items()
        )

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
