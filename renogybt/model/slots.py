"""The links that one radio can have at the same time, and who has them."""

from enum import Enum
from typing import Protocol

from renogybt.model.advertisement import format_address
from renogybt.model.gatt import ConnectError
from renogybt.model.subscribers import Subscribers

DEFAULT_SLOTS = 5
"""No controller tells how many links it allows. Five is what common ones do; `allow` learns of fewer."""


class NoSlotError(ConnectError):
    """All links that the controller, or the configuration, allows are in use."""


class Holder(Enum):
    """Whose link it is."""

    READER = "reader"
    CLIENT = "client"


class Slot:
    """The right to one link, from `ConnectionSlots.reserve` until `release`."""

    def __init__(self, slots: "ConnectionSlots", address: int, holder: Holder) -> None:
        self.address = address
        self.holder = holder
        self.under: Slot | None = None
        """The reader's slot that this one has taken over, as long as the reader has not given it back."""
        self._slots = slots

    def release(self) -> None:
        """Give it back; nothing happens if that was done, or somebody else has taken it over."""
        self._slots.give_back(self)


class ConnectionSlots:
    """One pool for all. An address has one slot at most.

    A client's wish for a peripheral that a reader has takes the reader's slot over: the reader is to leave.
    If the client is the first to give it back it is the reader's again, for there is still a link.
    """

    def __init__(self, limit: int = DEFAULT_SLOTS) -> None:
        self._limit = limit
        self._held: dict[int, Slot] = {}
        self.changes: Subscribers[None] = Subscribers()
        """Told after every change."""

    @property
    def limit(self) -> int:
        """How many links there can be in all."""
        return self._limit

    @property
    def free(self) -> int:
        """How many there can be beside those that there are."""
        return max(0, self._limit - len(self._held))

    @property
    def clients(self) -> tuple[int, ...]:
        """The addresses for which clients have slots, in the order in which they got them."""
        return tuple(each.address for each in self._held.values() if each.holder is Holder.CLIENT)

    def holder(self, address: int) -> Holder | None:
        """Who has the link to this peripheral."""
        slot = self._held.get(address)
        return None if slot is None else slot.holder

    def reserve(self, address: int, holder: Holder) -> Slot:
        """Raises NoSlotError, or ConnectError where the peripheral is taken."""
        present = self.holder(address)
        if present is not None and not (holder is Holder.CLIENT and present is Holder.READER):
            raise ConnectError(f"{format_address(address)} is in use by {_WHO[present]}")
        if present is None and not self.free:
            raise NoSlotError(f"all {self._limit} connection slots are in use")
        slot = Slot(self, address, holder)
        slot.under = self._held.get(address)
        self._held[address] = slot
        self.changes.notify(None)
        return slot

    def give_back(self, slot: Slot) -> None:
        """As `Slot.release`."""
        present = self._held.get(slot.address)
        if present is slot:
            del self._held[slot.address]
            if slot.under is not None:
                self._held[slot.address] = slot.under
            self.changes.notify(None)
        elif present is not None and present.under is slot:
            present.under = None

    def allow(self, limit: int) -> None:
        """The controller has turned out to allow no more than this."""
        if limit < self._limit:
            self._limit = max(1, limit)
            self.changes.notify(None)


class Tenant(Protocol):
    """Whoever of this program uses links, and leaves one to a client that asks for it."""

    async def release(self, address: int) -> None:
        """Leave the link to `address` to somebody else; nothing where there is none."""
        ...

    def resume(self, address: int) -> None:
        """It can be had back."""
        ...


_WHO = {Holder.READER: "the reader", Holder.CLIENT: "a client"}
