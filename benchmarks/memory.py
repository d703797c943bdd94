"""Resident memory: after the start, and while addresses rotate."""

import base64
import os
import time
from contextlib import AbstractContextManager

from benchmarks.processes import log_to_stderr, rss_mb
from benchmarks.rigs import Rig, dbus_rig, mgmt_rig
from benchmarks.table import Row
from benchmarks.targets import GROWTH_MB, GROWTH_OVER, NONE_LOST, STARTED_MB

_ADDRESS_EVERY = 200
"""Advertisements between two new addresses."""
_FIRST = 100_000
_NOBODY = "C00000000001"
"""An address that never advertises: whoever is to connect to it loads all that this takes."""
_CALM_S = 1.0
_LOOK_S = 0.2


def _key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def after_start(*, mdns: bool) -> list[Row]:
    """With one client; once plain, once with everything that is loaded late."""
    with log_to_stderr("memory after the start"), dbus_rig() as rig:
        time.sleep(_CALM_S)
        found = [Row("memory, plaintext client", [rss_mb(rig.subject.pid)], "MB")]
    with log_to_stderr("memory with all that is loaded late"), dbus_rig(_key(), mdns=mdns) as rig:
        if rig.client is not None:
            rig.client.ask(f"connect {_NOBODY}")
        time.sleep(_CALM_S)
        loaded = "Noise, mDNS and a connect" if mdns else "Noise and a connect"
        weight = [rss_mb(rig.subject.pid)]
        found.append(Row(f"memory, {loaded}", weight, "MB", STARTED_MB, partial=not mdns))
    return found


def growth(name: str, making: AbstractContextManager[Rig], rate: int, total: int) -> list[Row]:
    """While `total` advertisements pass, with a new address every few hundred."""
    with log_to_stderr(f"memory: {total:,} advertisements by {name}"), making as rig:
        rig.emitter.ask(f"rotate {_ADDRESS_EVERY}")
        time.sleep(_CALM_S)
        weights = [rss_mb(rig.subject.pid)]
        rig.emitter.ask(f"rate {rate}")
        marks = sorted({min(_FIRST, total), total})
        for mark in marks:
            while (sent := rig.emitter.ask("count")["sent"]) < mark:
                time.sleep(min(_LOOK_S, (mark - sent) / rate))
            weights.append(rss_mb(rig.subject.pid))
        last = rig.emitter.ask("rate 0")["sent"]
        lost = rig.client.ask(f"report {last}")["lost"] if rig.client else 0
    title = f"memory, {name}, {total:,} at {rate:,}/s"
    found = [Row(f"{title}: before", weights[:1], "MB")]
    found += [
        Row(f"{title}: after {mark:,}", [weight], "MB")
        for mark, weight in zip(marks, weights[1:], strict=True)
    ]
    grown = [weights[-1] - weights[0]]
    found.append(Row(f"{title}: growth", grown, "MB", GROWTH_MB, partial=total < GROWTH_OVER))
    found.append(Row(f"{title}: lost", [lost], "", NONE_LOST, digits=0))
    return found


def measure(*, quick: bool, mdns: bool) -> list[Row]:
    """All of it. The growth is that of an encrypted proxy, which most are."""
    found = after_start(mdns=mdns)
    found += growth("mgmt", mgmt_rig(_key(), mdns=mdns), 16_000, 100_000 if quick else GROWTH_OVER)
    found += growth("D-Bus", dbus_rig(_key(), mdns=mdns), 4_000, 20_000 if quick else 150_000)
    return found
