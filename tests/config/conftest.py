"""A file to load from, without this machine's environment."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from renogybt.config import Configuration, ConfigurationError, load_configuration

HOME = {"HOME": "/home/pi"}

Load = Callable[..., Configuration]
Complaint = Callable[..., list[str]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a text (or bytes) as config.ini."""

    def load_text(text: str | bytes, overrides: Sequence[str] = ()) -> Configuration:
        path = tmp_path / "config.ini"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_configuration(path, overrides, HOME)

    return load_text


@pytest.fixture
def complaint(load: Load, tmp_path: Path) -> Complaint:
    """The lines of the error that a text gives, without the directory of the file."""

    def complain(text: str | bytes, overrides: Sequence[str] = ()) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            load(text, overrides)
        return str(caught.value).replace(f"{tmp_path}/", "").split("\n")

    return complain
