"""A machine as its files show it, and what the doctor says of it."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from cli.program import free_port
from fakes.mgmt import FakeKernel

from renogybt.doctor.case import Case, Question, prepare
from renogybt.doctor.examination import CHECKS, examine
from renogybt.doctor.findings import Finding, Verdict
from renogybt.doctor.home_assistant import HOME_ASSISTANT
from renogybt.doctor.machine import Machine
from renogybt.doctor.programs import Program, running_programs

NOWHERE = "unix:path=/nonexistent/bus"
RELEASE = "6.12.47-test"
NOON = 1_790_000_000.0
"""In September 2026."""
DEADLINE_S = 10.0

LISTEN = """
import socket, sys
sock = socket.create_server(("127.0.0.1", int(sys.argv[-1].rpartition("=")[2])))
print("ready", flush=True)
sys.stdin.read()
"""
LOCK = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("ready", flush=True)
sys.stdin.read()
"""
REST = """
import sys
print("ready", flush=True)
sys.stdin.read()
"""


class Place:
    """A Debian with systemd and a USB adapter hci0, below a folder; `machine` is what the doctor is given."""

    def __init__(
        self,
        folder: Path,
        bus_address: str = NOWHERE,
        open_mgmt: Callable[[], socket.socket] | None = None,
    ) -> None:
        self.root = folder / "root"
        self.home = folder / "home"
        self.state = folder / "state"
        self.config = self.home / "config.ini"
        self.port = free_port()
        self.machine = Machine(
            root=self.root,
            bus_address=bus_address,
            open_mgmt=open_mgmt or FakeKernel().open,
            mdns_interfaces=("127.0.0.1",),
            release=RELEASE,
            wall_clock=lambda: NOON,
            clock_error_s=lambda: 0.02,
            programs=lambda: self._programs(folder),
            service_configuration=folder / "etc" / "config.ini",
            service_state=folder / "var",
        )
        self.home.mkdir()
        self.state.mkdir(mode=0o700)
        for name in ("usr/libexec/bluetooth/bluetoothd", "usr/bin/dbus-daemon", "dev/kmsg"):
            self.write(name, "")
        self.write("lib/modules/6.12.47-test/modules.dep", "kernel/net/bluetooth/bluetooth.ko.xz:\n")
        self.write("lib/modules/6.12.47-test/modules.builtin", "")
        (self.root / "run/systemd/system").mkdir(parents=True)
        self.enable("renogy-bt-proxy.service")
        self.add_adapter("hci0")
        self.configure()

    @staticmethod
    def _programs(folder: Path) -> tuple[Program, ...]:
        """Real processes, but those of this test only: other tests may run beside it."""
        return tuple(each for each in running_programs() if str(folder) in str(each.configuration))

    def write(self, name: str, text: str) -> Path:
        """A file of the machine."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def add_adapter(self, name: str, subsystem: str = "usb") -> None:
        """The kernel shows it."""
        device = self.root / f"sys/devices/{subsystem}-of-{name}"
        bus = self.root / f"sys/bus/{subsystem}"
        link = self.root / f"sys/class/bluetooth/{name}"
        for folder in (device, bus, link):
            folder.mkdir(parents=True, exist_ok=True)
        (device / "subsystem").symlink_to(bus)
        (link / "device").symlink_to(device)

    def block(self, name: str, *, hard: bool = False) -> None:
        """By rfkill."""
        values = {"type": "bluetooth", "name": name, "hard": str(int(hard)), "soft": str(int(not hard))}
        for file, text in values.items():
            self.write(f"sys/class/rfkill/rfkill0/{file}", f"{text}\n")

    def enable(self, unit: str) -> None:
        """A unit of systemd, as `systemctl enable` leaves it."""
        file = self.write(f"etc/systemd/system/{unit}", "[Service]\n")
        wants = self.root / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir(exist_ok=True)
        (wants / unit).symlink_to(file)

    def configure(self, **more: object) -> None:
        """config.ini of a proxy that keeps to itself."""
        values = {
            "native_api_port": self.port,
            "state_dir": self.state,
            "scan_lock": self.state / "scan.lock",
            **more,
        }
        lines = "".join(f"{key} = {value}\n" for key, value in values.items())
        self.config.write_text(f"[home_assistant_proxy]\n{lines}")
        self.config.chmod(0o600)

    @property
    def question(self) -> Question:
        """About this configuration."""
        return Question(self.config, named=True)

    def case(self, **changes: object) -> Case:
        """What a check is given."""
        return prepare(replace(self.machine, **changes), self.question)  # type: ignore[arg-type]

    async def rows(self) -> dict[str, Finding]:
        """What the doctor finds, by name; without waiting for a Home Assistant."""
        checks = [check for check in CHECKS if HOME_ASSISTANT not in check.names]
        return by_name(await examine(self.machine, self.question, checks))


def by_name(findings: Sequence[Finding]) -> dict[str, Finding]:
    """Each name once."""
    rows = {finding.name: finding for finding in findings}
    assert len(rows) == len(findings)
    return rows


def problems_in(rows: dict[str, Finding]) -> list[str]:
    """The names of what needs action."""
    return [name for name, finding in rows.items() if finding.verdict is Verdict.PROBLEM]


@contextlib.contextmanager
def running(*command: str | Path, cwd: Path) -> Iterator[int]:
    """A real process that has said `ready`; its id."""
    with subprocess.Popen(
        list(map(str, command)), cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield process.pid
        finally:
            process.communicate(timeout=DEADLINE_S)


def script(folder: Path, text: str, *, own: bool) -> Path:
    """A `unified_proxy.py` of this program, or of the earlier one, that does something else."""
    package = folder / "renogybt"
    package.mkdir(parents=True, exist_ok=True)
    if own:
        (package / "cli.py").touch()
    path = folder / "unified_proxy.py"
    path.write_text(text)
    return path


def start(path: Path, *arguments: str | Path, cwd: Path) -> contextlib.AbstractContextManager[int]:
    """Run a script."""
    return running(sys.executable, path, *arguments, cwd=cwd)
