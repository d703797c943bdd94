"""The service on a real systemd, in namespaces of its own: what only that can tell."""

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli.program import ROOT

BOX = Path(__file__).with_name("box.sh")
NAMESPACES = ("--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--fork", "--kill-child")
BOOT_S = 15.0
SERVICE = "renogy-bt-proxy.service"
TRIAL = """[Service]
ExecStart=
ExecStart={program}/.venv/bin/python {program}/unified_proxy.py /etc/renogybt/config.ini --demo
WatchdogSec=4
RestartSec=100ms
"""
DROP_IN = f"/etc/systemd/system/{SERVICE}.d/trial.conf"


class Box:
    """A systemd that runs; `pid` is what it has outside."""

    def __init__(self, pid: int) -> None:
        self._enter = ("nsenter", "-t", str(pid), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w")

    def run(self, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._enter, *command], input=text, capture_output=True, text=True, timeout=90.0, check=False
        )

    def write(self, path: str, text: str) -> None:
        self.run("mkdir", "-p", str(Path(path).parent))
        assert self.run("tee", path, text=text).returncode == 0

    def show(self, name: str, unit: str = SERVICE) -> str:
        return self.run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    def log(self) -> str:
        return self.run("journalctl", "--no-pager", "-n", "60").stdout


def until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """systemd tells nobody outside; so this looks."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@contextlib.contextmanager
def own_cgroup() -> Iterator[Path]:
    """What systemd takes for the root of all groups."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    here = re.search(r"^0::(.*)$", Path("/proc/self/cgroup").read_text(), re.MULTILINE)
    point = next((Path(each[1]) for each in mounts if each[2] == "cgroup2"), None)
    if point is None or here is None:
        pytest.skip("no unified cgroup hierarchy is mounted")
    group = point / here[1].lstrip("/") / f"renogybt-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made: {error}")
    try:
        yield group
    finally:
        assert until(lambda: "populated 0" in (group / "cgroup.events").read_text(), 5.0)
        for folder, _folders, _files in os.walk(group, topdown=False):
            Path(folder).rmdir()


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    if os.geteuid() != 0:
        pytest.skip("a systemd of one's own takes root")
    if shutil.which("systemctl") is None or not (ROOT / ".venv/bin/python").exists():
        pytest.skip("systemd or the project's .venv is missing")
    folder = tmp_path_factory.mktemp("box")
    with own_cgroup() as group:
        command = ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(group)]
        process = subprocess.Popen(
            [*command, "unshare", *NAMESPACES, str(BOX), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            yield booted(process)
        finally:
            process.kill()
            process.communicate()


def booted(process: subprocess.Popen[bytes]) -> Box:
    """Skips where the host does not let it."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")

    def runs() -> bool:
        """Or never will."""
        if process.poll() is not None:
            return True
        # the first child is there before it has become systemd
        inside = children.read_text().split()[:1]
        return (
            bool(inside) and Box(int(inside[0])).run("systemctl", "is-system-running").stdout == "running\n"
        )

    if until(runs, BOOT_S) and process.poll() is None:
        return Box(int(children.read_text()))
    process.kill()
    pytest.skip(f"no systemd can run here: {process.communicate()[1].decode()}")


@pytest.fixture
def service(box: Box) -> Iterator[Box]:
    """Installed and started, with a demo radio and a hasty watchdog."""
    box.write(DROP_IN, TRIAL.format(program=ROOT))
    # there is no network in there to bring the .venv up to date, and the tests run with it as it is
    box.run("sh", "-c", 'cksum <"$0/pyproject.toml" >"$0/.venv/.installed"', str(ROOT))
    done = box.run(str(ROOT / "scripts/install.sh"), "--yes", "--no-state")
    assert done.returncode == 0, done.stdout + done.stderr + box.log()
    yield box
    box.run(str(ROOT / "scripts/install.sh"), "--yes", "--uninstall")
    box.run("rm", "-rf", "/etc/renogybt", str(Path(DROP_IN).parent))


def process_status(box: Box) -> str:
    return box.run("cat", f"/proc/{box.show('MainPID')}/status").stdout


def test_it_is_ready_inside_the_sandbox(service: Box) -> None:
    assert service.show("ActiveState") == "active"
    assert "scanning" in service.show("StatusText")
    assert service.run("stat", "-c", "%U %a", "/var/lib/renogy-bt-proxy").stdout == "renogybt 700\n"
    assert "Traceback" not in service.log()


@pytest.mark.parametrize(("option", "capabilities"), [("--with-mgmt", 1 << 12), ("--without-mgmt", 0)])
def test_it_has_one_capability_or_none(service: Box, option: str, capabilities: int) -> None:
    done = service.run(str(ROOT / "scripts/install.sh"), "--yes", "--no-state", option)
    assert done.returncode == 0, done.stderr + service.log()

    status = process_status(service)
    for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert re.search(rf"^{name}:\s*0*{capabilities:x}?$", status, re.MULTILINE), status
    assert "NoNewPrivs:\t1" in status


def test_it_stops_within_three_seconds(service: Box) -> None:
    began = time.monotonic()
    service.run("systemctl", "stop", SERVICE)

    assert time.monotonic() - began < 3.0
    assert (service.show("Result"), service.show("ExecMainStatus")) == ("success", "0")


def test_a_process_that_hangs_is_replaced(service: Box) -> None:
    hanging = service.show("MainPID")
    service.run("systemctl", "kill", "--signal=STOP", SERVICE)

    assert until(lambda: service.show("MainPID") not in (hanging, "0"), 20.0), service.log()
    assert "Watchdog timeout" in service.log()


def test_a_wrong_configuration_is_no_reason_to_try_again(service: Box) -> None:
    service.write("/etc/renogybt/config.ini", "[nonsense\n")
    service.run("systemctl", "kill", "--signal=KILL", SERVICE)

    assert until(lambda: service.show("ActiveState") == "failed", 10.0), service.log()
    assert service.show("ExecMainStatus") == "78"
    assert service.show("NRestarts") == "1"  # the one after the kill


def test_uninstall_stops_it(service: Box) -> None:
    service.run(str(ROOT / "scripts/install.sh"), "--yes", "--uninstall")

    assert service.show("ActiveState") == "inactive"
    assert service.show("FragmentPath") == ""
    assert service.run("test", "-d", "/var/lib/renogy-bt-proxy").returncode == 0


def test_bluetooth_comes_back_after_a_crash(service: Box) -> None:
    crashed = service.show("MainPID", "bluetooth.service")
    service.run("systemctl", "kill", "--signal=SEGV", "bluetooth.service")

    assert until(lambda: service.show("MainPID", "bluetooth.service") not in (crashed, "0"), 5.0)
