"""What is sent after a handshake, encrypted: each message under the next number.

pynacl's own function checks and describes its arguments, which takes three quarters of the time of a small
frame. So libsodium is called where pynacl keeps it; that function is for releases that keep it elsewhere.
"""

import importlib
import struct
from collections.abc import Callable
from typing import Any

from nacl.bindings import crypto_aead_chacha20poly1305_ietf_encrypt

KEY_BYTES = 32
TAG_BYTES = 16
MAX_SEALED = 65_535
"""With the tag: what the length in a frame's header can say."""
NONCE = struct.Struct("<IQ")
"""Four bytes of zero and the number of the message, little-endian (Noise specification, 12.3)."""

Encrypt = Callable[[bytes, bytes, bytes], bytes]
"""Plaintext, nonce and key, of the right sizes, to the ciphertext with its tag."""


def by_pynacl(plaintext: bytes, nonce: bytes, key: bytes) -> bytes:
    """The public way."""
    return crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, None, nonce, key)


def by_libsodium() -> Encrypt | None:
    """The short way, None where it is not. For one thread: all calls share the room for what comes out."""
    try:
        sodium: Any = importlib.import_module("nacl._sodium")
        ffi, encrypt = sodium.ffi, sodium.lib.crypto_aead_chacha20poly1305_ietf_encrypt
    except (ImportError, AttributeError):
        return None
    room, nothing = ffi.new("unsigned char[]", MAX_SEALED), ffi.NULL
    sealed = ffi.buffer(room)

    def call(plaintext: bytes, nonce: bytes, key: bytes) -> bytes:
        size = len(plaintext)
        encrypt(room, nothing, plaintext, size, nothing, 0, nothing, nonce, key)
        octets: bytes = sealed[: size + TAG_BYTES]
        return octets

    return call


_encrypt = by_libsodium() or by_pynacl


class Sealer:
    """One direction of a connection; `number` is that of its next message.

    Raises ValueError for a key that is none.
    """

    def __init__(self, key: bytes, number: int) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key of {len(key)} bytes")
        self._key = key
        self._number = number

    def seal(self, plaintext: bytes) -> bytes:
        """The next message with its tag; raises ValueError for more than MAX_SEALED bytes in all."""
        if len(plaintext) > MAX_SEALED - TAG_BYTES:
            raise ValueError(f"a message of {len(plaintext)} bytes")
        sealed = _encrypt(plaintext, NONCE.pack(0, self._number), self._key)
        self._number += 1
        return sealed
