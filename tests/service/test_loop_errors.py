"""An error that only the event loop sees is told, and not without end."""

import asyncio
import logging

import pytest
from proxy.virtual_time import VirtualLoop

from renogybt.service.loop_errors import tell_loop_errors
from renogybt.service.repetition import FIRST, Repetition


def fail() -> None:
    raise LookupError("nobody has expected this")


def test_a_callback_that_always_fails_is_told_a_few_times_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = VirtualLoop()
    tell_loop_errors(loop, Repetition(loop.time))
    for number in range(100):
        loop.call_at(number / 10, fail)
    with caplog.at_level(logging.ERROR):
        loop.advance(20.0)
    loop.close()
    assert len(caplog.records) == FIRST
    assert all(record.exc_info and record.exc_info[0] is LookupError for record in caplog.records)


def test_an_error_that_nobody_asked_a_future_for_is_told(caplog: pytest.LogCaptureFixture) -> None:
    loop = VirtualLoop()
    tell_loop_errors(loop, Repetition(loop.time))
    future: asyncio.Future[None] = loop.create_future()
    future.set_exception(LookupError("unheard"))
    del future
    loop.close()
    assert "unheard" in caplog.text
