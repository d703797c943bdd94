"""How many connections are possible and which there are: message 81, to every client that asked."""

from collections.abc import Callable
from typing import Protocol

from renogybt.model.radio import Unsubscribe
from renogybt.model.slots import ConnectionSlots
from renogybt.protocols.esphome.messages import Message, api


class Receiver(Protocol):
    """A client that wants to know."""

    def send(self, message: Message) -> None:
        """Take a message."""
        ...


class SlotFeed:
    """Tells each change of the slots.

    Links of readers are left out of `limit` and `free` alike, so that `limit - free` is always the number
    of addresses: Home Assistant stops healing its connections when it is not. So is a slot that is not
    given back yet, but of which `ended` says that its client has been told that the link is gone.
    """

    def __init__(self, slots: ConnectionSlots, ended: Callable[[int], bool]) -> None:
        self._slots = slots
        self._ended = ended
        self._receivers: dict[Receiver, None] = {}
        self._stop: Unsubscribe | None = None
        self.open()

    def open(self) -> None:
        """Tell again after `close`, beginning with how it is now; harmless before."""
        if self._stop is None:
            self._stop = self._slots.changes.add(lambda _nothing: self._tell_all())
            self._tell_all()

    def close(self) -> None:
        """Tell nobody any more, until `open`."""
        if self._stop is not None:
            self._stop()
            self._stop = None

    def subscribe(self, receiver: Receiver) -> None:
        """Tell this one at once, and every change; asking twice is asking once."""
        self._receivers[receiver] = None
        self.tell(receiver)

    def unsubscribe(self, receiver: Receiver) -> None:
        """Tell it no more; harmless when it did not ask."""
        self._receivers.pop(receiver, None)

    def tell(self, receiver: Receiver) -> None:
        """Tell this one how it is now, if it has asked."""
        if receiver in self._receivers:
            receiver.send(self._snapshot())

    def _tell_all(self) -> None:
        snapshot = self._snapshot()
        for receiver in tuple(self._receivers):
            receiver.send(snapshot)

    def _snapshot(self) -> Message:
        free = self._slots.free
        shown = [each for each in self._slots.clients if not self._ended(each)]
        return api.BluetoothConnectionsFreeResponse(  # type: ignore[no-any-return]
            free=free, limit=free + len(shown), allocated=shown
        )
