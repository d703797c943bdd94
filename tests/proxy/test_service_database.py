"""What clients were told of services is known after a restart."""

import asyncio
import contextlib
import errno
import json
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proxy.virtual_time import VirtualLoop

from renogybt.model.gatt import BASE_UUID, Characteristic, Descriptor, Property, Service
from renogybt.proxy.service_database import FILE, MOST_PERIPHERALS, SAVE_EVERY_S, ServiceDatabase

LAMP, CHARGER = 0xC4_4D_0A_10_5E_01, 0x6C_B2_FD_86_82_4D


def services(handle: int = 1) -> tuple[Service, ...]:
    """Two, of which the first has one of everything."""
    level = Characteristic(
        BASE_UUID.format(0x2A19),
        handle + 2,
        Property.READ | Property.NOTIFY,
        (Descriptor(BASE_UUID.format(0x2902), handle + 3), Descriptor(BASE_UUID.format(0x2904), handle + 4)),
    )
    return Service(BASE_UUID.format(0x180F), handle, (level,)), Service(BASE_UUID.format(0x1801), 99, ())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / FILE


def after(loop: VirtualLoop, database: ServiceDatabase, seconds: float = 0.0) -> None:
    """A run of this length, with its end."""

    async def work() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await database.run()

    loop.run_until_complete(work())


