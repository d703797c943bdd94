"""Wrong command lines, wrong configurations, and the small commands."""

import base64
from pathlib import Path

import pytest
from cli.program import MODULE, free_port, run, settings
from clients.serving import KEY

import renogybt
from renogybt.arguments import COMMANDS

WRONG_USAGE = {
    "unknown command": ("fly",),
    "unknown option": ("run", "--fly"),
    "unknown option without a command": ("--fly",),
    "command behind an option": ("--demo", "scan"),
    "no number": ("scan", "--seconds", "soon"),
    "no time": ("scan", "--seconds", "0"),
    "not a number": ("scan", "--seconds", "nan"),
    "unknown level": ("run", "--log-level", "loud"),
    "two files": ("run", "a.ini", "b.ini"),
    "read without end": ("read", "--seconds", "3"),
}


async def test_an_unknown_option_comes_with_the_way_to_the_known_ones(tmp_path: Path) -> None:
    ended = await run("--config", "mine.ini", cwd=tmp_path)
    assert (ended.code, ended.out) == (64, "")
    assert "`renogybt COMMAND --help` tells what there is" in ended.err


@pytest.mark.parametrize("arguments", WRONG_USAGE.values(), ids=WRONG_USAGE)
async def test_a_wrong_command_line_is_64(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = await run(*arguments, cwd=tmp_path, command=MODULE)

    assert (ended.code, ended.out) == (64, "")
    assert ended.err.startswith("usage: renogybt")
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("check_config",),
            "there is neither a command nor a file 'check_config'; did you mean check-config?",
        ),
        (("--demo", "scna"), "there is neither a command nor a file 'scna'; did you mean scan?"),
        (
            ("fly",),
            "there is neither a command nor a file 'fly'; commands: " + ", ".join(COMMANDS),
        ),
        (("raed",), "there is neither a command nor a file 'raed'; did you mean read?"),
        (("decod",), "there is neither a command nor a file 'decod'; did you mean decode?"),
        (("--demo", "scan"), "scan is a command and comes first: renogybt scan ..."),
        (("run", "scan"), "scan is a command and comes first: renogybt scan ..."),
    ],
)
async def test_a_command_in_a_wrong_place_or_form_is_told(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    ended = await run(*arguments, cwd=tmp_path)

    assert (ended.code, ended.out) == (64, "")
    assert ended.err.splitlines()[-1] == f"renogybt: {said}"


async def test_a_file_may_be_called_like_a_command(tmp_path: Path) -> None:
    (tmp_path / "scan").write_text("[home_assistant_proxy]\nenabled = false\n")
    ended = await run("--demo", "scan", cwd=tmp_path)

    assert ended.code == 78
    assert "nothing to do" in ended.err


@pytest.mark.parametrize("arguments", [("run", "mine"), ("./scan",), ("scan.ini",), ("check-config", "mine")])
async def test_what_can_only_be_a_file_is_a_missing_file(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = await run(*arguments, cwd=tmp_path)

    assert (ended.code, ended.out) == (78, "")
    assert "does not exist" in ended.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("soon", "'soon' is no number of seconds"),
        ("", "'' is no number of seconds"),
        ("nan", "must be more than 0"),
    ],
)
async def test_what_is_wrong_with_seconds_is_told(tmp_path: Path, text: str, said: str) -> None:
    ended = await run("scan", "--seconds", text, cwd=tmp_path, command=MODULE)

    assert ended.code == 64
    assert ended.err.splitlines()[-1] == f"renogybt scan: argument --seconds: {said}"


async def test_help_and_version_are_data(tmp_path: Path) -> None:
    helped = await run("--help", cwd=tmp_path)
    version = await run("--version", cwd=tmp_path)

    assert (helped.code, helped.err) == (0, "")
    assert all(command in helped.out for command in COMMANDS)
    assert (version.code, version.out) == (0, f"renogybt {renogybt.__version__}\n")


async def test_generate_key_prints_a_key_and_never_the_same(tmp_path: Path) -> None:
    first, second = [await run("generate-key", cwd=tmp_path, command=MODULE) for _ in range(2)]

    assert (first.code, first.err) == (0, "")
    assert len(base64.b64decode(first.out.removesuffix("\n"), validate=True)) == 32
    assert first.out != second.out


BAD = """\
[home_assistant_proxy]
enabled = true
native_api_port = 70000
encryption = sometimes

[data]
temperature_unit = K

[device]
adapter = often
"""


@pytest.mark.parametrize("command", ["run", "read", "scan", "check-config"])
async def test_a_wrong_configuration_is_78_and_every_error_has_its_place(
    tmp_path: Path, command: str
) -> None:
    file = tmp_path / "wrong.ini"
    file.write_text(BAD)
    ended = await run(command, str(file), cwd=tmp_path, command=MODULE)

    assert (ended.code, ended.out) == (78, "")
    lines = ended.err.splitlines()
    for place, allowed in (
        (f"{file} line 3, [home_assistant_proxy] native_api_port: ", "65535"),
        (f"{file} line 4, [home_assistant_proxy] encryption: ", "provision"),
        (f"{file} line 7, [data] temperature_unit: ", "C, F"),
        (f"{file} line 10, [device] adapter: ", "hci0"),
    ):
        assert any(line.startswith(place) and allowed in line for line in lines), place
    assert len(lines) == 4


async def test_no_port_is_opened_for_a_wrong_configuration(tmp_path: Path) -> None:
    """Not even when the port is fine: what is in the way of it is not looked at."""
    ended = await run("--demo", *settings(tmp_path, free_port(), encryption="no"), cwd=tmp_path)

    assert ended.code == 78
    assert ended.err.startswith("--set, [home_assistant_proxy] encryption: ")
    assert "ready" not in ended.err
    assert list(tmp_path.iterdir()) == []


async def test_a_missing_file_is_78(tmp_path: Path) -> None:
    for arguments in ((), ("nowhere.ini",), ("check-config",), ("scan", "nowhere.ini"), ("read",)):
        ended = await run(*arguments, cwd=tmp_path)
        assert (ended.code, ended.out) == (78, ""), arguments
        assert ".ini" in ended.err
        assert "Traceback" not in ended.err


async def test_a_secret_in_a_wrong_place_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "config.ini"
    file.write_text(f"[home_assistant_proxy]\nencryption = key\nencryption_key = {KEY}x\n")
    ended = await run("check-config", cwd=tmp_path)

    assert ended.code == 78
    assert "line 3" in ended.err
    assert KEY[:20] not in ended.err


async def test_a_good_configuration_is_called_good(tmp_path: Path) -> None:
    (tmp_path / "config.ini").write_text("[home_assistant_proxy]\nnative_api_prot = 6053\n")
    ended = await run("check-config", cwd=tmp_path, command=MODULE)

    assert ended.code == 0
    assert "good" in ended.out
    assert "native_api_port" in ended.err  # the name that was meant


async def test_a_proxy_that_is_switched_off_is_told_as_the_reason(tmp_path: Path) -> None:
    ended = await run("--demo", "--set", "home_assistant_proxy.enabled=false", cwd=tmp_path)

    assert ended.code == 78
    assert "nothing to do: [home_assistant_proxy] enabled = false" in ended.err
    assert "Traceback" not in ended.err
