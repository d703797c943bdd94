"""One connection of a client as a state machine without I/O.

Bytes go in, messages come out; the first byte decides between plaintext and Noise, so that one
port serves both.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from renogybt.protocols.esphome import noise, plaintext
from renogybt.protocols.esphome.errors import (
    EncryptionRefusedError,
    FrameError,
    OutOfOrderError,
    PlaintextRefusedError,
    ProtocolError,
)
from renogybt.protocols.esphome.messages import Message, api, decode, type_of
from renogybt.protocols.esphome.noise import NoiseFraming
from renogybt.protocols.esphome.plaintext import PlaintextFraming

_BAD_INDICATOR = "Bad indicator byte"
"""ESPHome's own words; the clients look at the first byte of the frame only."""


class Phase(Enum):
    """Where a connection is in its life."""

    OPENING = auto()
    """Nothing received yet: it is open which framing the peer speaks."""
    HANDSHAKE = auto()
    """Noise, not yet established."""
    GREETING = auto()
    """The framing stands; HelloRequest has to come first."""
    OPEN = auto()
    """Every message of a client is allowed, but a second HelloRequest."""
    CLOSED = auto()


_HELLO = type_of(api.HelloRequest)


@dataclass(frozen=True, slots=True)
class Encryption:
    """What the server accepts: `key` None refuses Noise, `plaintext` False refuses clear text."""

    key: bytes | None = field(repr=False)
    plaintext: bool


class Connection:
    """The server's end of one connection.

    After `receive` or `frame`, whatever `take_outgoing` returns has to be sent first.
    """

    def __init__(self, encryption: Encryption, name: str, mac: str) -> None:
        self._encryption = encryption
        self._name = name
        self._mac = mac
        self._framing: PlaintextFraming | NoiseFraming | None = None
        self.phase = Phase.OPENING

    @property
    def encrypted(self) -> bool:
        """Whether the peer speaks Noise."""
        return isinstance(self._framing, NoiseFraming)

    def receive(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete now, one by one, however the stream was cut.

        Raises ProtocolError where one is wrong; nothing comes after that, nor after `close`. Types
        that this schema does not know are left out, as the protocol demands. `data` is taken in
        as the iterator is used, to its end.
        """
        if self.phase is Phase.CLOSED or not data:
            return
        try:
            yield from self._receive(data)
        except ProtocolError:
            self.phase = Phase.CLOSED
            raise

    def _receive(self, data: bytes) -> Iterator[Message]:
        framing = self._framing or self._choose(data[0])
        for number, payload in framing.receive(data):
            self._check_order(number)
            if (message := decode(number, payload)) is not None:
                yield message
            if self.phase is Phase.CLOSED:
                return
        self._note_handshake()

    def _note_handshake(self) -> None:
        framing = self._framing
        if self.phase is Phase.HANDSHAKE and isinstance(framing, NoiseFraming) and framing.established:
            self.phase = Phase.GREETING

    def _choose(self, first: int) -> PlaintextFraming | NoiseFraming:
        if first == plaintext.INDICATOR:
            if not self._encryption.plaintext:
                raise PlaintextRefusedError(
                    "a client without key; this server is encrypted", noise.refusal(_BAD_INDICATOR)
                )
            self._framing = PlaintextFraming()
            self.phase = Phase.GREETING
        elif first == noise.INDICATOR:
            if self._encryption.key is None:
                raise EncryptionRefusedError(
                    "a client with a key; this server is set to encryption = off",
                    b"\0" + _BAD_INDICATOR.encode(),
                )
            self._framing = NoiseFraming(self._encryption.key, self._name, self._mac)
            self.phase = Phase.HANDSHAKE
        else:
            raise FrameError(f"a connection that begins with {first:#04x} is none of this protocol")
        return self._framing

    def _check_order(self, number: int) -> None:
        self._note_handshake()
        if (number == _HELLO) != (self.phase is Phase.GREETING):
            raise OutOfOrderError(f"message type {number} in phase {self.phase.name.lower()}")
        self.phase = Phase.OPEN

    def take_outgoing(self) -> bytes:
        """Bytes of the handshake that are due to the peer."""
        if not isinstance(self._framing, NoiseFraming) or not self._framing.outgoing:
            return b""
        out = bytes(self._framing.outgoing)
        self._framing.outgoing.clear()
        return out

    def frame(self, number: int, payload: bytes) -> bytes:
        """One message as bytes to send; only in the phases GREETING and OPEN."""
        if self._framing is None or self.phase not in (Phase.GREETING, Phase.OPEN):
            raise OutOfOrderError(f"nothing can be sent in phase {self.phase.name.lower()}")
        return self._framing.frame(number, payload)

    def close(self) -> None:
        """Take nothing more in, and let go of what was received in part."""
        self.phase = Phase.CLOSED
        self._framing = None
