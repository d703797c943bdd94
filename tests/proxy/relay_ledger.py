"""What clients of a relay ask and are told, as it happens, and what holds of it at every moment."""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from proxy.relay_world import CACHED, CLEAR_CACHE, DISCONNECT, PAIR, UNCACHED, UNPAIR

from renogybt.protocols.esphome.messages import Message, api

NOT_CONNECTED = -1
_Linked = api.BluetoothDeviceConnectionResponse
_Snapshot = api.BluetoothConnectionsFreeResponse
_Failed = api.BluetoothGATTErrorResponse
_Notified = api.BluetoothGATTNotifyDataResponse
_Device = api.BluetoothDeviceRequest
_PART = api.BluetoothGATTGetServicesResponse
"""Several of these come before the last message of the answer."""

_ANSWERS: dict[Any, Any] = {
    api.BluetoothGATTGetServicesRequest: api.BluetoothGATTGetServicesDoneResponse,
    api.BluetoothGATTReadRequest: api.BluetoothGATTReadResponse,
    api.BluetoothGATTReadDescriptorRequest: api.BluetoothGATTReadResponse,
    api.BluetoothGATTWriteRequest: api.BluetoothGATTWriteResponse,
    api.BluetoothGATTWriteDescriptorRequest: api.BluetoothGATTWriteResponse,
    api.BluetoothGATTNotifyRequest: api.BluetoothGATTNotifyResponse,
    api.BluetoothSetConnectionParamsRequest: api.BluetoothSetConnectionParamsResponse,
}
_DEVICE_ANSWERS: dict[int, Any] = {
    PAIR: api.BluetoothDevicePairingResponse,
    UNPAIR: api.BluetoothDeviceUnpairingResponse,
    CLEAR_CACHE: api.BluetoothDeviceClearCacheResponse,
}
_TO_ANYBODY = (*_DEVICE_ANSWERS.values(), api.BluetoothSetConnectionParamsResponse)
"""Answered without a link as well."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, in seconds, an attempt to connect may take; one operation; a link to end."""

    connect_s: float
    operation_s: float
    closing_s: float


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that has no answer yet."""

    answer: Any
    handle: int
    due: float


@dataclass(slots=True)
class _Wish:
    """What a client wants of an address, and has been told of it. Times are those by which it is answered."""

    connect: float | None = None
    disconnect: float | None = None
    again: float | None = None
    """To connect once the end has been told."""
    open: bool = False
    dying: float | None = None
    """When it was told "not connected" of a link that was there."""
    asked: list[_Asked] = field(default_factory=list)
    unanswered: list[int] = field(default_factory=list)
    """The handles of writes without response, of which nothing but a refusal is told."""

    @property
    def active(self) -> bool:
        return self.open or self.connect is not None or self.disconnect is not None


class Party:
    """A client, which has the ledger note what it is told."""

    def __init__(self, ledger: "Ledger", label: str) -> None:
        self.label = label
        self.gone = False
        self.follows = False
        self.shown: frozenset[int] = frozenset()
        self._ledger = ledger

    def send(self, message: Message) -> None:
        self._ledger.told(self, message)

    def send_all(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.send(message)


class Ledger:
    """Requests and answers of all clients in one order. `faults` tells what should not have been."""

    def __init__(self, now: Callable[[], float], patience: Patience) -> None:
        self.faults: list[str] = []
        self._journal: deque[tuple[float, str, str, Any]] = deque(maxlen=60)
        self._now = now
        self._patience = patience
        self._wishes: dict[Party, dict[int, _Wish]] = defaultdict(lambda: defaultdict(_Wish))
        self._left_at: dict[int, float] = {}
        """When the link of an owner ended, as far as owners know."""
        self._orphaned_at: dict[int, float] = {}
        """When an owner left, whose link was there."""
        self._connecting = False
        """Whether the relay is being asked for a link just now: an end that is told is a refusal."""

    # what happens

    def hand(self, party: Party, request: Any, handle: Callable[[Party, Any], None]) -> None:
        """A client asks for something."""
        self._ask(party, request)
        self._connecting = getattr(request, "request_type", None) in (CACHED, UNCACHED)
        handle(party, request)
        self._connecting = False

    def _ask(self, party: Party, request: Any) -> None:
        self._note(party, "asks", request)
        wish, now = self._wishes[party][request.address], self._now()
        kind = getattr(request, "request_type", None) if type(request) is _Device else None
        if kind in (CACHED, UNCACHED):
            due = now + self._patience.connect_s
            if wish.disconnect is not None:
                wish.again = wish.again or due
            else:
                wish.connect = wish.connect or due
        elif kind == DISCONNECT:
            wish.disconnect = wish.disconnect or now + self._patience.closing_s
            wish.again = None
        elif type(request) is api.BluetoothGATTWriteRequest and not request.response:
            wish.unanswered.append(request.handle)
        else:
            answer = _ANSWERS[type(request)] if kind is None else _DEVICE_ANSWERS[kind]
            # one after the other, and those that wait for a link to come about are answered before
            last = max((each.due for each in wish.asked), default=now)
            due = max(now, last) + self._patience.operation_s
            wish.asked.append(_Asked(answer, getattr(request, "handle", 0), due))

    def leaves(self, party: Party) -> None:
        """Its connection is gone; nobody answers it any more."""
        self._note(party, "leaves", None)
        party.gone = True
        for address, wish in self._wishes.pop(party, {}).items():
            if wish.active:
                self._left_at[address] = self._orphaned_at[address] = self._now()

    def told(self, party: Party, message: Any) -> None:
        """A client is told something."""
        self._note(party, "is told", message)
        kind = type(message)
        if party.gone:
            refused = kind in _TO_ANYBODY or (kind is _Linked and not message.connected)
            if not (refused or (kind is _Failed and message.error == NOT_CONNECTED)):
                self._complain(party, message, "it is gone")
        elif kind is _Snapshot:
            self._snapshot(party, message)
        elif kind is _Linked:
            (self._opened if message.connected else self._ended)(party, message)
        else:
            self._answered(party, message)

    def _opened(self, party: Party, message: Any) -> None:
        address = message.address
        wish = self._wishes[party][address]
        others = [each.label for each in self._active(address) if each is not party]
        if wish.connect is None or wish.disconnect is not None:
            self._complain(party, message, "it did not ask for that")
        if message.error or wish.dying is not None:
            self._complain(party, message, "a link with an error")
        if others:
            self._complain(party, message, f"another has it: {others}")
        if party.follows and address not in party.shown:
            self._complain(party, message, "the slots did not show it before")
        wish.open, wish.connect = True, None

    def _ended(self, party: Party, message: Any) -> None:
        wish = self._wishes[party][message.address]
        if not wish.active:
            self._complain(party, message, "it knows that already, or never asked")
        if self._connecting and wish.disconnect is not None:
            wish.again = None  # refused at once, and the end is still to be told
            return
        if [each for each in wish.asked if each.answer not in _TO_ANYBODY]:
            self._complain(party, message, f"no answer before the end: {wish.asked}")
        if not self._connecting:
            self._left_at[message.address] = self._now()
        wish.open, wish.dying = False, None
        wish.unanswered.clear()
        wish.connect, wish.disconnect, wish.again = wish.again, None, None

    def _answered(self, party: Party, message: Any) -> None:
        wish, kind = self._wishes[party][message.address], type(message)
        if kind is _Failed and message.error == NOT_CONNECTED and wish.open:
            wish.dying = wish.dying or self._now()
        elif kind is _Failed and not (message.error > 0 and wish.open):
            if wish.open or message.error != NOT_CONNECTED:
                self._complain(party, message, "an error of no link")
        elif kind is not _Failed and kind not in _TO_ANYBODY and (not wish.open or wish.dying is not None):
            self._complain(party, message, "there is no link")
        if kind in (_Notified, _PART):
            return
        handle = getattr(message, "handle", 0)
        for each in wish.asked:
            fits = kind is each.answer or (kind is _Failed and each.answer not in _TO_ANYBODY)
            if fits and each.handle == handle:
                wish.asked.remove(each)
                return
        if handle in wish.unanswered:
            wish.unanswered.remove(handle)
            return
        self._complain(party, message, "nobody asked that")

    def _snapshot(self, party: Party, message: Any) -> None:
        shown = frozenset(message.allocated)
        party.follows, party.shown = True, shown
        if not len(shown) == len(message.allocated) == message.limit - message.free or message.free < 0:
            self._complain(party, message, "the numbers disagree")
        for address in shown:
            if not self._active(address) and not self._lately(self._orphaned_at.get(address)):
                self._complain(party, message, f"nobody has {address:012x}")
        for owner, address, wish in self._all():
            wanted = wish.open or (wish.connect is not None and not self._clearing(address))
            if wanted and address not in shown:
                self._complain(party, message, f"{owner.label} has {address:012x}")

    # what is true

    def check(self, held: Collection[int], links: int) -> None:
        """Between two events: `held` are the addresses in the pool, `links` those of the relay."""
        now = self._now()
        active = {address for _, address, wish in self._all() if wish.active}
        if missing := active - set(held):
            self.faults.append(f"no slot: {[hex(each) for each in missing]}")
        if lasting := [each for each in held if each not in active and not self._clearing(each)]:
            self.faults.append(f"slots of nobody: {[hex(each) for each in lasting]}")
        if links != len(held):
            self.faults.append(f"{links} links, {len(held)} slots")
        for address in active:
            having = self._active(address)
            staying = [each for each in having if self._wishes[each][address].disconnect is None]
            if len(staying) > 1:
                self.faults.append(f"{address:012x} has several owners: {[each.label for each in staying]}")
        for party, address, wish in self._all():
            self._check_due(party, address, wish, now)
        if self.faults:
            raise AssertionError("\n".join([*self.faults[:5], "--", *self._told_lately()]))

    def _check_due(self, party: Party, address: int, wish: _Wish, now: float) -> None:
        dues = [("connect", wish.connect), ("disconnect", wish.disconnect)]
        for each in wish.asked:  # what is under way as the client leaves is answered with the end
            due = max(each.due, wish.disconnect or each.due)
            dues.append((f"{each.answer.__name__} {each.handle:#x}", due))
        if wish.dying is not None:
            dues.append(("the end", wish.dying + self._patience.closing_s))
        for what, until in dues:
            if until is not None and until < now:
                self.faults.append(f"{now:.3f} {party.label} has no answer from {address:012x}: {what}")

    def opened(self, party: Party, address: int) -> bool:
        """Whether it knows of a link."""
        return self._wishes[party][address].open

    def believed(self, address: int) -> bool:
        """Whether a client has a link, as far as it knows, and has not asked for the end."""
        return any(at == address and wish.open and wish.disconnect is None for _, at, wish in self._all())

    def waits(self, party: Party, address: int) -> bool:
        """Whether it has asked for a link, or for its end, and not been answered."""
        wish = self._wishes[party][address]
        return wish.connect is not None or wish.disconnect is not None

    def _all(self) -> Iterator[tuple[Party, int, _Wish]]:
        for party, wishes in self._wishes.items():
            for address, wish in wishes.items():
                yield party, address, wish

    def _active(self, address: int) -> list[Party]:
        return [party for party, at, wish in self._all() if at == address and wish.active]

    def _clearing(self, address: int) -> bool:
        """Whether a link has ended so lately that its slot may not be free yet."""
        return self._lately(self._left_at.get(address))

    def _lately(self, when: float | None) -> bool:
        return when is not None and self._now() - when <= self._patience.closing_s

    def _note(self, party: Party, verb: str, message: Any) -> None:
        self._journal.append((self._now(), party.label, verb, message))

    def _told_lately(self) -> Iterator[str]:
        for when, label, verb, message in self._journal:
            yield f"{when:.3f} {label} {verb} {_line(message)}"

    def _complain(self, party: Party, message: Any, why: str) -> None:
        self.faults.append(f"{self._now():.3f} {party.label}: {_line(message)}: {why}")


def _line(message: Any) -> str:
    return "" if message is None else f"{type(message).__name__} {' '.join(str(message).split())}"
