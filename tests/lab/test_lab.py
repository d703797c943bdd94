"""What needs a real BlueZ is tested in a guest of the lab; this runs those tests."""

import subprocess
from pathlib import Path

import pytest

LAB = Path(__file__).parents[2] / "scripts" / "lab.sh"


@pytest.fixture
def lab() -> Path:
    """The lab's script, when the lab is built."""
    status = subprocess.run([LAB, "status"], capture_output=True, text=True, check=False)
    if status.returncode:
        pytest.skip(status.stderr.strip() or f"scripts/lab.sh status: exit code {status.returncode}")
    return LAB


def test_the_guest_tests_pass_on_a_real_bluez(lab: Path) -> None:
    run = subprocess.run([lab, "test"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    assert run.returncode == 0, f"exit code {run.returncode}\n{run.stdout}\n{run.stderr}"
