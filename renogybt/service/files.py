"""Small files that survive a power cut."""

import contextlib
import logging
import os
import tempfile
from pathlib import Path

_LOGGER = logging.getLogger(__name__)


def write_atomically(path: Path, content: str) -> None:
    """Replace the file in one step: afterwards it holds the old content or the new, never half.

    Readable by the owner only, on disk when the call returns; makes missing folders.
    Raises OSError, and leaves no temporary file behind then.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # no Path of this name: pathlib keeps each name for ever (sys.intern, immortal in Python 3.12)
        os.replace(name, path)  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)  # noqa: PTH108
        raise
    _sync_folder(path.parent)


def remove(path: Path) -> None:
    """Remove the file for good; no error when it, or its folder, is not there."""
    try:
        path.unlink()
    except FileNotFoundError:
        return
    _sync_folder(path.parent)


def put_aside(path: Path) -> None:
    """Rename a file that cannot be understood to `….damaged`, in place of an earlier one; logs what fails."""
    try:
        path.replace(path.with_name(f"{path.name}.damaged"))
    except OSError as error:
        _LOGGER.warning("%s cannot be put aside: %s", path, error.strerror)


def _sync_folder(folder: Path) -> None:
    """A rename is on disk only when the folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
