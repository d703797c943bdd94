"""What the program asks of the machine while nobody asks anything of it."""

import time
from dataclasses import dataclass

from benchmarks.processes import cpu_ns, log_to_stderr, wake_ups
from benchmarks.rigs import Rig, connected, dbus_rig, mgmt_rig
from benchmarks.table import Row
from benchmarks.targets import CALM_PER_S, IDLE_PERCENT, IDLE_WAKE_UPS

_SETTLE_S = 1.2
_NS_PER_PERCENT_S = 1e7


@dataclass(frozen=True, slots=True)
class Rest:
    """One window: percent of one processor, and wake-ups of all threads per second."""

    processor_percent: float
    wake_ups_per_s: float


def rest(pid: int, window_s: float) -> Rest:
    """Watch a process."""
    spent_ns, woken, started = cpu_ns(pid), wake_ups(pid), time.monotonic()
    time.sleep(window_s)
    spent_ns, woken, elapsed_s = cpu_ns(pid) - spent_ns, wake_ups(pid) - woken, time.monotonic() - started
    return Rest(spent_ns / _NS_PER_PERCENT_S / elapsed_s, woken / elapsed_s)


def _watch(rig: Rig, rate: int, rounds: int, window_s: float) -> list[Rest]:
    rig.emitter.ask(f"rate {rate}")
    time.sleep(_SETTLE_S)
    found = [rest(rig.subject.pid, window_s) for _ in range(rounds)]
    rig.emitter.ask("rate 0")
    return found


def rows(what: str, rests: list[Rest], *, silent: bool) -> list[Row]:
    """`silent`: nobody advertises and nobody listens, for which there are targets."""
    return [
        Row(
            f"{what}: processor",
            [each.processor_percent for each in rests],
            "%",
            IDLE_PERCENT if silent else None,
            digits=3,
        ),
        Row(
            f"{what}: wake-ups per second",
            [each.wake_ups_per_s for each in rests],
            "",
            IDLE_WAKE_UPS if silent else None,
        ),
    ]


def measure(*, quick: bool, mdns: bool) -> list[Row]:
    """The whole program on a bus; the traffic also by the management socket."""
    rounds, window_s = (1, 4.0) if quick else (3, 5.0)
    busy = f"{CALM_PER_S}/s by"
    with log_to_stderr("at rest, D-Bus"), dbus_rig(mdns=mdns, clients=0) as rig:
        found = rows("silence, no client", _watch(rig, 0, rounds, window_s), silent=True)
        with_traffic = _watch(rig, CALM_PER_S, rounds, window_s)
        found += rows(f"{busy} D-Bus, no client", with_traffic, silent=False)
        with connected(rig.port):
            found += rows("silence, one client", _watch(rig, 0, rounds, window_s), silent=False)
    with log_to_stderr("at rest, mgmt"), mgmt_rig(mdns=mdns, clients=0) as rig:
        with_traffic = _watch(rig, CALM_PER_S, rounds, window_s)
        found += rows(f"{busy} mgmt, no client", with_traffic, silent=False)
    return found
