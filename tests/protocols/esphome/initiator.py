"""The client's end of a Noise connection, made with the noiseprotocol library."""

import struct
import warnings
from typing import Any

from noise.backends.default.keypairs import KeyPair25519
from noise.connection import NoiseConnection

KEY = bytes(range(1, 33))
OTHER_KEY = bytes(range(2, 34))
NAME = "renogy.proxy"
MAC = "02fc00a0b0c1"

LOW_ORDER = (
    bytes(32),
    bytes((1,)) + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
)
"""Points of Curve25519 with which every secret is the same (RFC 7748 section 6.1)."""


def noise_frame(body: bytes) -> bytes:
    """A body with its header."""
    return struct.pack(">BH", 1, len(body)) + body


def bodies(stream: bytes) -> list[bytes]:
    """The bodies of whole Noise frames."""
    found = []
    while stream:
        indicator, length = struct.unpack_from(">BH", stream)
        assert indicator == 1
        assert len(stream) >= 3 + length
        found.append(stream[3 : 3 + length])
        stream = stream[3 + length :]
    return found


class Initiator:
    """Opens with `hello` and `handshake`, takes `finish`, then talks."""

    def __init__(self, key: bytes = KEY, hello: bytes = b"", public_key: bytes | None = None) -> None:
        self._noise: Any = NoiseConnection.from_name(b"Noise_NNpsk0_25519_ChaChaPoly_SHA256")
        self._noise.set_as_initiator()
        self._noise.set_psks(key)
        self._noise.set_prologue(b"NoiseAPIInit" + struct.pack(">H", len(hello)) + hello)
        if public_key is not None:
            honest = KeyPair25519.from_private_bytes(bytes(range(32)))
            self._noise.noise_protocol.keypairs["e"] = KeyPair25519(honest.private, honest.public, public_key)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "One of ephemeral keypairs is already set")
            self._noise.start_handshake()
        self.hello = noise_frame(hello)
        self.handshake = noise_frame(b"\0" + bytes(self._noise.write_message()))

    @property
    def opening(self) -> bytes:
        """Both frames, as clients send them together."""
        return self.hello + self.handshake

    def finish(self, answer: bytes) -> bytes:
        """Take the server's two frames; the body of its hello."""
        hello, handshake = bodies(answer)
        assert handshake[0] == 0
        self._noise.read_message(handshake[1:])
        return hello

    def frame(self, number: int, payload: bytes) -> bytes:
        """A message for the server."""
        return self.raw_frame(struct.pack(">HH", number, len(payload)) + payload)

    def raw_frame(self, inner: bytes) -> bytes:
        """Any bytes as an encrypted frame."""
        return noise_frame(self._noise.encrypt(inner))

    def read(self, stream: bytes) -> list[tuple[int, bytes]]:
        """The messages of the server."""
        messages = []
        for body in bodies(stream):
            plain = self._noise.decrypt(body)
            number, length = struct.unpack_from(">HH", plain)
            assert len(plain) == 4 + length
            messages.append((number, plain[4:]))
        return messages
