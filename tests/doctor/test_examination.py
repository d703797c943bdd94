"""All checks together: none holds the others up, and none breaks them."""

import asyncio
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from queue import Queue

import pytest
from doctor.place import LISTEN, Place, by_name, problems_in, script, start

from renogybt.bluetooth.budget import boot_id, seconds_since_boot
from renogybt.doctor.case import Case
from renogybt.doctor.examination import CHECKS, Check, examine
from renogybt.doctor.findings import Finding, Verdict, note, ok, problem, problems, unknown
from renogybt.model.errors import RenogyBTError

FINE = Check(("fine",), work=lambda _case: [ok("fine", "it is")])


async def test_a_disk_that_never_answers_costs_its_rows_only(bare: Place) -> None:
    for_ever = threading.Event()

    def hang(_case: Case) -> Iterable[Finding]:
        for_ever.wait()
        return ()

    checks = (Check(("slow", "slower"), work=hang), FINE)
    rows = by_name(await examine(bare.machine, bare.question, checks, check_s=0.05))
    for_ever.set()

    assert rows["slow"].verdict is rows["slower"].verdict is Verdict.UNKNOWN
    assert "0.05 s" in rows["slow"].text
    assert rows["fine"].verdict is Verdict.OK


HANGING = """
import asyncio, threading
from renogybt.doctor.beside import beside

async def main():
    try:
        async with asyncio.timeout(0.1):
            await beside(threading.Event().wait)
    except TimeoutError:
        print("given up")

asyncio.run(main())
"""


def test_a_check_that_hangs_does_not_keep_the_program_from_ending() -> None:
    ended = subprocess.run([sys.executable, "-c", HANGING], capture_output=True, timeout=10, check=True)

    assert ended.stdout == b"given up\n"


async def test_an_await_that_never_ends_costs_its_row_only(bare: Place) -> None:
    async def hang(_case: Case) -> Iterable[Finding]:
        await asyncio.Event().wait()
        return ()

    rows = by_name(
        await examine(bare.machine, bare.question, (Check(("slow",), look=hang), FINE), check_s=0.05)
    )

    assert rows["slow"].verdict is Verdict.UNKNOWN
    assert rows["fine"].verdict is Verdict.OK


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), RenogyBTError("no way")])
async def test_what_the_machine_refuses_is_unknown(bare: Place, error: Exception) -> None:
    def refuse(_case: Case) -> Iterable[Finding]:
        raise error

    (row,) = await examine(bare.machine, bare.question, (Check(("closed",), work=refuse),))

    assert row.verdict is Verdict.UNKNOWN
    assert str(error) in row.text


async def test_a_mistake_in_a_check_is_loud_and_costs_its_row_only(
    bare: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def err(_case: Case) -> Iterable[Finding]:
        raise KeyError("mistake")

    told: Queue[type[BaseException]] = Queue()
    monkeypatch.setattr(threading, "excepthook", lambda hook: told.put(hook.exc_type))
    rows = by_name(await examine(bare.machine, bare.question, (Check(("broken",), work=err), FINE)))

    assert rows["broken"].verdict is Verdict.UNKNOWN
    assert "traceback" in rows["broken"].text
    assert rows["fine"].verdict is Verdict.OK
    # the thread tells its fault after it has told that there is none to wait for
    assert await asyncio.to_thread(told.get, timeout=5.0) is KeyError


async def test_a_folder_that_never_answers_leaves_the_defaults(bare: Place) -> None:
    def ports(case: Case) -> Iterable[Finding]:
        return [ok("port", str(case.proxy.native_api_port))]

    (row,) = await examine(bare.machine, bare.question, (Check(("port",), work=ports),), prepare_s=0.0)

    assert row.text == "6053"


async def test_every_check_delivers_the_rows_that_it_names(bare: Place) -> None:
    findings = await examine(bare.machine, bare.question)

    assert [finding.name for finding in findings] == [name for check in CHECKS for name in check.names]


def test_a_problem_without_advice_cannot_be_told() -> None:
    with pytest.raises(ValueError, match="without advice"):
        problem("name", "text", "")


def test_only_problems_count() -> None:
    assert problems([ok("a", ""), note("b", ""), unknown("c", ""), problem("d", "", "do")]) == 1


DO = re.compile(r"\b(?:sudo|chmod|rm|renogybt|docker run|restore|end|kill|plug|correct|connect|set|leave)\b")


async def test_every_problem_of_a_very_ill_machine_says_what_to_do(bare: Place) -> None:
    (bare.root / "sys/class/bluetooth").rename(bare.root / "sys/class/gone")
    (bare.root / "usr/libexec/bluetooth/bluetoothd").unlink()
    (bare.state / "identity.json").write_text("{")
    (bare.state / "noise.provisioned").touch()
    spent = [seconds_since_boot()] * 10
    (bare.state / "recovery.json").write_text(json.dumps({"boot": boot_id(), "resets": spent}))
    at = int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6)
    bare.write("dev/kmsg", f"3,2,{at},-;Bluetooth: hci0: hardware error 0x00\n")
    bare.enable("renogy-bt.service")
    bare.configure(enabled="false")
    bare.machine = replace(bare.machine, wall_clock=lambda: 0.0)
    earlier = script(bare.home / "old", LISTEN, own=False)
    with start(earlier, f"--port={bare.port}", cwd=bare.home / "old"):
        rows = await bare.rows()

    assert set(problems_in(rows)) == {
        "configuration",
        "encryption key",
        "identity",
        "d-bus",
        "bluetoothd",
        "adapter",
        "kernel messages",
        "recovery budget",
        "earlier programs",
        "processes",
        "port",
        "clock",
    }
    assert [name for name in problems_in(rows) if not DO.search(rows[name].advice)] == []
