"""What needs a real BlueZ is tested in guests of the lab, side by side; this runs those tests."""

import contextlib
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
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
"""What runs in a guest of its own, for the most part waiting; the longest comes last."""
AT_ONCE = ("healing", "all others")
"""Two guests do not disturb each other on two processors, three do. The third begins when one has ended."""


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
def guests() -> Iterator[Callable[[str], Run]]:
    """The guest of a part, begun when it is asked for at the latest; where the lab is built."""
    status = subprocess.run([LAB, "status"], capture_output=True, text=True, check=False)
    if status.returncode:
        pytest.skip(status.stderr.strip() or f"scripts/lab.sh status: exit code {status.returncode}")
    with contextlib.ExitStack() as stack:
        begun = {name: stack.enter_context(guest(PARTS[name])) for name in AT_ONCE}

        def of(part: str) -> Run:
            if part not in begun:
                begun[part] = stack.enter_context(guest(PARTS[part]))
            return begun[part]

        yield of


@pytest.mark.xdist_group("lab")
@pytest.mark.parametrize("part", PARTS)
def test_the_guest_tests_pass_on_a_real_bluez(guests: Callable[[str], Run], part: str) -> None:
    run, output = guests(part)
    code = run.wait()
    output.seek(0)

    assert code == 0, f"exit code {code}\n{output.read()}"
