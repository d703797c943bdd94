"""Noise framing, responder side: `01`, big-endian u16 length, body.

The handshake is `Noise_NNpsk0_25519_ChaChaPoly_SHA256` with the ESPHome prologue; afterwards a
decrypted body is u16 type, u16 length, payload (ESPHome, native API protocol). The handshake
itself is the noiseprotocol library's, as in the official client, on libsodium.
"""

import struct
from collections.abc import Iterator
from typing import Any

from nacl.exceptions import CryptoError
from noise.noise_protocol import NoiseProtocol

from renogybt.protocols.esphome.errors import (
    FrameError,
    HandshakeError,
    OutOfOrderError,
    TamperedFrameError,
    WrongKeyError,
)
from renogybt.protocols.esphome.libsodium import LibsodiumBackend
from renogybt.protocols.esphome.plaintext import Frame
from renogybt.protocols.esphome.sealing import KEY_BYTES, MAX_SEALED, TAG_BYTES, Sealer

INDICATOR = 0x01
ZERO_KEY = bytes(KEY_BYTES)
"""With this key a client talks to a server that has none yet, in order to give it one."""

MAX_HANDSHAKE_BODY = 128
MAX_BODY = MAX_SEALED
_PUBLIC_KEY_BYTES = 32
_OUTER, _INNER = struct.Struct(">BH"), struct.Struct(">HH")
MAX_PAYLOAD = MAX_BODY - _INNER.size - TAG_BYTES
PROTOCOL = b"Noise_NNpsk0_25519_ChaChaPoly_SHA256"
_PROLOGUE = b"NoiseAPIInit"
_CHOSEN_PROTOCOL = b"\x01"

WRONG_KEY_REASON = "Handshake MAC failure"
"""This very text makes Home Assistant ask the user for the key, so it is sent for nothing else."""


def noise_frame(body: bytes) -> bytes:
    """A body of at most MAX_BODY bytes with its header."""
    return _OUTER.pack(INDICATOR, len(body)) + body


def refusal(reason: str) -> bytes:
    """The frame that refuses a handshake."""
    return noise_frame(b"\x01" + reason.encode())


class NoiseFraming:
    """Cuts a stream into frames, answers the handshake, then decrypts and encrypts.

    `name` and `mac` (12 lower-case hexadecimal digits) go out in clear in the server's hello.
    Bytes that are due to the peer gather in `outgoing`; the owner takes and sends them.
    """

    def __init__(self, key: bytes, name: str, mac: str) -> None:
        self._key = key
        self._hello = _CHOSEN_PROTOCOL + name.encode() + b"\0" + mac.encode() + b"\0"
        self._buffer = bytearray()
        self._noise: Any = None
        self._sealer: Sealer | None = None
        self.outgoing = bytearray()
        self.established = False

    def receive(self, data: bytes) -> Iterator[Frame]:
        """The messages that are complete now, one by one.

        Raises FrameError, HandshakeError or TamperedFrameError where one is wrong.
        """
        self._buffer += data
        return iter(self._next, None)

    def _next(self) -> Frame | None:
        while (body := self._next_body()) is not None:
            if self.established:
                return self._decrypt(body)
            if self._noise is None:
                self._answer_hello(body)
            else:
                self._answer_handshake(body)
        return None

    def _next_body(self) -> bytes | None:
        buffer = self._buffer
        if not buffer:
            return None
        if buffer[0] != INDICATOR:
            raise FrameError(f"a frame begins with {buffer[0]:#04x} instead of 0x01")
        if len(buffer) < 3:
            return None
        length = int.from_bytes(buffer[1:3], "big")
        if not self.established and length > MAX_HANDSHAKE_BODY:
            raise FrameError(
                f"a handshake frame of {length} bytes, {MAX_HANDSHAKE_BODY} are allowed",
                refusal("Handshake frame too long"),
            )
        if len(buffer) < 3 + length:
            return None
        body = bytes(buffer[3 : 3 + length])
        del buffer[: 3 + length]
        return body

    def _answer_hello(self, body: bytes) -> None:
        noise = NoiseProtocol(PROTOCOL, LibsodiumBackend())
        noise.initiator = False
        noise.psks = [self._key]
        noise.prologue = _PROLOGUE + len(body).to_bytes(2, "big") + body
        noise.validate()
        noise.initialise_handshake_state()
        self._noise = noise
        self.outgoing += noise_frame(self._hello)

    def _answer_handshake(self, body: bytes) -> None:
        if not body or body[0] != 0:
            raise HandshakeError(
                "the peer refuses the handshake or speaks another dialect",
                refusal("Bad handshake error byte"),
            )
        if len(body) < 1 + _PUBLIC_KEY_BYTES + TAG_BYTES:
            raise HandshakeError(
                f"a handshake of {len(body)} bytes is cut off", refusal("Handshake frame too short")
            )
        handshake, answer = self._noise.handshake_state, bytearray()
        try:
            handshake.read_message(body[1:], bytearray())
        except CryptoError as error:
            raise WrongKeyError("the peer holds another encryption key", refusal(WRONG_KEY_REASON)) from error
        try:
            handshake.write_message(b"", answer)
        except CryptoError as error:  # the peer's public key is one of low order
            raise HandshakeError("a handshake that cannot be computed", refusal("Handshake error")) from error
        self.outgoing += noise_frame(b"\0" + bytes(answer))
        sending = self._noise.cipher_state_encrypt
        self._sealer = Sealer(sending.k, sending.n)
        self.established = True

    def _decrypt(self, body: bytes) -> Frame:
        if len(body) < TAG_BYTES:
            raise TamperedFrameError(f"an encrypted frame of {len(body)} bytes has no tag")
        try:
            plain = self._noise.cipher_state_decrypt.decrypt_with_ad(None, body)
        except CryptoError as error:
            raise TamperedFrameError("an encrypted frame was altered, replayed or out of order") from error
        if len(plain) < _INNER.size:
            raise FrameError(f"an encrypted message of {len(plain)} bytes has no header")
        number, length = _INNER.unpack_from(plain)
        if length > len(plain) - _INNER.size:
            raise FrameError(f"an encrypted message announces {length} bytes and is shorter")
        return number, plain[_INNER.size : _INNER.size + length]

    def frame(self, number: int, payload: bytes) -> bytes:
        """One message as bytes to send, in this order; the payload holds at most MAX_PAYLOAD bytes."""
        if self._sealer is None:
            raise OutOfOrderError("nothing can be sent before the handshake")
        return noise_frame(self._sealer.seal(_INNER.pack(number, len(payload)) + payload))
