import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from renogybt.service.files import remove, write_atomically


class PowerCut(BaseException):
    """Nothing after it happens."""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_file_holds_the_content_and_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"

    write_atomically(path, "grüß\n")

    assert path.read_text(encoding="utf-8") == "grüß\n"
    assert mode_of(path) == 0o600
    assert names(tmp_path) == ["key"]


def test_a_file_that_others_could_read_becomes_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old")
    path.chmod(0o644)

    write_atomically(path, "new")

    assert path.read_text() == "new"
    assert mode_of(path) == 0o600


def test_missing_folders_are_made_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "key"

    write_atomically(path, "x")

    assert path.read_text() == "x"
    assert mode_of(path.parent) == 0o700


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("on_call", [1, 2])
@pytest.mark.parametrize("name", ["open", "fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PowerCut()], ids=["full", "cut"])
def test_a_break_at_any_call_leaves_the_old_content_or_the_new(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    on_call: int,
    after: bool,
    error: BaseException,
) -> None:
    path = tmp_path / "key"
    write_atomically(path, "old")
    real: Callable[..., Any] = getattr(os, name)
    count = 0

    def call(*args: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count == on_call and not after:
            raise error
        result = real(*args, **options)
        if count == on_call:
            if name == "open":
                os.close(result)
            raise error
        return result

    with monkeypatch.context() as patch:
        patch.setattr(os, name, call)
        try:
            write_atomically(path, "new")
        except (OSError, PowerCut) as raised:
            assert raised is error  # noqa: PT017 - a break that does not come up is right too
        else:
            assert count < on_call

    assert path.read_text() in {"old", "new"}
    assert mode_of(path) == 0o600
    if not (name == "open" and after and on_call == 1):  # there nobody knows of the file yet
        assert names(tmp_path) == ["key"]


def test_the_content_is_on_disk_before_it_takes_the_place_of_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    order: list[str] = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        if kind == "file":
            assert os.pread(descriptor, 10, 0) == b"content"
        order.append(kind)
        fsync(descriptor)

    def note_replace(source: Any, target: Any) -> None:
        order.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)

    write_atomically(path, "content")

    assert order == ["file", "rename", "folder"]


def test_no_descriptor_stays_open_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(names(Path("/proc/self/fd")))

    write_atomically(tmp_path / "key", "x")
    monkeypatch.setattr(os, "fsync", lambda _descriptor: (_ for _ in ()).throw(OSError(5, "I/O error")))
    with pytest.raises(OSError, match="I/O error"):
        write_atomically(tmp_path / "key", "y")

    assert len(names(Path("/proc/self/fd"))) == before


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OSError):
        write_atomically(tmp_path / "file" / "key", "x")


def test_the_temporary_file_lies_in_the_same_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/does/not/exist")  # another file system, as a rule

    write_atomically(tmp_path / "key", "x")

    assert (tmp_path / "key").read_text() == "x"


def test_a_removed_file_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_atomically(path, "x")

    remove(path)

    assert names(tmp_path) == []


def test_removing_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    remove(tmp_path / "key")
    remove(tmp_path / "no folder either" / "key")
