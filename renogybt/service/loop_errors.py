"""Errors that reach nobody but the event loop: of callbacks, and of tasks that nobody asks."""

import asyncio
import logging
from typing import Any

from renogybt.service.repetition import Repetition

_LOGGER = logging.getLogger(__name__)


def tell_loop_errors(loop: asyncio.AbstractEventLoop, repetition: Repetition) -> None:
    """Have them logged with their traceback, but not a thousand in a night; the loop goes on in any case."""

    def tell(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        text = str(context.get("message", "an error in the event loop"))
        topic = f"{text}: {type(error).__name__}"
        if repetition.allows(topic):
            _LOGGER.error("%s%s", text, repetition.remark(topic), exc_info=error)
        else:
            _LOGGER.debug("%s: %r", text, error)

    loop.set_exception_handler(tell)
