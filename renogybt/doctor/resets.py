"""What is left of the budget of power cycles."""

from collections.abc import Iterator

from renogybt.bluetooth.budget import FILE, boot_id, load, seconds_since_boot, times_of
from renogybt.doctor.case import Case
from renogybt.doctor.findings import Finding, note, ok, problem, unknown
from renogybt.service.reset_limit import WINDOW_S, Window

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
    most, now = case.proxy.health.reset_limit, seconds_since_boot()
    try:
        window = Window(most, times_of(load(path), "resets", boot_id(), now))
    except FileNotFoundError:
        yield ok(RESETS, "no power cycle in the last hour")
        return
    except OSError as error:
        yield unknown(RESETS, f"{path}: {error.strerror}", "run the doctor with sudo")
        return
    except (ValueError, TypeError, OverflowError):
        yield note(RESETS, f"{path} is damaged; the next start puts it aside")
        return
    yield _judge(window, most, now)


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
