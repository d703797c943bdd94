"""What needs a real BlueZ is tested in guests of the lab, side by side; this runs those tests."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import pytest

Run = tuple[subprocess.Popen[bytes], TextIO]

LAB = Path(__file__).parents[2] / "scripts" / "lab.sh"
GUEST = Path(__file__).parent / "guest"
READER = (GUEST / "test_reader.py", GUEST / "test_connections.py")
HEALING = (GUEST / "test_healing.py",)
PARTS = {
    "all others": sorted(set(GUEST.glob("test_*.py")).difference(READER, HEALING)),
    "reader and connections": READER,
    "healing": HEALING,
}
"""What runs in a guest of its own, for the most part waiting."""


@contextlib.contextmanager
def guest(tests: Iterable[Path]) -> Iterator[Run]:
    """These tests, running in a guest until the end of the block at most."""
    # a file, because nobody reads while another guest is waited for
    with tempfile.TemporaryFile("w+") as output:
        run = subprocess.Popen(
            [LAB, "test", *tests], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield run, output
        finally:
            run.terminate()
            run.wait()


@pytest.mark.timeout(1200)
def test_the_guest_tests_pass_on_a_real_bluez() -> None:
    """One test and not three, because each worker of pytest would begin guests of its own."""
    status = subprocess.run([LAB, "status"], capture_output=True, text=True, check=False)
    if status.returncode:
        pytest.skip(status.stderr.strip() or f"scripts/lab.sh status: exit code {status.returncode}")
    failures = []
    with contextlib.ExitStack() as stack:
        runs = {name: stack.enter_context(guest(tests)) for name, tests in PARTS.items()}
        for name, (run, output) in runs.items():
            if code := run.wait():
                output.seek(0)
                failures.append(f"{name}: exit code {code}\n{output.read()}")

    assert not failures, "\n".join(failures)
