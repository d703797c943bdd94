"""From the start of the process to the first advertisement that could be heard."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.processes import ROOT, log_to_stderr
from benchmarks.rigs import bluez, configuration, discovery_ns, free_port, program
from benchmarks.table import Row
from benchmarks.targets import READY_S, SCANNING_S

_IMPORTS = """
import json, sys, time
start = time.perf_counter()
import renogybt.cli
from renogybt.service.footprint import load_without_openssl
load_without_openssl()
import renogybt.app, renogybt.bluetooth.radio
print(json.dumps([(time.perf_counter() - start) * 1000, len(sys.modules)]))
"""
_BARE = "import sys, json; print(json.dumps(len(sys.modules)))"


def _run(code: str) -> Iterator[float]:
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    found = json.loads(output.stdout)
    yield from found if isinstance(found, list) else [found]


def measure(runs: int) -> list[Row]:
    """Medians of `runs` starts."""
    scanning_s, ready_s = [], []
    with log_to_stderr("start-up"), bluez() as (folder, bus, emitter):
        for _ in range(runs):
            with program(configuration(folder, free_port()), bus) as started:
                scanning_s.append((discovery_ns(emitter, started) - started.started_ns) / 1e9)
                ready_s.append((started.logged_ns("ready:") - started.started_ns) / 1e9)
            time.sleep(0.1)
            emitter.ask("heard")  # what was opened for the last one
        imports = [tuple(_run(_IMPORTS)) for _ in range(runs)]
        bare = [next(_run(_BARE))]
    return [
        Row("start of the process to scanning", scanning_s, "s", SCANNING_S, digits=2),
        Row("start of the process to ready", ready_s, "s", READY_S, digits=2),
        Row("imports of the proxy on BlueZ", [milliseconds for milliseconds, _ in imports], "ms", digits=0),
        Row("imported modules", [count for _, count in imports], "", digits=0),
        Row("imported modules of Python alone", bare, "", digits=0),
    ]
