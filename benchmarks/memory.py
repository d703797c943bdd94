"""Resident memory: after the start, and while addresses rotate."""

import base64
import os
import time
from contextlib import AbstractContextManager

from benchmarks.processes import log_to_stderr, rss_mb
from benchmarks.rigs import Rig, dbus_rig, mgmt_rig
from benchmarks.table import Row

_ADDRESS_EVERY = 200
"""Advertisements between two new addresses."""
_FIRST = 100_000
_CALM_S = 1.0
_LOOK_S = 0.2


def _key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def after_start(*, mdns: bool) -> list[Row]:
    """With one client; once plain, once with everything that is loaded late."""
    with log_to_stderr("memory after the start"), dbus_rig() as rig:
        time.sleep(_CALM_S)
        found = [Row("memory, plaintext client", [rss_mb(rig.subject.pid)], "MB")]
    if mdns:
        with log_to_stderr("memory with Noise and mDNS"), dbus_rig(_key(), mdns=True) as rig:
            time.sleep(_CALM_S)
            found.append(Row("memory, Noise client and mDNS", [rss_mb(rig.subject.pid)], "MB"))
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
        Row(f"{title}: after {mark:,}", [weight], "MB", "< 45")
        for mark, weight in zip(marks, weights[1:], strict=True)
    ]
    found.append(Row(f"{title}: growth", [weights[-1] - weights[0]], "MB", "< 2"))
    found.append(Row(f"{title}: lost", [lost], "", "0", digits=0))
    return found


def measure(*, quick: bool, mdns: bool) -> list[Row]:
    """All of it. The growth is that of an encrypted proxy, which most are."""
    found = after_start(mdns=mdns)
    found += growth("mgmt", mgmt_rig(_key(), mdns=mdns), 16_000, 100_000 if quick else 1_000_000)
    found += growth("D-Bus", dbus_rig(_key(), mdns=mdns), 4_000, 20_000 if quick else 100_000)
    return found
