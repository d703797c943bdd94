"""The machine that is looked at: where it shows itself, and the words of its commands."""

import ctypes
import platform
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from renogybt.bluetooth.mgmt import open_socket
from renogybt.doctor.programs import Program, running_programs

UNIT = "renogy-bt-proxy.service"
"""Our own, as systemd knows it."""


def clock_error_s() -> float | None:
    """The kernel's estimate of how wrong the clock may be at most; None where it tells none.

    It grows by itself until the clock is set again, and stays at 16 s where nobody sets it (adjtimex(2);
    NTP_PHASE_LIMIT in Linux include/linux/timex.h).
    """
    # unsigned int modes; long offset, freq, maxerror, ...; no modes: only asked. The rest is room.
    timex = (ctypes.c_long * 64)()
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex is None or adjtimex(ctypes.byref(timex)) < 0:
        return None
    microseconds: int = timex[3]
    return microseconds / 1e6


@dataclass(frozen=True, slots=True)
class Machine:
    """The defaults are this machine. `root` is where its file system begins.

    `mdns_interfaces`: addresses of those to ask on, empty: all. `release` is the kernel's.
    `service_configuration` and `service_state` are those of our unit (systemd/renogy-bt-proxy.service).
    """

    root: Path = Path("/")
    bus_address: str | None = None
    open_mgmt: Callable[[], socket.socket] = open_socket
    mdns_interfaces: tuple[str, ...] = ()
    release: str = field(default_factory=platform.release)
    wall_clock: Callable[[], float] = time.time
    clock_error_s: Callable[[], float | None] = clock_error_s
    programs: Callable[[], tuple[Program, ...]] = running_programs
    service_configuration: Path = Path("/etc/renogybt/config.ini")
    service_state: Path = Path("/var/lib/renogy-bt-proxy")

    @property
    def has_systemd(self) -> bool:
        """Whether systemd runs it (sd_booted(3))."""
        return (self.root / "run/systemd/system").is_dir()

    @property
    def is_container(self) -> bool:
        """Whether it is one of Docker or Podman, as the files say that these leave."""
        return any((self.root / name).exists() for name in (".dockerenv", "run/.containerenv"))

    def start(self, service: str) -> str:
        """The command that starts a service, now and at each boot."""
        return (
            f"sudo systemctl enable --now {service}" if self.has_systemd else f"sudo service {service} start"
        )

    def restart(self, service: str) -> str:
        """The command that starts a service anew."""
        return f"sudo systemctl restart {service}" if self.has_systemd else f"sudo service {service} restart"
