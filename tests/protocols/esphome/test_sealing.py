import sys
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_aead_chacha20poly1305_ietf_decrypt
from nacl.exceptions import CryptoError

from renogybt.protocols.esphome.sealing import MAX_SEALED, TAG_BYTES, Sealer, by_libsodium, by_pynacl

KEY = bytes(range(32))


def opened(sealed: bytes, number: int) -> bytes:
    nonce = bytes(4) + number.to_bytes(8, "little")
    return crypto_aead_chacha20poly1305_ietf_decrypt(sealed, None, nonce, KEY)


@given(st.binary(max_size=2_000), st.binary(min_size=12, max_size=12), st.binary(min_size=32, max_size=32))
def test_both_ways_say_the_same(plaintext: bytes, nonce: bytes, key: bytes) -> None:
    short = by_libsodium()

    assert short is not None
    assert short(plaintext, nonce, key) == by_pynacl(plaintext, nonce, key)


def test_each_message_has_the_next_number() -> None:
    sealer = Sealer(KEY, 0xFFFF_FFFF)

    assert opened(sealer.seal(b"one"), 0xFFFF_FFFF) == b"one"
    second = sealer.seal(b"two")
    assert opened(second, 0x1_0000_0000) == b"two"
    with pytest.raises(CryptoError):
        opened(second, 0)


def test_what_was_sealed_stays_as_it_is_when_more_is_sealed() -> None:
    sealer = Sealer(KEY, 0)
    first = sealer.seal(b"first")

    sealer.seal(b"other")

    assert opened(first, 0) == b"first"


@pytest.mark.parametrize("size", [0, 1, MAX_SEALED - TAG_BYTES])
def test_everything_that_a_frame_can_hold_is_sealed(size: int) -> None:
    assert opened(Sealer(KEY, 7).seal(bytes(size)), 7) == bytes(size)


def test_more_than_a_frame_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="65520 bytes"):
        Sealer(KEY, 0).seal(bytes(MAX_SEALED - TAG_BYTES + 1))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="key"):
        Sealer(bytes(size), 0)


@pytest.mark.parametrize("kept", [None, ModuleType("nacl._sodium")])
def test_a_pynacl_that_keeps_libsodium_elsewhere_has_no_short_way(
    kept: ModuleType | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nacl._sodium", kept)

    assert by_libsodium() is None
