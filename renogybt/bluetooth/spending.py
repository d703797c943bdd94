"""What a reset costs that a person asks for: it counts as any other, in the file that all processes share."""

import os
import stat
import time
from pathlib import Path

from renogybt.bluetooth.budget import Budget
from renogybt.model.recovery import ResetRefusedError


def spend(budget: Budget, *, hardware: bool = False, force: bool = False) -> None:
    """Pay for one reset before it is done; raises ResetRefusedError where none is left, if not `force`."""
    budget.refresh()
    window = budget.hardware_resets if hardware else budget.resets
    wait_s = window.free_at(budget.now) - budget.now
    if wait_s > 0 and not force:
        raise ResetRefusedError(
            f"the adapter was reset {len(window.spent)} times within the last hour; {_next(wait_s)}."
            " --force does it all the same"
        )
    window.spend(budget.now)
    budget.save()


def _next(wait_s: float) -> str:
    if wait_s == float("inf"):
        return "none is allowed"
    at = time.strftime("%H:%M:%S", time.localtime(time.time() + wait_s))
    return f"the next one is allowed at {at}, in {_in_words(wait_s)}"


def _in_words(wait_s: float) -> str:
    return f"{wait_s:.0f} s" if wait_s < 90 else f"{wait_s / 60:.0f} min"


def give_back(path: Path) -> None:
    """Let the owner of the folder have a file of it that root has written; raises OSError.

    Else a service that is not root could not read its own budget any more.
    """
    if os.geteuid() != 0:
        return
    try:
        folder = path.parent.stat()
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    try:
        status = os.fstat(descriptor)
        # the folder is another user's, who might have put something else there meanwhile
        if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    finally:
        os.close(descriptor)
