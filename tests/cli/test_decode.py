"""`decode`: what a frame means, one or many."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cli.program import DEADLINE_S, MODULE, ROOT, Ended, run, started

VECTORS: list[dict[str, Any]] = json.loads((ROOT / "tests" / "vectors" / "renogy.json").read_text())
REQUEST, RESPONSE = "300313b20006654a", "30030c014601f80000c2840000c34d96d6"
TYPES = ("RNG_CTRL", "RNG_CTRL_HIST", "RNG_BATT", "RNG_BATT_PRO", "RNG_INVT", "RNG_DCC", "RNG_SHNT")


async def decode(cwd: Path, *arguments: str) -> Ended:
    ended = await run("decode", *arguments, cwd=cwd, command=MODULE)
    assert "Traceback" not in ended.err
    return ended


async def test_a_line_per_value_with_its_unit(tmp_path: Path) -> None:
    ended = await decode(tmp_path, "--type", "RNG_BATT", "--request", REQUEST, "--response", RESPONSE)

    assert (ended.code, ended.err) == (0, "")
    assert [line.split() for line in ended.out.splitlines()] == [
        ["function", "READ"],
        ["device_id", "48"],
        ["current", "3.26", "A"],
        ["voltage", "50.4", "V"],
        ["remaining_charge", "49.796", "Ah"],
        ["capacity", "49.997", "Ah"],
        ["power", "164.3", "W"],
        ["battery_level", "99.6", "%"],
    ]


async def test_one_object_on_demand(tmp_path: Path) -> None:
    arguments = ("--type", "rng_batt", "--request", REQUEST, "--response", RESPONSE, "--json")
    ended = await decode(tmp_path, *arguments)

    assert (ended.code, ended.err) == (0, "")
    assert '"current": 3.26,' in ended.out
    assert json.loads(ended.out)["remaining_charge"] == 49.796


@pytest.mark.parametrize(
    "written", ["30 03 0c 0146 01f8 0000c284 0000c34d 96d6", f"0x{RESPONSE}", f" {RESPONSE.upper()}"]
)
async def test_hex_may_be_written_in_several_ways(tmp_path: Path, written: str) -> None:
    ended = await decode(tmp_path, "--type", "RNG_BATT", "--request", REQUEST, "--response", written)

    assert ended.code == 0
    assert "3.26 A" in ended.out


REFUSED = {
    "crc": (REQUEST, RESPONSE[:-2] + "d7", "CRC"),
    "unit id": ("310313b20006649b", RESPONSE, "unit"),
    "byte count": ("300313b20007a48a", RESPONSE, "byte count"),
    "function": ("ff06010a00017c2a", RESPONSE, ""),
    "exception": ("0103000a0001a408", "018302c0f1", "2"),
    "exception by name": ("0103000a0001a408", "018302c0f1", "illegal data address"),
    "cut": (REQUEST, RESPONSE[:20], ""),
    "two frames": (REQUEST, RESPONSE * 2, ""),
}


@pytest.mark.parametrize("extra", [(), ("--json",)], ids=["lines", "json"])
@pytest.mark.parametrize(("request_hex", "response_hex", "said"), REFUSED.values(), ids=REFUSED)
async def test_a_frame_that_does_not_fit_is_1_with_a_reason_and_never_a_value(
    tmp_path: Path, request_hex: str, response_hex: str, said: str, extra: tuple[str, ...]
) -> None:
    arguments = ("--type", "RNG_BATT", "--request", request_hex, "--response", response_hex, *extra)
    ended = await decode(tmp_path, *arguments)

    assert (ended.code, ended.out) == (1, "")
    assert len(ended.err.splitlines()) == 1
    assert ended.err.startswith("renogybt: ")
    assert said.lower() in ended.err.lower()


WRONG_USAGE = {
    "nothing": ((), "one of the arguments --response --batch is required"),
    "no response": (("--type", "RNG_BATT"), "one of the arguments --response --batch is required"),
    "no type": (("--response", RESPONSE), "--response needs --type: RNG_CTRL, "),
    "unknown type": (("--type", "RNG_TEA", "--response", RESPONSE), ", ".join(map(repr, TYPES[:2]))),
    "odd": (("--type", "RNG_BATT", "--response", "303"), "'303' has an odd number of digits"),
    "no hex": (("--type", "RNG_BATT", "--response", "hello!"), "'hello!' is not hexadecimal"),
    "empty": (("--type", "RNG_BATT", "--response", ""), "there are no octets"),
    "bad request": (
        ("--type", "RNG_BATT", "--request", "xx", "--response", RESPONSE),
        "--request: 'xx' is not",
    ),
    "both": (("--batch", "-", "--response", RESPONSE), "not allowed with"),
    "type of a batch": (("--batch", "-", "--type", "RNG_BATT"), "stand in each line"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG_USAGE.values(), ids=WRONG_USAGE)
async def test_a_wrong_command_line_is_64(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    ended = await decode(tmp_path, *arguments)

    assert (ended.code, ended.out) == (64, "")
    assert ended.err.startswith("usage: renogybt")
    assert said in ended.err.splitlines()[-1].replace('"', "'")


async def test_an_unknown_type_is_told_with_all_types(tmp_path: Path) -> None:
    ended = await decode(tmp_path, "--type", "RNG_TEA", "--response", RESPONSE)

    assert all(each in ended.err.splitlines()[-1] for each in TYPES)


async def test_no_configuration_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "config.ini").write_text("nonsense")
    ended = await decode(tmp_path, "--type", "RNG_BATT", "--response", RESPONSE)

    assert (ended.code, ended.err) == (0, "")


def batch_of_vectors() -> str:
    return "".join(
        json.dumps(
            {
                "id": each["id"],
                "type": each["type"],
                "request": each["request_hex"],
                "response": each["response_hex"],
            }
        )
        + "\n"
        for each in VECTORS
    )


async def test_all_vectors_in_one_batch(tmp_path: Path) -> None:
    (tmp_path / "frames.jsonl").write_text(batch_of_vectors())
    ended = await decode(tmp_path, "--batch", "frames.jsonl")

    assert (ended.code, ended.err) == (0, "")
    answers = [json.loads(line) for line in ended.out.splitlines()]
    assert [each["id"] for each in answers] == [each["id"] for each in VECTORS]
    for answer, vector in zip(answers, VECTORS, strict=True):
        assert answer["ok"] is (vector["kind"] != "exception"), answer
        if answer["ok"]:
            compare(answer["values"], vector["expected"])


def compare(values: dict[str, Any], expected: dict[str, Any]) -> None:
    tolerances = {"battery_level": 0.05, "power": 0.01, "charge_watts": 0.01}
    for name, value in expected.items():
        if isinstance(value, str | bool):
            assert values[name] == value, name
        else:
            assert values[name] == pytest.approx(value, abs=tolerances.get(name, 1e-6)), name


async def test_a_batch_from_stdin_with_bad_lines_is_answered_line_by_line(tmp_path: Path) -> None:
    good = json.dumps({"id": 1, "type": "RNG_BATT", "request": None, "response": RESPONSE})
    lines = [good, "{", good.replace("d6", "d7"), good]
    process = await asyncio.create_subprocess_exec(
        *MODULE,
        *("decode", "--batch", "-", "--json"),
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(DEADLINE_S):
        out, err = await process.communicate("\n".join(lines).encode())

    answers = [json.loads(line) for line in out.splitlines()]
    assert (process.returncode, err) == (0, b"")
    assert [(each["id"], each["ok"]) for each in answers] == [(1, True), (None, False), (1, False), (1, True)]
    assert "CRC" in answers[2]["error"]


async def test_answers_come_while_the_batch_is_still_open(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *MODULE,
        *("decode", "--batch", "-"),
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        for number in range(3):
            line = json.dumps({"id": number, "type": "RNG_BATT", "response": RESPONSE})
            process.stdin.write(line.encode() + b"\n")
            assert json.loads(await process.stdout.readline())["id"] == number
        process.stdin.close()
        assert await process.wait() == 0


@pytest.mark.parametrize("name", ["nowhere.jsonl", "."])
async def test_a_batch_that_cannot_be_read_is_1(tmp_path: Path, name: str) -> None:
    ended = await decode(tmp_path, "--batch", name)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"renogybt: {name}: ")
    assert len(ended.err.splitlines()) == 1


async def test_an_empty_batch_is_good(tmp_path: Path) -> None:
    async with started("decode", "--batch", "-", cwd=tmp_path, command=MODULE) as program:
        ended = await program.end()

    assert (ended.code, ended.out, ended.err) == (0, "", "")
