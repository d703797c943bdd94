"""What a guest of the lab has told, and a host without a lab."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks import lab
from benchmarks.__main__ import PARTS
from benchmarks.lab import Sample

GOOD = Sample(
    intake="mgmt",
    rate=1_000,
    elapsed_s=8.0,
    sent=8_000,
    delivered=7_990,
    spent_ns={"program": 400_000_000, "client": 80_000_000, "bluetoothd": 3_200_000_000, "dbus-daemon": 0},
    step_ms=10.0,
    busy_percent=80.0,
    rss_mb=38.5,
    witness_sent=3_000,
    witness_told=3_000,
    witness_told_delivered=3_000,
)
BY_DBUS = replace(GOOD, intake="dbus")


def script(folder: Path, text: str) -> Path:
    """Something in the place of lab.sh."""
    path = folder / "lab.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def cells(sample: Sample) -> dict[str, str]:
    """Its line of the table, by column."""
    heads, _rule, line = ([cell.strip() for cell in row.strip("|").split("|")] for row in shown(sample)[:3])
    return dict(zip(heads, line, strict=True))


def shown(sample: Sample) -> list[str]:
    return lab.table([sample]).splitlines()


def test_by_the_management_socket_what_was_sent_has_to_reach_the_client() -> None:
    less = replace(GOOD, delivered=7_919)
    assert [(row.values, row.verdict) for row in lab.rows([GOOD, less])] == [
        ([99.875], "ok"),
        ([98.9875], "missed"),
    ]


def test_by_dbus_what_bluetoothd_has_merged_is_not_the_programs_loss() -> None:
    [row] = lab.rows([replace(BY_DBUS, delivered=3_000, witness_told=900, witness_told_delivered=900)])
    assert (row.values, row.verdict) == ([100.0], "ok")


def test_by_dbus_what_bluetoothd_has_told_has_to_reach_the_client() -> None:
    [row] = lab.rows([replace(BY_DBUS, witness_told_delivered=2_900)])
    assert row.verdict == "missed"


@pytest.mark.parametrize("silent", [replace(GOOD, sent=0, delivered=0), replace(BY_DBUS, witness_told=0)])
def test_where_nothing_was_heard_nothing_is_reached(silent: Sample) -> None:
    assert [row.verdict for row in lab.rows([silent])] == ["missed"]


def test_a_rate_that_the_guest_did_not_reach_is_named() -> None:
    [full, slow] = lab.rows([GOOD, replace(GOOD, sent=5_600, delivered=5_600)])
    assert "on air" not in full.what
    assert "1,000/s (on air 700/s)" in slow.what
    assert slow.verdict == "ok"


def test_the_program_pays_for_what_reached_the_client_and_bluetoothd_for_what_was_sent() -> None:
    found = cells(replace(BY_DBUS, delivered=4_000))
    assert (found["sent/s"], found["to client/s"]) == ("1,000", "500")
    assert found["program µs"].split()[0] == "100"
    assert found["bluetoothd µs"].split()[0] == "400"


def test_sampled_processor_time_comes_with_its_standard_deviation() -> None:
    # 40 samples of 10 ms are 40 ± sqrt(40); of a process that was never met there may have been one
    sampled = cells(replace(GOOD, delivered=4_000))
    assert (sampled["program µs"], sampled["dbus-daemon µs"]) == ("100 ± 16", "0 ± 1")
    assert cells(replace(GOOD, delivered=4_000, step_ms=0.0))["program µs"] == "100.0"


def test_the_note_says_how_processor_time_was_measured() -> None:
    assert "in steps of 10 ms" in shown(GOOD)[-1]
    assert "schedstat" in shown(replace(GOOD, step_ms=0.0))[-1]


def test_a_host_without_a_lab_leaves_the_part_out_and_says_why_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    samples = lab.measure(quick=True, lab=script(tmp_path, "echo 'lab.sh: not built; build it' >&2; exit 69"))
    assert lab.rows(samples) == []
    assert lab.table(samples) == ""
    assert capfd.readouterr() == ("", "the part lab is left out: lab.sh: not built; build it\n")


def test_a_lab_that_cannot_run_here_is_left_out_too(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    impossible = script(
        tmp_path, '[ "$1" = status ] && exit 0; echo "paths must not hold blanks" >&2; exit 69'
    )
    assert lab.measure(quick=True, lab=impossible) == []
    assert "left out: paths must not hold blanks" in capfd.readouterr().err


def test_where_an_ordinary_user_plays_root_no_guest_is_started(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if os.getuid() == 0:
        os.chown(tmp_path, 65534, 65534)
    lab_sh = script(tmp_path, '[ "$1" = status ] && exit 0; echo started >&2; exit 124')
    assert lab.measure(quick=True, lab=lab_sh, root=tmp_path) == []
    assert "left out: no guest starts where" in capfd.readouterr().err


def test_a_guest_that_dies_is_no_reason_to_leave_anything_out(tmp_path: Path) -> None:
    dying = script(tmp_path, '[ "$1" = status ] && exit 0; echo "Kernel panic"; exit 124')
    with pytest.raises(RuntimeError, match=r"(?s)124.*Kernel panic"):
        lab.measure(quick=True, lab=dying)


def test_samples_come_from_the_guest_by_the_folder_that_it_may_write_to(tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    told.write_text(json.dumps([asdict(GOOD), asdict(BY_DBUS)]))
    # lab.sh run -t SECONDS -s FOLDER COMMAND
    guest = script(tmp_path, f'[ "$1" = status ] && exit 0\necho "a warning"\ncp {told} "$5/samples.json"')
    assert lab.measure(quick=True, lab=guest) == [GOOD, BY_DBUS]


def test_the_lab_is_the_last_part() -> None:
    """It may end with an error, which should cost nobody else his numbers."""
    assert list(PARTS)[-1] == "lab"
