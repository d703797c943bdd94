"""One radio, several clients with wishes about its scan mode."""

from collections.abc import Callable
from typing import Generic, TypeVar

from renogybt.model.radio import ScanMode

Client = TypeVar("Client")


class ScanModeArbiter(Generic[Client]):
    """Active if any client asks for active, passive if all that ask want passive.

    While nobody asks, the configured mode holds. `apply` is called for every wish, so that the
    radio can try again what it could not do before.
    """

    def __init__(self, configured: ScanMode, apply: Callable[[ScanMode], None]) -> None:
        self._configured = configured
        self._apply = apply
        self._wishes: dict[Client, ScanMode] = {}

    @property
    def mode(self) -> ScanMode:
        """The mode that the wishes add up to."""
        if not self._wishes:
            return self._configured
        return ScanMode.ACTIVE if ScanMode.ACTIVE in self._wishes.values() else ScanMode.PASSIVE

    def request(self, client: Client, mode: ScanMode) -> None:
        """A client's present wish."""
        self._wishes[client] = mode
        self._apply(self.mode)

    def forget(self, client: Client) -> None:
        """The client is gone; harmless when it never asked."""
        if self._wishes.pop(client, None) is not None:
            self._apply(self.mode)
