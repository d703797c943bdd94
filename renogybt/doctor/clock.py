"""Whether the clock can be believed."""

from collections.abc import Iterator
from datetime import UTC, datetime

from renogybt.doctor.case import Case
from renogybt.doctor.findings import Finding, note, ok, problem, unknown

CLOCK = "clock"
_SANE_YEARS = range(2025, 2100)
"""This program was not there before; a clock that was never set begins in 1970 or at its system's release."""
_UNSET_S = 16.0
"""The greatest error that the kernel knows (NTP_PHASE_LIMIT in Linux include/linux/timex.h)."""


def clock(case: Case) -> Iterator[Finding]:
    """The year, and whether anybody sets it. This program counts monotonic time; only its stamps need it."""
    machine = case.machine
    now = datetime.fromtimestamp(machine.wall_clock(), UTC)
    error_s = machine.clock_error_s()
    advice = "sudo timedatectl set-ntp true" if machine.has_systemd else "sudo apt install chrony"
    if now.year not in _SANE_YEARS:
        text = f"it is {now:%Y-%m-%d} here: the clock is wrong, and with it the times in log and state"
        yield problem(
            CLOCK, text, f"connect to the Internet, and: {advice}; or: sudo date -s 'YYYY-MM-DD HH:MM'"
        )
    elif error_s is None:
        yield unknown(CLOCK, f"{now:%Y-%m-%d %H:%M} UTC; the kernel does not tell whether it is right")
    elif error_s >= _UNSET_S:
        yield note(CLOCK, f"{now:%Y-%m-%d %H:%M} UTC, which nobody keeps right", advice)
    else:
        yield ok(CLOCK, f"{now:%Y-%m-%d %H:%M} UTC, kept right")
