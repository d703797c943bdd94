"""Values for people and for programs."""

import io
import json

import pytest

from renogybt.model.quantity import Quantity, Value
from renogybt.terminal.values import in_words, plain, write_json, write_lines

VOLTAGE = Quantity("cell_voltage_0", "Cell 1 voltage", "V", decimals=3)


def written(values: dict[str, Value], encoding: str = "utf-8") -> str:
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    write_lines(values, out)
    out.flush()
    out.seek(0)
    return out.read()


def test_json_has_short_decimals() -> None:
    out = io.StringIO()
    write_json(
        {"current": 3.2600000000000002, "power": 0.1 + 0.2, "idle": -0.0, "days": (0.1 + 0.2, 1.0)}, out
    )

    assert out.getvalue() == '{"current": 3.26, "power": 0.3, "idle": 0.0, "days": [0.3, 1.0]}\n'


def test_json_keeps_what_is_no_fraction() -> None:
    values: dict[str, Value] = {
        "cell_count": 16,
        "problem": False,
        "problems": ("short circuit",),
        "model": "RBT",
    }

    assert json.loads(json.dumps(plain(values))) == {**values, "problems": ["short circuit"]}


def test_lines_are_aligned_and_have_units() -> None:
    lines = written({"current": 3.26, "battery_level": 99.6, "problem": False, "model": "RBT50LFP48S"})

    assert lines.splitlines() == [
        "current        3.26 A",
        "battery_level  99.6 %",
        "problem        no",
        "model          RBT50LFP48S",
    ]


def test_a_name_that_the_catalogue_lacks_goes_without_a_unit() -> None:
    assert written({"tea": 3}) == "tea  3\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_degrees_can_be_shown_everywhere(encoding: str) -> None:
    assert written({"temperature_0": 21.5}, encoding).endswith(" C\n" if encoding == "ascii" else " °C\n")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (3.3000000000000003, "3.3 V"),
        (3.2994, "3.299 V"),
        (-0.0, "0.0 V"),
        (12, "12 V"),
        (True, "yes V"),
        ((3.3, 3.25), "3.3, 3.25 V"),
        ("3\x1b[31m", "3?[31m V"),
    ],
)
def test_words_have_the_resolution_of_the_quantity_and_no_control_characters(
    value: Value, shown: str
) -> None:
    assert in_words(value, VOLTAGE) == shown


def test_a_whole_quantity_has_no_point_and_an_empty_list_says_so() -> None:
    assert in_words(64.0, Quantity("pv_power", "Solar power", "W")) == "64 W"
    assert in_words((), Quantity("problems", "Problems")) == "none"
