"""From the emitter to the client at several rates: processor time, latency, loss."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median

from benchmarks import targets
from benchmarks.processes import cpu_ns, log_to_stderr
from benchmarks.rigs import (
    Rig,
    bare_dbus_rig,
    bare_forward_rig,
    bare_recv_rig,
    common_parts_rig,
    dbus_rig,
    mgmt_rig,
)
from benchmarks.table import Row, markdown

_SETTLE_S = 0.7
"""So that the program has found its pace before the window begins."""

MakeRig = Callable[[], AbstractContextManager[Rig]]


@dataclass(frozen=True, slots=True)
class Sample:
    """One window; times are µs of processor time per advertisement."""

    per_s: float
    subject_us: float
    bus_us: float = 0.0
    client_us: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    drift_ms: float = 0.0
    """How much later the last quarter of the window came than the first."""
    lost: int = 0
    disordered: int = 0


def sample(rig: Rig, rate: int, window_s: float) -> Sample:
    """Emit at this rate and look at the steady part of it."""
    rig.emitter.ask(f"rate {rate}")
    time.sleep(_SETTLE_S)
    if rig.client is not None:
        rig.client.ask("mark")
    processes = {"subject": rig.subject, **rig.others}
    if rig.client is not None:
        processes["client"] = rig.client
    before = {name: cpu_ns(process.pid) for name, process in processes.items()}
    sent_before, started = rig.emitter.ask("count")["sent"], time.monotonic()
    time.sleep(window_s)
    sent, elapsed_s = rig.emitter.ask("count")["sent"] - sent_before, time.monotonic() - started
    spent_us = {name: (cpu_ns(process.pid) - before[name]) / 1000 for name, process in processes.items()}
    last = rig.emitter.ask("rate 0")["sent"]
    heard = {} if rig.client is None else rig.client.ask(f"report {last}")
    heard.pop("received", None)
    costs = {f"{name}_us": spent / max(sent, 1) for name, spent in spent_us.items()}
    return Sample(per_s=sent / elapsed_s, **costs, **heard)


@dataclass(frozen=True, slots=True)
class Path:
    """A way of advertisements into the program, and the least that it can cost."""

    name: str
    rig: MakeRig
    bare_rig: MakeRig
    bare_name: str


PATHS = (
    Path("D-Bus", dbus_rig, bare_dbus_rig, "bare dbus-fast"),
    Path("mgmt", mgmt_rig, bare_recv_rig, "bare recv"),
)


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What something else costs at rates up to `most_per_s`."""

    name: str
    rig: MakeRig
    most_per_s: int


YARDSTICKS = (
    Yardstick("mgmt, a bare loop that sends each on", bare_forward_rig, targets.CALM_PER_S),
    Yardstick("D-Bus, a proxy of bleak and protobuf", common_parts_rig, targets.BOUND_PER_S),
)

Samples = dict[tuple[str, int], list[Sample]]
"""By name and rate; the bare loops under their own names."""


def _yardsticks(rates: Sequence[int], window_s: float) -> Iterator[tuple[tuple[str, int], Sample]]:
    for each in YARDSTICKS:
        with log_to_stderr(each.name), each.rig() as rig:
            for rate in rates:
                if rate <= each.most_per_s:
                    yield (each.name, rate), sample(rig, rate, window_s)


def measure(rates: Sequence[int], rounds: int, window_s: float) -> Samples:
    """All paths at all rates; a round starts all processes anew."""
    samples: Samples = {}
    for number in range(1, rounds + 1):
        for path in PATHS:
            for name, make_rig, share in ((path.name, path.rig, 1.0), (path.bare_name, path.bare_rig, 0.5)):
                with log_to_stderr(f"round {number} of {rounds}: {name}"), make_rig() as rig:
                    for rate in rates:
                        samples.setdefault((name, rate), []).append(sample(rig, rate, window_s * share))
        for key, found in _yardsticks(rates, window_s * 0.5):
            samples.setdefault(key, []).append(found)
    return samples


def rows(samples: Samples) -> list[Row]:
    """What there are targets for."""
    found = []
    for path in PATHS:
        rates = sorted(rate for name, rate in samples if name == path.name)
        found += _costs(path.name, rates, samples)
        found += _latencies(path.name, rates, samples)
        if targets.STRESS_PER_S in rates:
            found += _under_stress(path.name, samples[path.name, targets.STRESS_PER_S])
    return found + [
        Row(f"{each.name}, {rate:,}/s", [one.subject_us for one in samples[each.name, rate]], "µs")
        for each in YARDSTICKS
        for rate in sorted(rate for name, rate in samples if name == each.name)
    ]


def _costs(name: str, rates: Sequence[int], samples: Samples) -> list[Row]:
    return [
        Row(
            f"{name}, {rate:,}/s: processor time per advertisement",
            [each.subject_us for each in samples[name, rate]],
            "µs",
            targets.PROCESSOR_US[name, rate],
        )
        for rate in rates
        if (name, rate) in targets.PROCESSOR_US
    ]


def _latencies(name: str, rates: Sequence[int], samples: Samples) -> list[Row]:
    def rounds(most: int) -> list[tuple[Sample, ...]]:
        return list(zip(*(samples[name, rate] for rate in rates if rate <= most), strict=True))

    found = []
    if calm := rounds(targets.CALM_PER_S):
        values = [max(each.p50_ms for each in of_round) for of_round in calm]
        what = f"{name}, up to {targets.CALM_PER_S}/s: p50 latency to the client"
        found.append(Row(what, values, "ms", targets.CALM_P50_MS))
    if possible := rounds(targets.BOUND_PER_S):
        span = f"{name}, up to {targets.BOUND_PER_S:,}/s"
        values = [max(each.p99_ms for each in of_round) for of_round in possible]
        found.append(Row(f"{span}: worst p99 latency to the client", values, "ms", targets.P99_MS))
        lost = [sum(each.lost for each in of_round) for of_round in possible]
        found.append(Row(f"{span}: lost", lost, "", targets.NONE_LOST, digits=0))
    return found


def _under_stress(name: str, samples: Sequence[Sample]) -> list[Row]:
    what = f"{name}, {targets.STRESS_PER_S:,}/s"
    kept = [each.per_s / targets.STRESS_PER_S * 100 for each in samples]
    later_ms = [each.drift_ms for each in samples]
    return [
        Row(f"{what}: taken in at this rate", kept, "%", targets.STRESS_KEPT_PERCENT),
        Row(f"{what}: latency grown while it lasts", later_ms, "ms", targets.STRESS_DRIFT_MS),
    ]


_HEADS = ("path", "sent/s", "program µs", "bare µs", "ratio", "bus µs", "client µs", "p50 ms", "p99 ms")


def table(samples: Samples) -> str:
    """Everything that was measured: medians, and sums of what must not happen."""
    lines = []
    for path in PATHS:
        for rate in sorted(rate for name, rate in samples if name == path.name):
            own, bare = samples[path.name, rate], samples[path.bare_name, rate]

            def middle(name: str, of: list[Sample] = own) -> float:
                return median(float(getattr(each, name)) for each in of)

            program_us, bare_us = middle("subject_us"), middle("subject_us", bare)
            numbers = [program_us, bare_us, program_us / bare_us, middle("bus_us"), middle("client_us")]
            numbers += [middle("p50_ms"), middle("p99_ms")]
            bad = [sum(each.lost for each in own), sum(each.disordered for each in own)]
            lines.append(
                (path.name, f"{middle('per_s'):,.0f}", *(f"{n:.1f}" for n in numbers), *map(str, bad))
            )
    return markdown((*_HEADS, "lost", "out of order"), lines)
