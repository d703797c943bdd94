"""The advertisement feed: from the radio to every client that wants it."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import Radio, ScanMode, ScannerState, ScannerStatus, Unsubscribe
from renogybt.protocols.esphome.advertisements import RAW_ADVERTISEMENTS, AdvertisementEncoder
from renogybt.protocols.esphome.messages import Message, api
from renogybt.protocols.esphome.plaintext import plaintext_frame
from renogybt.proxy.scan_mode import ScanModeArbiter
from renogybt.proxy.silent_peripherals import SilentPeripherals

_STATES = {
    ScannerState.IDLE: 0,
    ScannerState.STARTING: 1,
    ScannerState.RUNNING: 2,
    ScannerState.FAILED: 3,
    ScannerState.STOPPING: 4,
    ScannerState.STOPPED: 5,
}
"""BluetoothScannerState of the API."""

_MODES = {ScanMode.PASSIVE: 0, ScanMode.ACTIVE: 1}
"""BluetoothScannerMode of the API."""


class Subscriber(Protocol):
    """A client of the feed."""

    @property
    def encrypted(self) -> bool:
        """Whether it needs frames of its own; the same for all its life."""
        ...

    def advertise(self, payload: bytes, count: int, framed: bytes | None) -> None:
        """Take a batch."""
        ...

    def send(self, message: Message) -> None:
        """Take a message about the scanner."""
        ...


class Audience:
    """Subscribers, told apart by the frames that they need."""

    def __init__(self, subscribers: Iterable[Subscriber]) -> None:
        everybody = tuple(subscribers)
        self.plain = tuple(each for each in everybody if not each.encrypted)
        self.encrypted = tuple(each for each in everybody if each.encrypted)


class AdvertisementFeed:
    """Encodes each batch of the radio once and writes it once to each subscriber.

    The radio decides when a batch is due, so that nothing waits here and no timer runs.
    """

    def __init__(self, radio: Radio, configured: ScanMode, silent: SilentPeripherals | None = None) -> None:
        self._radio = radio
        self._silent = silent
        self._configured = configured
        self._encoder = AdvertisementEncoder()
        self._subscribers: dict[Subscriber, None] = {}
        self._audience = Audience(())
        self._leave: Unsubscribe | None = None
        self._stops: list[Unsubscribe] = [radio.watch(self._on_status)]
        if silent is not None:
            self._stops.append(silent.repeats.add(self._on_batch))
        self.modes: ScanModeArbiter[Subscriber] = ScanModeArbiter(configured, radio.set_mode)

    def close(self) -> None:
        """Leave the radio alone."""
        self._subscribers.clear()
        self._listen(wanted=False)
        for stop in self._stops:
            stop()

    def subscribe(self, subscriber: Subscriber) -> None:
        """Deliver from now on; asking twice is asking once.

        The scanner's state is told at once, and so is who is silent because a reader is connected to it.
        """
        self._subscribers[subscriber] = None
        self._audience = Audience(self._subscribers)
        self._listen(wanted=True)
        self.tell_state(subscriber)
        if self._silent is not None:
            self._send(self._silent.last(), Audience((subscriber,)))

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Deliver no more, and forget which scan mode was wanted; harmless when not subscribed."""
        self._subscribers.pop(subscriber, None)
        self._audience = Audience(self._subscribers)
        self._listen(wanted=bool(self._subscribers))
        self.modes.forget(subscriber)

    def _listen(self, *, wanted: bool) -> None:
        """Where nobody subscribes, the radio need not be prompt."""
        if wanted and self._leave is None:
            self._leave = self._radio.listen(self._on_batch)
        elif not wanted and self._leave is not None:
            self._leave()
            self._leave = None

    def tell_state(self, subscriber: Subscriber) -> None:
        """Send the state to a subscriber; others must not hear it, for Home Assistant takes it as the
        proof of its subscription."""
        if subscriber in self._subscribers:
            subscriber.send(self._state_message(self._radio.status))

    def request_mode(self, subscriber: Subscriber, mode: ScanMode) -> None:
        """A client's wish. The answer is a state message with the mode that is really in use."""
        before = self._radio.status
        self.modes.request(subscriber, mode)
        if self._radio.status == before:
            self.tell_state(subscriber)

    def _on_status(self, status: ScannerStatus) -> None:
        message = self._state_message(status)
        for subscriber in tuple(self._subscribers):
            subscriber.send(message)

    def _state_message(self, status: ScannerStatus) -> Message:
        return api.BluetoothScannerStateResponse(  # type: ignore[no-any-return]
            state=_STATES[status.state],
            mode=_MODES[status.mode],
            configured_mode=_MODES[self._configured],
        )

    def _on_batch(self, batch: Sequence[Advertisement]) -> None:
        if self._subscribers:
            self._send(batch, self._audience)

    def _send(self, batch: Sequence[Advertisement], audience: Audience) -> None:
        for payload, count in self._encoder.encode(batch):
            if audience.plain:
                framed = plaintext_frame(RAW_ADVERTISEMENTS, payload)
                for subscriber in audience.plain:
                    subscriber.advertise(payload, count, framed)
            for subscriber in audience.encrypted:
                subscriber.advertise(payload, count, None)
