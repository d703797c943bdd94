"""What is left of the budget of power cycles."""

import json
from collections.abc import Iterator
from pathlib import Path

from renogybt.bluetooth.budget import FILE, WINDOW_S, Limits, Window, boot_id, seconds_since_boot
from renogybt.doctor.case import Case
from renogybt.doctor.findings import Finding, note, ok, problem, unknown

RESETS = "recovery budget"
_ADVICE = (
    "the adapter does not recover by itself: look at kernel messages and power supply, plug the adapter out"
    " and in, or restart the machine; to try once more all the same: renogybt reset-adapter --force"
)


def resets(case: Case) -> Iterator[Finding]:
    """How many power cycles there were in the last hour.

    The file is only read: Budget itself would put a damaged one aside.
    """
    path = case.proxy.state_dir / FILE
    most = Limits().resets
    try:
        window = Window(most, _spent(path))
    except FileNotFoundError:
        yield ok(RESETS, "no power cycle in the last hour")
        return
    except OSError as error:
        yield unknown(RESETS, f"{path}: {error.strerror}", "run the doctor with sudo")
        return
    except (ValueError, TypeError):
        yield note(RESETS, f"{path} is damaged; the next start puts it aside")
        return
    yield _judge(window, most, seconds_since_boot())


def _spent(path: Path) -> list[float]:
    """Seconds since boot, of this boot; raises OSError, ValueError or TypeError."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or not isinstance(content.get("resets", []), list):
        raise TypeError("no object with a list")
    times = [float(each) for each in content.get("resets", [])]
    now = seconds_since_boot()
    # a boot has reset the adapter as well
    return [min(each, now) for each in times] if content.get("boot") == boot_id() else []


def _judge(window: Window, most: int, now: float) -> Finding:
    left = window.left(now)
    count = len(window.spent)
    if not count:
        return ok(RESETS, "no power cycle in the last hour")
    text = f"{count} of {most} power cycles in the last {WINDOW_S / 60:.0f} minutes"
    if left:
        return note(RESETS, text)
    wait_min = (window.free_at(now) - now) / 60
    return problem(RESETS, f"used up: {text}; the next one in {wait_min:.0f} minutes", _ADVICE)
