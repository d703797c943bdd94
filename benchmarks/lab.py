"""The program beside a real bluetoothd: in a guest of the lab (tests/lab/README.md), by both intakes."""

import json
import math
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import ROOT, Child, log_to_stderr
from benchmarks.table import Row, markdown
from benchmarks.targets import LAB_KEPT_PERCENT

LAB = ROOT / "scripts" / "lab.sh"
_NO_LAB = 69
_NOT_ROOTS = (
    "no guest starts where root's files are nobody's, as in this namespace; scripts/bench.sh lab is outside"
)
_LIMIT_S = 300
_REACHED = 0.95
"""Of the rate that was asked for; below that the name of a row says what was on air instead."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a guest tells of one intake at one rate: two windows, in this order.

    First the costs, while nobody listens but the program, and then what an independent listener at the same
    source was told (`witness_…`). All counts are advertisements.
    """

    intake: str
    """`mgmt` or `dbus`."""
    rate: int
    """Per second, about which was asked for."""
    elapsed_s: float
    sent: int
    delivered: int
    """Of these, how many reached the client."""
    spent_ns: Mapping[str, int]
    """Processor time, by the names of `PROCESSES`."""
    step_ms: float
    """In which the kernel of the guest keeps account of it; 0 where that is exact."""
    busy_percent: float
    """Of the one processor of the guest, with all that runs there."""
    rss_mb: float
    """Of the program."""
    witness_sent: int
    witness_told: int
    witness_told_delivered: int

    @property
    def per_s(self) -> float:
        """What was on air."""
        return self.sent / self.elapsed_s

    def cost(self, process: str) -> str:
        """µs per advertisement that it has to do with, with the standard deviation where that is a sample."""
        spent_us = self.spent_ns[process] / 1000
        count = max(self.sent if process in SERVICES else self.delivered, 1)
        if not self.step_ms:
            return f"{spent_us / count:.1f}"
        step_us = self.step_ms * 1000
        return f"{spent_us / count:.0f} ± {step_us * math.sqrt(max(spent_us / step_us, 1)) / count:.0f}"


SERVICES = ("bluetoothd", "dbus-daemon")
PROCESSES = ("program", "client", *SERVICES)
_NAMES = {"mgmt": "mgmt", "dbus": "D-Bus"}


def percent(part: int, whole: int) -> float:
    """Nothing of nothing is 0: who has heard nothing proves nothing."""
    return 100 * part / whole if whole else 0.0


class NoLab(Exception):  # noqa: N818 - no error, but a reason
    """This host has no lab; the text says why."""


def _lab(lab: Path, *arguments: str) -> None:
    """Raises NoLab, or RuntimeError with all that was said."""
    with Child([str(lab), *arguments], stderr=subprocess.PIPE) as run:
        output, errors = run.process.communicate()
    if run.process.returncode == _NO_LAB:
        raise NoLab(" ".join(errors.split()))
    if run.process.returncode:
        raise RuntimeError(f"lab.sh ended with {run.process.returncode}:\n{output}{errors}")


def measure(*, quick: bool, lab: Path = LAB, root: Path = Path("/")) -> list[Sample]:
    """Of one guest; empty where there is no lab, which is said on stderr."""
    command = [sys.executable, "-m", "benchmarks.in_lab", *(["--quick"] if quick else [])]
    try:
        _lab(lab, "status")
        if root.stat().st_uid:  # then `mount`, which is setuid, would not run as root in the guest
            raise NoLab(_NOT_ROOTS)
        with log_to_stderr("lab, both intakes"), tempfile.TemporaryDirectory(prefix="bench-") as folder:
            answer = Path(folder) / "samples.json"
            _lab(lab, "run", "-t", str(_LIMIT_S), "-s", folder, f"{shlex.join(command)} >{answer}")
            return [Sample(**each) for each in json.loads(answer.read_text())]
    except NoLab as why:
        print(f"the part lab is left out: {why}", file=sys.stderr)
        return []


def _row(sample: Sample) -> Row:
    missing = sample.per_s < _REACHED * sample.rate
    rate = f"{sample.rate:,}/s" + (f" (on air {sample.per_s:,.0f}/s)" if missing else "")
    if sample.intake == "mgmt":
        whole, kept = "was sent", percent(sample.delivered, sample.sent)
    else:
        whole, kept = "bluetoothd told", percent(sample.witness_told_delivered, sample.witness_told)
    what = f"{_NAMES[sample.intake]}, {rate}: of what {whole}, reached the client"
    return Row(what, [kept], "%", LAB_KEPT_PERCENT, digits=2)


def rows(samples: Sequence[Sample]) -> list[Row]:
    """What there are targets for."""
    return [_row(each) for each in samples]


_HEADS = ("path", "asked/s", "sent/s", "to client/s", *(f"{name} µs" for name in PROCESSES))
_MORE_HEADS = ("guest busy %", "RSS MB", "told of sent %", "reached of told %")
_NOTE = (
    "Processor time per advertisement: of program and client for each that reached the client,"
    " of the services for each that was sent; {}."
)


def _line(sample: Sample) -> Sequence[str]:
    shares = (
        percent(sample.witness_told, sample.witness_sent),
        percent(sample.witness_told_delivered, sample.witness_told),
    )
    return (
        _NAMES[sample.intake],
        f"{sample.rate:,}",
        f"{sample.per_s:,.0f}",
        f"{sample.delivered / sample.elapsed_s:,.0f}",
        *(sample.cost(name) for name in PROCESSES),
        f"{sample.busy_percent:.0f}",
        f"{sample.rss_mb:.1f}",
        *(f"{share:.2f}" for share in shares),
    )


def table(samples: Sequence[Sample]) -> str:
    """Everything that was measured; empty where nothing was."""
    if not samples:
        return ""
    step_ms = max(each.step_ms for each in samples)
    account = f"in steps of {step_ms:g} ms, ± one standard deviation" if step_ms else "by schedstat"
    return (
        markdown((*_HEADS, *_MORE_HEADS), [_line(each) for each in samples]) + f"\n\n{_NOTE.format(account)}"
    )
