"""Secrets that systemd hands over."""

import base64
from pathlib import Path

import pytest

from renogybt.config import ConfigurationError, Encryption, load_configuration

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "credentials"
    folder.mkdir()
    return {"HOME": "/home/pi", "CREDENTIALS_DIRECTORY": str(folder)}


def written(tmp_path: Path, text: str = "") -> Path:
    path = tmp_path / "config.ini"
    path.write_text(text)
    return path


def hand_over(environment: dict[str, str], name: str, text: str) -> None:
    Path(environment["CREDENTIALS_DIRECTORY"], name).write_text(text)


def test_a_key_that_is_handed_over_counts_before_that_of_the_file(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    in_file = base64.b64encode(OTHER).decode()
    hand_over(environment, "home_assistant_proxy.encryption_key", base64.b64encode(KEY).decode() + "\n")
    path = written(tmp_path, f"[home_assistant_proxy]\nencryption_key = {in_file}\n")
    proxy = load_configuration(path, (), environment).proxy
    assert (proxy.encryption, proxy.encryption_key) == (Encryption.KEY, KEY)


def test_the_command_line_counts_before_what_is_handed_over(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    hand_over(environment, "home_assistant_proxy.encryption_key", base64.b64encode(KEY).decode())
    other = f"home_assistant_proxy.encryption_key={base64.b64encode(OTHER).decode()}"
    assert load_configuration(written(tmp_path), [other], environment).proxy.encryption_key == OTHER


def test_a_bad_one_is_refused_with_its_file_and_without_its_text(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    hand_over(environment, "home_assistant_proxy.encryption_key", "much-too-secret")
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(written(tmp_path), (), environment)
    assert "credentials/home_assistant_proxy.encryption_key" in str(caught.value)
    assert "much-too-secret" not in str(caught.value)


def test_what_is_no_secret_is_not_taken_from_there(tmp_path: Path, environment: dict[str, str]) -> None:
    hand_over(environment, "home_assistant_proxy.native_api_port", "7000")
    assert load_configuration(written(tmp_path), (), environment).proxy.native_api_port == 6053


def test_a_folder_that_cannot_be_looked_into_is_an_error_and_not_no_secret(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", refuse)  # root may look anywhere
    with pytest.raises(ConfigurationError, match="Permission denied"):
        load_configuration(written(tmp_path), (), environment)
