"""config.ini in the report."""

import base64
import os
from dataclasses import replace
from unittest import mock

from doctor.place import Place, by_name, problems_in

from renogybt.doctor import configuration
from renogybt.doctor.case import Question
from renogybt.doctor.examination import examine
from renogybt.doctor.findings import Verdict

KEY = base64.b64encode(bytes(range(32))).decode()


async def test_a_damaged_configuration_is_told_with_its_places(bare: Place) -> None:
    bare.config.write_text("[home_assistant_proxy]\nnative_api_port = 70000\nencryption = sometimes\n")
    rows = await bare.rows()

    assert "configuration" in problems_in(rows)
    assert f"{bare.config} line 2, [home_assistant_proxy] native_api_port" in rows["configuration"].text
    assert f"renogybt check-config {bare.config}" in rows["configuration"].advice


async def test_of_many_errors_some_are_told_and_the_others_counted(bare: Place) -> None:
    keys = ("native_api_port", "encryption", "scan_mode", "mdns", "state_dir", "enabled")
    bare.config.write_text("[home_assistant_proxy]\n" + "".join(f"{key} = ?\n" for key in keys[:5]))
    text = (await bare.rows())["configuration"].text

    assert text.count(" line ") == 3
    assert "more" in text


async def test_a_named_file_has_to_be_there_and_the_default_one_need_not(bare: Place) -> None:
    bare.config.unlink()
    named = (await bare.rows())["configuration"]
    unnamed = by_name(await examine(bare.machine, Question(bare.config)))["configuration"]

    assert (named.verdict, unnamed.verdict) == (Verdict.PROBLEM, Verdict.NOTE)
    assert unnamed.advice == f"cp config.ini.example {bare.config}"


async def test_the_configuration_of_the_service_comes_with_its_state_folder(bare: Place) -> None:
    path = bare.machine.service_configuration
    path.parent.mkdir()
    path.write_text(f"[home_assistant_proxy]\nnative_api_port = {bare.port}\n")
    asked = by_name(await examine(bare.machine, Question(path, named=True)))
    other = by_name(await examine(bare.machine, Question(bare.home / "none.ini")))

    assert asked["state folder"].text.startswith(str(bare.machine.service_state))
    assert other["configuration"].advice.endswith(f"sudo renogybt doctor {path}")


async def test_a_file_that_this_user_may_not_read_is_unknown(bare: Place) -> None:
    case = replace(bare.case(), errors=("cannot be read",))
    with mock.patch.object(configuration.os, "access", side_effect=lambda _path, mode: mode == os.F_OK):
        (row,) = configuration.configuration(case)

    assert row.verdict is Verdict.UNKNOWN
    assert row.advice == f"sudo renogybt doctor {bare.config}"


async def test_overrides_count_and_their_errors_as_well(bare: Place) -> None:
    question = replace(bare.question, overrides=("home_assistant_proxy.native_api_port=x",))

    assert "--set" in by_name(await examine(bare.machine, question))["configuration"].text


async def test_warnings_are_a_note(bare: Place) -> None:
    bare.configure(native_api_prot=1)
    row = (await bare.rows())["configuration"]

    assert row.verdict is Verdict.NOTE
    assert "native_api_prot" in row.text


async def test_a_key_in_a_file_that_everybody_may_read_is_a_problem_and_not_shown(bare: Place) -> None:
    bare.configure(encryption="key", encryption_key=KEY)
    bare.config.chmod(0o644)
    rows = await bare.rows()
    bare.config.chmod(0o640)
    closed = await bare.rows()

    assert rows["configuration"].advice == f"chmod o= {bare.config}"
    assert KEY not in str(rows)
    assert closed["configuration"].verdict is Verdict.OK
    assert closed["encryption key"].text == "fixed by config.ini"


async def test_a_proxy_that_is_switched_off_is_a_problem(bare: Place) -> None:
    bare.configure(enabled="false")

    assert "configuration" in problems_in(await bare.rows())
