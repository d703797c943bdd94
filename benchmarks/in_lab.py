"""What the program costs beside a real bluetoothd. Runs in a guest of the lab, see tests/lab/README.md.

`python -m benchmarks.in_lab [--quick]` prints a JSON list of `benchmarks.lab.Sample`.
"""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from world import world

from benchmarks.lab import SERVICES, Sample
from benchmarks.processes import Child, Program, cpu_ns, module, rss_mb
from benchmarks.rigs import configuration, free_port

_INTAKES = ("mgmt", "dbus")
_SCANNING = "scanning ("
_PATIENCE = 3
"""A guest may take longer for a start than the host is given."""
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_IDLE = 4
"""Which word of /proc/stat is the idle time of all processors."""


@dataclass(frozen=True, slots=True)
class Load:
    """About `rate` advertisements per second.

    What is in step with the guest's clock (100 Hz), by which processor time is sampled, would never be met by
    a sample. Numbers begin anew with each load, and the controller hides what an address sent before: with
    numbers of members that have no common divisor, the same number hardly comes from the same address.
    """

    rate: int
    per_s: int
    members: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The loads, and how long each lasts: until all have found their pace, for the costs, for the witness."""

    loads: Sequence[Load]
    settle_s: float
    cost_s: float
    share_s: float


_CALM, _LIVELY, _BUSY = Load(100, 103, 59), Load(300, 307, 61), Load(1_000, 1_009, 67)
_FULL = Plan((_CALM, _LIVELY, _BUSY), settle_s=1.0, cost_s=8.0, share_s=3.0)
_QUICK = Plan((_CALM, _BUSY), settle_s=1.0, cost_s=4.0, share_s=1.5)


@dataclass(frozen=True, slots=True)
class Scene:
    """The program by one of its intakes, its client, and an independent listener at the same source."""

    intake: str
    subject: Program
    client: Child
    witness: Child
    processes: Mapping[str, int]
    """All whose processor time is told (`benchmarks.lab.PROCESSES`), with their process ids."""


@dataclass(frozen=True, slots=True)
class Window:
    """The numbers of the advertisements that were sent in it, and what was spent meanwhile."""

    sent: range
    elapsed_s: float
    spent_ns: Mapping[str, int]
    busy_percent: float


def _wish(line: str) -> Any:
    return asyncio.run(world(line))


def _sent() -> int:
    return int(_wish("stats")["sent_by"].get("noise", 0))


def _pid_of(name: str) -> int:
    for comm in Path("/proc").glob("[0-9]*/comm"):
        if comm.read_text().strip() == name:
            return int(comm.parent.name)
    raise ProcessLookupError(name)


def _idle_s() -> float:
    return int(Path("/proc/stat").read_text().split()[_IDLE]) / _TICKS_PER_S


def _step_ms() -> float:
    """In which `cpu_ns` counts."""
    return 0.0 if Path("/proc/self/schedstat").exists() else 1000 / _TICKS_PER_S


def _await_scanning(subject: Program) -> None:
    for _ in range(_PATIENCE - 1):
        with contextlib.suppress(RuntimeError):
            subject.logged_ns(_SCANNING)
            return
    subject.logged_ns(_SCANNING)


@contextlib.contextmanager
def _scene(intake: str) -> Iterator[Scene]:
    port = free_port()
    with (
        tempfile.TemporaryDirectory(dir="/run/lab") as folder,
        Program(["unified_proxy.py", str(configuration(Path(folder), port, source=intake))]) as subject,
        module("lab_ears", intake) as witness,
    ):
        _await_scanning(subject)
        with module("lab_ears", "client", port) as client:
            client.ask("open")
            services = {name: _pid_of(name) for name in SERVICES}
            processes = {"program": subject.pid, "client": client.pid, **services}
            yield Scene(intake, subject, client, witness, processes)


def _window(processes: Mapping[str, int], before_0: int, window_s: float) -> Window:
    """`before_0`: how many were sent before the one with number 0."""
    idle_s = _idle_s()
    before = {name: cpu_ns(pid) for name, pid in processes.items()}
    first, started = _sent(), time.monotonic()
    time.sleep(window_s)
    last, elapsed_s = _sent(), time.monotonic() - started
    spent_ns = {name: cpu_ns(pid) - before[name] for name, pid in processes.items()}
    busy_percent = 100 * (1 - (_idle_s() - idle_s) / elapsed_s)
    return Window(range(first - before_0, last - before_0), elapsed_s, spent_ns, busy_percent)


def _sample(scene: Scene, load: Load, plan: Plan) -> Sample:
    """The witness comes last, for whoever else listens costs bus and kernel something, too."""
    before_0 = _sent()
    _wish(f"noise {load.per_s} {load.members}")
    time.sleep(plan.settle_s)
    cost = _window(scene.processes, before_0, plan.cost_s)
    rss = rss_mb(scene.subject.pid)
    scene.witness.ask("open")
    share = _window(scene.processes, before_0, plan.share_s)
    _wish("noise 0 0")
    got = set(scene.client.ask("numbers")["numbers"])
    told = set(scene.witness.ask("numbers")["numbers"]).intersection(share.sent)
    scene.witness.ask("close")
    return Sample(
        intake=scene.intake,
        rate=load.rate,
        elapsed_s=cost.elapsed_s,
        sent=len(cost.sent),
        delivered=len(got.intersection(cost.sent)),
        spent_ns=cost.spent_ns,
        step_ms=_step_ms(),
        busy_percent=cost.busy_percent,
        rss_mb=rss,
        witness_sent=len(share.sent),
        witness_told=len(told),
        witness_told_delivered=len(told & got),
    )


def main(plan: Plan) -> None:
    """Everything in turn, with nobody on air but those that are counted."""
    _wish("hub off")
    samples = []
    for intake in _INTAKES:
        with _scene(intake) as scene:
            samples += [_sample(scene, load, plan) for load in plan.loads]
    print(json.dumps([asdict(each) for each in samples]))


if __name__ == "__main__":
    main(_QUICK if "--quick" in sys.argv[1:] else _FULL)
