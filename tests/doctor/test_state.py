"""The state folder, the key, the identity and the budget: only looked at."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
from doctor.place import Place, problems_in

from renogybt.bluetooth.budget import MOST_RESETS, boot_id, seconds_since_boot
from renogybt.doctor import state
from renogybt.doctor.findings import Verdict
from renogybt.doctor.programs import Program

KEY = base64.b64encode(bytes(range(32))).decode()


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def give_key(place: Place, mode: int = 0o600, text: str = KEY) -> Path:
    path = place.state / "noise.key"
    path.write_text(text)
    path.chmod(mode)
    return path


async def test_a_folder_that_is_still_to_be_made_is_fine_and_is_not_made(bare: Place) -> None:
    bare.state.rmdir()
    bare.configure(scan_lock=bare.home / "lock", state_dir=bare.state / "deep")
    rows = await bare.rows()

    assert rows["state folder"].verdict is Verdict.OK
    assert "made at the first start" in rows["state folder"].text
    assert not bare.state.exists()


async def test_a_file_in_the_place_of_the_folder_is_a_problem(bare: Place) -> None:
    bare.state.rmdir()
    bare.state.write_text("")
    bare.configure(scan_lock=bare.home / "lock", state_dir=bare.state / "deep")
    row = (await bare.rows())["state folder"]

    assert row.verdict is Verdict.PROBLEM
    assert f"{bare.state} is no folder" in row.text


@pytest.mark.parametrize(
    ("owner", "verdict", "advice"),
    [(0, Verdict.PROBLEM, "sudo chown -R 1000 "), (994, Verdict.UNKNOWN, "run the doctor with sudo")],
    ids=["left by sudo", "of the service"],
)
def test_a_folder_of_root_is_given_to_the_user_and_that_of_the_service_left_to_it(
    bare: Place, owner: int, verdict: Verdict, advice: str
) -> None:
    status = mock.Mock(st_uid=owner, st_mode=0o40700)
    with (
        mock.patch.object(state.os, "access", return_value=False),
        mock.patch.object(state.os, "getuid", return_value=1000),
        mock.patch.object(state.Path, "stat", return_value=status),
    ):
        row = next(iter(state.state(bare.case())))

    assert row.verdict is verdict
    assert row.advice.startswith(advice)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660])
async def test_a_key_that_others_may_read_is_closed_by_one_command(bare: Place, mode: int) -> None:
    path = give_key(bare, mode)
    row = (await bare.rows())["encryption key"]

    assert (row.verdict, row.advice) == (Verdict.PROBLEM, f"chmod 600 {path}")
    assert KEY not in str(row)


async def test_a_key_of_its_owner_alone_is_fine(bare: Place) -> None:
    give_key(bare)

    assert (await bare.rows())["encryption key"].verdict is Verdict.OK


async def test_a_key_that_is_none_and_one_that_is_gone_are_problems(bare: Place) -> None:
    path = give_key(bare, text="rubbish")
    damaged = (await bare.rows())["encryption key"]
    path.unlink()
    (bare.state / "noise.provisioned").touch()
    gone = (await bare.rows())["encryption key"]

    assert (damaged.verdict, gone.verdict) == (Verdict.PROBLEM, Verdict.PROBLEM)
    assert "backup" in damaged.advice
    assert "noise.key is gone" in gone.text


async def test_a_key_that_this_user_may_not_read_is_unknown(bare: Place) -> None:
    give_key(bare)
    with mock.patch.object(state.Path, "read_text", side_effect=PermissionError(13, "Permission denied")):
        rows = {row.name: row for row in state.state(bare.case())}

    assert rows["encryption key"].verdict is Verdict.UNKNOWN
    assert "sudo" in rows["encryption key"].advice


async def test_no_encryption_is_a_note_where_it_is_wanted(bare: Place) -> None:
    bare.configure(encryption="off")

    assert (await bare.rows())["encryption key"].verdict is Verdict.NOTE


async def test_the_state_of_another_users_service_is_unknown(bare: Place) -> None:
    service = Program(7, own=True, command="unified_proxy.py")
    rows = {row.name: row for row in state.state(replace(bare.case(), service=service))}

    assert all(rows[name].verdict is Verdict.UNKNOWN for name in state.NAMES if name != "disk space")
    assert all("sudo" in rows[name].advice for name in state.NAMES if name != "disk space")


async def test_before_the_first_home_assistant_there_is_no_key(bare: Place) -> None:
    assert (await bare.rows())["encryption key"].verdict is Verdict.NOTE


async def test_a_damaged_identity_keeps_the_program_from_starting(bare: Place) -> None:
    path = bare.state / "identity.json"
    path.write_text("{")
    rows = await bare.rows()

    assert "identity" in problems_in(rows)
    assert f"rm {path}" in rows["identity"].advice
    assert path.read_text() == "{"


def budget(place: Place, *, boot: str, ages_s: list[float]) -> Path:
    path = place.state / "recovery.json"
    now = seconds_since_boot()
    path.write_text(json.dumps({"boot": boot, "resets": [now - age for age in ages_s]}))
    return path


@pytest.mark.parametrize(
    ("boot", "ages_s", "verdict"),
    [
        (boot_id(), [60.0] * MOST_RESETS, Verdict.PROBLEM),
        (boot_id(), [60.0] * (MOST_RESETS - 1), Verdict.NOTE),
        (boot_id(), [3700.0] * MOST_RESETS, Verdict.OK),
        ("another boot", [60.0] * MOST_RESETS, Verdict.OK),
        (boot_id(), [], Verdict.OK),
    ],
    ids=["used up", "nearly", "long ago", "before the boot", "none"],
)
async def test_a_budget_is_a_problem_when_it_is_used_up_within_the_hour(
    bare: Place, boot: str, ages_s: list[float], verdict: Verdict
) -> None:
    budget(bare, boot=boot, ages_s=ages_s)
    row = (await bare.rows())["recovery budget"]

    assert row.verdict is verdict
    if verdict is Verdict.PROBLEM:
        assert "the next one in 59 minutes" in row.text
        assert "renogybt reset-adapter --force" in row.advice


async def test_a_budget_has_the_limit_that_is_configured(bare: Place) -> None:
    bare.configure(health_reset_limit=2)
    budget(bare, boot=boot_id(), ages_s=[60.0] * 2)
    row = (await bare.rows())["recovery budget"]

    assert row.verdict is Verdict.PROBLEM
    assert "2 of 2 power cycles" in row.text


@pytest.mark.parametrize("text", ["{", "[]", '{"resets": "all"}', '{"resets": ["x"]}', "\xff"])
async def test_a_damaged_budget_is_left_to_the_program(bare: Place, text: str) -> None:
    (bare.state / "recovery.json").write_bytes(text.encode("latin-1"))
    row = (await bare.rows())["recovery budget"]

    assert row.verdict is Verdict.NOTE
    assert [path.name for path in bare.state.iterdir()] == ["recovery.json"]


async def test_nothing_is_changed_by_looking(bare: Place) -> None:
    give_key(bare, 0o644)
    (bare.state / "identity.json").write_text("{")
    budget(bare, boot=boot_id(), ages_s=[1.0])
    before = snapshot(bare.root.parent)
    await bare.rows()

    assert snapshot(bare.root.parent) == before


@pytest.mark.parametrize(
    ("free", "verdict"), [(10_000, Verdict.PROBLEM), (20_000_000, Verdict.NOTE), (10**9, Verdict.OK)]
)
def test_a_full_disk_is_a_problem(bare: Place, free: int, verdict: Verdict) -> None:
    with mock.patch.object(state.shutil, "disk_usage", return_value=mock.Mock(free=free)):
        rows = {row.name: row for row in state.state(bare.case())}

    assert rows["disk space"].verdict is verdict
