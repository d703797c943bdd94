"""soak.py MINUTES [--seed N], in the guest: the program with a random fault about each minute.

It scans by the management socket and reads the hub; one client takes advertisements and states.
"""

import argparse
import asyncio
import contextlib
import os
import random
import re
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from aioesphomeapi import BluetoothLERawAdvertisementsResponse, EntityState, SensorState, TextSensorState
from ears import ALL_READ, SECTIONS, Program, program
from ledger import Sample, Span, coverage, growth, longest_pause, share, slope
from soak_faults import FAULTS, Fault
from vitals import Vitals, look_at
from world import world

PAUSE_S = (25.0, 45.0)
"""Between the end of one fault and the next one, which itself takes up to half a minute."""
HEALED_S, LONGEST_S = 3.0, 120.0
"""A fault is over when advertisements have come for so long; given up after the other."""
STEADY_S = 1.0
"""No longer pause between two advertisements meanwhile."""
READ_AGAIN_S = 15.0
"""So long after it the readings may need to be back."""
WARM_UP_S = 60.0
CROWD = 0xC0FFEE
"""How its addresses begin. The hub's do not count: its last advertisement is repeated while it is linked."""
NEW_RSS_KB = 1024.0
COVERED, AVAILABLE = 0.98, 0.99


@dataclass
class Outcome:
    """What a fault has cost."""

    fault: Fault
    window: Span
    cured_at: float
    away: Span
    rungs: list[str]

    @property
    def after_cure_s(self) -> float:
        """How long nothing was heard after the end of the fault."""
        return max(0.0, self.away.end - max(self.away.begin, self.cured_at))

    @property
    def met(self) -> bool:
        """Whether advertisements were back in time."""
        return self.after_cure_s <= self.fault.goal_s


@dataclass
class Soak:
    """One run, and all that was seen of it."""

    running: Program
    state_dir: Path
    minutes: int
    random: random.Random
    began: float = field(default_factory=time.monotonic)
    heard: int = 0
    heard_at: list[float] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    available: list[tuple[float, float]] = field(default_factory=list)
    vitals: list[Vitals] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._names: dict[tuple[int, int], str] = {}
        self._voltages: dict[tuple[int, int], bool] = {}
        self._recoveries: list[str] = []
        self._due: list[Fault] = []

    # what is seen

    async def subscribe(self) -> None:
        """Have everything told."""
        client = self.running.client
        entities, _ = await client.list_entities_services()
        for each in entities:
            key = (each.device_id, each.key)
            self._names[key] = each.object_id
            if each.device_id and each.object_id.endswith("voltage") and "cell" not in each.object_id:
                self._voltages[key] = False
        client.subscribe_bluetooth_le_raw_advertisements(self._on_raw)
        client.subscribe_states(self._on_state)

    def _on_raw(self, response: BluetoothLERawAdvertisementsResponse) -> None:
        count = sum(each.address >> 24 == CROWD for each in response.advertisements)
        if count:
            self.heard += count
            self.heard_at.append(time.monotonic())

    def _on_state(self, state: EntityState) -> None:
        key = (state.device_id, state.key)
        name = self._names.get(key, "")
        if key in self._voltages and isinstance(state, SensorState):
            self._voltages[key] = not state.missing_state
        elif isinstance(state, TextSensorState) and not key[0]:
            self.texts[name] = state.state
            if name == "last_recovery" and state.state:
                self._recoveries.append(state.state)
        elif isinstance(state, SensorState) and not key[0]:
            self.numbers[name] = state.state

    async def watch(self) -> None:
        """Each second, until cancelled."""
        while True:
            stats = await world("stats")
            now = time.monotonic()
            self.samples.append(Sample(now, int(stats["sent_by"]["noise"]), self.heard))
            if self._voltages:
                self.available.append((now, sum(self._voltages.values()) / len(self._voltages)))
            await asyncio.sleep(1.0)

    # what is done

    async def run(self) -> None:
        """All minutes, fault after fault."""
        await asyncio.sleep(WARM_UP_S)
        end = self.began + 60 * self.minutes
        while True:
            self.vitals.append(await look_at(self.running.process.pid, self.state_dir))
            pause_s = self.random.uniform(*PAUSE_S)
            if time.monotonic() + pause_s > end - LONGEST_S / 2:
                break
            await asyncio.sleep(pause_s)
            await self._suffer(self._next_fault())
        await asyncio.sleep(max(0.0, end - time.monotonic()))
        self.vitals.append(await look_at(self.running.process.pid, self.state_dir))

    def _next_fault(self) -> Fault:
        """At random, each one once before any comes again."""
        if not self._due:
            self._due = self.random.sample(FAULTS, len(FAULTS))
        return self._due.pop()

    async def _suffer(self, fault: Fault) -> None:
        told, begin = len(self._recoveries), time.monotonic()
        await fault.begin()
        await asyncio.sleep(fault.hold_s)
        if fault.cure is not None:
            await fault.cure()
        cured_at = time.monotonic() if fault.cure is not None else begin
        healed_at = await self._healed(max(cured_at, begin + 1.0))
        span = Span(begin, healed_at)
        away = longest_pause(self.heard_at, span)
        outcome = Outcome(fault, span, cured_at, away, self._recoveries[told:])
        self.outcomes.append(outcome)
        print(row(outcome, self.began), flush=True)

    async def _healed(self, since: float) -> float:
        """When advertisements have come again for HEALED_S."""
        limit = since + LONGEST_S
        while (now := time.monotonic()) < limit:
            lately = Span(now - HEALED_S, now)
            pause = longest_pause((*self.heard_at[-1000:], now), lately)
            if lately.begin >= since and pause.end - pause.begin < STEADY_S:
                return now
            await asyncio.sleep(0.1)
        return limit


