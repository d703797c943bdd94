"""What config.ini is worth, and who may read it."""

import os
import stat
from collections.abc import Iterator, Sequence

from renogybt.config import Encryption
from renogybt.doctor.case import Case
from renogybt.doctor.findings import Finding, note, ok, problem, unknown

CONFIGURATION = "configuration"
_MOST_LINES = 3


def configuration(case: Case) -> Iterator[Finding]:
    """Errors first, then a file that shows its key to everybody, then warnings."""
    path = case.question.path
    check = f"renogybt check-config {path}"
    if case.errors and os.access(path, os.F_OK) and not os.access(path, os.R_OK):
        yield unknown(CONFIGURATION, f"this user may not read {path}", f"sudo renogybt doctor {path}")
    elif case.errors:
        advice = f"correct {path}; {check} tells whether it is good"
        yield problem(CONFIGURATION, _shortened(case.errors), advice)
    elif case.configuration.path is None:
        yield _none(case)
    elif not case.proxy.enabled:
        text = "[home_assistant_proxy] enabled = false: a run has nothing to do"
        yield problem(CONFIGURATION, text, f"set enabled = true in {path}")
    elif _shows_key(case):
        text = f"{path} holds encryption_key, and everybody on this machine may read it"
        yield problem(CONFIGURATION, text, f"chmod o= {path}")
    elif warnings := case.configuration.warnings:
        yield note(CONFIGURATION, _shortened(warnings), f"{check} lists all warnings")
    else:
        yield ok(CONFIGURATION, f"{path} is good")


def _none(case: Case) -> Finding:
    path = case.question.path
    text = f"there is no {path} here; all this is about the defaults"
    service = case.machine.service_configuration
    if os.access(service, os.F_OK):
        return note(CONFIGURATION, text, f"the service's own: sudo renogybt doctor {service}")
    return note(CONFIGURATION, text, f"cp config.ini.example {path}")


def _shortened(lines: Sequence[str]) -> str:
    more = len(lines) - _MOST_LINES
    return "; ".join(lines[:_MOST_LINES]) + (f"; and {more} more" if more > 0 else "")


def _shows_key(case: Case) -> bool:
    """Overrides may hold the key as well, which are not looked at: a file that is too open is told too often
    rather than too seldom."""
    if case.proxy.encryption is not Encryption.KEY:
        return False
    return bool(case.question.path.stat().st_mode & stat.S_IROTH)
