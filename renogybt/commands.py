"""What commands do once and are done: listen, or read all devices."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence

from renogybt.assembly import background, build_radio, build_reader
from renogybt.config import Configuration
from renogybt.model.advertisement import Advertisement
from renogybt.model.errors import RenogyBTError
from renogybt.model.radio import Radio, ScannerState, ScannerStatus, StatusListener
from renogybt.readers.candidates import Candidate, Candidates
from renogybt.readers.reader import Outcome

Deliver = Callable[[Sequence[Advertisement], float], None]
"""A batch, and when it came (monotonic seconds)."""


class ScanFailedError(RenogyBTError):
    """The radio cannot scan; the text says why."""


async def scan(
    configuration: Configuration,
    *,
    demo: bool,
    seconds: float,
    deliver: Deliver,
    watch: StatusListener = lambda _status: None,
) -> None:
    """Hand all advertisements of `seconds` to `deliver`, and what becomes of the radio to `watch`.

    Raises ScanFailedError, and an OSError that `deliver` raises.
    """
    radio = build_radio(configuration.proxy, demo=demo)
    ended = _end_of(radio)

    def hand_on(batch: Sequence[Advertisement]) -> None:
        if ended.done():
            return
        try:
            deliver(batch, time.monotonic())
        except OSError as error:  # nobody reads the output any more; the radio is not to blame
            ended.set_exception(error)

    radio.watch(watch)
    radio.listen(hand_on)
    async with background([radio.run]):
        await asyncio.wait([ended], timeout=seconds)
    if ended.done():
        ended.result()


async def candidates(configuration: Configuration, *, demo: bool, seconds: float) -> list[Candidate]:
    """Likely Renogy devices that are heard within `seconds`, the likeliest first; raises ScanFailedError."""
    found = Candidates()
    await scan(configuration, demo=demo, seconds=seconds, deliver=lambda batch, _now: found.hear(batch))
    return found.likeliest_first()


async def read_once(configuration: Configuration, *, demo: bool) -> list[Outcome] | None:
    """One round over all configured devices, None if it was interrupted; raises ScanFailedError."""
    radio = build_radio(configuration.proxy, demo=demo)
    reader = build_reader(configuration, radio, demo=demo)
    if reader is None:
        return []
    ended = _end_of(radio)
    async with background([radio.run]), asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(reader.once())
        ended.add_done_callback(lambda _: reading.cancel())
    if ended.done():
        ended.result()
    return None if reading.cancelled() else reading.result()


def _end_of(radio: Radio) -> "asyncio.Future[None]":
    """Done when the user ends the program; ScanFailedError when the radio cannot scan."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def interrupt() -> None:
        if not ended.done():
            ended.set_result(None)

    def look(status: ScannerStatus) -> None:
        if status.state is ScannerState.FAILED and not ended.done():
            ended.set_exception(ScanFailedError(status.reason))

    radio.watch(look)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, interrupt)
    return ended
