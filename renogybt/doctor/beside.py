"""Work that may wait for a disk, in a thread that may be left behind."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import psutil

from renogybt.model.errors import RenogyBTError

_Result = TypeVar("_Result")
_FAULT = "this check failed by a fault of its own, whose traceback is on stderr"


class CheckFailedError(RenogyBTError):
    """A check ended by an error that it should not have; its traceback is on stderr."""


async def beside(work: Callable[[], _Result]) -> _Result:
    """What `work` gives, or raises of OSError, RenogyBTError and psutil.Error; else CheckFailedError.

    The thread is left behind where it takes too long: a disk that does not answer keeps its reader for ever,
    and a thread of a pool would keep the whole program from ending.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_Result] = loop.create_future()

    def run() -> None:
        tell = partial(_fail, done, CheckFailedError(_FAULT))
        try:
            tell = partial(_finish, done, work())
        except (OSError, RenogyBTError, psutil.Error) as error:
            tell = partial(_fail, done, error)
        finally:
            with contextlib.suppress(RuntimeError):  # nobody waits any more, the loop is closed
                loop.call_soon_threadsafe(tell)

    threading.Thread(target=run, daemon=True).start()
    return await done


def _finish(done: "asyncio.Future[_Result]", result: _Result) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: "asyncio.Future[_Result]", error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
