"""How the service is, in a line for people who look at it from outside."""

from collections.abc import Callable

from renogybt.model.radio import ScannerState, ScannerStatus

_WORDS = {
    ScannerState.IDLE: "not scanning yet",
    ScannerState.STARTING: "starting to scan",
    ScannerState.RUNNING: "scanning",
    ScannerState.FAILED: "not scanning",
    ScannerState.STOPPING: "not scanning any more",
    ScannerState.STOPPED: "not scanning any more",
}


class StatusLine:
    """Hands `tell` the line of now, and each further one."""

    def __init__(self, tell: Callable[[str], None], status: ScannerStatus) -> None:
        self._tell = tell
        self._status = status
        self._clients = 0
        self._say()

    def on_radio(self, status: ScannerStatus) -> None:
        """The status of the scanner is another one."""
        self._status = status
        self._say()

    def on_clients(self, count: int) -> None:
        """The number of clients has changed."""
        self._clients = count
        self._say()

    def _say(self) -> None:
        self._tell(f"{_radio_in_words(self._status)}; {_clients_in_words(self._clients)}")


def _radio_in_words(status: ScannerStatus) -> str:
    words = _WORDS[status.state]
    if status.state is ScannerState.RUNNING:
        return f"{words} ({status.mode.value}, {status.intake.value})"
    return f"{words}: {status.reason}" if status.reason else words


def _clients_in_words(count: int) -> str:
    return "1 client" if count == 1 else f"{count or 'no'} clients"