def row(outcome: Outcome, began: float) -> str:
    """A line of the table."""
    away_s = outcome.away.end - outcome.away.begin
    by = "; ".join(map(in_short, outcome.rungs)) or "-"
    mark = "" if outcome.met else f"  MISSED ({outcome.fault.goal_s:g} s)"
    at = outcome.window.begin - began
    return f"{at:6.0f}  {outcome.fault.name:<28} {away_s:6.1f} {outcome.after_cure_s:6.1f}  {by}{mark}"


def in_short(event: str) -> str:
    """What was done and what came of it, without the moment and the cause."""
    done, _, rest = event.partition(", because ")
    result = re.search(r": ([a-z ]+ after [0-9.]+ s)", rest)
    return f"{done.partition(': ')[2]}: {result.group(1) if result else rest}"


def report(soak: Soak) -> bool:
    """Print what it comes to; whether all goals are met."""
    windows = [outcome.window for outcome in soak.outcomes]
    reading = [Span(each.begin, each.end + READ_AGAIN_S) for each in windows]
    heard, available = coverage(soak.samples, windows), share(soak.available, reading)
    vitals = soak.vitals
    first, last = vitals[0], vitals[-1]
    rss = [each.rss_kb for each in vitals]
    rise = 60 * slope([(each.at, each.rss_kb) for each in vitals])
    goals = {
        "advertisements in time after each fault": all(each.met for each in soak.outcomes),
        f"coverage {100 * heard:.2f} %, at least {100 * COVERED:g} %": heard >= COVERED,
        f"readings {100 * available:.2f} %, at least {100 * AVAILABLE:g} %": available >= AVAILABLE,
        f"RSS {first.rss_kb} -> {last.rss_kb} kB, typically {growth(rss):+.0f} kB ({rise:+.1f} kB/min)": (
            growth(rss) < NEW_RSS_KB
        ),
        f"tasks {first.tasks} -> {last.tasks}": growth([each.tasks for each in vitals]) <= 0,
        f"threads {first.threads} -> {last.threads}": growth([each.threads for each in vitals]) <= 0,
        f"descriptors {first.descriptors} -> {last.descriptors}": (
            growth([each.descriptors for each in vitals]) <= 0
        ),
        f"match rules {list(first.match_rules)} -> {list(last.match_rules)}": (
            growth([sum(each.match_rules) for each in vitals]) <= 0
        ),
        f"advertisement monitors {first.monitors} -> {last.monitors}": last.monitors == 1,
        "the client was never dropped": not soak.running.lost,
    }
    print()
    for text, met in goals.items():
        print(f"{'ok    ' if met else 'MISSED'} {text}")
    resets, left = soak.numbers.get("adapter_resets", 0), soak.numbers.get("adapter_resets_left", 0)
    print(f"       resets {resets:.0f}, left {left:.0f}; recovery: {soak.texts.get('recovery_state', '?')}")
    return all(goals.values())


async def main(minutes: int, seed: int) -> bool:
    """Whether all goals are met."""
    print(
        f"{minutes} minutes, seed {seed}\n     s  fault                        away s  after  by", flush=True
    )
    await world("noise 30 20")
    with tempfile.TemporaryDirectory(dir="/run/lab") as folder:
        async with program("mgmt", Path(folder), SECTIONS, ALL_READ) as running:
            soak = Soak(running, Path(folder), minutes, random.Random(seed))
            await soak.subscribe()
            watch = asyncio.create_task(soak.watch())
            try:
                await soak.run()
            finally:
                watch.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watch
                log = Path(os.environ["LAB_RUN"]) / "program.log"  # kept with LAB_KEEP=1
                log.write_text("\n".join(running.log))
            met = report(soak)
            started = time.monotonic()
            code = await running.stop()
            print(f"       ended with code {code} in {time.monotonic() - started:.1f} s")
            return met and code == 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("minutes", type=int)
    parser.add_argument("--seed", type=int, default=random.randrange(1000))
    options = parser.parse_args()
    sys.exit(not asyncio.run(main(options.minutes, options.seed)))
