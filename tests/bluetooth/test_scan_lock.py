"""One owner of the discovery on a machine."""

import asyncio
import errno
import fcntl
import os
import signal
import sys
from pathlib import Path

import pytest
from fakes.bus_client import until
from fakes.radio_world import BY_MGMT, Heard, World, both

from renogybt.bluetooth.scan_lock import Note, ScanLock, default_lock_path, parse_note
from renogybt.config import AdvertisementSource
from renogybt.model.radio import Radio, ScannerState

HOLDER = """
import sys, time
from pathlib import Path
from renogybt.bluetooth.scan_lock import ScanLock
lock = ScanLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
lock.note(int(sys.argv[2]))
print("noted", flush=True)
time.sleep(60)
"""
OTHER_RADIO = """
import asyncio, sys
from pathlib import Path
from renogybt.bluetooth.radio import BlueZRadio
from renogybt.config import AdvertisementSource
asyncio.run(BlueZRadio(source=AdvertisementSource.DBUS, lock_path=Path(sys.argv[1]),
                       bus_address=sys.argv[2]).run())
"""


async def start(script: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, *arguments, stdout=asyncio.subprocess.PIPE
    )


async def kill(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGKILL)
    await process.communicate()


@both
async def test_the_second_radio_listens_and_takes_over(world: World, source: AdvertisementSource) -> None:
    first, second = world.radio(source), world.radio(source)
    heard = Heard(first)
    task = asyncio.create_task(first.run())
    await heard.scanning()
    async with world.run(second) as listening:
        await listening.scanning()
        assert second.status.state is ScannerState.RUNNING
        assert len(world.owners) == 1
        assert len(world.kernel.monitors) == (1 if source is BY_MGMT else 0)
        starts = world.bluez.calls["StartDiscovery"]

        task.cancel()
        await asyncio.wait([task])
        await until(lambda: world.bluez.calls["StartDiscovery"] > starts, 2.0)
        await listening.scanning(1.0)
        assert len(world.owners) == 1
        assert len(world.kernel.monitors) == (1 if source is BY_MGMT else 0)
    await until(lambda: not world.owners)


async def test_a_killed_owner_is_followed_within_two_seconds(world: World) -> None:
    owner = await start(OTHER_RADIO, str(world.lock_path), world.bus.address)
    try:
        await until(lambda: world.owners, 10.0)
        radio: Radio = world.radio()
        async with world.run(radio) as heard:
            await heard.scanning()
            assert len(world.owners) == 1
            first = set(world.bluez.owners())
            await kill(owner)
            await until(lambda: world.owners and not first & set(world.bluez.owners()), 2.0)
            await heard.scanning(1.0)
    finally:
        if owner.returncode is None:
            await kill(owner)


async def test_a_listener_says_who_owns_the_discovery_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    owner = await start(HOLDER, str(world.lock_path), "7")
    assert owner.stdout is not None
    assert await owner.stdout.readline() == b"True\n"
    await owner.stdout.readline()
    try:
        async with world.run(world.radio()) as heard:
            await heard.running()
            await until(lambda: world.bluez.calls["GetManagedObjects"] >= 2)
            assert world.owners == []
            assert [text for text in caplog.messages if "owns the discovery" in text] == [
                f"process {owner.pid} owns the discovery on hci0; listening to it"
            ]
    finally:
        await kill(owner)


async def test_a_lock_of_a_killed_process_is_free_and_its_note_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    owner = await start(HOLDER, str(path), "7")
    assert owner.stdout is not None
    assert await owner.stdout.readline() == b"True\n"
    await owner.stdout.readline()
    lock = ScanLock(path)
    assert not lock.acquire()
    assert lock.owner() == f"process {owner.pid}"
    await kill(owner)
    assert lock.acquire()
    assert lock.monitor() == 7
    assert parse_note(path.read_bytes()) == Note(os.getpid(), 7)
    lock.release()


async def test_without_a_usable_file_it_scans_and_warns_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.lock_path.mkdir()
    radio = world.radio()
    async with world.scanning(radio) as heard:
        world.bluez.power("hci0", False)
        await heard.failed()
        world.bluez.power("hci0", True)
        await heard.scanning()
        assert len(world.owners) == 1
    assert sum("no scan lock" in text for text in caplog.messages) == 1


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "missing folder below a file"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "lock"
    match kind:
        case "link":
            (tmp_path / "elsewhere").write_text("precious")
            path.symlink_to(tmp_path / "elsewhere")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case _:
            path.write_text("")
            path /= "lock"
    lock = ScanLock(path)
    assert lock.acquire()
    lock.note(3)
    lock.owner()
    lock.release()
    if kind == "link":
        assert (tmp_path / "elsewhere").read_text() == "precious"


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    lock = ScanLock(tmp_path / "run" / "deep" / "lock")
    assert lock.acquire()
    assert lock.held
    lock.release()
    assert not lock.held


