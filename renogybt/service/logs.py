"""Logging to stderr, where systemd and people look for it, and to listeners."""

import logging
import sys
from collections.abc import Callable

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
PACKAGE = "renogybt"

LogListener = Callable[[logging.LogRecord], None]


def start_logging(level: str) -> None:
    """Log to stderr from `level` (a name such as INFO) on; other libraries from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(FORMAT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger(PACKAGE).setLevel(level)


def printable(text: str, limit: int = 80) -> str:
    """Text of a peer, fit for a log line: no control characters, not longer than `limit`."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return "".join(char if char.isprintable() else "?" for char in text)


class LogTap(logging.Handler):
    """Hands every record of this program to one listener, which may log itself without harm."""

    def __init__(self, listener: LogListener) -> None:
        super().__init__()
        self._listener = listener
        self._busy = False

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on; records that arise while passing one on are left out."""
        if self._busy:
            return
        self._busy = True
        try:
            self._listener(record)
        except (TypeError, ValueError, KeyError):  # arguments that do not fit the text: its author's fault
            self.handleError(record)
        finally:
            self._busy = False

    def __enter__(self) -> "LogTap":
        logging.getLogger(PACKAGE).addHandler(self)
        return self

    def __exit__(self, *_exception: object) -> None:
        logging.getLogger(PACKAGE).removeHandler(self)
