"""Secrets that a service manager hands over instead of config.ini: systemd's credentials."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from renogybt.config.errors import ConfigurationError, Finding
from renogybt.config.source import Entry, read_text
from renogybt.config.table import TABLE

FOLDER = "CREDENTIALS_DIRECTORY"
"""The environment variable that names the folder (systemd.exec(5), LoadCredential)."""


def credentials(environment: Mapping[str, str]) -> Iterator[Entry]:
    """The secrets that are there, each in a file SECTION.KEY; raises ConfigurationError."""
    folder = environment.get(FOLDER, "")
    if not folder:
        return
    for row in TABLE:
        path = Path(folder) / f"{row.section}.{row.key}"
        if row.secret and _is_there(path):
            yield Entry(row.section, row.key, read_text(path).strip(), str(path))


def _is_there(path: Path) -> bool:
    """Raises ConfigurationError: a secret that cannot be read must not count as none."""
    try:
        return path.exists()
    except OSError as error:
        raise ConfigurationError([Finding(str(path), f"cannot be read: {error.strerror}")]) from error
