"""The program's log, as Home Assistant shows it for a device."""

import logging
from typing import Any

from renogybt.protocols.esphome.messages import Message, api
from renogybt.service.logs import PACKAGE

NONE = 0
_LEVELS = ((logging.ERROR, 1), (logging.WARNING, 2), (logging.INFO, 3), (logging.DEBUG, 5))
"""Level of logging -> LogLevel of the API; 4 (config), 6 and 7 (verbose) have no counterpart."""

MAX_TEXT = 2_000
"""Characters of one message; what is longer belongs in the log of the host."""

_LETTERS = {1: "E", 2: "W", 3: "I", 5: "D"}


def api_level(record: logging.LogRecord) -> int:
    """LogLevel of the API; a higher number is more talkative."""
    return next((number for level, number in _LEVELS if record.levelno >= level), 5)


def log_message(record: logging.LogRecord) -> Message:
    """SubscribeLogsResponse in ESPHome's own form, `[I][proxy.server]: text`."""
    level = api_level(record)
    name = record.name.removeprefix(PACKAGE + ".")
    text = f"[{_LETTERS[level]}][{name}]: {record.getMessage()}"
    if record.exc_info and record.exc_info[1] is not None:
        text += f" ({record.exc_info[1]!r})"
    # file names may hold what is no UTF-8
    response: Any = api.SubscribeLogsResponse(level=level, message=text[:MAX_TEXT].encode(errors="replace"))
    return response  # type: ignore[no-any-return]