class Disk:
    """Counts what is renamed, and refuses to rename as long as it is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, full: bool = False) -> None:
        self.full = full
        self.written = 0
        rename = os.replace

        def replace(source: str, target: Path) -> None:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.written += 1
            rename(source, target)

        monkeypatch.setattr(os, "replace", replace)


# what is told


def test_nothing_is_told_of_a_peripheral_that_is_not_known(path: Path) -> None:
    assert ServiceDatabase(path).told(LAMP) == ()
    assert not path.exists()


def test_what_was_told_comes_back(virtual_loop: VirtualLoop, path: Path) -> None:
    database = ServiceDatabase(path)
    database.keep(LAMP, list(services()))
    database.keep(CHARGER, services(20))
    assert database.told(LAMP) == services()

    after(virtual_loop, database)
    again = ServiceDatabase(path)
    assert again.told(LAMP) == services()
    assert again.told(CHARGER) == services(20)


def test_only_what_was_told_last_counts(virtual_loop: VirtualLoop, path: Path) -> None:
    database = ServiceDatabase(path)
    database.keep(LAMP, services())
    database.keep(LAMP, services(40))
    after(virtual_loop, database)
    assert ServiceDatabase(path).told(LAMP) == services(40)


def test_what_is_forgotten_is_forgotten_on_disk_too(virtual_loop: VirtualLoop, path: Path) -> None:
    first = ServiceDatabase(path)
    first.keep(LAMP, services())
    after(virtual_loop, first)

    second = ServiceDatabase(path)
    assert second.forget(LAMP)
    assert not second.forget(LAMP)
    assert second.told(LAMP) == ()
    after(virtual_loop, second)
    assert ServiceDatabase(path).told(LAMP) == ()


def test_the_longest_unused_goes_first(virtual_loop: VirtualLoop, path: Path) -> None:
    database = ServiceDatabase(path)
    for address in range(MOST_PERIPHERALS):
        database.keep(address, services())
    database.told(0)
    database.keep(1, services())
    database.keep(LAMP, services())
    database.keep(CHARGER, services())
    gone = [address for address in range(MOST_PERIPHERALS) if not database.told(address)]
    assert gone == [2, 3]

    after(virtual_loop, database)
    again = ServiceDatabase(path)
    again.keep(0x777, services())
    assert again.told(LAMP) == (), "used longest ago before the restart"
    assert again.told(CHARGER)


def test_a_file_with_more_peripherals_than_are_kept_loses_the_oldest(path: Path) -> None:
    many = {f"00:00:00:00:00:{each:02X}": [] for each in range(MOST_PERIPHERALS)}
    lamp = {"C4:4D:0A:10:5E:01": [[BASE_UUID.format(0x180F), 1, []]]}
    path.write_text(json.dumps({"version": 1, "peripherals": lamp | many}))
    assert ServiceDatabase(path).told(LAMP) == ()
    path.write_text(json.dumps({"version": 1, "peripherals": many | lamp}))
    assert ServiceDatabase(path).told(LAMP) == (Service(BASE_UUID.format(0x180F), 1, ()),)


def test_without_a_path_all_is_kept_in_memory(
    virtual_loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    database = ServiceDatabase(None)
    database.keep(LAMP, services())
    after(virtual_loop, database, 60)
    assert database.told(LAMP) == services()
    assert disk.written == 0


# when it is written


def test_a_change_is_on_disk_at_once_and_the_next_ones_together_later(
    virtual_loop: VirtualLoop, path: Path
) -> None:
    database = ServiceDatabase(path)
    running = virtual_loop.create_task(database.run())
    virtual_loop.advance(100)
    database.keep(LAMP, services())
    virtual_loop.advance(0.1)
    assert ServiceDatabase(path).told(LAMP)

    database.keep(CHARGER, services())
    virtual_loop.advance(SAVE_EVERY_S - 1)
    assert not ServiceDatabase(path).told(CHARGER)
    virtual_loop.advance(1)
    assert ServiceDatabase(path).told(CHARGER)
    running.cancel()
    virtual_loop.advance(0)


def test_it_is_written_at_most_every_15_s(
    virtual_loop: VirtualLoop, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    database = ServiceDatabase(path)
    running = virtual_loop.create_task(database.run())
    for second in range(1, 150):
        database.keep(LAMP, services(second))
        virtual_loop.advance(1)
    assert disk.written == 10
    running.cancel()
    virtual_loop.advance(0)
    assert ServiceDatabase(path).told(LAMP) == services(149)


def test_what_has_not_changed_is_not_written(
    virtual_loop: VirtualLoop, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    database = ServiceDatabase(path)
    database.keep(LAMP, services())
    after(virtual_loop, database)
    database.keep(LAMP, services())
    database.told(LAMP)
    after(virtual_loop, database, 60)
    after(virtual_loop, ServiceDatabase(path), 60)
    assert disk.written == 1


def test_being_asked_for_alone_is_written_only_at_the_end(
    virtual_loop: VirtualLoop, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    database = ServiceDatabase(path)
    database.keep(LAMP, services())
    database.keep(CHARGER, services())
    running = virtual_loop.create_task(database.run())
    for _ in range(50):
        virtual_loop.advance(60)
        database.told(LAMP)
    assert disk.written == 1
    running.cancel()
    virtual_loop.advance(0)
    assert disk.written == 2
    assert list(json.loads(path.read_text())["peripherals"])[-1] == "C4:4D:0A:10:5E:01"


async def test_the_newest_content_is_on_disk_when_the_end_comes_in_the_middle_of_a_save(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, rename = asyncio.get_running_loop(), os.replace
    under_way, last_written = asyncio.Event(), threading.Event()

    def replace(source: str, target: Path) -> None:
        if threading.current_thread() is threading.main_thread():
            rename(source, target)
            last_written.set()
        else:
            loop.call_soon_threadsafe(under_way.set)
            last_written.wait(0.2)  # the last save is to wait for this one
            rename(source, target)

    monkeypatch.setattr(os, "replace", replace)
    database = ServiceDatabase(path)
    database.keep(LAMP, services())
    running = asyncio.create_task(database.run())
    await under_way.wait()
    database.keep(LAMP, services(40))
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await loop.shutdown_default_executor()
    assert ServiceDatabase(path).told(LAMP) == services(40)


def test_a_full_disk_is_said_once_and_tried_again(
    virtual_loop: VirtualLoop, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    disk = Disk(monkeypatch, full=True)
    database = ServiceDatabase(path)
    database.keep(LAMP, services())
    running = virtual_loop.create_task(database.run())
    virtual_loop.advance(300)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "No space left on device" in caplog.text
    assert database.told(LAMP) == services()

    disk.full = False
    virtual_loop.advance(SAVE_EVERY_S)
    assert ServiceDatabase(path).told(LAMP) == services()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    running.cancel()
    virtual_loop.advance(0)
    assert disk.written == 1


def test_a_folder_that_cannot_be_written_costs_one_line(
    virtual_loop: VirtualLoop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / FILE
    database = ServiceDatabase(place)
    caplog.clear()
    database.keep(LAMP, services())
    after(virtual_loop, database, 300)
    assert database.told(LAMP) == services()
    assert len(caplog.records) == 1
    assert "state_dir" in caplog.text


def test_all_that_is_written_can_be_read_again(virtual_loop: VirtualLoop, path: Path) -> None:
    large = tuple(
        Service(BASE_UUID.format(each), each, (Characteristic(BASE_UUID.format(1), 5, Property.READ),))
        for each in range(1, 1500)
    )
    database = ServiceDatabase(path)
    for address in range(30):
        database.keep(address, large)
    after(virtual_loop, database)
    assert path.stat().st_size < 1_000_000
    again = ServiceDatabase(path)
    found = [address for address in range(30) if again.told(address)]
    assert found
    assert found == list(range(found[0], 30)), "the longest unused are left out"


# damaged files

_ONE = BASE_UUID.format(0x180F)


def _file(*rows: object, version: object = 1, address: str = "C4:4D:0A:10:5E:01") -> bytes:
    return json.dumps({"version": version, "peripherals": {address: list(rows)}}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b"\xff\xfe",
        b"{}",
        b'{"version": 1}',
        b'{"version": 1, "peripherals": []}',
        b"[" * 100_000,
        b" " * 1_000_001,
        _file([_ONE, 1, []], version=2),
        _file([_ONE, 1, []], version=None),
        _file([_ONE, 1, []], address="lamp"),
        _file([_ONE, 1]),
        _file([_ONE, "1", []]),
        _file([_ONE, True, []]),
        _file([_ONE, 0x10000, []]),
        _file([_ONE, -1, []]),
        _file([_ONE, 1, None]),
        _file([_ONE.upper(), 1, []]),
        _file(["180f", 1, []]),
        _file([180, 1, []]),
        _file([_ONE, 1, [[_ONE, 3, 256, []]]]),
        _file([_ONE, 1, [[_ONE, 3, 2, [[_ONE]]]]]),
    ],
)
def test_a_damaged_file_is_said_once_put_aside_and_begun_anew(
    virtual_loop: VirtualLoop, path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(content)
    database = ServiceDatabase(path)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "restart Home Assistant" in caplog.text
    assert len(caplog.records[0].getMessage()) < 500
    assert database.told(LAMP) == ()
    assert path.with_name("services.json.damaged").read_bytes() == content

    database.keep(LAMP, services())
    after(virtual_loop, database)
    assert ServiceDatabase(path).told(LAMP) == services()
    assert len(caplog.records) == 1


def test_a_damaged_file_that_cannot_be_put_aside_stops_nothing(
    virtual_loop: VirtualLoop, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text("{")

    def refuse(*_: object) -> Callable[[], None]:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "replace", refuse)
    database = ServiceDatabase(path)
    assert "cannot be put aside: Read-only file system" in caplog.text
    database.keep(LAMP, services())
    assert database.told(LAMP) == services()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.data())
def test_no_content_is_too_strange_to_start_with(path: Path, data: st.DataObject) -> None:
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.just(_ONE),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    )
    path.write_bytes(data.draw(st.binary(max_size=60) | values.map(lambda each: _file(each))))
    assert ServiceDatabase(path).told(CHARGER) == ()
