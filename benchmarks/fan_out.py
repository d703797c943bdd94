"""What further clients cost: as many as are wanted listen to the same program, in turn."""

import base64
import os
from collections.abc import Mapping, Sequence

from benchmarks.end_to_end import Sample, sample
from benchmarks.processes import log_to_stderr
from benchmarks.rigs import Rig, mgmt_rig
from benchmarks.table import Row
from benchmarks.targets import FURTHER_CLIENT_US, NONE_LOST

CROWDS = (1, 3, 8)
"""Clients that listen; all are connected from beginning to end."""
_RATE = 1_000

Crowds = Mapping[int, Sequence[Sample]]
"""By the number of clients; one sample for each round."""


def _sample(rig: Rig, crowd: int, window_s: float) -> tuple[Sample, int]:
    """One window, and what the further clients of this crowd have lost."""
    listening = rig.further[: crowd - 1]
    for client in rig.further:
        client.ask("resume" if client in listening else "pause")
        client.ask("mark")
    found = sample(rig, _RATE, window_s)
    last = rig.emitter.ask("count")["sent"]
    return found, sum(client.ask(f"report {last}")["lost"] for client in listening)


def rows(name: str, crowds: Crowds, lost: int) -> list[Row]:
    """Processor time for each crowd, and what one more client makes of it."""
    first, *_, full = sorted(crowds)
    spent_us = {crowd: [each.subject_us for each in samples] for crowd, samples in crowds.items()}
    further_us = [
        (most - least) / (full - first) for least, most in zip(spent_us[first], spent_us[full], strict=True)
    ]
    all_lost = lost + sum(each.lost for samples in crowds.values() for each in samples)
    title = f"{name}, mgmt, {_RATE:,}/s"
    return [
        *(Row(f"{title}: {crowd} listening", spent_us[crowd], "µs", digits=2) for crowd in sorted(crowds)),
        Row(f"{title}: each further client", further_us, "µs", FURTHER_CLIENT_US[name], digits=2),
        Row(f"{title}: lost, all clients", [all_lost], "", NONE_LOST, digits=0),
    ]


def _measure(name: str, key: str | None, rounds: int, window_s: float) -> list[Row]:
    crowds: dict[int, list[Sample]] = {crowd: [] for crowd in CROWDS}
    lost = 0
    text = f"fan-out to {', '.join(map(str, CROWDS))} clients, {name}"
    with log_to_stderr(text), mgmt_rig(key, clients=max(CROWDS)) as rig:
        for number in range(rounds):
            # there and back again, so that what drifts meanwhile does not look like the price of a client
            for crowd in CROWDS if number % 2 == 0 else reversed(CROWDS):
                found, lost_by_others = _sample(rig, crowd, window_s)
                crowds[crowd].append(found)
                lost += lost_by_others
    return rows(name, crowds, lost)


def measure(*, quick: bool) -> list[Row]:
    """Plaintext, where all clients share a frame, and Noise, where each has its own."""
    rounds, window_s = (2, 1.0) if quick else (4, 1.5)
    keys = {"plaintext": None, "Noise": base64.b64encode(os.urandom(32)).decode()}
    return [row for name, key in keys.items() for row in _measure(name, key, rounds, window_s)]
