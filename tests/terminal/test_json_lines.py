"""`scan --json`, line by line."""

import io
import json

from renogybt.model.advertisement import RSSI_UNKNOWN, Advertisement
from renogybt.terminal.json_lines import write_json_lines


def test_a_line_is_ascii_and_holds_what_was_heard() -> None:
    name = "Küche [/b]".encode()
    data = bytes((len(name) + 1, 0x09)) + name
    out = io.StringIO()
    write_json_lines(
        [Advertisement(1, -58, 1, data), Advertisement(2, RSSI_UNKNOWN, 0, b"\x01")], 1.23456, out
    )

    first, second = out.getvalue().splitlines()
    assert out.getvalue().isascii()
    assert json.loads(first) == {
        "monotonic_s": 1.235,
        "address": "00:00:00:00:00:01",
        "address_type": "random",
        "rssi": -58,
        "name": "Küche [/b]",
        "data": data.hex(),
    }
    assert json.loads(second)["rssi"] is None
    assert json.loads(second)["name"] is None


def test_a_line_says_what_is_probably_of_renogy() -> None:
    out = io.StringIO()
    write_json_lines(
        [Advertisement(1, -58, 1, b"\x03\x09BT"), Advertisement(2, -58, 1, b"\x07\x09BT-TH-")], 1.0, out
    )

    other, module = (json.loads(line) for line in out.getvalue().splitlines())
    assert "renogy" not in other
    assert module["renogy"].startswith("Renogy Bluetooth module")
