import errno
import json
import logging
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from renogybt.readers.energy import EnergyTotals
from renogybt.readers.energy_file import SAVE_EVERY_S, EnergyLedger

KEY = "6cb2fd86824d-48"
OTHER = "6cb2fd86824d-49"
TOTALS = EnergyTotals(12.345678901234567, 3.5)


def ledger(path: Path | None) -> EnergyLedger:
    return EnergyLedger(path, wall=lambda: 1_795_000_000.0)


def kept(path: Path, **totals: EnergyTotals) -> None:
    """A file as it is after a run."""
    first = ledger(path)
    for key, each in totals.items():
        first.put(key, each)
    first.save(0.0, force=True)


def files(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "energy.json"


class Disk:
    """Refuses to rename as long as it is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = True
        rename = os.replace

        def replace(source: str, target: Path) -> None:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            rename(source, target)

        monkeypatch.setattr(os, "replace", replace)


# over a restart


def test_totals_come_back_to_the_last_digit(path: Path) -> None:
    kept(path, **{KEY: TOTALS, OTHER: EnergyTotals(0.0, 1e-9)})
    again = ledger(path)
    assert again.totals(KEY) == TOTALS
    assert again.totals(OTHER) == EnergyTotals(0.0, 1e-9)


def test_a_device_that_is_not_known_starts_at_zero(path: Path) -> None:
    assert ledger(path).totals(KEY) == EnergyTotals()
    assert not path.exists()


def test_a_device_that_is_no_longer_read_keeps_its_totals(path: Path) -> None:
    kept(path, **{KEY: TOTALS})
    kept(path, **{OTHER: EnergyTotals(1.0, 1.0)})
    assert ledger(path).totals(KEY) == TOTALS


def test_without_a_path_nothing_is_written() -> None:
    memory = ledger(None)
    memory.put(KEY, TOTALS)
    memory.save(0.0, force=True)
    assert memory.totals(KEY) == TOTALS


# when it is written


def test_it_is_written_at_most_once_a_minute_and_at_the_end(path: Path) -> None:
    energy = ledger(path)
    written = []
    for second in range(0, 301, 30):
        energy.put(KEY, EnergyTotals(float(second), 0.0))
        energy.save(float(second))
        written.append(ledger(path).totals(KEY).in_kwh)
    assert sorted(set(written)) == [0.0, 60.0, 120.0, 180.0, 240.0, 300.0]
    energy.put(KEY, EnergyTotals(301.0, 0.0))
    energy.save(301.0, force=True)
    assert ledger(path).totals(KEY).in_kwh == 301.0


def test_what_has_not_changed_is_not_written(path: Path) -> None:
    energy = ledger(path)
    energy.put(KEY, TOTALS)
    energy.save(0.0)
    path.unlink()
    energy.put(KEY, TOTALS)
    energy.save(1000.0, force=True)
    assert not path.exists()


def test_a_full_disk_is_said_once_and_tried_again_each_minute(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    disk = Disk(monkeypatch)
    energy = ledger(path)
    for second in range(0, 600, 30):
        energy.put(KEY, EnergyTotals(float(second), 0.0))
        energy.save(float(second))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "No space left" in caplog.text
    assert energy.totals(KEY).in_kwh == 570.0
    disk.full = False
    energy.save(570.0 + SAVE_EVERY_S)
    assert ledger(path).totals(KEY).in_kwh == 570.0
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


# damaged files


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"{}",
        b'{"totals": []}',
        b"[" * 100_000,
        b'{"totals": {}, "imported": 1}',
    ],
)
def test_a_damaged_file_is_kept_aside_and_counting_starts_at_zero(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(content)
    energy = ledger(path)
    assert energy.totals(KEY) == EnergyTotals()
    assert path.read_bytes() == content
    energy.put(KEY, TOTALS)
    energy.save(0.0)
    assert (path.parent / "energy.json.damaged").read_bytes() == content
    assert ledger(path).totals(KEY) == TOTALS
    assert "cannot be read" in caplog.text


def test_a_second_damaged_file_does_not_take_the_place_of_the_first(path: Path) -> None:
    for content in ("first", "second", "third"):
        path.write_text(content)
        kept(path, **{KEY: TOTALS})
    assert files(path.parent) == [
        "energy.json",
        "energy.json.damaged",
        "energy.json.damaged-2",
        "energy.json.damaged-3",
    ]
    assert (path.parent / "energy.json.damaged").read_text() == "first"


def test_a_damaged_file_that_cannot_be_moved_is_not_overwritten(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_path: Path, _target: object) -> Path:
        raise OSError(errno.EROFS, "Read-only file system")

    path.write_text("damaged")
    energy = ledger(path)
    energy.put(KEY, TOTALS)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        energy.save(0.0)
    assert path.read_text() == "damaged"
    assert "Read-only" in caplog.text
    energy.save(SAVE_EVERY_S)
    assert files(path.parent) == ["energy.json", "energy.json.damaged"]
    assert ledger(path).totals(KEY) == TOTALS


def test_one_damaged_entry_does_not_cost_the_others(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept(path, **{KEY: TOTALS, OTHER: TOTALS})
    content = json.loads(path.read_text())
    content["totals"][OTHER]["energy_in_kwh"] = -1
    path.write_text(json.dumps(content))
    energy = ledger(path)
    assert energy.totals(KEY) == TOTALS
    assert energy.totals(OTHER) == EnergyTotals()
    assert OTHER in caplog.text
    energy.put(OTHER, EnergyTotals(1.0, 1.0))
    energy.save(0.0)
    assert json.loads((path.parent / "energy.json.damaged").read_text()) == content


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=60) | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_whatever_the_file_holds_a_start_is_possible(path: Path, content: bytes | str) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert ledger(path).totals(KEY) == EnergyTotals()


# the earlier program's totals

EARLIER = {
    "bank_48": {"energy_in_kwh": 123.456, "energy_out_kwh": 98.7, "timestamp": "2025-11-01T10:00:00"},
    "bank_49": {"energy_in_wh": 5000, "energy_out_wh": 2500.0},
}
KEYS = {"bank_48": KEY, "bank_49": OTHER}


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    source = tmp_path / "config" / "energy_totals.json"
    source.parent.mkdir()
    source.write_text(json.dumps(EARLIER))
    return source


def test_the_totals_of_the_earlier_program_are_taken_over(path: Path, earlier: Path) -> None:
    energy = ledger(path)
    energy.import_once(earlier, KEYS)
    energy.save(0.0)
    again = ledger(path)
    assert again.totals(KEY) == EnergyTotals(123.456, 98.7)
    assert again.totals(OTHER) == EnergyTotals(5.0, 2.5)
    assert json.loads(earlier.read_text()) == EARLIER


def test_they_are_taken_over_once(path: Path, earlier: Path, caplog: pytest.LogCaptureFixture) -> None:
    energy = ledger(path)
    energy.import_once(earlier, KEYS)
    energy.put(KEY, EnergyTotals(200.0, 100.0))
    energy.save(0.0)
    caplog.clear()
    again = ledger(path)
    # the battery hangs on another hub now
    again.import_once(earlier, {"bank_48": "aabbccddeeff-48", "bank_49": OTHER})
    assert again.totals(KEY) == EnergyTotals(200.0, 100.0)
    assert again.totals("aabbccddeeff-48") == EnergyTotals()
    assert caplog.records == []


def test_what_was_counted_before_the_import_stays_counted(path: Path, earlier: Path) -> None:
    kept(path, **{KEY: EnergyTotals(1.0, 0.5)})
    energy = ledger(path)
    energy.import_once(earlier, KEYS)
    assert energy.totals(KEY) == EnergyTotals(124.456, 99.2)
    assert energy.totals(OTHER) == EnergyTotals(5.0, 2.5)


def test_the_same_name_is_not_taken_over_again_from_another_place(path: Path, earlier: Path) -> None:
    energy = ledger(path)
    energy.import_once(earlier, KEYS)
    moved = earlier.parent / "moved" / earlier.name
    moved.parent.mkdir()
    moved.write_bytes(earlier.read_bytes())
    energy.import_once(moved, KEYS)
    assert energy.totals(KEY) == EnergyTotals(123.456, 98.7)


def test_a_damaged_file_may_hold_an_earlier_import_so_that_there_is_none(
    path: Path, earlier: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text("damaged")
    energy = ledger(path)
    energy.import_once(earlier, KEYS)
    assert energy.totals(KEY) == EnergyTotals()
    assert "is not taken over" in caplog.text


@pytest.mark.parametrize(
    "entry",
    [
        None,
        5,
        [],
        {},
        {"energy_in_kwh": 5.0},
        {"energy_in_kwh": -1.0, "energy_out_kwh": 0.0},
        {"energy_in_kwh": "12", "energy_out_kwh": 0.0},
        {"energy_in_kwh": True, "energy_out_kwh": 0.0},
        {"energy_in_kwh": float("nan"), "energy_out_kwh": 0.0},
        {"energy_in_kwh": float("inf"), "energy_out_kwh": 0.0},
        {"energy_in_kwh": 10**400, "energy_out_kwh": 0.0},
    ],
)
def test_an_entry_without_usable_numbers_is_left_out_and_said(
    path: Path, earlier: Path, entry: object, caplog: pytest.LogCaptureFixture
) -> None:
    earlier.write_text(json.dumps(EARLIER | {"bank_48": entry}))
    energy = ledger(path)
    energy.import_once(earlier, KEYS)
    assert energy.totals(KEY) == EnergyTotals()
    assert energy.totals(OTHER) == EnergyTotals(5.0, 2.5)
    assert [record.levelname for record in caplog.records if "bank_48" in record.message] == ["WARNING"]


def test_names_of_another_alias_are_said_once(
    path: Path, earlier: Path, caplog: pytest.LogCaptureFixture
) -> None:
    energy = ledger(path)
    energy.import_once(earlier, {"garage_48": KEY})
    energy.save(0.0)
    ledger(path).import_once(earlier, {"garage_48": KEY})
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "bank_48, bank_49" in record.message
    assert "garage_48" in record.message


def test_when_the_alias_is_put_right_they_are_taken_over_after_all(path: Path, earlier: Path) -> None:
    energy = ledger(path)
    energy.import_once(earlier, {"garage_48": KEY})
    energy.save(0.0)
    again = ledger(path)
    again.import_once(earlier, KEYS)
    assert again.totals(KEY) == EnergyTotals(123.456, 98.7)


def test_all_batteries_together_are_no_device_of_their_own(
    path: Path, earlier: Path, caplog: pytest.LogCaptureFixture
) -> None:
    earlier.write_text(json.dumps(EARLIER | {"bank_combined": EARLIER["bank_48"]}))
    ledger(path).import_once(earlier, KEYS)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_without_an_earlier_file_nothing_is_said(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger(path).import_once(tmp_path / "energy_totals.json", KEYS)
    assert caplog.records == []


@pytest.mark.parametrize("content", ["", "[1]", "{"])
def test_an_earlier_file_that_is_damaged_is_said_and_left_alone(
    path: Path, earlier: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    earlier.write_text(content)
    ledger(path).import_once(earlier, KEYS)
    assert "energy_totals.json" in caplog.text
    assert earlier.read_text() == content


def test_a_file_that_is_far_too_large_is_not_read(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_text(" " * 2_000_000 + json.dumps({"totals": {}, "imported": {}}))
    assert ledger(path).totals(KEY) == EnergyTotals()
    assert "too large" in caplog.text


def test_a_file_without_word_of_an_import_is_good(path: Path) -> None:
    path.write_text(json.dumps({"totals": {KEY: {"energy_in_kwh": 1.5, "energy_out_kwh": 0.5}}}))
    assert ledger(path).totals(KEY) == EnergyTotals(1.5, 0.5)


def test_a_damaged_file_that_went_away_by_itself_does_not_stop_the_writing(path: Path) -> None:
    path.write_text("damaged")
    energy = ledger(path)
    path.unlink()
    energy.put(KEY, TOTALS)
    energy.save(0.0)
    assert ledger(path).totals(KEY) == TOTALS
