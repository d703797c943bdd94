"""What needs a real BlueZ is tested in guests of the lab, side by side; this runs those tests."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

import pytest

Run = tuple[subprocess.Popen[bytes], TextIO]

LAB = Path(__file__).parents[2] / "scripts" / "lab.sh"
GUEST = Path(__file__).parent / "guest"
FIRST = (GUEST / "test_reader.py", GUEST / "test_connections.py")
HEALING = (GUEST / "test_healing.py",)
PARTS = {
    "reader and connections": FIRST,
    "healing": HEALING,
    "all others": sorted(set(GUEST.glob("test_*.py")).difference(FIRST, HEALING)),
}
"""What runs in a guest of its own. They take equally long, for the most part waiting."""


@contextlib.contextmanager
def guest(tests: Iterable[Path]) -> Iterator[Run]:
    """These tests, running in a guest until the end of the block at most."""
    # a file, because nobody reads while the other guest is waited for
    with tempfile.TemporaryFile("w+") as output:
        run = subprocess.Popen(
            [LAB, "test", *tests], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield run, output
        finally:
            run.terminate()
            run.wait()


@pytest.fixture(scope="module")
def guests() -> Iterator[Mapping[str, Run]]:
    """All parts, begun at the same time, when the lab is built."""
    status = subprocess.run([LAB, "status"], capture_output=True, text=True, check=False)
    if status.returncode:
        pytest.skip(status.stderr.strip() or f"scripts/lab.sh status: exit code {status.returncode}")
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(guest(tests)) for name, tests in PARTS.items()}


@pytest.mark.parametrize("part", PARTS)
def test_the_guest_tests_pass_on_a_real_bluez(guests: Mapping[str, Run], part: str) -> None:
    run, output = guests[part]
    code = run.wait()
    output.seek(0)

    assert code == 0, f"exit code {code}\n{output.read()}"
