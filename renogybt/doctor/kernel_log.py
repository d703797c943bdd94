"""What the kernel has complained about Bluetooth."""

import errno
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from renogybt.doctor.case import Case
from renogybt.doctor.command_output import command_output
from renogybt.doctor.findings import Finding, note, ok, problem, unknown
from renogybt.service.logs import printable

KERNEL_LOG = "kernel messages"
RECENT_S = 600.0
"""What is older than ten minutes has passed, or goes on and is there again."""
_ASK_S = 4.0
_LARGEST_RECORD = 8192
"""Of /dev/kmsg (Linux include/linux/printk.h, PRINTK_MESSAGE_MAX is less)."""
_RECORD = re.compile(r"\d+,\d+,(\d+),[^;]*;(.*)")
"""Priority, number, microseconds since boot (Linux Documentation/ABI/testing/dev-kmsg)."""
_JOURNAL = ("journalctl", "-k", "-b", "-q", "-n", "5000", "-o", "short-monotonic", "--no-pager")
_JOURNAL_LINE = re.compile(r"\[\s*(\d+\.\d+)\][^:]*: (.*)")

_TROUBLE = re.compile(
    r"tx timeout|Frame reassembly failed|failed: -\d+|failed \(-\d+\)|hardware error|link tx timeout"
    r"|firmware .*(?:not found|failed)"
)
"""What a controller that is stuck leaves behind (Linux net/bluetooth and drivers/bluetooth)."""
_OF_BLUETOOTH = re.compile(r"\b(?:Bluetooth|hci\d+|btusb|hci_uart)\b")
_ADVICE = (
    "a running service cures this by itself; else: renogybt reset-adapter. Where it comes back: another power"
    " supply or USB port, sudo apt full-upgrade for new firmware, a restart after some seconds without power"
)


class Message(NamedTuple):
    """One line; `at_s` in seconds since boot."""

    at_s: float
    text: str


async def kernel_log(case: Case) -> Iterable[Finding]:
    """From the kernel itself, else from the journal."""
    messages = _messages_of(case.machine.root / "dev/kmsg")
    if messages is None:
        messages = await _journal()
    if messages is None:
        return [
            unknown(
                KERNEL_LOG, "this user may read neither /dev/kmsg nor the journal", "sudo renogybt doctor"
            )
        ]
    return [judge(messages, time.clock_gettime(time.CLOCK_MONOTONIC))]


def judge(messages: Iterable[Message], now_s: float) -> Finding:
    """The latest complaint decides; `now_s` in seconds since boot."""
    troubles = [each for each in messages if _OF_BLUETOOTH.search(each.text) and _TROUBLE.search(each.text)]
    if not troubles:
        return ok(KERNEL_LOG, "no complaint about Bluetooth")
    last = max(troubles)
    age_s = max(0.0, now_s - last.at_s)
    many = f"{len(troubles)} complaints" if len(troubles) > 1 else "a complaint"
    text = f'{many} about Bluetooth, the last {age_s / 60:.0f} minutes ago: "{printable(last.text, 120)}"'
    return problem(KERNEL_LOG, text, _ADVICE) if age_s < RECENT_S else note(KERNEL_LOG, text)


def _messages_of(path: Path) -> list[Message] | None:
    """All records that the kernel still has; None where this user may not read them."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return list(_records(descriptor))
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _records(descriptor: int) -> Iterator[Message]:
    """Until there is none left; raises OSError. One reading gives one record."""
    while True:
        try:
            record = os.read(descriptor, _LARGEST_RECORD)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno == errno.EPIPE:  # it was overwritten; the next read begins with the oldest
                continue
            raise
        if not record:
            return
        yield from parse_records(record.decode(errors="replace"))


def parse_records(text: str) -> Iterator[Message]:
    """Of lines such as `6,339,5140900,-;text`; lines that go on with one begin with a blank."""
    for line in text.splitlines():
        if (found := _RECORD.match(line)) is not None:
            yield Message(int(found[1]) / 1e6, found[2])


async def _journal() -> list[Message] | None:
    text = await command_output(*_JOURNAL, timeout_s=_ASK_S)
    lines = (_JOURNAL_LINE.match(line) for line in text.splitlines())
    # without a single line of the kernel's: they are kept from this user
    return [Message(float(line[1]), line[2]) for line in lines if line] or None
