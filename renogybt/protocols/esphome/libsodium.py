"""libsodium under the noiseprotocol library, in the place of OpenSSL.

The library's own backend loads all of `cryptography`, nine megabytes of which three functions
are used here.
"""

import hashlib
import hmac
import secrets
from typing import Any

from nacl.bindings import (
    crypto_aead_chacha20poly1305_ietf_decrypt,
    crypto_aead_chacha20poly1305_ietf_encrypt,
    crypto_scalarmult,
    crypto_scalarmult_base,
)
from noise.backends.noise_backend import NoiseBackend
from noise.functions.cipher import Cipher
from noise.functions.dh import DH
from noise.functions.hash import Hash
from noise.functions.keypair import KeyPair

from renogybt.protocols.esphome.sealing import NONCE


class _KeyPair(KeyPair):  # type: ignore[misc]
    """A key is its own 32 bytes."""

    @classmethod
    def from_private_bytes(cls, private_bytes: bytes) -> "_KeyPair":
        public = crypto_scalarmult_base(private_bytes)
        return cls(private=private_bytes, public=public, public_bytes=public)

    @classmethod
    def from_public_bytes(cls, public_bytes: bytes) -> "_KeyPair":
        return cls(public=public_bytes, public_bytes=public_bytes)


class _X25519(DH):  # type: ignore[misc]
    @property
    def klass(self) -> type[_KeyPair]:
        return _KeyPair

    @property
    def dhlen(self) -> int:
        return 32

    def generate_keypair(self) -> _KeyPair:
        return _KeyPair.from_private_bytes(secrets.token_bytes(self.dhlen))

    def dh(self, private_key: bytes, public_key: bytes) -> bytes:
        """Raises nacl.exceptions.CryptoError for a public key of low order."""
        return crypto_scalarmult(private_key, public_key)


class _ChaChaPoly(Cipher):  # type: ignore[misc]
    @property
    def klass(self) -> type[bytes]:
        return bytes

    def encrypt(self, k: bytes, n: int, ad: bytes | None, plaintext: bytes) -> bytes:
        return crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, ad, NONCE.pack(0, n), k)

    def decrypt(self, k: bytes, n: int, ad: bytes | None, ciphertext: bytes) -> bytes:
        """Raises nacl.exceptions.CryptoError when the tag does not fit."""
        return crypto_aead_chacha20poly1305_ietf_decrypt(ciphertext, ad, NONCE.pack(0, n), k)


class _Sha256(Hash):  # type: ignore[misc]
    @property
    def fn(self) -> str:
        return "sha256"

    @property
    def hashlen(self) -> int:
        return 32

    @property
    def blocklen(self) -> int:
        return 64

    def hash(self, data: bytes) -> bytes:
        return hashlib.sha256(data).digest()


def _hmac(key: bytes, data: bytes, algorithm: str) -> bytes:
    return hmac.digest(key, data, algorithm)


class LibsodiumBackend(NoiseBackend):  # type: ignore[misc]
    """What `Noise_NNpsk0_25519_ChaChaPoly_SHA256` takes."""

    def __init__(self) -> None:
        super().__init__()
        self.diffie_hellmans: dict[str, Any] = {"25519": _X25519}
        self.ciphers: dict[str, Any] = {"ChaChaPoly": _ChaChaPoly}
        self.hashes: dict[str, Any] = {"SHA256": _Sha256}
        self.keypairs: dict[str, Any] = {"25519": _KeyPair}
        self.hmac = _hmac
