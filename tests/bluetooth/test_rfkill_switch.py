"""The bytes that take the software block off, and who may write them."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from renogybt.bluetooth.rfkill_switch import can_unblock, unblock


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "rfkill"
    os.mkfifo(path, 0o600)
    return path


@pytest.fixture
def kernel(device: Path) -> Iterator[int]:
    """The other end of the device."""
    descriptor = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
    yield descriptor
    os.close(descriptor)


@pytest.mark.skipif(sys.byteorder != "little", reason="the event is in the byte order of the machine")
def test_one_event_changes_all_bluetooth_switches_to_unblocked(device: Path, kernel: int) -> None:
    unblock(device)
    # linux/rfkill.h: idx 0, RFKILL_TYPE_BLUETOOTH 2, RFKILL_OP_CHANGE_ALL 3, soft 0, hard 0
    assert os.read(kernel, 100) == bytes((0, 0, 0, 0, 2, 3, 0, 0))


def test_asking_whether_it_may_writes_nothing(device: Path, kernel: int) -> None:
    assert can_unblock(device)
    assert os.read(kernel, 100) == b""


def test_without_the_device_it_may_not(tmp_path: Path) -> None:
    missing = tmp_path / "nothing"
    assert not can_unblock(missing)
    with pytest.raises(FileNotFoundError):
        unblock(missing)
    assert not missing.exists()


def test_a_device_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "folder"  # a denial that root gets as well
    folder.mkdir()
    assert not can_unblock(folder)
    with pytest.raises(OSError):
        unblock(folder)


def test_nothing_stays_open(device: Path, kernel: int) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    can_unblock(device)
    unblock(device)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert stat.S_ISFIFO(device.stat().st_mode)
