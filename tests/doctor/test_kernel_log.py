"""Complaints of the kernel about Bluetooth."""

import time
from unittest import mock

import pytest
from doctor.place import Place

from renogybt.doctor import kernel_log
from renogybt.doctor.findings import Verdict
from renogybt.doctor.kernel_log import Message, judge, parse_records

NOW_S = 5000.0


@pytest.mark.parametrize(
    "text",
    [
        "Bluetooth: hci0: command 0x0c03 tx timeout",
        "Bluetooth: hci0: Opcode 0x200e failed: -110",
        "Bluetooth: hci0: Frame reassembly failed (-84)",
        "Bluetooth: hci0: hardware error 0x00",
        "Bluetooth: hci0: BCM: firmware Patch file not found, tried:",
        "Bluetooth: hci0: link tx timeout",
    ],
)
def test_what_a_stuck_controller_leaves_behind_is_a_problem_while_it_is_fresh(text: str) -> None:
    fresh = judge([Message(NOW_S - 60, text)], NOW_S)
    old = judge([Message(NOW_S - 3600, text)], NOW_S)

    assert (fresh.verdict, old.verdict) == (Verdict.PROBLEM, Verdict.NOTE)
    assert text in fresh.text
    assert "renogybt reset-adapter" in fresh.advice


@pytest.mark.parametrize(
    "text",
    [
        "Bluetooth: hci0: BCM: chip id 107",
        "Bluetooth: MGMT ver 1.23",
        "mmc0: command tx timeout",
        "usb 1-1: device descriptor read/64, error -110",
    ],
)
def test_other_messages_are_none(text: str) -> None:
    assert judge([Message(NOW_S - 1, text)], NOW_S).verdict is Verdict.OK


def test_the_latest_decides() -> None:
    text = "Bluetooth: hci0: hardware error 0x00"
    row = judge([Message(NOW_S - 60, text), Message(NOW_S - 4000, text)], NOW_S)

    assert row.verdict is Verdict.PROBLEM
    assert row.text.startswith("2 complaints about Bluetooth, the last 1 minutes ago")


def test_a_record_has_its_time_and_its_text_without_what_belongs_to_it() -> None:
    record = "3,1024,4990000000,-;Bluetooth: hci0: a;b\n SUBSYSTEM=bluetooth\n DEVICE=+bluetooth:hci0\n"

    assert list(parse_records(record)) == [Message(4990.0, "Bluetooth: hci0: a;b")]
    assert list(parse_records("rubbish\n;\n")) == []


async def test_the_kernel_itself_is_asked_first(bare: Place) -> None:
    at = int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6)
    bare.write("dev/kmsg", f"6,1,1,-;Linux version\n3,2,{at},-;Bluetooth: hci0: hardware error 0x00\n")

    assert (await bare.rows())["kernel messages"].verdict is Verdict.PROBLEM


JOURNAL = """\
[    0.000000] pi kernel: Linux version 6.12
[  12.500000] pi kernel: Bluetooth: hci0: command 0x0c03 tx timeout
"""


@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        (f"#!/bin/sh\ncat <<'E'\n{JOURNAL}E\n", Verdict.PROBLEM),
        ("#!/bin/sh\nexit 1\n", Verdict.UNKNOWN),
        (None, Verdict.UNKNOWN),
    ],
    ids=["journal", "not allowed", "no journal"],
)
async def test_where_the_kernel_may_not_be_asked_the_journal_is(
    bare: Place, monkeypatch: pytest.MonkeyPatch, program: str | None, verdict: Verdict
) -> None:
    (bare.root / "dev/kmsg").unlink()
    if program is not None:
        bare.write("journalctl", program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{bare.root}:/usr/bin:/bin" if program else str(bare.root))
    with mock.patch.object(kernel_log.time, "clock_gettime", return_value=20.0):
        row = (await bare.rows())["kernel messages"]

    assert row.verdict is verdict