def test_other_users_may_take_it_later_and_note_nothing(tmp_path: Path) -> None:
    lock = ScanLock(tmp_path / "lock")
    lock.acquire()
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o644
    lock.release()


def test_two_adapters_have_two_locks() -> None:
    paths = {default_lock_path(0x001A7DDA7113), default_lock_path(0x001A7DDA7199)}
    assert len(paths) == 2
    assert all("001A7DDA71" in path.name for path in paths)


def test_without_the_usual_folder_the_lock_is_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert default_lock_path(1).parent == tmp_path


# -- what others put in its place


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (b"7", Note(7)),
        (b"7\n", Note(7)),
        (b"4194304 65535\n", Note(4194304, 65535)),
        (b"7 0", Note(7, 0)),
        (b"", None),
        (b"\n", None),
        (b"0", None),
        (b"-7", None),
        (b"7 65536", None),
        (b"7  1", None),
        (b"7 1 1", None),
        (b"7 1\n\n", None),
        (b"7\n8", None),
        (b"\xd9\xa7", None),
        (b'{"pid": 7}', None),
        (b"1" * 64, None),
        (b"[" * 1024, None),
    ],
)
def test_a_note_is_one_line_and_anything_else_is_none(text: bytes, note: Note | None) -> None:
    assert parse_note(text) == note


def write(path: Path, content: bytes, mode: int = 0o644) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("content", [b"[" * 1024, b"7 7" + b" " * 5000, b"{" * 64, b"\xff" * 64])
def test_a_poisoned_file_is_a_lock_without_a_note(tmp_path: Path, content: bytes) -> None:
    lock = ScanLock(write(tmp_path / "lock", content))
    assert lock.owner() == "another process"
    assert lock.acquire()
    assert lock.held
    assert lock.monitor() is None
    assert parse_note((tmp_path / "lock").read_bytes()) == Note(os.getpid())
    lock.release()


def test_a_second_name_of_a_precious_file_is_refused(tmp_path: Path) -> None:
    precious = write(tmp_path / "precious", b"7 7")
    os.link(precious, tmp_path / "lock")
    lock = ScanLock(tmp_path / "lock")
    assert lock.acquire()
    assert not lock.held
    lock.note(3)
    assert precious.read_bytes() == b"7 7"


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
def test_a_file_that_is_not_in_its_place_any_more_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaced: bool
) -> None:
    path = write(tmp_path / "lock", b"")
    flock = fcntl.flock

    def slow(descriptor: int, operation: int) -> None:
        monkeypatch.undo()
        path.unlink()
        if replaced:
            write(tmp_path / "other", b"").rename(path)
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", slow)
    lock, second = ScanLock(path), ScanLock(path)
    assert lock.acquire()
    assert lock.held
    assert not second.acquire()
    lock.release()


def test_a_file_that_is_replaced_each_time_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "lock", b"")
    monkeypatch.setattr(fcntl, "flock", lambda *_: path.unlink())
    lock = ScanLock(path)
    assert lock.acquire()
    assert not lock.held
    assert "no scan lock" in caplog.text


@pytest.mark.parametrize("mode", [0o666, 0o664])
def test_a_handle_that_others_may_have_noted_does_not_count(tmp_path: Path, mode: int) -> None:
    lock = ScanLock(write(tmp_path / "lock", b"1 7\n", mode))
    assert lock.acquire()
    assert lock.monitor() is None
    lock.release()


def test_a_handle_in_the_file_of_another_user_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "lock", b"1 7\n")
    real = os.fstat

    def of_a_stranger(descriptor: int) -> os.stat_result:
        return os.stat_result([*real(descriptor)[:4], 4711, *real(descriptor)[5:]])

    lock = ScanLock(path)
    assert lock.acquire()
    assert lock.monitor() == 7
    monkeypatch.setattr(os, "fstat", of_a_stranger)
    monkeypatch.setattr(os, "geteuid", lambda: 4712)
    assert lock.monitor() is None
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert lock.monitor() == 7
    lock.release()


def test_a_file_that_may_only_be_read_is_locked_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "lock", b"1 7\n")
    real = os.open

    def not_ours(file: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_ACCMODE != os.O_RDONLY:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(file, flags, mode)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", not_ours)
        lock = ScanLock(path)
        assert lock.acquire()
        assert lock.held
        lock.note(3)
    assert path.read_bytes() == b"1 7\n"
    assert caplog.text == ""
    assert not ScanLock(path).acquire()
    lock.release()


def test_the_owner_is_who_holds_it_and_not_who_a_file_claims(tmp_path: Path) -> None:
    path = write(tmp_path / "lock", b"")
    lock = ScanLock(path)
    lock.acquire()
    if not Path("/proc/locks").is_file() or f":{path.stat().st_ino} " not in Path("/proc/locks").read_text():
        pytest.skip("this kernel does not tell")
    path.write_text("1\n")
    assert ScanLock(path).owner() == f"process {os.getpid()}"
    lock.release()
