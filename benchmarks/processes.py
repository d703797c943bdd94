"""The processes of a benchmark: started here, asked by lines, weighed through /proc."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
_START_S = 10.0
_END_S = 5.0
_NS_PER_TICK = 10**9 // os.sysconf("SC_CLK_TCK")

_BUS_CONFIGURATION = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/> <allow own="*"/> <allow send_type="method_call"/> <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/> <allow receive_type="method_return"/>
    <allow receive_type="error"/> <allow receive_type="signal"/>
  </policy>
</busconfig>
"""


def cpu_ns(pid: int) -> int:
    """Processor time of all threads; in steps of 10 ms where the kernel keeps no finer account."""
    tasks = list(Path(f"/proc/{pid}/task").glob("*/schedstat"))
    if tasks:
        return sum(int(task.read_text().split()[0]) for task in tasks)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _NS_PER_TICK


def voluntary_switches(status: str) -> int:
    """How often a thread has gone to wait, from its `status` in /proc."""
    for line in status.splitlines():
        if line.startswith("voluntary_ctxt_switches:"):
            return int(line.split()[1])
    raise ValueError("this kernel does not count context switches")


def wake_ups(pid: int) -> int:
    """How often its threads have waited for something, and so were woken."""
    tasks = Path(f"/proc/{pid}/task").glob("*/status")
    return sum(voluntary_switches(task.read_text()) for task in tasks)


def rss_mb(pid: int) -> float:
    """Resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)


class Child:
    """A process that ends with the `with` block."""

    def __init__(
        self,
        arguments: Sequence[str],
        descriptors: Sequence[int] = (),
        environment: dict[str, str] | None = None,
        stderr: int | None = None,
    ) -> None:
        self.started_ns = time.monotonic_ns()
        self.process = subprocess.Popen(
            arguments,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            pass_fds=descriptors,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        self.pid = self.process.pid

    def ask(self, line: str) -> dict[str, Any]:
        """A command, and its answer."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("a process without pipes")
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.process.args!r} has ended")
        return dict(json.loads(answer))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def module(name: str, *arguments: object, descriptors: Sequence[int] = ()) -> Child:
    """A process of this package."""
    return Child([sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)], descriptors)


class Program(Child):
    """The program, whose log is read."""

    def __init__(
        self, arguments: Sequence[str], descriptors: Sequence[int] = (), bus: str | None = None
    ) -> None:
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": bus} if bus else None
        super().__init__([sys.executable, *arguments], descriptors, environment, subprocess.PIPE)
        self._log: list[tuple[int, str]] = []
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stderr or ():
            with self._more:
                self._log.append((time.monotonic_ns(), line))
                self._more.notify_all()

    def logged_ns(self, text: str) -> int:
        """When it logged this, waiting for it (monotonic)."""

        def found() -> int | None:
            return next((at_ns for at_ns, line in self._log if text in line), None)

        with self._more:
            at_ns = self._more.wait_for(found, _START_S)
        if at_ns is None:
            raise RuntimeError(f"the program did not log {text!r}:\n{self.log}")
        return at_ns

    @property
    def log(self) -> str:
        """All that it has logged."""
        return "".join(line for _, line in self._log)

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self._reader.join(_END_S)
        super().__exit__(*exception)


class Bus(Child):
    """A dbus-daemon of our own."""

    def __init__(self, folder: Path) -> None:
        self.address = f"unix:path={folder / 'bus'}"
        configuration = folder / "bus.conf"
        configuration.write_text(_BUS_CONFIGURATION.format(address=self.address))
        options = ("--nofork", "--nopidfile", "--print-address=1")
        log = folder / "bus.log"
        with log.open("w") as stderr:
            arguments = ["dbus-daemon", f"--config-file={configuration}", *options]
            super().__init__(arguments, stderr=stderr.fileno())
        if self.process.stdout is None or not self.process.stdout.readline():
            raise RuntimeError(f"dbus-daemon did not start:\n{log.read_text()}")


@contextlib.contextmanager
def log_to_stderr(text: str) -> Iterator[None]:
    """Say what is going on, and how long it took."""
    started = time.monotonic()
    print(f"{text} ...", end="", file=sys.stderr, flush=True)
    yield
    print(f" {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
