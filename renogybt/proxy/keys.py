"""The encryption key: fixed by the configuration, given by Home Assistant, or none."""

import base64
import binascii
import contextlib
import logging
from pathlib import Path

from renogybt.config import Encryption as EncryptionMode
from renogybt.model.errors import RenogyBTError
from renogybt.protocols.esphome.connection import Encryption
from renogybt.protocols.esphome.noise import ZERO_KEY
from renogybt.protocols.esphome.sealing import KEY_BYTES
from renogybt.service.files import remove, write_atomically

_LOGGER = logging.getLogger(__name__)

_FILE = "noise.key"
_MARKER = "noise.provisioned"


class KeyFileError(RenogyBTError):
    """The stored key cannot be used."""


def decode_key(text: str) -> bytes | None:
    """32 bytes from base64, or None; a key of zeros is none."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES and key != ZERO_KEY else None


class KeyStore:
    """Knows which key is in force and what a new connection may do.

    With PROVISION the first client may set the key; it is stored before the client hears of
    success, and from then on plaintext is refused.
    """

    def __init__(self, mode: EncryptionMode, state_dir: Path, fixed: bytes | None = None) -> None:
        """`fixed` is the key of mode KEY. Raises KeyFileError when a key is stored that cannot be read."""
        if mode is EncryptionMode.KEY and fixed is None:
            raise ValueError("encryption = key without a key")
        self.mode = mode
        self.path = state_dir / _FILE
        self._marker = state_dir / _MARKER
        self._key = fixed if mode is EncryptionMode.KEY else None
        if mode is EncryptionMode.PROVISION:
            self._key = self._load()

    def _load(self) -> bytes | None:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            if self._marker.exists():
                _LOGGER.warning(
                    "the encryption key %s is gone, though Home Assistant had set one. Restore it from a"
                    " backup; else Home Assistant will ask you to confirm that encryption was removed",
                    self.path,
                )
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise KeyFileError(f"the encryption key {self.path} cannot be read: {error}") from error
        key = decode_key(text)
        if key is None:
            raise KeyFileError(
                f"{self.path} does not hold an encryption key (base64 of 32 bytes). Restore it from a backup,"
                " or remove it and let Home Assistant set a new one"
            )
        return key

    @property
    def encryption(self) -> Encryption:
        """What a new connection may speak."""
        if self.mode is EncryptionMode.OFF:
            return Encryption(key=None, plaintext=True)
        if self._key is None:
            return Encryption(key=ZERO_KEY, plaintext=True)
        return Encryption(key=self._key, plaintext=False)

    @property
    def has_key(self) -> bool:
        """Whether connections have to be encrypted."""
        return self._key is not None

    @property
    def settable(self) -> bool:
        """Whether a client may set, change or clear the key."""
        return self.mode is EncryptionMode.PROVISION

    @property
    def provisionable(self) -> bool:
        """Whether a key is wanted, and can be set over Noise with the key of zeros."""
        return self.settable and not self.has_key

    def trusts(self, encryption: Encryption) -> bool:
        """Whether who has connected under these rules knows the key, or the owner wants none.

        The key of zeros that a new device is set up with is no secret, and does not count.
        """
        if self.mode is EncryptionMode.OFF:
            return True
        return not encryption.plaintext and encryption == self.encryption

    def set(self, text: bytes) -> bool:
        """Take a client's key (base64; empty clears). True when it is stored and in force."""
        if not self.settable:
            return False
        key = None
        if text:
            key = decode_key(text.decode("ascii", "replace"))
            if key is None:
                _LOGGER.warning("refused an encryption key that is not base64 of 32 bytes")
                return False
        try:
            self._store(key)
        except OSError as error:
            _LOGGER.error("cannot store the encryption key in %s: %s", self.path, error)
            with contextlib.suppress(OSError):
                self._store(self._key)  # a key that its owner takes for refused must not be there next time
            return False
        self._key = key
        self._mark()
        return True

    def _store(self, key: bytes | None) -> None:
        if key is None:
            remove(self.path)
        else:
            write_atomically(self.path, base64.b64encode(key).decode() + "\n")

    def _mark(self) -> None:
        """Leave word for the next start whether there has to be a key."""
        try:
            if self.has_key:
                write_atomically(self._marker, "")
            else:
                remove(self._marker)
        except OSError as error:
            _LOGGER.warning("cannot keep %s up to date: %s", self._marker, error)
