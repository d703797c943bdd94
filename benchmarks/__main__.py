"""`scripts/bench.sh [--quick] [PART ...]`: measures, and prints tables on stdout. Nothing is asserted."""

import argparse
import os
import platform
from collections.abc import Callable

from benchmarks import building_blocks, decoding, end_to_end, fan_out, idle, lab, memory, reading, startup
from benchmarks.table import Row, results, summary

_RATES = (100, 300, 1_000, 2_660, 8_000)
_QUICK_RATES = (100, 1_000, 2_660, 8_000)


def _alone() -> bool:
    """Whether no other machine can hear the announcement by mDNS."""
    return "RENOGYBT_BENCH_ALONE" in os.environ


def _end_to_end(quick: bool) -> tuple[list[Row], str]:
    if quick:
        samples = end_to_end.measure(_QUICK_RATES, rounds=1, window_s=1.5)
    else:
        samples = end_to_end.measure(_RATES, rounds=3, window_s=2.5)
    return end_to_end.rows(samples), end_to_end.table(samples)


def _lab(quick: bool) -> tuple[list[Row], str]:
    samples = lab.measure(quick=quick)
    return lab.rows(samples), lab.table(samples)


PARTS: dict[str, Callable[[bool], tuple[list[Row], str]]] = {
    "end-to-end": _end_to_end,
    "fan-out": lambda quick: (fan_out.measure(quick=quick), ""),
    "idle": lambda quick: (idle.measure(quick=quick, mdns=_alone()), ""),
    "start-up": lambda quick: (startup.measure(5 if quick else 11), ""),
    "memory": lambda quick: (memory.measure(quick=quick, mdns=_alone()), ""),
    "blocks": lambda _quick: (building_blocks.measure(), ""),
    "decoding": lambda _quick: (decoding.measure(), ""),
    "reading": lambda quick: (reading.measure(quick=quick), ""),
    "lab": _lab,
}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="bench.sh", description="What the program costs, as Markdown.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="fewer rates, one round, less memory traffic")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; parts: {', '.join(PARTS)}")
    print(f"Python {platform.python_version()}, Linux {platform.release()}, {platform.machine()}, ", end="")
    print(f"{os.cpu_count()} processors")
    judged: list[Row] = []
    for name in options.parts or PARTS:
        rows, table = PARTS[name](options.quick)
        judged += rows
        print("\n\n".join([f"\n### {name}", results(rows), *([table] if table else [])]), flush=True)
    print(f"\n{summary(judged)}")


if __name__ == "__main__":
    main()
