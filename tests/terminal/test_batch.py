"""`decode --batch`, line by line."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.terminal.batch import LONGEST_LINE, answer_batch

REQUEST, RESPONSE = "300313b20006654a", "30030c014601f80000c2840000c34d96d6"
GOOD = {"id": "a", "type": "RNG_BATT", "request": REQUEST, "response": RESPONSE}


def answers(*lines: bytes) -> list[dict[str, Any]]:
    out = io.StringIO()
    answer_batch(io.BytesIO(b"".join(lines)), out)
    return [json.loads(line, parse_constant=pytest.fail) for line in out.getvalue().splitlines()]


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def test_a_good_frame_gives_its_values() -> None:
    (answer,) = answers(line(**GOOD))

    assert (answer["id"], answer["ok"]) == ("a", True)
    assert answer["values"]["current"] == 3.26
    assert set(answer) == {"id", "ok", "values"}


def test_each_line_is_answered_in_order_whatever_the_others_hold() -> None:
    found = answers(
        line(**GOOD),
        b"not json\n",
        line(**{**GOOD, "id": 2, "response": RESPONSE[:-2] + "00"}),
        b"\n  \r\n",
        line(**{**GOOD, "id": 3, "response": "zz"}),
        line(**{**GOOD, "id": 4}).rstrip(),  # without an end of line
    )

    assert [(each["id"], each["ok"]) for each in found] == [
        ("a", True),
        (None, False),
        (2, False),
        (3, False),
        (4, True),
    ]
    assert all(("values" in each) == each["ok"] != ("error" in each) for each in found)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"type": "RNG_TEA"}, "type 'RNG_TEA' is not one of RNG_CTRL, "),
        ({"type": None}, "type is missing"),
        ({"type": 3}, "type is no text"),
        ({"response": None}, "response is missing"),
        ({"response": ""}, "no octets"),
        ({"response": [48, 3]}, "response is no text"),
        ({"request": 7}, "request is no text"),
        ({"request": "3"}, "odd number"),
    ],
)
def test_what_is_wrong_with_a_line_is_told_with_its_id(wrong: dict[str, object], said: str) -> None:
    (answer,) = answers(line(**{**GOOD, **wrong}))

    assert (answer["id"], answer["ok"]) == ("a", False)
    assert said in answer["error"]


@pytest.mark.parametrize(
    "octets",
    [
        b"[1]\n",
        b"null\n",
        b"\xff\xfe\n",
        b"{" * 60_000 + b"\n",
        b"[" * 60_000 + b"\n",
        b"1" * 5_000 + b"\n",
        b'{"id": {"a": 1}}\n',
        b'{"id": NaN}\n',
        b'{"id": 1e999}\n',
    ],
    ids=["list", "null", "not utf-8", "braces", "brackets", "a long number", "id object", "id nan", "id inf"],
)
def test_a_line_without_a_usable_id_is_answered_with_null(octets: bytes) -> None:
    broken, good = answers(octets, line(**GOOD))

    assert (broken["id"], broken["ok"]) == (None, False)
    assert good["ok"] is True


@pytest.mark.parametrize("absent", [{"request": None}, {"request": ""}, {}])
def test_a_request_may_be_missing(absent: dict[str, object]) -> None:
    fields = {key: value for key, value in GOOD.items() if key != "request"}
    (answer,) = answers(line(**fields, **absent))

    assert answer["values"]["voltage"] == 50.4


@pytest.mark.parametrize("surplus", [0, 1, 2, LONGEST_LINE, 10 * LONGEST_LINE])
def test_a_line_that_is_too_long_is_refused_and_the_next_one_is_not_touched(surplus: int) -> None:
    short = line(**GOOD, pad="")
    padded = line(**GOOD, pad="x" * (LONGEST_LINE - len(short) + 1 + surplus))
    long, good = answers(padded, short)

    assert long["ok"] is (surplus == 0)
    assert good["ok"] is True
    if surplus:
        assert "longer than 65536" in long["error"]


def test_each_answer_is_written_before_the_next_line_is_read() -> None:
    out = io.StringIO()
    seen: list[int] = []

    class Source(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            seen.append(out.getvalue().count("\n"))
            return super().readline(size)

    answer_batch(Source(line(**GOOD) * 3), out)

    assert seen == [0, 1, 2, 3]


@given(st.binary(max_size=200))
def test_any_octets_get_an_answer_per_line(octets: bytes) -> None:
    found = answers(octets)

    assert len(found) == sum(not each.isspace() for each in octets.split(b"\n") if each)
    assert not any(each["ok"] for each in found)
