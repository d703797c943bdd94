import base64
import errno
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.config import Encryption
from renogybt.protocols.esphome.noise import ZERO_KEY
from renogybt.proxy.keys import KeyFileError, KeyStore, decode_key

KEY = bytes(range(100, 132))
OTHER = bytes(range(50, 82))


def text(key: bytes) -> bytes:
    return base64.b64encode(key)


def provision(folder: Path) -> KeyStore:
    return KeyStore(Encryption.PROVISION, folder)


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Whatever a test does, no key may show in the log."""
    caplog.set_level(logging.DEBUG)
    yield caplog
    for key in (KEY, OTHER):
        assert text(key).decode() not in caplog.text
        assert repr(key) not in caplog.text


# the three modes


def test_off_takes_clear_text_only_and_lets_nobody_set_a_key(tmp_path: Path) -> None:
    keys = KeyStore(Encryption.OFF, tmp_path)

    assert (keys.encryption.key, keys.encryption.plaintext) == (None, True)
    assert (keys.has_key, keys.settable, keys.provisionable) == (False, False, False)
    assert not keys.set(text(KEY))
    assert list(tmp_path.iterdir()) == []


def test_off_does_not_look_at_a_stored_key(tmp_path: Path) -> None:
    (tmp_path / "noise.key").write_text("garbage")

    assert KeyStore(Encryption.OFF, tmp_path).encryption.key is None


def test_a_key_of_the_configuration_is_used_as_it_is_and_stays(tmp_path: Path) -> None:
    keys = KeyStore(Encryption.KEY, tmp_path, KEY)

    assert (keys.encryption.key, keys.encryption.plaintext) == (KEY, False)
    assert (keys.has_key, keys.settable, keys.provisionable) == (True, False, False)
    assert not keys.set(text(OTHER))
    assert not keys.set(b"")
    assert keys.encryption.key == KEY
    assert list(tmp_path.iterdir()) == []


def test_the_mode_with_a_key_never_runs_without_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        KeyStore(Encryption.KEY, tmp_path, None)


def test_provision_begins_with_clear_text_and_the_key_of_zeros(tmp_path: Path) -> None:
    keys = provision(tmp_path)

    assert (keys.encryption.key, keys.encryption.plaintext) == (ZERO_KEY, True)
    assert (keys.has_key, keys.settable, keys.provisionable) == (False, True, True)


def test_once_a_key_is_set_only_that_key_is_taken(tmp_path: Path) -> None:
    keys = provision(tmp_path)

    assert keys.set(text(KEY)) is True

    assert (keys.encryption.key, keys.encryption.plaintext) == (KEY, False)
    assert (keys.has_key, keys.settable, keys.provisionable) == (True, True, False)


# what is stored


def test_a_key_survives_a_restart(tmp_path: Path) -> None:
    provision(tmp_path).set(text(KEY))

    keys = provision(tmp_path)

    assert keys.encryption.key == KEY
    assert not keys.encryption.plaintext


def test_the_key_is_on_disk_for_the_owner_alone_when_the_client_hears_of_success(tmp_path: Path) -> None:
    keys = provision(tmp_path / "state")

    assert keys.set(text(KEY))

    assert keys.path.read_bytes().strip() == text(KEY)
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    assert all(not path.name.startswith(".") for path in keys.path.parent.iterdir())


def test_another_key_takes_the_place_of_the_first(tmp_path: Path) -> None:
    keys = provision(tmp_path)
    keys.set(text(KEY))

    assert keys.set(text(OTHER))

    assert keys.encryption.key == OTHER
    assert provision(tmp_path).encryption.key == OTHER


def test_an_empty_key_clears(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    keys = provision(tmp_path)
    keys.set(text(KEY))

    assert keys.set(b"") is True

    assert keys.provisionable
    assert keys.encryption.plaintext
    assert provision(tmp_path).provisionable
    assert log.records == []


def test_clearing_where_nothing_was_is_fine(tmp_path: Path) -> None:
    assert provision(tmp_path / "not made yet").set(b"") is True


# what is refused


@pytest.mark.parametrize(
    "key",
    [
        b"garbage",
        b"\xff\xfe",
        b"=",
        base64.b64encode(KEY[:31]),
        base64.b64encode(KEY + b"x"),
        base64.b64encode(ZERO_KEY),
        base64.b64encode(KEY)[:-1],
        KEY,
        KEY.hex().encode(),
        b" ",
        b"A" * 100_000,
    ],
)
def test_what_is_no_key_is_refused_and_changes_nothing(tmp_path: Path, key: bytes) -> None:
    keys = provision(tmp_path)

    assert keys.set(key) is False
    assert keys.provisionable
    assert list(tmp_path.iterdir()) == []

    keys.set(text(OTHER))
    assert keys.set(key) is False
    assert keys.encryption.key == OTHER
    assert provision(tmp_path).encryption.key == OTHER


@given(st.binary(min_size=32, max_size=32))
def test_every_key_but_zeros_is_read_from_its_base64(key: bytes) -> None:
    assert decode_key(f" {text(key).decode()}\n") == (None if key == ZERO_KEY else key)


@given(st.one_of(st.text(max_size=60), st.binary(max_size=40).map(lambda raw: text(raw).decode())))
def test_any_text_is_32_bytes_or_none(any_text: str) -> None:
    key = decode_key(any_text)

    assert key is None or len(key) == 32


# a disk that does not take it


def test_a_folder_that_cannot_be_made_means_no_success_and_no_key(
    tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    keys = provision(tmp_path / "state")
    (tmp_path / "state").write_text("a file where the folder should be")

    assert keys.set(text(KEY)) is False

    assert keys.provisionable
    assert "cannot store the encryption key" in log.text


def failing(call: str, on: int, number: int) -> Any:
    """The function of os that fails the `on`th time."""
    real = getattr(os, call)
    count = 0

    def wrapper(*args: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count == on:
            raise OSError(number, os.strerror(number))
        return real(*args, **options)

    return wrapper


@pytest.mark.parametrize("before", [None, OTHER], ids=["no key before", "another key before"])
@pytest.mark.parametrize(
    ("call", "on"), [("open", 1), ("fsync", 1), ("replace", 1), ("open", 2), ("fsync", 2)]
)
def test_where_success_is_denied_the_key_is_not_in_force_after_a_restart_either(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    log: pytest.LogCaptureFixture,
    before: bytes | None,
    call: str,
    on: int,
) -> None:
    keys = provision(tmp_path)
    if before:
        keys.set(text(before))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(call, on, errno.ENOSPC))
        assert keys.set(text(KEY)) is False

    assert keys.encryption.key == (before or ZERO_KEY)
    assert provision(tmp_path).encryption.key == (before or ZERO_KEY)
    assert "cannot store the encryption key" in log.text


def test_a_folder_that_became_read_only_means_no_success_and_the_old_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = provision(tmp_path)
    keys.set(text(KEY))

    def read_only(*_args: Any, **_options: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        for call in ("open", "replace", "unlink"):
            patch.setattr(os, call, read_only)
        assert keys.set(text(OTHER)) is False
        assert keys.set(b"") is False

    assert keys.encryption.key == KEY
    assert provision(tmp_path).encryption.key == KEY


def test_a_stored_key_counts_even_if_the_word_for_the_next_start_cannot_be_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    keys = provision(tmp_path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing("replace", 2, errno.ENOSPC))
        assert keys.set(text(KEY)) is True

    assert keys.encryption.key == provision(tmp_path).encryption.key == KEY
    assert [record.levelno for record in log.records] == [logging.WARNING]


# a key that is lost, or damaged


def test_a_lost_key_is_said_so(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    keys = provision(tmp_path)
    keys.set(text(KEY))
    assert log.records == []
    keys.path.unlink()

    assert provision(tmp_path).provisionable

    (record,) = log.records
    assert record.levelno == logging.WARNING
    assert str(keys.path) in record.getMessage()


def test_the_first_start_says_nothing_of_a_lost_key(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    provision(tmp_path)

    assert log.records == []


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"garbage", b"\xff\xfe\xfd", text(KEY)[:20], text(ZERO_KEY), text(KEY[:16]), b"\0" * 45],
)
def test_a_damaged_key_is_an_error_and_is_not_written_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "noise.key").write_bytes(content)

    with pytest.raises(KeyFileError, match=r"noise\.key") as caught:
        provision(tmp_path)

    assert (tmp_path / "noise.key").read_bytes() == content
    if content.strip():
        assert content.decode("ascii", "replace").strip() not in str(caught.value)


def test_a_key_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "noise.key").mkdir()

    with pytest.raises(KeyFileError, match="cannot be read"):
        provision(tmp_path)


def test_no_repr_shows_the_key(tmp_path: Path) -> None:
    keys = KeyStore(Encryption.KEY, tmp_path, KEY)

    for shown in (repr(keys), str(keys), repr(keys.encryption), str(keys.encryption)):
        assert repr(KEY)[2:-1] not in shown
        assert text(KEY).decode() not in shown
        assert KEY.hex() not in shown


# whose commands are obeyed


def test_only_who_knows_the_present_key_is_trusted(tmp_path: Path) -> None:
    keys = provision(tmp_path)
    with_zeros = keys.encryption
    assert not keys.trusts(with_zeros)

    assert keys.set(text(KEY))
    with_key = keys.encryption
    assert keys.trusts(with_key)
    assert not keys.trusts(with_zeros)

    assert keys.set(text(OTHER))
    assert not keys.trusts(with_key)


def test_a_key_of_the_configuration_is_trusted(tmp_path: Path) -> None:
    keys = KeyStore(Encryption.KEY, tmp_path, KEY)

    assert keys.trusts(keys.encryption)


def test_who_wants_no_encryption_trusts_everybody(tmp_path: Path) -> None:
    keys = KeyStore(Encryption.OFF, tmp_path)

    assert keys.trusts(keys.encryption)
